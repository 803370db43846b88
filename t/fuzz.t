#!/usr/bin/perl

# A short form of "make fuzz": each target starts from its seed and the corpus
# that is kept for it, and runs for some seconds (TEST_FUZZ_TIME, 3).  It must
# run clean.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(basename);
use File::Temp ();
use Test::More;

use Recording::Util qw(root run);

my $clang = (run('clang', '--version'))[0] == 0;

plan skip_all => 'clang is not installed: run "make test-deps"' if !$clang;

my $seconds = $ENV{TEST_FUZZ_TIME} || 3;
my $dir = File::Temp->newdir('recording-fuzz-XXXXXX', TMPDIR => 1);
my @names = map { basename($_, '.c') } sort glob root() . '/t/fuzz/*.c';

cmp_ok(@names, '>', 0, 'there are fuzz targets');

for my $name (@names) {
    my $program = root() . "/build/fuzz/$name";

    if (!-x $program) {
        fail("$name is built");
        diag('not built: run "make fuzzers"');
        next;
    }

    fuzz($name, $program);
}

done_testing();

sub fuzz {
    my ($name, $program) = @_;

    my $corpus = "$dir/$name";
    my ($failed, undef, $why) = run($^X, root() . '/t/fuzz/corpus.pl',
                                    'unpack', $name, $corpus);
    is($failed, 0, "$name has a corpus") or diag($why);
    my $inputs = () = glob "$corpus/*";
    mkdir $corpus;

    my ($status, undef, $err) = run($program,
        "-max_total_time=$seconds", '-timeout=10', '-max_len=4096',
        '-verbosity=1', '-print_final_stats=1',
        "-artifact_prefix=$dir/$name-", $corpus);

    is($status, 0, "$name runs clean") or diag($err);

    # what was found before is tried first
    my ($loaded) = $err =~ /(\d+) files found in/;
    cmp_ok($inputs, '>', 50, "$name: inputs that were found before");
    cmp_ok($loaded || 0, '>=', $inputs, "$name starts from them");

    my ($runs) = $err =~ /stat::number_of_executed_units:\s+(\d+)/;
    cmp_ok($runs || 0, '>', 1000, "$name ran")
        and note("$name: $runs inputs in $seconds s");
}
