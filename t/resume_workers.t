#!/usr/bin/perl

# Resumption with three workers: interruptions of random length, a third of
# them by a publisher that freezes and whose connection stays.  One file if
# the stream was back in time, a new one if it was not.
#
# TEST_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Chance qw(seeded);
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Util qw(wait_for);
use Recording::Workers;

my ($streams, $times) = (6, 5);
my $frozen = $streams * $times / 3;
my @formats = qw(mp4 hls);

my $seed = seeded();

my $t = Recording::Nginx->new;

# parts of 1 to 4 s
my $flv = media(size => '160x120', fps => 20, gop => 0.5,
                duration => 4 * ($times + 1));
my $w = Recording::Workers->new($t);
my @plans = plans();

my %done = $w->side_by_side(map { my $i = $_;
                                  ("random$i" => sub { stream($i) })
                                } 0 .. $#plans);

is_deeply([ $t->worker_pids ], [ $w->pids ], 'the workers live');

wait_for('the end of all recordings', 30, sub {
    !grep { $_->{state} =~ /recording|paused|finishing/ } $t->files });

my %count;

for my $i (0 .. $#plans) {
    subtest "random$i" => sub { interrupted($done{"random$i"}, $plans[$i]) };
}

note("$count{closed} closed gaps, $count{new} new recordings");
is($count{closed} + $count{new}, $streams * $times, 'interruptions');
is((grep { $_->{freeze} } map { @$_ } @plans), $frozen,
   'a third of them frozen');
cmp_ok($count{$_}, '>', 4, "many $_") for qw(closed new);

wait_for('an empty work', 10, sub {
    !grep { !m{/(?:worker\.[^/]+|catalogue\.lock)$} }
          glob $t->store . '/work/*' });

$t->done;

# for each stream its parts and the interruptions after them: { ms, gap,
# freeze, end, its worker, keep: timestamps go on }
sub plans {
    srand $seed;

    my @freeze = shuffled((1) x $frozen, (0) x ($streams * $times - $frozen));
    my @plans;

    for my $i (0 .. $streams - 1) {
        push @plans, [ map { {
            ms => part(), gap => gap(), freeze => $freeze[$i * $times + $_],
            end => (qw(delete close abort))[int rand 3],
            worker => int rand 3, keep => int rand 2,
        } } 0 .. $times - 1 ];
        push @{ $plans[-1] }, { ms => part(), end => 'delete',
                                worker => int rand 3, keep => int rand 2 };
    }

    return @plans;
}

sub part { return 1000 * int(1 + rand 4) }

# around resume=, but not so near that a busy machine decides
sub gap {
    while (1) {
        my $gap = 0.3 + rand(2 * Recording::Workers::RESUME - 0.3);
        return $gap if abs($gap - Recording::Workers::RESUME) > 0.5;
    }
}

sub shuffled {
    my @from = @_;
    return map { splice @from, rand @from, 1 } 1 .. @from;
}

# a stream with its interruptions
sub stream {
    my ($i) = @_;

    my $s = Recording::Parts->new($t, "live/random$i", $flv);
    my ($before, $at) = (0, 0);

    sleep 0.3 * $i;

    for my $step (@{ $plans[$i] }) {
        my $worker = $w->pid($step->{worker});

        # the name is in use where a frozen one still has it
        ($worker) = grep { $_ != $at } $w->pids if $before && $worker == $at;

        my $frozen = $w->part($s, $worker, $step);
        $w->end($before) if $before;
        ($before, $at) = ($frozen, $worker);
        next if !$step->{gap};

        my $left = $s->{parts}[-1]{last} + $step->{gap} - time;
        sleep $left if $left > 0;
    }

    return $s;
}

# The parts that are in one file.  A worker that was late may have been in time
# or not: then it is as the recordings say.
sub groups {
    my ($s) = @_;

    my @begun = map { $_->{start_us} / 1e6 }
                $t->recordings(stream => $s->{name});
    my ($first, @parts) = $s->parts;
    my @groups = [$first];

    for my $p (@parts) {
        my $before = $groups[-1][-1];
        my $came = max($p->{first}, $p->{first_by} // 0);
        my $least = $p->{first} - max($before->{last}, $before->{last_by} // 0);
        my $most = $came - $before->{last};
        my $new = $least > Recording::Workers::RESUME
            || $most > Recording::Workers::RESUME
               && grep { $_ > $p->{first} - 0.3 && $_ < $came + 0.3 } @begun;

        $count{$new ? 'new' : 'closed'}++;
        push @groups, [] if $new;
        push @{ $groups[-1] }, $p;
    }

    return @groups;
}

sub interrupted {
    my ($s, $plan) = @_;

    my @groups = groups($s);
    my @parts = $s->parts;

    note(join ', ', map {
        sprintf '%d s, %s %.2f s', $plan->[$_]{ms} / 1000,
                $plan->[$_]{freeze} ? 'frozen' : $plan->[$_]{end},
                $parts[$_ + 1]{first} - $parts[$_]{last}
    } 0 .. $#$plan - 1);

    is(() = $t->recordings(stream => $s->{name}), @groups, 'recordings');

    for my $format (@formats) {
        my @rows = $s->rows(format => $format);
        is(@rows, @groups, "$format files") or next;

        is(join("\n", $s->problems($rows[$_], @{ $groups[$_] })), '',
           "$format $_") for 0 .. $#rows;
    }
}
