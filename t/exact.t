#!/usr/bin/perl

# Exactness: what was pushed is what lies in the files, every frame once, in
# order, over rotations.  With B frames, and of others four by chance, all of
# them if TEST_FULL is set.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum);
use Test::More;

use Recording::Chance qw(some);
use Recording::Exact;
use Recording::Flv;
use Recording::Hls;
use Recording::Media qw(media push_stream);
use Recording::Mp4;
use Recording::Nginx;
use Recording::Probe qw(decode_problems packets);

my %media = (
    bframes => [ bframes => 2, gop => 1 ],
    fps10 => [ fps => 10 ],
    fps60 => [ fps => 60, rate => 44100 ],
    noaudio => [ audio => 0 ],
    novideo => [ video => 0 ],
    key4k => [ key_bytes => 4096 ],
    key4m => [ key_bytes => 4 << 20, gop => 2, duration => 6 ],
);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template all {
        format mp4 interval=2s;
        format flv interval=2s;
        format aac interval=2s;
        format hls segment=2s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 16m;
        application live { live on; record_rule all; }
    }
}
CONF

for my $name ('bframes', some(4, grep { !/bframes/ } sort keys %media)) {
    subtest $name => sub { check($name, media(@{ $media{$name} })) };
}

$t->done;

sub check {
    my ($name, $flv) = @_;

    my $push = push_stream($flv, $t->url("live/$name"), speed => 4);
    is($push->wait, 0, 'pushed') or diag $push->stderr;

    my @formats = $name eq 'noaudio' ? qw(flv mp4 hls)
                                     : qw(flv mp4 hls aac);
    my @rows = $t->wait_files(scalar @formats, stream => $name);

    is((grep { $_->{frames_dropped} } @rows), 0, 'nothing dropped');

    for my $format (@formats) {
        my @paths = $t->paths(grep { $_->{format} eq $format } @rows);

        cmp_ok(@paths, '>', 1, "$format rotated") if $format ne 'hls';
        is(join("\n", Recording::Exact::compare(
            pushed => [$flv], files => \@paths)), '', "$format exact");
        is(join("\n", decode_problems(@paths)), '', "$format decodes");

        structure($format, $_) for @paths;
        durations($name, $format, $flv, @rows) if $format ne 'hls';
    }
}

# files of two seconds, which together are as long as what was pushed
sub durations {
    my ($name, $format, $flv, @rows) = @_;

    my @files = sort { $a->{start_us} <=> $b->{start_us} }
                grep { $_->{format} eq $format } @rows;
    my $kind = $format eq 'aac' || $name eq 'novideo' ? 'a' : 'v';
    my @packets = packets($flv, $kind);
    my $step = 1000 * ($packets[1]{dts} - $packets[0]{dts});
    my ($last) = sort { $b <=> $a } map { $_->{pts} } @packets;
    my ($first) = sort { $a <=> $b } map { $_->{pts} } @packets;
    my $pushed = 1000 * ($last - $first) + $step;

    # an FLV file begins with its first DTS, at which nothing is shown yet
    $pushed += @files * 1000 * ($first - $packets[0]{dts}) if $format eq 'flv';

    my $whole = sum(map { $_->{duration_ms} } @files);

    is(join(' ', grep { abs($_ - 2000) > 60 + $step }
            map { $_->{duration_ms} } @files[0 .. $#files - 1]), '',
       "$format: each is as long as the interval");
    cmp_ok(abs($whole - $pushed), '<=', 60 + $step,
           "$format: $whole ms in all, of $pushed");

    for my $row (@files) {
        my $plays = duration($t->path($row));
        cmp_ok(abs($plays - $row->{duration_ms}), '<=', 60,
               "$format: plays for $plays ms of $row->{duration_ms}");
    }
}

# ms, as ffprobe counts its frames: an aac file has no times
sub duration {
    my ($file) = @_;

    my %end;

    for my $s ('v', 'a') {
        my @packets = packets($file, $s) or next;
        my @pts = sort { $a <=> $b } map { $_->{pts} } @packets;

        # the last one is as long as the one before
        $end{$s} = 1000 * ($pts[-1] + ($pts[-1] - $pts[-2]));
        $end{$s} -= 1000 * $pts[0] if $file =~ /\.aac$/;
    }

    return max(values %end);
}

sub structure {
    my ($format, $file) = @_;

    my @problems =
        $format eq 'mp4' ? Recording::Mp4->read($file)->faststart_problems
      : $format eq 'flv' ? @{ Recording::Flv->read($file)->{problems} }
      : $format eq 'hls' ? @{ Recording::Hls->check($file, ended => 1)
                              ->{problems} }
      : ();

    is(join("\n", @problems), '', "$format structure");
}
