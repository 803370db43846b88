#!/usr/bin/perl

# Resumption with three workers: interruptions of random length, a third of
# them by a publisher that freezes and whose connection stays.  One file if
# the stream was back in time, a new one if it was not; and two publishers
# that are both alive get recordings of their own.
#
# TEST_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Fcntl qw(:flock);
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Rtmp;
use Recording::Util qw(slow slurp spew wait_for);

my $test = $$;
my ($streams, $times, $resume) = (6, 5, 4);
my @formats = qw(mp4 hls);

my $seed = $ENV{TEST_SEED} || time ^ $$;
diag("TEST_SEED=$seed");

my $t = Recording::Nginx->new->allow(qr/exited on signal 9/);
$t->conf(<<'CONF', N => $resume)->start;
thread_pool default threads=4;
worker_processes 3;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 resume=%%N%%s; format hls resume=%%N%%s segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# parts of 1 to 4 s
my @small = (size => '160x120', fps => 20, gop => 0.5);
my $flv = media(@small, duration => 4 * ($times + 1));
my $other = media(@small, duration => 8, rate => 44100);
my @workers = $t->worker_pids;
my $lock = $t->dir . '/connecting';

# --- each stream has a process that starts its publishers in turn

my @plans = plans();
my %child = map { my $i = $_; ("random$i" => sub { stream($plans[$i]) }) }
            0 .. $#plans;
$child{thawed} = \&thawed;
$child{hasty} = sub { hasty('hasty', 1, 2) };
$child{same} = sub { hasty('same', 1, 1) };
$child{first} = sub { whole('both', $flv, 0, 8000, 0) };
$child{second} = sub { whole('both', $other, 1, 8000, 1.5) };

my %pid = map { $_ => in_child($child{$_}, "$_.json") } sort keys %child;
my %done;

END { local $?; kill 'KILL', map { -$_ } values %pid if $$ == $test }

for my $name (sort keys %pid) {
    wait_for("end of $name", 120, sub {
        waitpid($pid{$name}, POSIX::WNOHANG()) == $pid{$name}
            && defined($done{$name} = $?);
    });

    $done{$name} = JSON::PP::decode_json(slurp($t->dir . "/$name.json"));
}

is_deeply([ $t->worker_pids ], \@workers, 'the workers live');

# --- a worker dies, and its publisher returns to another one at once

my $killed = Recording::Parts->new($t, 'live/killed', $flv, tolerance => 1);
my $r = publish_at($killed, $workers[0]);

$killed->send($r, 2000);
$killed->taken($r);
$r->serve(1.2);
$t->signal('KILL', shift @workers);
$r = publish_at($killed, $workers[0]);
$killed->send($r, 3000);
$killed->close($r);

wait_for('the end of all recordings', 30, sub {
    return !grep { $_->{state} =~ /recording|paused|finishing/ } $t->files;
});

# --- what became of them

my %count;

for my $i (0 .. $#plans) {
    my $s = result("random$i", $flv);

    subtest "random$i" => sub { interrupted($s, $plans[$i]) };
}

note("$count{closed} closed gaps, $count{new} new recordings");
is($count{closed} + $count{new}, $streams * $times, 'interruptions');
is((grep { $_->{freeze} } map { @$_ } @plans),
   $streams * $times / 3, 'a third of them frozen');
cmp_ok($count{$_}, '>', 4, "many $_") for qw(closed new);

subtest 'a publisher that thaws' => sub {
    my $s = result('thawed', $flv);
    my @rows = $s->rows;

    is(@rows, @formats, 'a file of each format');
    is(problems($s->problems($_, $s->parts)), '', $_->{format}) for @rows;
};

for my $name (qw(hasty same)) {
    my $s = result($name, $flv);

    subtest "$name: publishers leave before they are recorded" => sub {
        my @rows = $s->rows;
        is(@rows, @formats, 'a file of each format') or return;
        is(problems($s->problems($_, $s->parts)), '', $_->{format})
            for @rows;
    };
}

