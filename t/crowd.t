#!/usr/bin/perl

# A worker with many streams is killed, and all of them are back at once: each
# goes on in its own files, as those who wait repair what is theirs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $streams = $ENV{TEST_STREAMS} || 60;
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

my $flv = media(duration => 6, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);

my @before = map { publisher("s$_") } 1 .. $streams;
$_->send_flv(\@all, to => 3000) for @before;
$t->wait_growing(4 * $streams, _timeout => 60);
wait_for('frames of each stream', 60, sub { $streams == written() });

$t->kill9;
$_->close for @before;
$t->start;

my @after = map { publisher("s$_") } 1 .. $streams;
$_->send_flv(\@all, from => 3000) for @after;
$_->delete_stream->close for @after;

wait_for('all to wait again', 120, sub {
    my @rows = $t->files;
    return !grep { $_->{state} ne 'paused' || $_->{frames_in} < 200 } @rows;
});

my @rows = $t->files;
is(scalar @rows, 4 * $streams, 'no stream has other files');
is(scalar(() = $t->recordings), $streams, 'nor another recording');
is(scalar(grep { !$_->{recovered} } @rows), 0, 'all were repaired');

# --- and when they have waited in vain, all of them end at a time

$t->catalogue('UPDATE files SET resume_us = 1');
@rows = $t->wait_files(4 * $streams, _timeout => 120);
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

# streams whose frames are in their files
sub written {
    my %size = map { $_->{stream} => -s $t->store . "/work/$_->{file_id}.flv" }
               $t->files(format => 'flv');
    return scalar grep { ($_ || 0) > 20_000 } values %size;
}
