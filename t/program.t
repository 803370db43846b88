#!/usr/bin/perl

# Programs that a worker runs: how they end is told, they get what they are to
# have and nothing of nginx's, and their output costs little.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time sleep);

use Recording::Nginx;
use Recording::Program;
use Recording::Util qw(slow slurp wait_for);

my $t = Recording::Nginx->new(level => 'notice');
my $p = Recording::Program->new($t);
my $dir = $t->dir;

mkdir "$dir/cwd";

$t->conf(<<'CONF', TEST => $p->module)->start;
load_module %%TEST%%;
test_programs %%DIR%%/orders;
events { worker_connections 512; }
rtmp { record_store %%STORE%%;
       server { listen 127.0.0.1:%%PORT_0%%;
                application live { live on; record_rule default; } } }
http { server { listen 127.0.0.1:%%PORT_1%%; return 204; } }
CONF

my ($worker) = $t->worker_pids;

# a server that has nothing to do with programs, as slow as the machine is
my $other = Recording::Nginx->new(recording => 0);
$other->conf(<<'CONF')->start;
events { worker_connections 512; }
http { server { listen 127.0.0.1:%%PORT_1%%; return 204; } }
CONF

# --- how it ends

ends($p->sh('exit 0'), 0, 'exited with 0');
ends($p->sh('exit 3'), -1, 'exited with 3');
ends($p->sh('kill -11 $$'), -1, 'killed by signal 11');
ends($p->program('/nowhere/program'), -1,
     'execve() failed (2: No such file or directory)');
ends($p->program("$dir/orders"), -1, 'execve() failed (13: Permission denied)');
ends($p->program($p->script("exit 0\n")), -1,
     'execve() failed (8: Exec format error)');
ends($p->program($p->script("#!/bin/sh\nexit 4\n")), -1, 'exited with 4');
ends($p->sh('exit 0', cwd => '/nowhere'), -1,
     'chdir() failed (2: No such file or directory)');

# --- what it is given

my ($nice) = `nice` =~ /^(\d+)/;
tells($p->sh('pwd; umask; nice; nproc', cwd => "$dir/cwd"),
      [ "$dir/cwd", '0022', $nice || '0', `nproc` =~ /(\d+)/ ],
      'directory, umask, priority, processors');
tells($p->program('/usr/bin/env'),
      [ 'PATH=/usr/bin:/bin', 'RECORDING_PATH=a/b.mp4' ], 'environment');
tells($p->program('/bin/echo', 'a b', '$c', '"d"'), [ 'a b $c "d"' ],
      'arguments, without a shell');
tells($p->sh('wc -c', input => 1_000_000), [ '1000000' ],
      'all of its standard input');
tells($p->sh('true', input => 1_000_000), [], 'or nothing of it');
tells($p->sh('head -c 3; echo; cat /dev/stdin | wc -c', input => 10),
      [ 'xxx', '10' ], 'or in any other way');

is_deeply([ grep { !m{^\d+ /proc/} } links($p->output(
            $p->program('/bin/ls', '-l', '/proc/self/fd'))) ],
          [ '0 /memfd:input', '1 pipe:[]', '2 pipe:[]' ],
          'no other descriptor');

my %signals = map { /^(Sig\w+|Shd\w+):\s*0*(\w*)$/ ? ($1 => $2) : () }
              $p->output($p->program('/bin/cat', '/proc/self/status'));
is_deeply([ @signals{qw(SigPnd SigBlk SigIgn SigCgt)} ], [ ('') x 4 ],
          'signals are default, and not blocked');

like(join('', $p->output($p->sh('ps -o pid=,pgid=,sid= -p $$'))),
     qr/^\s*(\d+)\s+\1\s+\1\s*$/, 'a group and a session of its own');

# --- what runs it

# its program is older than what it has to forget, a pipe at last
my $looks = 'while :; do ls /proc/$PPID/fd/0 > /dev/null 2>&1'
            . ' && grep -q signalfd <(ls -l /proc/$PPID/fd) && break; done; '
            . 'for i in {1..100}; do (($(ls -l /proc/$PPID/fd'
            . ' | grep -c pipe:) > 3)) || break; sleep 0.1; done; ';
is_deeply([ map { s/^\d+ //r } links($p->output(
            $p->sh("$looks ls -l /proc/\$PPID/fd"))) ],
          [ 'anon_inode:[signalfd]', ('pipe:[]') x 3 ],
          'the runner has its pipes, and nothing of nginx');
