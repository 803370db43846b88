#!/usr/bin/perl

# A sequence header stands in each FLV file, whatever its codec is: HEVC
# under codec id 12 as many encoders send it, and the codecs of enhanced
# RTMP.  After a rotation, after an interruption, and if it changes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Flv;
use Recording::Nginx;
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv interval=2s resume=5s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# [header, head of a key frame, of another one]
my %video = (
    'hevc-12' => [ "\x1c\0\0\0\0\1hvcC", "\x1c\1\0\0\0", "\x2c\1\0\0\0" ],
    'hvc1' => [ "\x90hvc1\1hvcC", "\x91hvc1\0\0\0", "\xa1hvc1\0\0\0" ],
    'hvc1-x' => [ "\x90hvc1\1hvcC", "\x93hvc1", "\xa3hvc1" ],
    'av01' => [ "\x90av01\x81av1C", "\x91av01", "\xa1av01" ],
    'vp09' => [ "\x90vp09\1vpcC", "\x91vp09", "\xa1vp09" ],
);

my %audio = (
    'opus' => [ "\x90OpusOpusHead\1\2", "\x91Opus" ],
    'flac' => [ "\x90fLaCfLaC\0\0\0\x22", "\x91fLaC" ],
);

my %all = ((map { $_ => [ 9, @{ $video{$_} } ] } keys %video),
           (map { $_ => [ 8, @{ $audio{$_} } ] } keys %audio));

# all of them wait for their streams at the same time
my %sent = map { $_ => [ publish($_, @{ $all{$_} }) ] } sort keys %all;

for my $name (sort keys %all) {
    subtest $name => sub { check($name, @{ $all{$name} }) };
}

$t->done;

# three pushes of five seconds; the last one has another header
sub publish {
    my ($name, $type, $header, $key, $other) = @_;

    my $mark = $t->log_mark;
    my @sent = push_frames($name, $type, $header, $key, $other // $key, 1);

    $t->wait_log(qr/recording \d+ paused.*"live\/\Q$name\E"/, undef, $mark);

    push @sent, push_frames($name, $type, $header, $key, $other // $key, 2);
    push @sent, push_frames($name, $type, "${header}2", $key,
                            $other // $key, 3);

    return @sent;
}

sub check {
    my ($name, $type, $header) = @_;

    my @rows = $t->wait_files(8, stream => $name);
    my @have;

    for my $row (sort { $a->{file_id} <=> $b->{file_id} } @rows) {
        my @tags = map { $_->{payload} } grep { $_->{type} == $type }
                   @{ Recording::Flv->read($t->path($row), payload => 1)
                          ->{tags} };

        like($tags[0], qr/^\Q$header\E2?\z/, 'the header comes first');
        is(scalar(grep { /^\Q$header\E/ } @tags), 1, 'and once');
        push @have, @tags[1 .. $#tags];
    }

    is_deeply(\@have, $sent{$name}, 'every frame once');
}

sub push_frames {
    my ($name, $type, $header, $key, $other, $part) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send($type, 0, $header);

    my @frames;

    for my $n (0 .. 49) {
        my $frame = ($n % 10 ? $other : $key) . "frame $part.$n";

        $r->send($type, $n * 100, $frame);
        push @frames, $frame;
    }

    $r->delete_stream;
    $r->close;

    return @frames;
}
