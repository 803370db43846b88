#!/usr/bin/perl

# Many files that are finished at once, and a bucket that answers nothing, or
# is away: what is live does not notice, nothing that waits is removed, memory
# and descriptors stay within bounds; and when it is back, all of them arrive.
# TEST_STREAMS is their number.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);
use Test::More;

use Recording::Fault;
use Recording::Gateway;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Ping;
use Recording::Util qw(not_tested root run slurp wait_for within);

my $missing = Recording::Gateway->missing;
plan skip_all => not_tested($missing) if $missing;

my $streams = $ENV{TEST_STREAMS} || 100;
my $connections = 8;

# Two buffers of each connection, and what each of so many deliveries, and of
# the requests for them, has of its own; and SQLite's pages, 2 MB for each of
# two connections, which fill with the rows of what waits: with 900 streams
# there is no more memory in use than with 300.
my $buffers = $connections * 2 * 256;
my $known = $connections * 64 + 1024 + 2 * 2000;

my $gateway = Recording::Gateway->new;
my $fault = Recording::Fault->new(to => $gateway->port);
my $s3 = $gateway->s3;
my $films = $gateway->bucket('films');
my $flv = media(duration => 8, gop => 2, size => '160x120');

# less than what waits is allowed
my $t = Recording::Nginx->new;
$t->conf(<<'CONF', PORT => $fault->port,
thread_pool default threads=4 max_queue=65536;
worker_processes 1;
worker_rlimit_nofile 16384;
events { worker_connections 4096; }
rtmp {
    record_store %%STORE%% reserve=0 max=1m;
    record_bucket archive {
        endpoint http://127.0.0.1:%%PORT%%;
        bucket films;
        credentials %%FILE%%;
    }
    record_template crowd { format flv; upload archive; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        ping 1h;
        application plain { live on; }
        application live { live on; record_rule crowd; }
    }
}
CONF
    FILE => $gateway->credentials($t->dir . '/credentials'))->start;

my ($worker) = $t->worker_pids;
my $ping = Recording::Ping->new($t, 'plain');

# what so many publishers take, and deliveries that go well, is no growth; not
# each thread of the pool is met the first time
for my $round (1, 2) {
    pushed("well$round", $streams);
    arrived($round * $streams);
    removed();
}

# --- while it is stalled

my @idle = $ping->rounds(2);
my ($memory, $descriptors) = (rss(), descriptors());

$fault->on(PUT => '', hang => 1000, times => 0);
pushed('stalled', $streams);
my @stalled = watched();

# --- and while it is away

$fault->clear;
$fault->down;
pushed('away', $streams);
my @away = watched();

my ($waiting) = $t->catalogue(q{SELECT count(*) AS n FROM outbox
    WHERE kind = 'upload' AND state IN ('waiting', 'taken')});
is($waiting->{n}, 2 * $streams, 'all wait');

my @files = grep { $_->{local} && $_->{objects} eq '[]' } $t->files;
is(scalar(@files), 2 * $streams, 'none was removed');
cmp_ok(sum0(map { $_->{size} } @files), '>', 1 << 20,
       'though they are more than max=');

# --- when it is back

$fault->up;
arrived(4 * $streams);

my %there = map { $_->{key} => $_->{size} } $s3->list($films);
is(scalar(grep { ($there{$_->{path}} // -1) != $_->{size} } $t->files), 0,
   'all are there, and whole');
is(scalar(grep { $_->{frames_dropped} } $t->files), 0, 'nothing was dropped');
is(scalar($s3->uploads($films)), 0, 'no upload is left');
cmp_ok(scalar(() = $t->error_log =~ /\[error\] .*cannot be used/g), '<=', 2,
       'it was said once for each time');

removed();
pass('what was delivered makes room');
cmp_ok(rss() - $memory, '<', $buffers + $known, 'memory, in the end, kB');

# --- what was seen meanwhile

push @idle, $ping->rounds(3);

for my $case ([ stalled => \@stalled ], [ away => \@away ]) {
    my ($what, $seen) = @$case;

    my @ping = map { $_->{ping} } @$seen;
    cmp_ok(Recording::Ping::grown(\@idle, \@ping), '<', within(0.01),
           "$what: a ping does not notice");
    note(sprintf '%s: p99 of the ping: %s ms, then %s ms', $what,
         map { Recording::Ping::milliseconds(@$_) } \@ping, \@idle);

    my $more = max(map { $_->{memory} } @$seen) - $memory;
    cmp_ok($more, '<', $buffers + $known, "$what: memory, kB");
    note("$what: $more kB more");

    # a file and a connection for each that is under way, and what a publisher
    # may have left
    $more = max(map { $_->{descriptors} } @$seen) - $descriptors;
    cmp_ok($more, '<=', 3 * $connections, "$what: descriptors");
    note("$what: $more descriptors more");
}

$ping->close;
$fault->stop;
$gateway->stop;
$t->done;

# --- what is done, and seen

# so many files that are finished at once
sub pushed {
    my ($name, $n) = @_;

    my $before = $t->files;
    my ($status, undef, $err) = run(root() . '/build/bench/rtmp_load',
        '-p', $t->port, '-f', $flv, '-n', $n, '-N', $name, '-a', 'live',
        '-w', 0, '-t', 4, '-r', 0);
    is($status, 0, "$name: pushed") or diag $err;
    wait_for("files of $name", 60, sub {
        my @done = grep { $_->{state} =~ /^(?:finished|evicted)$/ } $t->files;
        return @done == $before + $n;
    });
}

sub watched {
    return map { { ping => $ping->rounds(1), memory => rss(),
                   descriptors => descriptors() } } 1 .. 5;
}

sub arrived {
    my ($n) = @_;

    my @rows;
    wait_for('deliveries', 120, sub {
        @rows = $t->catalogue(q{SELECT * FROM outbox WHERE kind = 'upload'
                                AND state = 'done'});
        return @rows == $n;
    }, sub { ': ' . @rows . " of $n" });
    return @rows;
}

# max= has its way once they are delivered
sub removed {
    wait_for('room', 30, sub {
        my @left = grep { $_->{local} && $_->{state} eq 'finished' } $t->files;
        return (1 << 20) >= sum0 map { $_->{size} } @left;
    });
}

sub rss { return (slurp("/proc/$worker/status") =~ /^VmRSS:\s+(\d+)/m)[0] }

sub descriptors { return scalar(() = glob "/proc/$worker/fd/*") }
