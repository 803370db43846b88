#!/usr/bin/perl

# A worker with many streams is killed, and all of them are back at once: each
# goes on in its own files, as those who wait repair what is theirs.
#
# TEST_STREAMS, and TEST_ROUNDS kills: of many one in a hundred may be too
# late for a stream.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $streams = $ENV{TEST_STREAMS} || 60;
my $rounds = $ENV{TEST_ROUNDS} || 1;
my $late = $rounds > 1 ? int($streams * $rounds / 100) : 0;
my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4 max_queue=65536;
worker_processes 1;
worker_rlimit_nofile 4096;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv resume=60s; format mp4 resume=60s;
        format aac resume=60s; format hls resume=60s segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# three seconds, and a part of the rest after each kill
my $part = $rounds > 1 ? 1000 : 3000;
my $flv = media(duration => 3 + $rounds * $part / 1000, gop => 1,
                size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);

my @live = map { publisher("s$_") } 1 .. $streams;
$_->send_flv(\@all, to => 3000) for @live;

# who answers no ping for so long is closed, and its files wait
wait_for('files of each stream', 60, sub {
    $_->poll for @live;
    return 4 * $streams == $t->files(state => 'recording') });
wait_for('frames of each stream', 60, sub {
    $_->poll for @live;
    return $streams == written(20_000) });
is(scalar(() = $t->files(state => 'recording')), 4 * $streams,
   'all of them grow');

for my $round (1 .. $rounds) {
    my $from = 3000 + ($round - 1) * $part;
    my $size = written();

    $t->kill9;
    $_->close for @live;
    $t->start;

    @live = map { publisher("s$_") } 1 .. $streams;
    $_->send_flv(\@all, from => $from, to => $from + $part) for @live;
    next if $round == $rounds;

    wait_for("all to go on, round $round", 120, sub {
        $_->poll for @live;
        $t->files(state => 'recording') >= 4 * $streams
            && written() > $size });
}

$_->delete_stream->close for @live;

# what was repaired waits, too, for a moment, before its stream takes it up
wait_for('all to wait again', 120, sub {
    my @rows = $t->files;
    return !grep { $_->{state} !~ /^(?:paused|finished)$/
                   || $rounds == 1 && $_->{frames_in} < 200 } @rows;
}, sub {
    join "\n", '', map { "$_->{stream} $_->{format}: $_->{state},"
                         . " $_->{frames_in} frames" }
                   grep { $_->{frames_in} < 200 } $t->files;
});

my @rows = $t->files;
cmp_ok(scalar(() = $t->recordings), '<=', $streams + $late,
       'no stream has another recording');
cmp_ok(scalar @rows, '<=', 4 * ($streams + $late), 'nor other files');
note(scalar(() = $t->recordings), " recordings of $streams streams, $rounds"
     . ' kills');

is_deeply([ map { "$_->{stream} $_->{format}: $_->{state}, $_->{frames_in}" }
            grep { !$_->{recovered} } @rows ], [], 'all were repaired')
    if $rounds == 1;

# --- and when they have waited in vain, all of them end at a time

$t->catalogue('UPDATE files SET resume_us = 1');
@rows = $t->wait_files(scalar @rows, _timeout => 120);
is(scalar(grep { $_->{state} ne 'finished' } @rows), 0, 'all are finished');

$t->stop;
$t->done;

sub publisher {
    my ($stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($stream);
    return $r;
}

# streams whose files have so many bytes; without: the bytes of all
sub written {
    my ($least) = @_;

    my @sizes = map { -s $t->store . "/work/$_->{file_id}.flv" || 0 }
                $t->files(format => 'flv');

    return scalar grep { $_ > $least } @sizes if $least;
    return sum0 @sizes;
}
