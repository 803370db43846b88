#!/usr/bin/perl

# Relays of one stream in several workers, or in several nginx on one store
# whose servers have the same addresses, here none: it is recorded once, and
# when the one that records it is gone another one goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem packets);
use Recording::Rtmp;
use Recording::Util qw(slurp spew wait_for within);

my $flv = media(duration => 20, size => '160x90');

my $source = Recording::Nginx->new(recording => 0);

$source->conf(<<'CONF')->start;
rtmp {
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application src { live on; }
    }
}
CONF

my $elsewhere = qr/not recorded, another worker records it/;

# --- two workers, both of which pull

subtest 'two workers' => sub {
    my $t = edge(2, 1);
    my $push = feed();
    my ($row) = $t->wait_growing(1);
    my $owner = owner($t);

    # a player is accepted by the worker that can, and that one pulls, too
    my ($other) = grep { $_ != $owner } $t->worker_pids;
    $t->signal('STOP', $owner);
    wait_for('stop', 5, sub { slurp("/proc/$owner/stat") =~ /\) T / });
    my $player = play($t);
    $t->signal('CONT', $owner);

    $t->wait_log(qr/\[notice\] $other#.*$elsewhere/, 20);
    told();
    ok($player->wait_messages(9, 50), 'the player sees the stream');

    waitpid $push, 0;
    is($?, 0, 'pushed');
    $t->wait_files(1);
    $t->terminate;

    my @rows = $t->files;
    is(@rows, 1, 'one file');
    is(() = $t->recordings, 1, 'of one recording');
    is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => [ $t->paths(@rows) ])), '', 'exact');

    my @logged = $t->error_log =~ /$elsewhere/g;
    is(@logged, 1, 'told once');
};

# --- two nginx, one store: the one that records is killed

subtest 'two nginx' => sub {
    my $one = edge(1, 0);
    my $two = edge(1, 0, $one->store);

    my $push = feed();
    my ($row) = $one->wait_growing(1);
    my $owner = owner($one);

    my ($dies, $lives) = grep { $_->worker_pids } $one, $two;
    ($dies, $lives) = ($lives, $dies)
        if ($lives->worker_pids)[0] == $owner;

    $lives->wait_log($elsewhere, 10);
    is(() = $one->recordings, 1, 'one recording');
    $dies->kill9;
    my $killed = time;

    # what the dead one has left is finished meanwhile
    my $next = wait_for('another recording', 20, sub {
        my ($row) = grep { $_->{file_id} ne $row->{file_id} } $one->files;
        return $row;
    });
    ok($next, 'the other one goes on');
    isnt($next->{recording_id}, $row->{recording_id},
         'it is another recording');
    is(owner($one, $next->{recording_id}), ($lives->worker_pids)[0],
       'of the other nginx');
    cmp_ok($next->{start_us} / 1e6 - $killed, '<', within(4), 'soon');

    told();
    waitpid $push, 0;
    is($?, 0, 'pushed');
    my ($file) = $one->wait_files(1, recording_id => $next->{recording_id});
    is(decode_problem($one->path($file)), '', 'it decodes');
    tail_of($one->path($file));

    $lives->terminate;
    is(() = $one->recordings, 2, 'no more recordings');
};

$source->terminate;
Recording::Nginx->new->done;

sub edge {
    my ($workers, $listen, $store) = @_;

    my $mark = $source->log_mark;
    my $t = Recording::Nginx->new($store ? (store => $store) : ());

    # a static relay needs no address to listen to, but that there is one
    my %conf = (SOURCE => $source->port, WORKERS => $workers,
                LISTEN => $listen ? 'listen 127.0.0.1:' . $t->port . ';'
                                  : '');
    $t->conf(<<'CONF', %conf);
worker_processes %%WORKERS%%;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; }
    record_rule all;
    server { listen 127.0.0.1:%%PORT_1%%; }
    server {
        %%LISTEN%%
        application edge {
            live on;
            pull rtmp://127.0.0.1:%%SOURCE%%/src/feed name=always static;
            pull rtmp://127.0.0.1:%%SOURCE%%/src/feed name=always;
            pull_reconnect 100ms;
        }
    }
}
CONF

    $t->start;
    $source->wait_log(qr/play: name='feed'/, 10, $mark);
    return $t;
}

# the process that records
sub owner {
    my ($t, $id) = @_;

    my @rows = grep { !defined $id || $_->{recording_id} eq $id }
               $t->recordings;
    my ($pid) = $rows[0]{owner} =~ /(\d+)/;
    return $pid;
}

# in a process of its own: as it is made until it is told, and faster then
sub feed {
    my $file = $source->dir . '/told';
    unlink $file;

    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    my $good = eval {
        my $r = Recording::Rtmp->new(port => $source->port);
        my ($due, $at, $told) = (time, 0);
        $r->connect(app => 'src');
        $r->publish('feed');

        for my $message (Recording::Rtmp::flv_messages($flv)) {
            $told ||= -e $file;
            $due += ($message->[1] - $at) / ($told ? 4000 : 1000);
            $at = $message->[1];
            $r->serve($due - time) if $due > time;
            $r->send_flv([$message]);
        }

        $r->delete_stream->close;
        1;
    };
    POSIX::_exit(!$good);
}

sub told { spew($source->dir . '/told', '') }

# it holds what was pushed from a later key frame on, and no audio of before
sub tail_of {
    my ($file) = @_;

    my @video = packets($flv, 'v');
    my @have = packets($file, 'v');
    my @want = @video[-@have .. -1];

    cmp_ok(@have, '<', @video, 'begins after the kill');
    ok($want[0]{key}, 'with a key frame');
    is(join(' ', map { $_->{hash} } @have),
       join(' ', map { $_->{hash} } @want), 'video');

    is(join(' ', map { $_->{hash} } packets($file, 'a')),
       join(' ', map { $_->{hash} }
                 grep { $_->{dts} >= $want[0]{dts} - 0.0005 }
                 packets($flv, 'a')), 'audio');
}

sub play {
    my ($t) = @_;

    my $player = Recording::Rtmp->new(port => $t->port);
    $player->connect(app => 'edge') or die "no connection to edge";
    $player->play('always');
    return $player;
}