subtest 'a worker that dies' => sub {
    my @rows = $killed->rows;

    is((grep { $_->{recovered} } @rows), 2, 'two files are recovered');
    is(@rows, @formats, 'there are no more');
    is(problems($killed->problems($_, $killed->parts)), '', $_->{format})
        for @rows;
};

subtest 'two publishers at once' => sub {
    my @s = (result('first', $flv), result('second', $other));
    my @rows = $s[0]->rows;
    my ($one, $two) = map { $_->{recording_id} }
                      $t->recordings(stream => 'both');

    isnt($two, undef, 'two recordings');
    is(@rows, 2 * @formats, 'a file of each format in each');

    for my $row (@rows) {
        my $s = $s[$row->{recording_id} eq $one ? 0 : 1];
        is(problems($s->problems($row, $s->parts)), '', $row->{format});
    }
};

wait_for('an empty work', 10, sub {
    return !grep { !m{/(?:worker\.[^/]+|catalogue\.lock)$} }
                 glob $t->store . '/work/*';
});

$t->done;

# --- plans

# for each stream its parts and the interruptions after them: { ms, gap,
# freeze, end, its worker, keep: timestamps go on }
sub plans {
    srand $seed;

    my @freeze = shuffled((1) x ($streams * $times / 3),
                          (0) x ($streams * $times * 2 / 3));
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
        my $gap = 0.3 + rand(2 * $resume - 0.3);
        return $gap if abs($gap - $resume) > 0.5;
    }
}

sub shuffled {
    my @from = @_;
    return map { splice @from, rand @from, 1 } 1 .. @from;
}

# --- processes

# runs code in a process that no END block of the test disturbs; what it
# returns is written to a file
sub in_child {
    my ($code, $file) = @_;

    my $group = $$ != $test;
    defined(my $pid = fork) or die "fork: $!";
    return $pid if $pid;

    # what a process starts is in its group, so that nothing is left behind
    POSIX::setpgid(0, 0) if !$group;

    my $result = eval { $code->() };
    my $text = $@ ? { error => "$@" } : $result;

    spew($t->dir . "/$file.new", JSON::PP::encode_json($text));
    rename $t->dir . "/$file.new", $t->dir . "/$file";
    POSIX::_exit(0);
}

# what a process has left, as a stream that was published
sub result {
    my ($name, $media) = @_;

    my $s = Recording::Parts->new($t, $done{$name}{path} || 'live/?', $media);
    @{ $s->{parts} } = @{ $done{$name}{parts} || [] };

    is($done{$name}{error}, undef, "$name was published");
    return $s;
}

# --- publishers

# The others sleep until it has the connection.  Those milliseconds are all
# that any stream may be late by.
sub publish_at {
    my ($s, $worker) = @_;

    open my $fh, '>>', $lock or die "$lock: $!\n";
    flock $fh, LOCK_EX or die "flock: $!\n";

    my @others = grep { $_ != $worker } @workers;
    my $end = time + slow(5);
    my $r = eval {
        kill 'STOP', @others;

        while (grep { slurp("/proc/$_/stat") !~ /\) T / } @others) {
            die "a worker does not stop\n" if time > $end;
            sleep 0.001;
        }

        Recording::Rtmp->new(port => $t->port);
    };
    my $error = $@;

    kill 'CONT', @others;
    close $fh;
    die $error if !$r;
    return $s->publish($r);
}

