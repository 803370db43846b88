#!/usr/bin/perl

# make bench: prints what recording costs; it does not judge.
#
#   BENCH_STREAMS=50   streams
#   BENCH_TIME=10      seconds of a window
#   BENCH_ROUNDS=3     of all variants; the figures are medians
#   BENCH_ONLY=regex   variants: alone record rtmp-hls flv mp4 hls aac all
#   BENCH_PROFILE=dir  leaves a profile of each, for "perf report -i"; the
#                      figures are not to be believed then

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin", "$FindBin::Bin/../lib";

use Test::More ();

use Bench;

# the test library's checks are heard only when they fail
Test::More->builder->output('/dev/null');
Test::More->builder->no_ending(1);
$| = 1;

my %opt = (
    streams => $ENV{BENCH_STREAMS} || 50,
    seconds => $ENV{BENCH_TIME} || 10,
    rounds => $ENV{BENCH_ROUNDS} || 3,
    warm => 3,
    profile => $ENV{BENCH_PROFILE},
    only => $ENV{BENCH_ONLY} ? qr/^(?:$ENV{BENCH_ONLY})$/ : undef,
    progress => sub {
        my ($variant, $round) = @_;
        print STDERR "round $round: $variant->{title}\n";
    },
);

my @variants = Bench::run_all(%opt);

print Bench::report(\@variants, %opt);

exit(Test::More->builder->is_passing ? 0 : 1);