tells($p->sh("$looks tr '\\0' ' ' < /proc/\$PPID/cmdline | sed 's/ *\$//'"),
      [ 'nginx: program runner' ], 'and a title of its own');

SKIP: {
    skip 'AddressSanitizer has its memory there', 1
        if $ENV{TEST_NGINX_PRELOAD};
    tells($p->sh("$looks grep -c -e '\\[heap' -e zero -e db-shm"
                 . ' /proc/$PPID/maps'), [ '0' ], 'and nothing of its memory');
}

# --- output

tells($p->sh('echo one; echo two >&2; printf "\033[1mthree\n\n\nfour"'),
      [ 'one', 'two', '?[1mthree', 'four' ], 'lines');

my $long = $p->sh('printf "a\rb\r\n"; head -c 3000 /dev/zero | tr "\0" y;'
                  . ' echo; echo z');
tells($long, [ 'a', 'b', 'y' x 1024, 'z' ], 'long ones are cut');
is($p->left_out($long), 3000 - 1024, 'which is counted');

my @quiet = later(100);
my $rss = rss($worker);
my $flood = $p->sh('yes floods | head -c 100000000');
my @busy = later(100);

is_deeply($p->ended($flood, 60), [ 0, 'exited with 0' ], 'output without end');
is($p->told($flood), 100, 'some lines of it');
is($p->left_out($flood), 100_000_000 - 100 * 7, 'the rest is counted');
cmp_ok(rss($worker) - $rss, '<', 4096, 'the worker has not grown');
cmp_ok($busy[50], '<', $quiet[50] + slow(0.005), 'nor become slow');
note sprintf 'answers: %.2f ms later, then %.2f ms', map { $_ * 1000 }
     $quiet[50], $busy[50];

my $closed = $p->sh('echo before; exec >&- 2>&-; sleep 1; exit 5');
tells($closed, [ 'before' ], 'output that is closed at once');
ends($closed, -1, 'exited with 5');

# --- many

# each waits until all have begun
my $all = "until [ \$(wc -l < $dir/four) = 4 ]; do sleep 0.1; done";
my @four = map { $p->sh("echo >> $dir/four; $all") } 1 .. 4;
is_deeply([ map { $p->ended($_, 30)->[0] } @four ], [ (0) x 4 ],
          'four at a time, side by side');

my $before = settled($worker);

for (1 .. 20) {
    my @ten = map { $p->sh('exit 0') } 1 .. 10;
    $p->ended($_) for @ten;
}

is(settled($worker, $before), $before, 'no descriptor is lost by 200');
is(`ps -eo stat=,ppid= | grep -c '^Z.* $worker\$'`, "0\n", 'no zombie');
is(($t->worker_pids)[0], $worker, 'the worker is the same');
unlike($t->error_log, qr/unknown process/, 'nginx has seen no child');

$t->done;

sub ends {
    my ($order, $rc, $error) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply($p->ended($order), [ $rc, $error ], $error);
}

sub tells {
    my ($order, $lines, $what) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply([ $p->output($order) ], $lines, $what);
}

# of ls -l: "0 pipe:[]"
sub links {
    return map { m{ (\d+) -> (\S+)} ? "$1 " . ($2 =~ s/\d+//gr) : () } @_;
}

# by how much longer a request takes than one of the other server's, so many of
# them, sorted
sub later {
    my ($n) = @_;

    return sort { $a <=> $b } map { answer($t) - answer($other) } 1 .. $n;
}

sub answer {
    my ($of) = @_;

    sleep 0.01;
    my $start = time;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $of->port(1))
        or die "connect: $!";
    print $s "GET / HTTP/1.0\r\n\r\n";
    my $answer = <$s>;
    return time - $start;
}

# How many descriptors there are, those of the store apart, which come and go:
# when they are no more than they were, or stay as many for a while.
sub settled {
    my ($of, $were) = @_;

    my ($n, $same) = (-1, 0);
    eval { wait_for('descriptors to be closed', 5, sub {
        my $now = fds($of);
        ($n, $same) = ($now, $now == $n ? $same + 1 : 0);
        return defined $were ? $now <= $were : $same > 5;
    }) };
    return $n;
}

sub fds {
    my ($of) = @_;

    return scalar grep { !m{^\Q@{[ $t->store ]}/} }
                  map { readlink // () } glob "/proc/$of/fd/*";
}

sub rss {
    my ($of) = @_;
    return slurp("/proc/$of/status") =~ /VmRSS:\s*(\d+)/ ? $1 : 0;
}
