#!/usr/bin/perl

# make bench: prints what recording costs; it does not judge.
#
#   BENCH_STREAMS=50   streams
#   BENCH_TIME=10      seconds of a window
#   BENCH_ROUNDS=3     of all variants; the figures are medians
#   BENCH_ONLY=regex   variants: alone record rtmp-hls flv mp4 hls aac all
#   BENCH_COUNT=valgrind
#                      counts instructions of the program, the kernel's left
#                      out, where perf cannot count; all else is not measured.
#                      They are the same again to 2 %: one round does, of 10
#                      streams, or the lag says that the machine is too slow
#   BENCH_PROFILE=dir  leaves a profile of each, for "perf report -i", or for
#                      callgrind_annotate with BENCH_COUNT; the other figures
#                      are not to be believed then
#   TEST_RECORDING_MODULE=file
#                      measures another build than this one's

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
    warm => $ENV{BENCH_COUNT} ? 8 : 3,      # the first copy of the catalogue
    profile => $ENV{BENCH_PROFILE},
    count => $ENV{BENCH_COUNT},
    only => $ENV{BENCH_ONLY} ? qr/^(?:$ENV{BENCH_ONLY})$/ : undef,
    progress => sub {
        my ($variant, $round) = @_;
        print STDERR "round $round: $variant->{title}\n";
    },
);

die "BENCH_COUNT is valgrind, or not there\n"
    if ($opt{count} || 'valgrind') ne 'valgrind';

my @variants = Bench::run_all(%opt);

print Bench::report(\@variants, %opt);

exit(Test::More->builder->is_passing ? 0 : 1);
