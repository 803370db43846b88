package Recording::Chance;

# What a test leaves to chance: TEST_SEED repeats it, and is told when the test
# has failed.
#
#     seeded();                           # before any rand
#     for my $fault (some(3, @faults)) {  # three of them, in their order
#
# With TEST_FULL set some() are all: so make soak and make mutants run it.

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(shuffle);
use Test::More ();

our @EXPORT_OK = qw(seeded some);

my ($seed, $owner);

sub seeded {
    return $seed if defined $seed;

    $owner = $$;
    $seed = defined $ENV{TEST_SEED} ? $ENV{TEST_SEED} : (time ^ $$ << 8) % 1e9;
    srand $seed;
    Test::More::note("TEST_SEED=$seed");
    return $seed;
}

END {
    Test::More::diag("TEST_SEED=$seed")
        if defined $seed && $owner == $$
           && !Test::More->builder->is_passing;
}

sub some {
    my ($n, @all) = @_;

    return @all if $ENV{TEST_FULL} || $n >= @all;

    seeded();
    my @chosen = (shuffle 0 .. $#all)[0 .. $n - 1];
    return @all[sort { $a <=> $b } @chosen];
}

1;
