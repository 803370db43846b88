#!/usr/bin/perl

# SIGKILL at any moment, of a worker or of all of nginx, while many streams
# are recorded in all formats: what came more than a second before is in the
# files, each frame once, every file is whole, and the catalogue agrees with
# the directories.
#
# TEST_ROUNDS kills; TEST_SEED repeats their moments.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use File::Path qw(remove_tree);
use Test::More;
use Time::HiRes qw(sleep);

use Recording::Chance qw(seeded);
use Recording::Frames;
use Recording::Intact;
use Recording::Load;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(slow wait_for);

my $rounds = $ENV{TEST_ROUNDS} || 6;
my $streams = 20;

my $rounds_of_a_check = 5;
my $rounds_of_a_store = 10;

seeded();

# every other kill meets the recovery after the last one; all that is random
# is drawn before anything else asks for it
my @plan = map { { moment => $_ % 2 ? 1 + rand 5 : 0.1 + rand 1.5,
                   all => rand 2 < 1, worker => rand } } 1 .. $rounds;

# longer than a round; each frame is another one
my $flv = media(duration => 20, fps => 10, size => '160x120', rate => 22050,
                channels => 1);
my $sent = Recording::Frames->sent($flv);

my ($t, $intact, %finished, %growing);

for my $round (1 .. $rounds) {
    my $last = $round == $rounds;

    begin() if !$t;
    round($round);
    check($round) if $last || $round % $rounds_of_a_check == 0;
    end() if $last || $round % $rounds_of_a_store == 0;
}

Recording::Nginx->done;

sub begin {
    $t = Recording::Nginx->new;
    $t->allow(qr/worker process \d+ exited on signal 9/);
    $t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv interval=2s; format mp4 interval=5s;
        format hls segment=2s; format aac interval=3s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        chunk_size 4096;
        application live { live on; record_rule all; }
    }
}
CONF

    $intact = Recording::Intact->new($t, $sent,
                                     decode => $ENV{TEST_ROUNDS} ? 0 : 10);
    (%finished, %growing) = ();
}

sub end {
    $t->check_errors;
    remove_tree($t->store);
    undef $t;
}

sub round {
    my ($round) = @_;

    my $plan = $plan[$round - 1];
    my ($moment, $all) = @$plan{qw(moment all)};

    # it must not end before the kill, however long that takes
    my $load = Recording::Load->new($t, file => $flv, streams => $streams,
        name => "r$round-", seconds => $moment + 1.5);

    sleep $moment;
    remember();

    my $at = $all ? kill_all() : kill_worker($plan->{worker});

    $intact->add($load, at => $at, margin => slow(1), recovered => 1);
    note(sprintf 'round %d: %s after %.2f s', $round,
         $all ? 'all' : 'a worker', $moment);
}

# files that are finished do not change any more
sub remember {
    $finished{ $_->{file_id} } = identity($_)
        for $t->catalogue("SELECT * FROM files WHERE state = 'finished'");
}

sub identity {
    my ($row) = @_;
    return join ' ', @$row{qw(path size frames_written recovered)};
}

sub kill_worker {
    my ($which) = @_;

    my @workers = $t->worker_pids;
    my $at = Recording::Load::now();

    $t->signal('KILL', $workers[$which * @workers]);
    wait_for('a new worker', 30, sub {
        my @now = $t->worker_pids;
        return @now == @workers && "@now" ne "@workers";
    });

    return $at;
}

sub kill_all {
    my $at = Recording::Load::now();

    $t->kill9;
    $growing{$_} = 1 for left_growing();
    $t->start;

    return $at;
}

# What the catalogue says while nginx is dead: of a copy, as sqlite3 would
# put the catalogue's log in order when it leaves.
sub left_growing {
    my $copy = $t->dir . '/copy';

    mkdir $copy;
    unlink glob "$copy/*";

    for my $part (grep { -e } map { $t->db . $_ } '', '-wal') {
        copy($part, $copy) or die "copy $part: $!\n";
    }

    local $t->{store} = $copy;
    return map { $_->{file_id} } $t->catalogue(
        "SELECT file_id FROM files WHERE state IN ('recording', 'finishing')"
    );
}

sub check {
    my ($round) = @_;

    is(join("\n", $intact->settle, $intact->problems), '',
       "intact after $round kills");

    my @changed = grep { defined $finished{ $_->{file_id} }
                         && $finished{ $_->{file_id} } ne identity($_) }
                  $t->files;
    my @not = grep { $growing{ $_->{file_id} } && !$_->{recovered} }
              $t->files;

    is("@{[ map { $_->{file_id} } @changed ]}", '',
       'what was finished has not changed');
    is("@{[ map { $_->{file_id} } @not ]}", '', 'what grew is recovered');

    note(sprintf 'the oldest frame that was lost came %.3f s before',
         $intact->worst);
}
