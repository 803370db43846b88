#!/usr/bin/perl

# Broken input: whatever a publisher sends, no worker crashes, no stream
# ends by it, and the good frames around it are recorded.  What nginx-rtmp
# alone ends is left out: each piece runs against it first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Amf0;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4; format flv; format hls segment=2s; format aac;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 4m;
        application live { live on; record_rule all; }
        application alone { live on; }
    }
}
CONF

my @good = Recording::Rtmp::flv_messages(media(duration => 4, gop => 1,
                                               size => '160x120'));
my $avc = (grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 0 } @good)[0][2];
my $asc = (grep { $_->[0] == 8 && ord(substr $_->[2], 1) == 0 } @good)[0][2];

# [type, payload, frames that are to be counted as broken, whether FLV keeps
# them as they came]
my %broken = (
    'empty video' => [ 9, '', 0 ],
    'empty audio' => [ 8, '', 0 ],
    'one byte of video' => [ 9, "\x27", 1 ],
    'one byte of audio' => [ 8, "\xaf", 1 ],
    'AVC cut in its head' => [ 9, "\x27\1\0", 1 ],
    'AVC packet type 9' => [ 9, "\x27\x09\0\0\0abcd", 1 ],
    'AVC end of sequence' => [ 9, "\x17\2\0\0\0", 0 ],
    'avcC empty' => [ 9, substr($avc, 0, 5), 1 ],
    'avcC cut' => [ 9, substr($avc, 0, 12), 0 ],
    'avcC with a long SPS' => [ 9, "\x17\0\0\0\0\1d\0\x1f\xff\xe1\xff\xffg", 0 ],
    'avcC without SPS' => [ 9, "\x17\0\0\0\0\1d\0\x1f\xff\xe0\0\0", 0 ],
    # short: nginx-rtmp itself overruns a buffer when it logs a longer one
    'avcC of garbage' => [ 9, "\x17\0\0\0\0" . garbage(60), 0 ],
    'ASC cut' => [ 8, "\xaf\0\x12", 0 ],
    'ASC empty' => [ 8, "\xaf\0", 1 ],
    'ASC of rate 0' => [ 8, "\xaf\0\x16\xf8", 0 ],
    'NAL unit longer than the frame' =>
        [ 9, "\x27\1\0\0\0\xff\xff\xff\xffa", 1, 1 ],
    'NAL unit cut' => [ 9, "\x27\1\0\0\0\0\0\0\x20abc", 1, 1 ],
    'garbage for a frame' => [ 9, "\x27\1\0\0\0" . garbage(5000), 1, 1 ],
    'garbage for a key frame' =>
        [ 9, "\x17\1\0\0\0\xff" . garbage(5000), 1, 1 ],
    'unknown video codec' => [ 9, "\x2c" . garbage(50), 1 ],
    'unknown audio codec' => [ 8, "\xcf" . garbage(50), 1 ],
    'FourCC cut' => [ 9, "\xa1hv", 1 ],
    'FourCC unknown' => [ 9, "\xa1abcd" . garbage(20), 1 ],
    'audio FourCC cut' => [ 8, "\x91mp", 1 ],
    'video command' => [ 9, "\x52\0", 0 ],
    'MP3 without header' => [ 8, "\x2f" . "\0" x 50, 1 ],
    'metadata of 100 KB' => [ 18, meta(100_000), 0 ],
    'metadata nested' => [ 18, nested(3000), 0 ],
    'metadata cut' => [ 18, substr(meta(100), 0, 40), 0 ],
);

for my $name (sort keys %broken) {
    subtest $name => sub { check($name, @{ $broken{$name} }) };
}

subtest 'endless metadata' => \&endless;

$t->done;

sub check {
    my ($name, $type, $payload, $broken, $kept) = @_;

    plan skip_all => 'nginx-rtmp alone ends the stream'
        if publish('alone', $name, $type, $payload) eq 'closed';

    is(publish('live', $name, $type, $payload), 'alive', 'the stream goes on');

    for my $row ($t->wait_files(4, stream => $name)) {
        my $format = $row->{format};

        my $keeps = $kept && $format eq 'flv';

        is($row->{frames_written}, wanted($format) + ($keeps ? $broken : 0),
           "$format has every good frame");
        is($row->{frames_dropped}, $keeps || ($format eq 'aac' && $type != 8)
                                   ? 0 : $broken,
           "$format counts the broken");
        is(decode_problem($t->path($row)), '', "$format decodes") if !$keeps;
    }
}

# the broken message comes in the middle of a GOP
sub publish {
    my ($app, $name, $type, $payload) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);

    my $sent;

    for my $message (@good) {
        $r->send($type, $message->[1], $payload)
            if $message->[1] > 1500 && !$sent++;
        $r->send($message->[0], $message->[1], $message->[2]);
        last if $r->closed;
    }

    # an answer to a ping comes after all that was sent before it
    if (!$r->closed) {
        $r->ping;
        eval { $r->wait_event(7) };
    }

    my $state = $r->closed ? 'closed' : 'alive';
    $r->delete_stream if !$r->closed;
    $r->close;

    return $state;
}

sub wanted {
    my ($format) = @_;

    my @frames = grep { ($_->[0] == 8 || $_->[0] == 9)
                        && ord(substr $_->[2], 1, 1) == 1 } @good;
    my ($key) = grep { $_->[0] == 9 } @frames;

    return scalar grep { ($_->[0] == 8 && $_->[1] >= $key->[1])
                         || ($_->[0] == 9 && $format ne 'aac') } @frames;
}

sub endless {
    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish('endless');

    for my $i (0 .. $#good) {
        $r->send(18, $good[$i][1], meta(60_000)) if $i % 2;
        $r->send(@{ $good[$i] });
    }

    $r->delete_stream;
    $r->close;

    my @rows = $t->wait_files(4, stream => 'endless');

    for my $row (@rows) {
        is($row->{frames_dropped}, 0, "$row->{format} dropped nothing");
        is(decode_problem($t->path($row)), '', "$row->{format} decodes");
    }
}

sub meta {
    my ($size) = @_;

    return Recording::Amf0::encode('@setDataFrame', 'onMetaData',
        { encoder => 'a test', map { ("key$_" => 'x' x 1000) }
                               1 .. $size / 1000 });
}

sub nested {
    my ($depth) = @_;

    return "\2\0\x0aonMetaData" . ("\3\0\1a" x $depth);
}

sub garbage {
    my ($n) = @_;

    my $seed = 12345;
    return pack 'C*', map { $seed = ($seed * 1103515245 + 12345) % 2 ** 31;
                            $seed >> 16 & 255 } 1 .. $n;
}
