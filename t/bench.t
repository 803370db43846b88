#!/usr/bin/perl

# The benchmark runs, and every file that it makes is whole: as many frames
# lie in it as its stream has sent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/bench";

use Test::More;

use Bench;
use Recording::Flv;
use Recording::Mp4;
use Recording::Probe;
use Recording::Util qw(root);

my $streams = 3;
my %opt = (streams => $streams, seconds => 2, warm => 0.5, rounds => 1,
           speed => 2);

ok(-x root() . '/build/bench/rtmp_load', 'the load generator is built')
    or BAIL_OUT('run "make load"');

my $enough = 76 * 2 * 2 * $streams * 0.9;
my @variants = Bench::run_all(%opt, check => \&check);

# one whose load was held up is measured again
for my $variant (@variants) {
    for (1 .. 3) {
        last if !held_up($variant->{rounds}[0]{load});
        ($variant) = Bench::run_all(%opt, check => \&check,
                                    only => qr/^\Q$variant->{name}\E$/);
    }
}

my $report = Bench::report(\@variants, %opt);

for my $variant (@variants) {
    my $load = $variant->{rounds}[0]{load};

    like($report, qr/^\Q$variant->{title}\E +(?:n\/a|\d)/m,
         "$variant->{name}: is in the report");
    cmp_ok($load->{messages}, '>', $enough,
           "$variant->{name}: messages");
    cmp_ok($load->{$_}{n}, '>', 0, "$variant->{name}: $_ is measured")
        for qw(lag ping other_ping);
}

note($report);

SKIP: {
    my $missing = Callgrind::missing();
    skip((split /\n/, $missing)[0], 2) if $missing;

    my %count = (%opt, streams => 1, count => 1, only => qr/^flv$/);
    my @counted = Bench::run_all(%count);

    cmp_ok($counted[0]{rounds}[0]{user}, '>', 100,
           'instructions are counted without perf');
    like(Bench::report(\@counted, %count), qr/^flv +\d+ /m,
         'and are in the report');
}

done_testing();

sub held_up {
    my ($load) = @_;

    return $load->{messages} <= $enough
           || grep { !$load->{$_}{n} } qw(lag ping other_ping);
}

sub check {
    my ($variant, $t, $frames) = @_;

    subtest "$variant->{name}: files" => sub {
        is(@$frames, $streams, 'streams');

        if ($variant->{module}) {
            module_files($variant, $t, $frames);

        } else {
            rtmp_files($variant, $t, $frames);
        }

        done_testing();
    };
}

sub module_files {
    my ($variant, $t, $frames) = @_;

    for my $row ($t->files) {
        my ($i) = $row->{stream} =~ /^s(\d+)$/;
        my ($video, $audio) = @{ $frames->[$i] };
        my $sent = $row->{format} eq 'aac' ? $audio : $video + $audio;
        my $name = "$row->{stream} $row->{format}";

        is($row->{state}, 'finished', "$name: state");
        is($row->{frames_written}, $sent, "$name: frames written");
        is($row->{frames_dropped}, 0, "$name: none dropped");
        is(frames_of($t->path($row), $row->{format}), $sent,
           "$name: frames in the file");
    }
}

sub rtmp_files {
    my ($variant, $t, $frames) = @_;

    my $dir = $t->dir . '/media';

    if ($variant->{name} eq 'rtmp-hls') {
        is(scalar(my @lists = glob "$dir/*.m3u8"), $streams, 'playlists');
    }

    return if $variant->{name} ne 'record';

    my @files = glob "$dir/*.flv";

    is(@files, $streams, 'files');

    for my $file (@files) {
        my ($i) = $file =~ m{/s(\d+)-};
        my ($video, $audio) = @{ $frames->[$i] };

        is(frames_of($file, 'flv'), $video + $audio, "$file: frames");
    }
}

# frames of all tracks
sub frames_of {
    my ($file, $format) = @_;

    return scalar grep { $_->{type} != 18 && !$_->{header} }
           @{ Recording::Flv->read($file)->{tags} } if $format eq 'flv';

    return scalar Recording::Probe::adts_frames($file) if $format eq 'aac';

    if ($format eq 'mp4') {
        my $n = 0;
        $n += $_->{samples} for @{ Recording::Mp4->read($file)->{tracks} };
        return $n;
    }

    return scalar(Recording::Probe::packets($file, 'v'))
           + Recording::Probe::packets($file, 'a');
}
