#!/usr/bin/perl

# Programs for many files at once, in three workers: each runs four of them.
# One worker is killed: what it ran ends with it, and is run again by another
# one; of each file one program succeeds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(slow slurp spew wait_for within);

my $files = 20;
my $media = media(duration => 1, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;
my $dir = $t->dir;

# It holds a lock, which its child has, too, and does not want to end.  A line
# of the log: what, file, its process, that of its child.
my $program = spew("$dir/program", <<'SH');
#!/bin/bash
trap '' TERM
cd "${0%/*}" || exit 1
exec 9>> "lock.$RECORDING_FILE_ID"
flock -n 9 || echo "twice $RECORDING_FILE_ID $$" >> log
while [ ! -e go ]; do sleep 0.1; done &
echo "begin $RECORDING_FILE_ID $$ $!" >> log
wait
echo "end $RECORDING_FILE_ID $$ $!" >> log
SH

chmod 0777, $dir;
chmod 0755, $program;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 3;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template told { format flv; notify 'exec:%%DIR%%/program'; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule told; }
    }
}
CONF

my @publishers = map { $t->publisher('live', "s$_") } 1 .. $files;
$_->send_flv($media) for @publishers;
$_->delete_stream for @publishers;
$t->wait_files($files);
$_->close for @publishers;

# --- four at a time in each

my @workers = $t->worker_pids;
my @first = wait_noted('begin', 4 * @workers);
my %worker = map { $_->{pid} => worker_of($_->{pid}) } @first;
my %runs;
$runs{$_}++ for values %worker;
is_deeply(\%runs, { map { $_ => 4 } @workers }, 'each worker runs four');

# they look for more each second
sleep 2.5;
is(scalar(noted('begin')), 4 * @workers, 'and no more');

# --- one is killed

my $victim = $workers[1];
my @lost = grep { $worker{ $_->{pid} } == $victim } @first;
my @pids = map { @{$_}{qw(pid child)} } @lost;
is(scalar(grep { alive($_) } @pids), 8, 'programs and their children run');

$t->allow(qr/worker process $victim exited on signal 9/);
my $killed = time;
kill KILL => $victim;
wait_for('end of them', 20, sub { !grep { alive($_) } @pids });
my $took = time - $killed;
note sprintf 'gone after %.2f s', $took;
cmp_ok($took, '<', within(4), 'all end with their worker');

# the two that are left are full: a new one runs as many again
my @second = (wait_noted('begin', 4 * @workers + 4))[-4 .. -1];
my %old = map { $_ => 1 } @workers;
is(scalar(grep { $old{ worker_of($_->{pid}) } } @second), 0,
   'the new worker runs four');

# --- all of them end

spew("$dir/go", '');
my @rows;
wait_for('all are told', 60, sub {
    @rows = $t->catalogue('SELECT * FROM outbox');
    return !grep { $_->{state} ne 'done' } @rows;
}, sub { join "\n", '', map { "$_->{state} $_->{attempts} $_->{error}" }
                        @rows });

is(scalar(grep { $_->{told} } $t->files), $files, 'all files are told');
is(scalar(noted('twice')), 0, 'never two at once');

my %ends;
$ends{ $_->{file} }++ for noted('end');
is_deeply(\%ends, { map { $_->{file_id} => 1 } $t->files },
          'one has succeeded for each');

my %begun;
$begun{ $_->{file} }++ for noted('begin');
is_deeply([ grep { $begun{ $_->{file} } != 2 } @lost ], [],
          'those that were killed are run again');
is(scalar(noted('begin')), $files + 4, 'and only those');

# --- nothing is left

my (@left, @locks);
eval { wait_for('the end of all', 5, sub {
    my %all = processes();
    my %own = map { $_ => 1 } $t->processes;
    @left = grep { $all{$_}[0] eq 'Z' && $own{ $all{$_}[1] } } keys %all;
    @locks = glob $t->store . '/work/worker.*';
    return !@left && @locks == @workers;
}) };
is("@left", '', 'no zombie');
is(scalar(@locks), scalar(@workers), 'no lock in work/ but the workers\' own');

$t->done;

# --- what programs have noted

sub noted {
    my ($what) = @_;

    return if !-e "$dir/log";

    my @all = map {
        my %line;
        @line{qw(what file pid child)} = split ' ';
        \%line;
    } split /\n/, slurp("$dir/log");

    # an array, so that a count can be asked for as well
    return @all = grep { $_->{what} eq $what } @all;
}

sub wait_noted {
    my ($what, $n) = @_;

    my @lines;
    wait_for("$n times \"$what\"", 30, sub { (@lines = noted($what)) >= $n });
    return @lines;
}

# --- processes

# pid => [ state, parent ]
sub processes {
    return map { (eval { slurp($_) } || '') =~ /^(\d+) \(.*\) (\S) (\d+)/s
                 ? ($1 => [ $2, $3 ]) : () } glob '/proc/[0-9]*/stat';
}

sub alive {
    my ($pid) = @_;

    my %all = processes();
    return $all{$pid} && $all{$pid}[0] !~ /[ZX]/;
}

# by the parents of a program
sub worker_of {
    my ($pid) = @_;

    my %all = processes();
    my %workers = map { $_ => 1 } $t->worker_pids;
    my $at = $pid;

    for (1 .. 5) {
        return $at if $workers{$at};
        $at = $all{$at} ? $all{$at}[1] : 0;
    }

    die "no worker of program $pid\n";
}
