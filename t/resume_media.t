#!/usr/bin/perl

# Resumption of streams of other kinds: without video, without audio, with
# MP3, with many frames and B-frames.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Recording::Clock;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;

use constant RESUME => 60;      # s

# what waits does so for longer than anything here takes, and then no more
my $clock = Recording::Clock->new;
my $t = Recording::Nginx->new;
$t->conf(<<'CONF', N => RESUME)->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 resume=%%N%%s; format flv resume=%%N%%s;
        format hls resume=%%N%%s segment=1s; format aac resume=%%N%%s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @small = (size => '160x120', gop => 0.5, duration => 6);
my %media = (
    audio => media(@small, video => 0),
    video => media(@small, audio => 0, fps => 20),
    mp3 => media(@small, audio => 'mp3', rate => 44100, fps => 20),
    fps60 => media(@small, fps => 60, bframes => 2, rate => 44100),
);
my %formats = (video => 3, mp3 => 3);
my %stream;

for my $name (sort keys %media) {
    my $s = $stream{$name} =
        Recording::Parts->new($t, "live/$name", $media{$name});

    for my $ms (1500, 2500, 2000) {
        my $r = $s->publish;
        $s->send($r, $ms, keep => $ms == 2500);
        $s->close($r);
        sleep 0.3;
    }
}

$clock->pass(RESUME + 1);

for my $name (sort keys %stream) {
    my $s = $stream{$name};

    subtest $name => sub {
        $s->wait_over;
        my @rows = $s->rows;

        is(() = $t->recordings(stream => $name), 1, 'one recording');
        is(@rows, $formats{$name} || 4, 'a file of each format');
        is(join("\n", $s->problems($_, $s->parts)), '', $_->{format})
            for @rows;
    };
}

$t->done;
