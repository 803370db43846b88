#!/usr/bin/perl

# Each HLS segment can be decoded alone, whatever key frame it begins with:
# an IDR, one of an open GOP, a recovery point of an intra refresh.  Its
# first picture has the parameter sets, and nothing else is changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Probe qw(nal_hashes);
use Recording::Rtmp;
use Recording::Ts;
use Recording::Util qw(in_parallel run slurp);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template hls { format hls segment=1s; format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule hls; }
    }
}
CONF

my $gop = 'keyint=25:min-keyint=25:scenecut=0';

my %media = (
    open      => made('open', "$gop:open-gop=1:bframes=3:b-adapt=0"),
    refresh   => made('refresh', "$gop:intra-refresh=1:bframes=0"),
    closed    => made('closed', "$gop:bframes=2"),
    delimited => made('delimited', "$gop:open-gop=1:bframes=3:b-adapt=0"
                                   . ':aud=1'),
);

# the encoder repeats its sets in the first key frame, and never again
$media{once} = [ Recording::Rtmp::flv_messages($media{closed}) ];
with_sets(@{ $media{once} });

in_parallel(scalar keys %media, sub { publish($_[0]) }, sort keys %media);

check($_) for sort keys %media;

$t->done;

sub made {
    my ($name, $options) = @_;

    my $file = $t->dir . "/$name.flv";
    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-nostdin',
        '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=5', '-c:v', 'libx264',
        '-preset', 'medium', '-x264-params', $options, '-pix_fmt', 'yuv420p',
        '-bitexact', $file);
    die "ffmpeg: $err" if $status;

    return $file;
}

# SPS and PPS of the sequence header in front of the first frame
sub with_sets {
    my ($header, $frame) = grep { $_->[0] == 9 } @_;

    my $record = substr $header->[2], 5;
    my $sps = unpack 'x6 n/a', $record;
    my $pps = unpack 'n/a', substr $record, 9 + length $sps;

    substr $frame->[2], 5, 0, pack 'N/a N/a', $sps, $pps;
}

sub publish {
    my ($name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv($media{$name});
    $r->delete_stream;
    $r->close;

    return 1;
}

sub check {
    my ($name) = @_;

    subtest $name => sub {
        my @rows = $t->wait_files(2, stream => $name);
        my ($playlist) = $t->paths(grep { $_->{format} eq 'hls' } @rows);
        my ($flv) = $t->paths(grep { $_->{format} eq 'flv' } @rows);

        (my $dir = $playlist) =~ s{/[^/]*$}{};
        my @segments = slurp($playlist) =~ /^([^#\n]+)$/mg;
        cmp_ok(scalar @segments, '>=', 4, 'segments');

        alone($_, "$dir/$_", $name) for @segments;

        is(join(' ', nal_hashes($playlist)), join(' ', nal_hashes($flv)),
           'every slice once');
    };
}

sub alone {
    my ($uri, $file, $name) = @_;

    my $ts = Recording::Ts->new(payload => 1)->segment($file);
    my @units = map { [ map { ord($_) & 31 }
                        $_ =~ /\x00\x00\x01(.)/gs ] }
                @{ $ts->{video}{pes} };

    # x264 puts what it says of itself before its first delimiter
    like("@{ $units[0] }", qr/^(?:6 )?9(?: 6)* 7 8(?: 6)* [15]/,
         "$uri begins with a delimiter and the sets");
    is((grep { $_ == 9 } @{ $units[0] }), 1, "$uri: one delimiter");
    is((grep { $_ == 7 } map { @$_ } @units), 1, "$uri: sets once")
        if $name ne 'refresh';

    # what belongs to the pictures before it can be shown is not decodable:
    # what matters is that the decoder knows what it decodes
    my ($status, undef, $err) = run('ffmpeg', '-nostdin', '-v', 'error',
        '-i', $file, '-f', 'null', '-');
    unlike($err, qr/non-existing|no frame|unspecified size/,
           "$uri decodes alone");
    is($status, 0, "$uri is read");

    my (undef, $out) = run('ffprobe', '-v', 'error', '-count_frames',
        '-select_streams', 'v', '-show_entries', 'stream=nb_read_frames',
        '-of', 'csv=p=0', $file);
    # an intra refresh takes some until the first one is whole
    cmp_ok($out =~ /(\d+)/ ? $1 : 0, '>=', 15, "$uri: pictures");
}
