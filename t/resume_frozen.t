#!/usr/bin/perl

# Publishers that freeze, with three workers: another one takes over, on
# another worker, while the connection of the frozen one stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Util qw(wait_for);
use Recording::Workers;

my $t = Recording::Nginx->new;
my $flv = media(size => '160x120', fps => 20, gop => 0.5, duration => 10);
my $w = Recording::Workers->new($t);

my %done = $w->side_by_side(
    'a publisher that thaws' => \&thawed,
    'two that leave before they are recorded' => sub { hasty('two', 1, 2) },
    'the same on one worker' => sub { hasty('one', 1, 1) },
);

wait_for('the end of all recordings', 30, sub {
    !grep { $_->{state} =~ /recording|paused|finishing/ } $t->files });

for my $name (sort keys %done) {
    my $s = $done{$name};

    subtest $name => sub {
        my @rows = $s->rows;

        is(join(' ', sort map { $_->{format} } @rows), 'hls mp4',
           'a file of each format') or return;
        is(join("\n", $s->problems($_, $s->parts)), '', $_->{format})
            for @rows;
    };
}

is_deeply([ $t->worker_pids ], [ $w->pids ], 'the workers live');
wait_for('an empty work', 10, sub {
    !grep { !m{/(?:worker\.[^/]+|catalogue\.lock)$} }
          glob $t->store . '/work/*' });

$t->done;

# It freezes, another one takes over, and it goes on: that is not recorded.
sub thawed {
    my $s = Recording::Parts->new($t, 'live/thawed', $flv);
    my $frozen = $w->part($s, $w->pid(0), { ms => 3000, freeze => 1 });

    sleep 1;

    my $thawing = fork;
    die "fork: $!" if !defined $thawing;

    if (!$thawing) {
        # when the other one has taken over, and still publishes
        eval { wait_for('another owner', 30, sub {
            my ($recording) = $t->recordings(stream => 'thawed');
            my ($owner) = $recording->{owner} =~ /(\d+)/;
            return ($owner || 0) == $w->pid(1) }) };
        print STDERR $@ if $@;
        sleep 0.5;
        kill 'CONT', $frozen;
        POSIX::_exit(0);
    }

    $w->part($s, $w->pid(1), { ms => 4000, end => 'delete' });
    waitpid $_, 0 for $thawing, $frozen;

    return $s;
}

# It freezes, and two others come and go in the 2 s after which it is known
# to be silent: what they sent waits, and keeps its order.
sub hasty {
    my ($name, @others) = @_;

    my $s = Recording::Parts->new($t, "live/$name", $flv);
    my $frozen = $w->part($s, $w->pid(0), { ms => 2000, freeze => 1 });

    for my $other (@others) {
        sleep 0.3;
        $w->part($s, $w->pid($other), { ms => 500, end => 'delete' });
    }

    sleep 1;
    $w->part($s, $w->pid(1), { ms => 2000, end => 'delete' });
    $w->end($frozen);

    return $s;
}
