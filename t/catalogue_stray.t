#!/usr/bin/perl

# The catalogue is lost while the last file of a recording is being finished:
# its end, which was written into the other one, is written again; its stream is
# recorded at once when it is back meanwhile, as nobody has the recording that
# its row says to be open; and what waits of it is nobody's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(run slow wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template plain { format flv; }
    record_template waited { format flv resume=1s; }
    record_template both { format flv; format aac resume=10m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application plain { live on; record_rule plain; }
        application waited { live on; record_rule waited; }
        application both { live on; record_rule both; }
    }
}
CONF

my $flv = media(duration => 3, gop => 1, size => '160x90');
$t->allow(qr/the catalogue was missing/);

# one that lives
my $silent = $t->publisher('plain', 'lives');
$silent->send_flv($flv, to => 1500);
$t->wait_growing(1, stream => 'lives');

# files that cannot be put in place are tried again
$disk->set(armed => 1, error => EIO, call => 'rename', only => '.flv');
my %is = map { $_ => begun($_) } qw(plain waited both);
wait_for('the last files to be finished', 30, sub {
    3 == grep { $_->{format} eq 'flv' && $_->{state} eq 'finishing' }
         $t->files(stream => 'lost') });

unlink $t->db, map { $t->db . $_ } '-wal', '-shm';
wait_for('rows', 40, sub {
    4 == eval { () = $t->files(stream => 'lost') } });
back('waited');
$disk->set(armed => 0);

for my $app (qw(plain waited)) {
    my $row = nobody($app, sub { defined $_[0]{end_us} }) or next;
    my @files = $t->files(recording_id => $is{$app});
    is(scalar(grep { $_->{state} ne 'finished' } @files), 0,
       "$app: all is finished");
    is($row->{end_us}, max(map { $_->{end_us} } @files),
       "$app: it ends with its last file");
}

my $row = nobody('both', sub { $_[0]{owner} eq '' });
is($row->{end_us}, undef, 'both: it is open');
back('both');
like($t->error_log, qr/recording $is{both} resumed/, 'both: and goes on');

is(scalar(grep { defined $_->{end_us} } $t->recordings(stream => 'lives')), 0,
   'one that lives has no end');
$silent->delete_stream->close;
wait_for('its end', 30, sub {
    grep { defined $_->{end_us} } $t->recordings(stream => 'lives') });

asked();
$t->done;

# the id of a recording that is over
sub begun {
    my ($app) = @_;

    publish($app)->delete_stream->close;
    my ($row) = wait_for("$app: its row", 20, sub {
        ($t->recordings(app => $app, stream => 'lost'))[0] });
    return $row->{recording_id};
}

sub nobody {
    my ($app, $is) = @_;

    my ($row) = eval { wait_for("$app: its end", 60, sub {
        (grep { $is->($_) } $t->recordings(recording_id => $is{$app}))[0] }) };
    ok($row, "$app: the recording is nobody's") or diag($@);
    return $row;
}

# a row that is open, of a recording that the worker does not have
sub asked {
    my ($owner) = map { m{([^/]+)$} } glob $t->store . '/work/worker.*';

    my ($status, $out, $err) = run('sqlite3', '-cmd', '.timeout 5000', $t->db,
        "UPDATE recordings SET end_us = NULL, owner = '$owner',"
        . " wanted = '' WHERE app = 'waited'");
    is($status, 0, 'the row is changed') or diag($err);
    back('waited');
}

sub back {
    my ($app) = @_;

    my $mark = $t->log_mark;
    my $r = publish($app);

    # from when the worker has it
    $r->ping;
    $r->wait_event(7);
    my $start = time;

    $t->wait_log(qr/recording \d+ (?:started|resumed).*"$app\/lost"/, 30,
                 $mark);
    cmp_ok(time - $start, '<', slow(4), "$app: recorded at once");
    $r->delete_stream->close;
}

sub publish {
    my ($app) = @_;

    my $r = $t->publisher($app, 'lost');
    $r->send_flv($flv);
    return $r;
}
