#!/usr/bin/perl

# The local copy of a file that was delivered: it goes when its time is over,
# with all that is its own, and its row stays finished; not before it is where
# it is to be and all were told, whatever max= says.
#
# No bucket is there: what is said of one is written into the catalogue.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(EPERM);
use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(run spew wait_for);

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0 %%MAX%%;
    record_template flv { format flv; }
    record_template hls { format hls segment=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule flv; }
        application hls { live on; record_rule hls; }
    }
}
CONF

my $media = media(duration => 4, fps => 10, size => '160x90');

subtest 'what is delivered goes' => \&goes;
subtest 'what is not delivered stays' => \&stays;
subtest 'a copy that cannot be removed' => \&stuck;

Recording::Nginx->done;

sub goes {
    my $t = started(0);

    publish($t, 'hls/list');
    publish($t, "live/$_") for qw(here gone later);
    my %row = map { $_->{stream} => $_ } $t->wait_files(5);
    my ($dir) = $t->path($row{list}) =~ m{(.*)/};
    spew("$dir/notes.txt", 'not of the recording');
    unlink $t->path($row{gone});

    is(rows($t, 'upload', 'waiting'), 4, 'they are to be delivered');
    is(($t->catalogue("SELECT key FROM outbox WHERE kind = 'upload'"
        . " AND file_id = $row{here}{file_id}"))[0]{key},
       "p/$row{here}{path}", 'their keys');
    my $before = total($t);

    delivered($t, "stream <> 'later'");
    wait_for('three to go', 20, sub { 3 == $t->files(local => 0) });

    for my $now (grep { !$_->{local} } $t->files) {
        my $was = $row{ $now->{stream} };

        is($now->{state}, 'finished', "$now->{stream} is finished");
        cmp_ok(abs($now->{gone_us} / 1e6 - time), '<', 60, 'since when');
        is($now->{local_us}, undef, 'its time is over');
        is(-e $t->path($was), undef, 'it is not there');
        $t->wait_log(qr/local copy removed: "\Q$was->{path}\E", $now->{size}/);
    }

    is(join(' ', map { m{([^/]+)$} } glob "$dir/*"), 'notes.txt',
       'of a playlist all that is its own');
    is(-s $t->path($row{later}), $row{later}{size}, 'another stays');
    is(total($t), $before - $row{list}{size} - $row{here}{size}
                  - $row{gone}{size}, 'totals');

    # an hour, and it is over
    sql($t, "UPDATE targets SET local_us = 3600000000");
    delivered($t, "stream = 'later'");
    my ($later) = $t->files(stream => 'later');
    cmp_ok(abs($later->{local_us} / 1e6 - 3600 - time), '<', 60,
           'its time, from now on');
    sleep 3;
    is(-s $t->path($later), $later->{size}, 'it is there until then');
    sql($t, "UPDATE files SET local_us = 1 WHERE stream = 'later'");
    wait_for('it to go', 20, sub { 4 == $t->files(local => 0) });

    unlike($t->error_log, qr/\[error\]|not in the store any more/,
           'nothing was wrong');
    $t->stop;
}

sub stays {
    my $t = started(-1);

    publish($t, "live/$_") for qw(open dead odd kept);
    my %row = map { $_->{stream} => $_ } $t->wait_files(5);

    # their time is over, and of one it is not known where it is
    sql($t, "UPDATE outbox SET state = 'dead' WHERE kind = 'upload'"
            . " AND file_id = $row{dead}{file_id}");
    delivered($t, "stream = 'kept'");
    sql($t, <<"SQL");
        DELETE FROM outbox WHERE file_id = $row{odd}{file_id};
        UPDATE files SET objects = '[{"bucket":"b"}]'
            WHERE stream IN ('open', 'dead');
        UPDATE files SET local_us = 1 WHERE stream <> 'kept';
SQL
    sleep 3;
    is(scalar(my @gone = $t->files(local => 0)), 0, 'none goes');
    $t->stop;
    $t->conf($conf, MAX => "max=$row{open}{size}")->start;
    $t->wait_log(qr/file evicted: "live\/first/);
    $t->wait_log(qr/file evicted: "$row{kept}{path}"/);
    $t->wait_log(qr/more than max=, but no finished file to be evicted/);
    sleep 3;

    is(-s $t->path($row{$_}), $row{$_}{size}, "$_ is there")
        for qw(open dead);
    is(join(' ', map { "$_->{stream}:$_->{state}:$_->{local}" } $t->files),
       'first:evicted:0 open:finished:1 dead:finished:1 odd:evicted:0'
       . ' kept:evicted:0', 'states');

    # sent again, and done
    delivered($t, "stream = 'dead'");
    $t->wait_log(qr/file evicted: "$row{dead}{path}"/);
    $t->stop;
}

sub stuck {
    my $disk = Recording::SlowDisk->new;
    my $t = started(0, store => $disk->store);

    publish($t, "live/$_") for 1, 2;
    my @rows = grep { $_->{stream} ne 'first' } $t->wait_files(3);
    $disk->set(armed => 1, error => EPERM, call => 'unlink',
               where => 'files');
    delivered($t, "stream <> 'first'");

    $t->wait_log(qr/\[error\].*remove local copy of delivered file ".*" failed/);
    wait_for('two to wait', 20, sub {
        2 == grep { $_->{retry_us} } $t->files });
    is((grep { !-e $t->path($_) } @rows), 0, 'they are there');
    is(() = $t->error_log =~ /remove local copy/g, 1, 'said once');

    $disk->set(error => 0);
    wait_for('them to go', 60, sub { 2 == $t->files(local => 0) });
    is((grep { -e $t->path($_) } @rows), 0, 'they are gone');
    is((grep { defined $_->{retry_us} } $t->files), 0, 'nothing waits');
    $disk->set(armed => 0);
    $t->allow(qr/remove local copy of delivered file/);
    $t->stop;
}

# one file is there, and then each template has an upload; nginx, which writes
# its targets once, knows of none
sub started {
    my ($local, %opt) = @_;

    my $t = Recording::Nginx->new(%opt);
    $t->conf($conf, MAX => '')->start;
    publish($t, 'live/first');
    $t->wait_files(1);
    sql($t, <<"SQL");
        INSERT INTO targets (template, target, kinds, holds, prefix, local_us)
            VALUES ('flv', 'upload:b', 32, 1, 'p/', $local),
                   ('hls', 'upload:b', 32, 1, 'p/', $local);
SQL
    return $t;
}

sub publish {
    my ($t, $stream) = @_;

    my ($app, $name) = split m{/}, $stream;
    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    $r->send_flv($media);
    $r->delete_stream->close;
}

# as a turn of the dispatch writes it
sub delivered {
    my ($t, $files) = @_;

    sql($t, <<"SQL");
        UPDATE files SET objects = '[{"bucket":"b","url":"","rank":1}]'
            WHERE $files;
        UPDATE outbox SET state = 'done' WHERE kind = 'upload' AND file_id IN
            (SELECT file_id FROM files WHERE $files);
SQL
}

sub total { return ($_[0]->catalogue('SELECT bytes FROM totals'))[0]{bytes} }

sub rows {
    my ($t, $kind, $state) = @_;

    return scalar(my @rows = $t->catalogue("SELECT id FROM outbox"
        . " WHERE kind = '$kind' AND state = '$state'"));
}

sub sql {
    my ($t, $sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000',
                                    $t->db, $sql);
    is($status, 0, 'changed') or diag $err;
}
