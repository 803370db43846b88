#!/usr/bin/perl

# The catalogue is lost while several workers run: whichever of them makes it
# anew, files that wait for their streams are nobody's, as they were, and a
# stream that is back goes on in them at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slurp wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template all { format flv resume=30m; format hls resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 4, gop => 1, size => '160x90');
my @workers = $t->worker_pids;

subtest 'by workers that serve' => sub {
    my @names = map { "of$_" } 0, 1;

    pause(publish($names[$_], $workers[$_]), $names[$_]) for 0, 1;
    lose();
    returns($_) for @names;
};

subtest 'by one that exits' => sub {
    pause(publish('old', $workers[0]), 'old');
    my $stays = publish('stays', $workers[0]);

    $t->wait_growing(2, stream => 'stays');
    $t->reload;
    wait_for('one old worker', 20, sub { 3 == $t->worker_pids(all => 1) });
    lose();
    returns('old');

    is(scalar $t->worker_pids(all => 1), 3, 'it is still there');
    pause($stays, 'stays');
    is(scalar(() = $t->files(stream => 'stays')), 2, 'what grew went on');
};

$t->done;

# the other workers sleep until this one has the connection
sub publish {
    my ($name, $worker) = @_;

    my @others = $worker ? grep { $_ != $worker } $t->worker_pids : ();

    for my $other (@others) {
        $t->signal('STOP', $other);
        wait_for('sleep', 10, sub { slurp("/proc/$other/stat") =~ /\) T / });
    }

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $t->signal('CONT', $_) for @others;
    $r->publish($name);
    $r->send_flv($flv);

    return $r;
}

sub pause {
    my ($r, $name) = @_;

    my $mark = $t->log_mark;
    $r->delete_stream->close;
    $t->wait_log(qr{paused.*stream: "live/$name"}, 20, $mark);
}

sub lose {
    my %files = map { $_->{file_id} => 1 } $t->files;

    unlink $t->db, map { $t->db . $_ } '-wal', '-shm';

    # for a moment there is none
    wait_for('rows', 40, sub {
        keys %files == grep { $files{ $_->{file_id} } }
                       eval { $t->files } });
}

sub returns {
    my ($name) = @_;

    my $mark = $t->log_mark;
    pause(publish($name), $name);
    my @rows = $t->files(stream => $name);

    like(substr($t->error_log, $mark),
         qr{recording \d+ resumed.*stream: "live/$name"}, "$name goes on");
    is(scalar @rows, 2, "$name: in its files");
    is((grep { $_->{state} ne 'paused' || $_->{owner} ne '' } @rows), 0,
       "$name: which wait again");
    is((grep { defined $_->{resume_us} && $_->{resume_us} > 0 } @rows), 2,
       "$name: for half an hour");
}
