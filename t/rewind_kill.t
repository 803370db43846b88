#!/usr/bin/perl

# Kills, while a stream is kept and while a task reads it: what was kept goes
# with the next start, what the task had is finished, and the task goes on with
# its stream.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rewind;
use Recording::SlowDisk;
use Recording::Util qw(slurp wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
my $flv = media(duration => 30, fps => 20, gop => 0.5, size => '160x90',
                key_bytes => 20_000);

$t->conf(<<'CONF')->start;
worker_processes 2;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format mp4; format hls; format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule off rewind=1m; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $w = Recording::Rewind->new($t);

# --- one worker, while it writes: its chunks go, the other's stay

my @workers = $t->worker_pids;

for my $i (0, 1) {
    my $mark = $t->log_mark;

    $t->signal('STOP', $workers[$i]);
    wait_for('stop', 20, sub { slurp("/proc/$workers[$i]/stat") =~ /\) T / });
    $w->publish($_, $flv, rate => 2) for $i ? ('e' .. 'h') : ('a' .. 'd');
    wait_for('four streams', 20, sub {
        4 == (() = substr($t->error_log, $mark) =~ /publish: name=/g) });
    $t->signal('CONT', $workers[$i]);
}

wait_for('chunks of both', 30, sub { 2 == owners() && 8 <= $w->chunks });
my ($victim) = owners();
$t->signal('KILL', $victim);
wait_for('what it had is gone', 30, sub { !grep { $_ == $victim } owners() });
cmp_ok(scalar $w->chunks, '>', 0, "the other's is not");
$t->allow(qr/worker process $victim exited on signal 9/);

# --- all of it

$t->kill9;
cmp_ok(scalar $w->chunks, '>', 0, 'a kill leaves chunks');
$w->unpublish($_, kill => 1) for 'a' .. 'h';
$t->start;
$w->ready;
wait_for('they are gone', 30, sub { !$w->chunks });
is(scalar $t->files, 0, 'and have left no file');

# --- while a task reads

my $begin = time;
$w->publish('s', $flv, rate => 2);
wait_for('its chunk', 20, sub { 1 <= $w->chunks });
sleep 4;
my $asked = time;
$disk->set(armed => 1, only => 'rewind.', call => 'read', delay => 400);
my $task = $w->task('s', template => 'all', StartTime => $begin);
wait_for('frames in its files', 30, sub { grown($task) });
$t->kill9;
$disk->set(armed => 0);
$w->unpublish('s', kill => 1);
$t->start;
$w->ready;

my @rows = finished($task);
cmp_ok(scalar @rows, '>', 0, 'files of it');
for my $row (@rows) {
    my $format = $row->{format};
    is(decode_problem($t->path($row)), '', "$format: what was read is there");
    cmp_ok($row->{frames_written}, '>', 0, 'something is');
    cmp_ok($row->{start_us} / 1e6, '<', $asked - 1, 'from its begin');
}
wait_for('no chunk is left', 30, sub { !$w->chunks });

$w->publish('s', $flv, rate => 2);
wait_for('the task goes on', 30, sub { growing($task) });
is($w->stop($task), '', 'stopped');
$w->unpublish('s', kill => 1);
wait_for('its other files', 30, sub { @rows + 4 <= finished($task) });

# --- a fast stop, while one reads

$begin = time;
$w->publish('q', $flv, rate => 2);
wait_for('its chunk', 20, sub { 1 <= $w->chunks });
sleep 3;
$disk->set(armed => 1, only => 'rewind.', call => 'read', delay => 1500);
$task = $w->task('q', template => 'all', StartTime => $begin);
wait_for('it grows', 30, sub { growing($task) });
$t->terminate;
like($t->error_log, qr/is recorded only as far as it was read/, 'it is said');
$disk->set(armed => 0);
$w->unpublish('q', kill => 1);
$t->start;
$w->ready;
@rows = finished($task);
is(decode_problem($t->path($_)), '', "$_->{format}: whole") for @rows;
wait_for('no chunk is left', 30, sub { !$w->chunks });

$t->done;

# pids of workers that have chunks
sub owners {
    my %pid = map { /worker\.(\d+)\.\d+$/ ? ($1 => 1) : () } $w->chunks;
    my @pids = sort keys %pid;
    return @pids;
}

# those of a task, when none grows; what had nothing when it was killed is lost
sub finished {
    my ($task) = @_;

    my @of;
    wait_for("the files of $task", 60, sub {
        @of = grep { $_->{task_id} eq $task } $t->files;
        return @of && !grep { $_->{state} !~ /^(?:finished|lost)$/ } @of });
    my @finished = grep { $_->{state} eq 'finished' } @of;
    return @finished;
}

# a file of it has something
# whose FLV file has frames
sub grown {
    my ($task) = @_;
    return scalar grep { $_->{task_id} eq $task && $_->{format} eq 'flv'
                         && 20_000 < (-s $t->store
                                      . "/work/$_->{file_id}.flv" // 0) }
           $t->files;
}

sub growing {
    my ($task) = @_;
    return scalar grep { $_->{task_id} eq $task && $_->{state} eq 'recording' }
           $t->files;
}
