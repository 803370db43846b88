#!/usr/bin/perl

# Players of others play what was recorded, to its end and without a message:
# files that were cut, that were resumed after an interruption, that a killed
# nginx left, of a stream with B-frames.  Those that are not installed are
# skipped; "make players" installs them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Players;
use Recording::Probe qw(packets);
use Recording::Util qw(in_parallel root run wait_for);

my @programs = qw(gstreamer vlc mpv);
my @libraries = qw(browser flv.js mpegts.js hls.js xgplayer);

# what a library is for; the browser itself plays the rest
my %plays = (mp4 => ['browser'], aac => ['browser'], hls => ['hls.js'],
             flv => ['flv.js', 'mpegts.js', 'xgplayer']);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF', ROOT => root())->start;
thread_pool default threads=4;
worker_processes 1;
http {
    types {
        application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 mp4;
        video/x-flv flv; audio/aac aac; text/html html; text/javascript js;
    }
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /vod/ { alias %%STORE%%/files/; }
        location /players/ { alias %%ROOT%%/t/players/; }
        location /npm/ { alias %%ROOT%%/build/players/node_modules/; }
        location /favicon.ico { return 204; }
    }
}
rtmp {
    record_store %%STORE%%;
    record_sync 500ms;
    record_template all {
        format mp4 resume=10m; format flv resume=10m;
        format hls resume=10m segment=2s; format aac resume=10m;
        path '{StreamID}';
    }
    record_template cut {
        format mp4 interval=2s; format flv interval=2s; path '{StreamID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application cut { live on; record_rule cut; }
    }
}
CONF

my $players = Recording::Players->new($t->dir,
    'http://127.0.0.1:' . $t->port(1));
my %missing = map { $_ => $players->missing($_) } @programs, @libraries;

if (!grep { !$missing{$_} } @programs, 'browser') {
    for my $name (@programs, @libraries) {
        SKIP: { skip "$name: $missing{$name}", 1 }
    }

    $t->done;
    exit;
}

my @small = (size => '320x180', fps => 30, rate => 44100, duration => 6);
my $flv = media(@small, bframes => 8);

my @failed = grep { length } in_parallel(4, sub { publish(@{ $_[0] }) },
    [ 'live/whole', media(@small, bframes => 2), 6000 ],
    [ 'live/open', open_gop($flv), 6000 ],
    [ 'cut/cut', $flv, 6000 ],
    [ 'live/resumed', $flv, 1500, 2500, 2000 ]);
is("@failed", '', 'published');

# it dies when most of that is on the disk
my $killed = Recording::Parts->new($t, 'live/killed', $flv);
my $r = $killed->publish;
$killed->send($r, 4000, rate => 2);
$killed->taken($r);
$t->kill9->start;

# all that may be gone on with, of four streams: none of them is
wait_for('files that wait', 30, sub {
    my @rows = $t->files(state => 'paused');
    return 16 == @rows
        && 4 == grep { 2 == (() = $_->{gaps} =~ /gap_ms/g) } @rows });
$t->catalogue("UPDATE files SET resume_us = 1 WHERE state = 'paused'");

# some of them, as each takes the players some seconds
$t->wait_files(20);
my @names = ((map { ("$_.mp4", "$_.flv", "$_/index.m3u8") }
                  'whole', 'resumed', 'killed'),
             'whole.aac', 'resumed.aac', 'open.mp4', 'open/index.m3u8',
             'cut-2.mp4', 'cut-2.flv');
my %row = map { $_->{path} => $_ } $t->files(state => 'finished');
my @lost = grep { !$row{$_} } @names;
is("@lost", '', 'files');

my %want;
@want{@names} = map { want($row{$_}) } @names;

my @items;

for my $name (@libraries) {
    SKIP: {
        skip "$name: $missing{$name}", 1 if $missing{$name};

        push @items, map { [ $name, "vod/$_", $want{$_} ] }
            grep { grep { $_ eq $name } @{ $plays{$row{$_}{format}} } }
            @names;
    }
}

# both at a time: they wait more than they work
my $page = @items && $players->browse(@items);

for my $name (@programs) {
    SKIP: {
        skip "$name: $missing{$name}", 1 if $missing{$name};

        subtest $name => sub {
            my @problems = in_parallel(4, sub {
                join "\n", $players->problems($name, "vod/$_[0]",
                                              $want{$_[0]});
            }, @names);
            is($problems[$_], '', $names[$_]) for 0 .. $#names;
        };
    }
}

if ($page) {
    my @problems = $players->browsed($page);
    is($problems[$_], '', "$items[$_][0]: $items[$_][1]") for 0 .. $#items;
}

$t->done;

# publish($path, $flv, ms, ...): in real time, in parts with an interruption
# between them
sub publish {
    my ($path, $file, @parts) = @_;

    my $stream = Recording::Parts->new($t, $path, $file);

    for my $ms (@parts) {
        my $r = $stream->publish;
        $stream->send($r, $ms);
        $stream->close($r);
        sleep 0.3 if @parts > 1;
    }

    return '';
}

# the same in which only the first key frame is an IDR
sub open_gop {
    my ($file) = @_;

    my $open = $t->dir . '/open.flv';
    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-nostdin',
        '-i', $file, '-c:a', 'copy', '-c:v', 'libx264', '-preset',
        'ultrafast', '-threads', 1, '-bf', 3, '-b_strategy', 0, '-g', 30,
        '-keyint_min', 30, '-sc_threshold', 0, '-x264-params', 'open-gop=1',
        $open);

    die "ffmpeg: $err" if $status;
    return $open;
}

# what has to be played of a file
sub want {
    my ($row) = @_;

    my $file = $t->path($row);

    return { duration => $row->{duration_ms} / 1000,
             joins => scalar(() = $row->{gaps} =~ /gap_ms/g),
             frames => $row->{format} eq 'aac' ? 0
                       : scalar(() = packets($file, 'v')),
             blocks => scalar(() = packets($file, 'a')) };
}
