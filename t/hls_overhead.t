#!/usr/bin/perl

# What MPEG-TS adds to the media: little, although each half second is in the
# file at once.  The clock is ahead of every frame, and frames that share a
# PES have their times.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Hls;
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;
use Recording::Times;
use Recording::Util qw(in_parallel run);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template hls { format hls segment=4s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule hls; }
    }
}
CONF

# noise, so that the encoder takes the bytes that it may
my @sound = ('-f', 'lavfi', '-i', 'anoisesrc=r=44100:a=0.1:seed=3');
my @picture = ('-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25',
               '-c:v', 'libx264', '-preset', 'veryfast', '-g', 50,
               '-b:v', '600k', '-pix_fmt', 'yuv420p');

# name => percent at most, PES of audio a second at most, input
my %pushes = (
    aac   => [ 20, 6, made('aac', @sound, qw(-c:a aac -b:a 64k)) ],
    mp3   => [ 20, 6, made('mp3', @sound, qw(-c:a libmp3lame -b:a 64k)) ],
    video => [ 9, 6, made('video', @sound, @picture,
                          qw(-c:a aac -b:a 96k)) ],
);

# as an encoder that lost 300 ms of sound, and one whose clock trembles
my @plain = Recording::Rtmp::flv_messages($pushes{aac}[2]);
my $n = 0;

$pushes{lost} = [ 25, 7, [ grep { $_->[1] < 3000 || $_->[1] > 3300 }
                           @plain ] ];
$pushes{trembles} = [ 130, 50,
    [ map { my @m = @$_;
            $m[1] += 8 if $m[1] && $n++ % 2;
            \@m } @plain ] ];

in_parallel(scalar keys %pushes, sub { publish($_[0]) }, sort keys %pushes);

check($_) for sort keys %pushes;

$t->done;

sub made {
    my ($name, @options) = @_;

    my @inputs;

    # all inputs stand before all options
    for (my $i = 0; $i < @options; $i++) {
        if ($options[$i] eq '-f') {
            push @inputs, splice @options, $i, 4;
            $i--;
        }
    }

    my $file = $t->dir . "/$name.flv";
    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-nostdin',
        @inputs, '-t', 10, @options, $file);
    die "ffmpeg: $err" if $status;

    return $file;
}

sub messages {
    my ($name) = @_;

    my $from = $pushes{$name}[2];
    return ref $from ? @$from : Recording::Rtmp::flv_messages($from);
}

sub publish {
    my ($name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv([ messages($name) ], rate => 1);
    $r->delete_stream;
    $r->close;

    return 1;
}

sub check {
    my ($name) = @_;

    my ($percent, $pes) = @{ $pushes{$name} };

    subtest $name => sub {
        my ($row) = $t->wait_files(1, stream => $name);
        my ($file) = $t->paths($row);
        my @segments = @{ valid($file)->{segments} };

        my ($payload, $size) = (0, 0);
        $payload += payload($_) for messages($name);
        $size += -s $_->{file} for @segments;

        my $more = 100 * ($size / $payload - 1);
        cmp_ok($more, '<=', $percent, 'percent more than the media');
        note(sprintf '%s: %.1f %%', $name, $more);

        my $frames = 0;
        $frames += $_->{ts}{audio}{frames} for @segments;
        cmp_ok($frames, '<=', 10 * $pes, 'PES of audio');

        clock($_) for @segments;

        # a frame of MP3 or AAC may be a ms from where it was sent
        is(join('; ', Recording::Times::problems(
               Recording::Times::of(messages($name)), 4, $file)), '',
           'every frame has its time') if $name ne 'mp3';
        is(decode_problem($file), '', 'decodes');
    };
}

sub valid {
    my ($file) = @_;

    my $hls = Recording::Hls->check($file, ended => 1);
    is("@{ $hls->{problems} }", '', 'the playlist is right');
    return $hls;
}

# the coded frame in a message
sub payload {
    my ($type, undef, $data) = @{ $_[0] };

    my $aac = $type == 8 && ord($data) >> 4 == 10;
    return 0 if $type != 8 && $type != 9
                || ($type == 9 || $aac) && !ord substr $data, 1;

    return length($data) - ($type == 9 ? 5 : $aac ? 2 : 1);
}

sub clock {
    my ($segment) = @_;

    my ($uri, $ts) = @{$segment}{qw(uri ts)};
    my $first = $ts->{video} || $ts->{audio};

    cmp_ok($first->{early}, '>=', 300 * 90, "$uri: PCR before DTS");
    cmp_ok($first->{early}, '<=', 700 * 90, "$uri: and not by much");
    cmp_ok($ts->{audio}{early}, '>', 0, "$uri: no audio is behind it");
    cmp_ok($ts->{pats}, '<=', 4, "$uri: tables");
}
