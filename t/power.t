#!/usr/bin/perl

# Power cuts at random moments: Recording::PowerTrial says what must be there
# after each.
#
# TEST_POWER_CUTS is the number of moments for each file system; with TEST_SEED
# they are those of another run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Chance qw(seeded);
use Recording::PowerTrial qw(power_trial);

my $cuts = $ENV{TEST_POWER_CUTS} || 3;
seeded();

power_trial(sub {
    my ($trial) = @_;

    my $start = time;
    my $n = 0;

    for my $moment (sort { $a <=> $b } map { 0.1 + rand 3 * $cuts } 1 .. $cuts)
    {
        $trial->push_until($start + $moment);
        $trial->cut(sprintf('after %.2f s', $moment),
                    $n++ % 2 ? 'kept' : 'lost');
    }
});
