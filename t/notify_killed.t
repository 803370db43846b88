#!/usr/bin/perl

# Nothing that happened is forgotten: three workers with several streams, whose
# files change and which are interrupted, a receiver that takes its time, and
# SIGKILL at many moments, of a worker or of all of nginx, a reload, an upgrade
# and an end with events that wait.  In the end the receiver has what the
# catalogue has, in numbers without a gap, and what came twice was the same.
#
# TEST_ROUNDS kills; TEST_SEED repeats their moments.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;
use Time::HiRes qw(sleep);

use Recording::Chance qw(seeded);
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Told;
use Recording::Util qw(slow wait_for);

my $rounds = $ENV{TEST_ROUNDS} || 8;
my $streams = 4;

seeded();

# drawn before anything else asks for it
my @plan = map { { moment => 0.1 + rand 1.8, all => $_ % 4 == 3,
                   worker => rand } } 1 .. $rounds;

my $t = Recording::Nginx->new(daemon => 1);
$t->allow(qr/worker process \d+ exited on signal 9/);
my $told = Recording::Told->new(port => $t->port(1))->set(delay => 0.15);

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 3;
rtmp {
    record_store %%STORE%%;
    record_template a {
        format mp4 interval=1s resume=4s;
        format hls resume=4s segment=1s;
        notify http://127.0.0.1:%%PORT_1%%/told
               events=file,status,exception,removed;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule a; }
    }
}
CONF

my $flv = media(duration => 30, gop => 1, fps => 10, size => '160x90');
my @pushes;

# --- killed at any moment

for my $n (0 .. $#plan) {
    my $plan = $plan[$n];

    # the names come again: what was interrupted is resumed
    publish($n);
    sleep slow($plan->{moment});
    $plan->{all} ? kill_all() : kill_worker($plan->{worker});
}

# --- reloaded, with events that wait

publish('reload');
wait_for('files that grow', 20, sub { growing('reload') });
my %old = map { $_ => 1 } $t->worker_pids;
$t->reload;
ended();
wait_for('the old workers to leave', 30, sub {
    !grep { $old{$_} } $t->worker_pids(all => 1) });

# --- upgraded

publish('upgrade');
wait_for('files that grow', 20, sub { growing('upgrade') });
my $master = $t->upgrade;
$t->signal('WINCH', $master);
publish('upgraded');
wait_for('files that grow', 20, sub { growing('upgraded') });
$t->signal('QUIT', $master);
ended();
wait_for('the old master to leave', 30, sub { !kill 0, $master });

# --- ended while the receiver is away

$told->stop;
publish('quit');
wait_for('files that grow', 20, sub { growing('quit') });
ended();
$t->stop;
cmp_ok(count("state = 'waiting'"), '>', 0, 'events wait over an end');
is(count("state = 'taken'"), 0, 'and were given back');
$told->start->set(delay => 0.02);
$t->start;

# --- all of it

wait_for('the end of all recordings', 60, sub {
    !(grep { $_->{state} =~ /recording|paused|finishing/ } $t->files)
    && !grep { !$_->{end_us} } $t->recordings });

$t->catalogue("UPDATE outbox SET next_us = 0 WHERE state = 'waiting'");
wait_for('all to be done', 60, sub { !count("state <> 'done'") },
         sub { count("state <> 'done'") . ' are not' });

my @all = $told->events;
my %event = map { $_->{json}{event_id} => $_->{json} } @all;
my @files = $t->files;
my %recordings = map { $_->{recording_id} => [] } $t->recordings;

note(sprintf '%d recordings, %d files, %d events, %d of them twice',
     scalar keys %recordings, scalar @files, scalar keys %event,
     @all - keys %event);

cmp_ok(scalar @files, '>', 2 * $rounds, 'files');
is(join("\n", repeated(@all)), '', 'what came twice was the same');

# the outbox, and the receiver
my %row = map { $_->{event_id} => $_ } $t->catalogue('SELECT * FROM outbox');
is(join(' ', grep { !$event{$_} } keys %row), '', 'each event has arrived');
is(join(' ', grep { !$row{$_} } keys %event), '', 'and no other one');

push @{ $recordings{ $_->{recording_id} } }, $_
    for sort { $a->{seq} <=> $b->{seq} } values %event;

my @problems = map { recording($_, @{ $recordings{$_} }) }
               sort keys %recordings;
is(join("\n", @problems), '', 'each recording was told');

# the catalogue, and the receiver
my (%told, %finished);
$told{ $_->{file_id} }++ for grep { $_->{event_type} == 100 } values %event;
$finished{ $_->{file_id} } = 1 for grep { $_->{state} eq 'finished' } @files;

is(join(' ', grep { !$told{$_} } keys %finished), '',
   'each finished file was told');
is(join(' ', grep { $told{$_} > 1 } keys %told), '', 'as one event');
is(join(' ', grep { !$finished{$_} } keys %told), '', 'and no other one');
is(join(' ', map { $_->{path} } grep { !$_->{told} && $_->{state} ne 'lost' }
             @files), '', 'files say that they were told');

$told->stop;
$t->done;

sub publish {
    my ($round) = @_;

    @pushes = grep { $_->alive } @pushes;
    $_->stop for splice @pushes;

    push @pushes, push_stream($flv, $t->url("live/$_"), speed => 1.5)
        for map({ "stream$_" } 1 .. $streams - 1), "of-$round";
    return;
}

sub ended { $_->stop for splice @pushes }

sub growing {
    my ($name) = @_;
    return 2 == $t->files(stream => "of-$name", state => 'recording');
}

sub count {
    my ($where) = @_;
    return ($t->catalogue("SELECT count(*) AS n FROM outbox WHERE $where"))
           [0]{n};
}

sub kill_worker {
    my ($which) = @_;

    my @workers = $t->worker_pids;

    $t->signal('KILL', $workers[$which * @workers]);
    wait_for('a new worker', 30, sub {
        my @now = $t->worker_pids;
        return @now == @workers && "@now" ne "@workers";
    });
    return;
}

sub kill_all { $t->kill9->start }

# events with one id and another content
sub repeated {
    my @events = map { $_->{json} } @_;

    my %first;
    my $json = JSON::XS->new->canonical;

    return grep { ($first{ $_->{event_id} } //= $json->encode($_))
                  ne $json->encode($_) } @events;
}

# what is wrong with the events of a recording, in the order of their numbers
sub recording {
    my ($id, @events) = @_;

    my @problems;
    my $again = qr/(?: paused resumed| error)*/;
    my $seq = join ' ', map { $_->{seq} } @events;
    my (%formats, %lost);

    # killed between the row of a file and its journal: what it had is told as
    # lost; a file of which nothing came has no row any more
    for my $file (grep { $_->{recording_id} eq $id } @files) {
        $formats{ $file->{format} } = 1;
        $lost{ $file->{format} }++ if $file->{state} eq 'lost';
    }

    push @problems, "numbers $seq" if $seq ne join ' ', 1 .. @events;

    for my $format (sort keys %formats) {
        my @status = map { $_->{record_event} =~ s/^record_//r }
                     grep { $_->{event_type} == 332
                            && $_->{format} eq $format } @events;
        my $status = join ' ', @status;
        my $errors = grep { $_ eq 'error' } @status;

        push @problems, "$format: $status"
            if $status !~ /^start_succeeded$again(?: paused)? ended$/;
        push @problems, "$format: $errors errors"
            if $errors < ($lost{$format} || 0);
    }

    return map { "recording $id: $_" } @problems;
}