# Publishes a part in a process of its own, which then ends as it is told or
# freezes; the process.
sub publisher {
    my ($s, $worker, $step) = @_;

    my $file = "$s->{name}-" . scalar $s->parts . '.json';

    my $pid = in_child(sub {
        my $r = publish_at($s, $worker);
        my $sent = $s->send($r, $step->{ms}, keep => $step->{keep});

        $s->taken($r);

        if ($step->{freeze}) {
            spew($t->dir . "/$file.new", JSON::PP::encode_json($sent));
            rename $t->dir . "/$file.new", $t->dir . "/$file";
            kill 'STOP', $$;

            # killed, or thawed
            $s->send($r, 2000, keep => $step->{keep});
            return $sent;
        }

        $s->close($r, $step->{end});
        return $sent;
    }, $file);

    wait_for("publisher $file", 30, sub { -e $t->dir . "/$file" });

    my $sent = JSON::PP::decode_json(slurp($t->dir . "/$file"));
    die $sent->{error} if $sent->{error};
    push @{ $s->{parts} }, $sent;

    waitpid $pid, $step->{freeze} ? POSIX::WUNTRACED() : 0;
    return $step->{freeze} ? $pid : 0;
}

# a stream with its interruptions
sub stream {
    my ($plan) = @_;

    my ($i) = grep { $plans[$_] == $plan } 0 .. $#plans;
    my $s = Recording::Parts->new($t, "live/random$i", $flv);
    my ($frozen, $at);

    sleep 0.3 * $i;

    for my $step (@$plan) {
        my $worker = $workers[$step->{worker}];

        # the name is in use where a frozen one still has it
        ($worker) = grep { $_ != $at } @workers
            if $frozen && $worker == $at;

        my $before = $frozen;
        $frozen = publisher($s, $worker, $step);
        $at = $worker;

        end($before) if $before;
        next if !$step->{gap};

        my $left = $s->{parts}[-1]{last} + $step->{gap} - time;
        sleep $left if $left > 0;
    }

    return { path => "live/random$i", parts => $s->{parts} };
}

sub end {
    my ($pid) = @_;

    kill 'KILL', $pid;
    waitpid $pid, 0;
}

# It freezes, another one takes over, and it goes on: that is not recorded.
sub thawed {
    my $s = Recording::Parts->new($t, 'live/thawed', $flv);
    my $frozen = publisher($s, $workers[0], { ms => 3000, freeze => 1 });

    sleep 1;

    my $thawing = fork;
    die "fork: $!" if !defined $thawing;

    if (!$thawing) {
        # when the other one has taken over and still publishes
        sleep 3.6;
        kill 'CONT', $frozen;
        POSIX::_exit(0);
    }

    publisher($s, $workers[1], { ms => 4000, end => 'delete' });
    waitpid $_, 0 for $thawing, $frozen;

    return { path => 'live/thawed', parts => $s->{parts} };
}

# It freezes, and two others come and go in the 2 s after which it is known
# to be silent: what they sent waits, and keeps its order.
sub hasty {
    my ($name, @others) = @_;

    my $s = Recording::Parts->new($t, "live/$name", $flv);
    my $frozen = publisher($s, $workers[0], { ms => 2000, freeze => 1 });

    for my $worker (@workers[@others]) {
        sleep 0.3;
        publisher($s, $worker, { ms => 500, end => 'delete' });
    }

    sleep 1;
    publisher($s, $workers[1], { ms => 2000, end => 'delete' });
    end($frozen);

    return { path => "live/$name", parts => $s->{parts} };
}

sub whole {
    my ($name, $media, $worker, $ms, $later) = @_;

    my $s = Recording::Parts->new($t, "live/$name", $media);

    sleep $later;
    my $r = publish_at($s, $workers[$worker]);
    $s->send($r, $ms);
    $s->close($r);

    return { path => "live/$name", parts => $s->{parts} };
}

# --- checks

# the parts that are in one file
sub groups {
    my (@parts) = @_;

    my @groups = [ shift @parts ];

    for my $p (@parts) {
        my $gap = $p->{first} - $groups[-1][-1]{last};
        my $new = $gap > $resume;

        $count{$new ? 'new' : 'closed'}++;
        push @groups, [] if $new;
        push @{ $groups[-1] }, $p;
    }

    return @groups;
}

sub interrupted {
    my ($s, $plan) = @_;

    my @groups = groups($s->parts);
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

        is(problems($s->problems($rows[$_], @{ $groups[$_] })), '',
           "$format $_") for 0 .. $#rows;
    }
}

sub problems { return join "\n", @_ }
