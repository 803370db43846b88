#!/usr/bin/perl

# Nothing of a program is left when it has ended, when its time is over, when
# its runner or its worker dies; its lock is held till then.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time sleep);

use Recording::Nginx;
use Recording::Program;
use Recording::Util qw(slurp wait_for within);

my $t = Recording::Nginx->new(level => 'notice');
my $p = Recording::Program->new($t);
my $dir = $t->dir;
my $lock = "$dir/lock";
my $n = 0;

$t->conf(<<'CONF', TEST => $p->module)->start;
load_module %%TEST%%;
test_programs %%DIR%%/orders;
events { worker_connections 512; }
CONF

my ($worker) = $t->worker_pids;

# --- it ends, or has no more time

my $file = pid_file();
my $order = $p->sh("setsid sleep 100 & echo \$! > $file;"
                   . " sleep 100 & echo \$! >> $file; exit 0");
is_deeply($p->ended($order), [ 0, 'exited with 0' ], 'it leaves others behind');
is($p->left($p->pids($file, 2)), '', 'these end with it');

# with so much time that all of them can begin in it
my @pids;

for my $seconds (1, 5, 20) {
    $file = pid_file();
    $order = $p->sh(stubborn($file), timeout => 1000 * $seconds + 500);
    is_deeply($p->ended($order, 60),
              [ -1, "ran for more than $seconds seconds" ], 'a time-out');
    @pids = -e $file ? slurp($file) =~ /(\d+)\n/g : ();
    last if @pids == 4;
}

is(scalar @pids, 4, 'of several processes');
is($p->left(@pids), '', 'also those that do not want to end');

# it has half a second to answer, which a busy machine may not give it
for (1 .. 5) {
    $file = pid_file();
    $order = $p->sh("trap 'echo bye; exit 7' TERM; echo \$\$ > $file;"
                    . ' sleep 100 & wait');
    @pids = $p->pids($file, 1);
    $p->kill($order);
    is_deeply($p->ended($order), [ -1, 'was stopped' ], 'killed on demand');
    is($p->left(@pids), '', 'it is gone');
    last if grep { $_ eq 'bye' } $p->told($order);
}

is((grep { $_ eq 'bye' } $p->told($order)), 1, 'it was asked first');

# a stop is said before the job that forks is done
$order = $p->sh('sleep 100');
$p->kill($order);
is_deeply($p->ended($order), [ -1, 'was stopped' ], 'killed at once');

# --- the lock

$file = pid_file();
$order = $p->sh("echo \$\$ > $file; sleep 100", lock => $lock);
@pids = $p->pids($file, 1);
ok(!$p->is_free($lock), 'the lock is held');
is(join(' ', grep { m{/lock$} } map { readlink($_) // () }
        map { glob "/proc/$_/fd/*" } $worker, @pids), '',
   'not by the worker, nor by the program');
$p->kill($order);
$p->ended($order);
ok(wait_for('the lock', 2, sub { $p->is_free($lock) }), 'and is free then');

$order = $p->program('/nowhere', { lock => $lock });
is($p->ended($order)->[0], -1, 'one that cannot begin');
ok(wait_for('the lock', 2, sub { $p->is_free($lock) }), 'leaves no lock');

# --- the runner is killed

$file = pid_file();
$order = $p->sh("echo \$\$ > $file; echo \$PPID >> $file; sleep 100",
                lock => $lock);
@pids = $p->pids($file, 2);
kill 'KILL', $pids[1];
is_deeply($p->ended($order), [ -1, 'its runner was killed' ],
          'a runner that is killed');
is($p->left(@pids), '', 'takes the program with it');

# --- the starter is killed

my ($starter) = $p->output($p->sh('ps -o ppid= -p $PPID'));
kill 'KILL', $starter;
is($p->left($starter), '', 'the starter is killed');
is_deeply($p->ended($p->sh('exit 0')),
          [ -1, 'sendmsg() failed (32: Broken pipe)' ], 'the next one fails');
is_deeply($p->ended($p->sh('exit 0')), [ 0, 'exited with 0' ],
          'then there is another starter');

# --- reload and quit wait

$file = pid_file();
$order = $p->sh("echo \$\$ > $file; sleep 3; echo whole");
$p->pids($file, 1);
$t->reload;
is_deeply($p->ended($order), [ 0, 'exited with 0' ], 'a reload waits for it');
is_deeply([ $p->told($order) ], [ 'whole' ], 'and for its output');
wait_for('end of the old worker', 10, sub { !-d "/proc/$worker" });

$file = pid_file();
$order = $p->sh("echo \$\$ > $file; sleep 2");
$p->pids($file, 1);
$t->stop;
is_deeply($p->ended($order), [ 0, 'exited with 0' ], 'quit waits');

# --- but a fast stop does not

$t->start;
$file = pid_file();
$p->sh(stubborn($file), lock => $lock);
@pids = $p->pids($file, 4);
$t->terminate;
is($p->left(@pids), '', 'a fast stop kills it');

# --- the worker is killed; the runner finds it when it may

$t->start;
$file = pid_file();
($worker) = $t->worker_pids;
$p->sh(stubborn("$file", "$file.runner"), lock => $lock);
@pids = $p->pids($file, 4);
my ($runner) = $p->pids("$file.runner", 1);
$t->allow(qr/worker process $worker exited on signal 9/);
kill 'STOP', $runner;
wait_for('stop', 10, sub { slurp("/proc/$runner/stat") =~ /\) T / });
kill 'KILL', $worker;

my $held = grep { sleep 0.01; !$p->is_free($lock) } 1 .. 20;
is($held, 20, 'until then the lock is held');
is(scalar(grep { -d "/proc/$_" } @pids), 4, 'by what runs');

my $began = time;
kill 'CONT', $runner;
wait_for('the lock', 10, sub { $p->is_free($lock) });
is(join(' ', grep { -d "/proc/$_" } @pids), '',
   'all are gone when the lock is free');
cmp_ok(time - $began, '<', within(3), 'soon after the worker');
wait_for('a new worker', 10, sub { $t->worker_pids });

# --- worker_shutdown_timeout

$t->stop;
$t->conf(<<'CONF', TEST => $p->module)->start;
load_module %%TEST%%;
test_programs %%DIR%%/orders;
worker_shutdown_timeout 1;
events { worker_connections 512; }
CONF

$file = pid_file();
$order = $p->sh("echo \$\$ > $file; sleep 100");
@pids = $p->pids($file, 1);
$t->stop;
is_deeply($p->ended($order), [ -1, 'was stopped' ], 'worker_shutdown_timeout');
is($p->left(@pids), '', 'ends it');

$t->done;

sub pid_file { return "$dir/pids." . ++$n }

# a program, one of its group, one that left it, and a child of this one: none
# of them heeds SIGTERM
sub stubborn {
    my ($into, $runner) = @_;

    $runner ||= '/dev/null';
    my $script = $p->script(<<"SCRIPT");
#!/bin/bash
trap '' TERM
echo \$\$ >> $into

case \$1 in
    group)
        echo \$PPID > $runner
        \$0 member &
        setsid \$0 leaver &
    ;;
    leaver)
        \$0 child &
    ;;
esac

while :; do sleep 0.2; done
SCRIPT

    return "$script group";
}
