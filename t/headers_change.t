#!/usr/bin/perl

# A sequence header that changes while size, rate and channels stay: another
# PPS, another profile, another AudioSpecificConfig.  Frames need the header
# that they were made with, so that a new file begins, with that header.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Flv;
use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv; format mp4; format hls segment=1s; format aac;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @plain = Recording::Rtmp::flv_messages(
    media(duration => 4, gop => 1, size => '160x120'));
my ($video) = map { $_->[2] } grep { header(9, $_) } @plain;
my ($audio) = map { $_->[2] } grep { header(8, $_) } @plain;

# in the record: version, profile, compatibility, level, ..., SPS, PPS
my $sps = unpack 'x[11] n', $video;

my $pps = $video;
vec($pps, 5 + 8 + $sps + 3 + 1, 8) ^= 0x01;

my $profile = $video;
substr $profile, 5 + $_, 1, chr(ord(substr $profile, 5 + $_, 1) ^ 0x10)
    for 2, 10;

# LC becomes Main; the rest of both bytes stays
my $asc = $audio;
substr $asc, 2, 1, chr(ord(substr $asc, 2, 1) & 0x07 | 1 << 3);

changes('pps', 9, $pps, 2, 2, 2, 1);
changes('profile', 9, $profile, 2, 2, 2, 1);
changes('asc', 8, $asc, 2, 2, 2, 1, 2);
changes('same', 9, $video, 1, 1, 1, 1);

$t->done;

# files of flv, mp4 and discontinuous parts of hls
sub changes {
    my ($name, $type, $other, $flv, $mp4, $parts, $hls, $aac) = @_;

    subtest $name => sub {
        isnt($other, $type == 9 ? $video : $audio, 'another header')
            if $name ne 'same';
        my @messages = published($name, $type, $other);
        my @rows = rows($name, $flv + $mp4 + $hls + ($aac || 1));

        is(of('flv', @rows), $flv, 'flv files');
        is(of('mp4', @rows), $mp4, 'mp4 files');
        is(of('hls', @rows), $hls, 'one playlist');
        is((grep { $_->{frames_dropped} } @rows), 0, 'nothing dropped');

        my ($list) = grep { $_->{format} eq 'hls' } @rows;
        my @cuts = grep { $_->{discontinuity} }
                   @{ Recording::Hls->check($t->path($list), ended => 1)
                      ->{segments} };
        is(@cuts, $parts - 1, 'discontinuities');

        headers($type, $type == 9 ? $video : $audio, $other,
                sort { $a->{start_us} <=> $b->{start_us} }
                grep { $_->{format} eq 'flv' } @rows);
    };
}

# the header comes before the key frame at two seconds
sub published {
    my ($name, $type, $other) = @_;

    my ($at) = grep { $plain[$_][1] >= 2000 && frame(9, $plain[$_])
                      && ord($plain[$_][2]) == 0x17 } 0 .. $#plain;
    my @messages = (@plain[0 .. $at - 1],
                    [ $type, $plain[$at][1], $other ],
                    @plain[$at .. $#plain]);

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
    return @messages;
}

sub rows {
    my ($name, $n) = @_;
    return $t->wait_files($n, stream => $name);
}

# each file has its header, and no other one
sub headers {
    my ($type, $first, $second, @rows) = @_;

    for my $i (0 .. $#rows) {
        my @headers = map { $_->{payload} }
            grep { $_->{type} == $type && ord(substr $_->{payload}, 1) == 0 }
            @{ Recording::Flv->read($t->path($rows[$i]), payload => 1)
                   ->{tags} };

        my %seen;
        is(join(' ', map { unpack 'H*', $_ } grep { !$seen{$_}++ } @headers),
           unpack('H*', $i ? $second : $first), "header of file $i");
    }
}

sub of {
    my ($format, @rows) = @_;
    return scalar grep { $_->{format} eq $format } @rows;
}

sub frame {
    my ($type, $m) = @_;
    return $m->[0] == $type && ord(substr $m->[2], 1, 1) == 1;
}

sub header {
    my ($type, $m) = @_;
    return $m->[0] == $type && ord(substr $m->[2], 1, 1) == 0;
}
