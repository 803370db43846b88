#!/usr/bin/perl

# Power cuts before room is made for the sample table of an MP4, while it is,
# and when it was: Recording::PowerTrial says what must be there after each.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::PowerTrial qw(power_trial);

power_trial(sub {
    my ($trial) = @_;

    my $calls = $trial->calls;

    held($trial);
    $trial->cut('before the insertion', 'lost');
    $calls->release;
    $trial->cut('in or after the insertion', 'kept');

    held($trial, after => 1);
    $trial->cut('after the insertion', $_) for 'kept', 'lost';
    $calls->release;
});

# the streams go on until one of their files is about to grow a table
sub held {
    my ($trial, @when) = @_;

    my $calls = $trial->calls;

    $calls->hold(1, on => ['allocate'], @when);
    $trial->push_until(time + 20, sub { $calls->held });
    ok($calls->held, 'a file is finished') or die "nothing is held\n";
}
