#!/usr/bin/perl

# Many files that are finished at once, and a receiver that takes its time: all
# are told, each once, what is live does not notice, and memory stays within
# bounds.  In the long form (TEST_STREAMS=1000 TEST_DELAY=1) it takes minutes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use List::Util qw(max);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Ping;
use Recording::Told;
use Recording::Util qw(root run slurp wait_for within);

my $streams = $ENV{TEST_STREAMS} || 200;
my $delay = $ENV{TEST_DELAY} || 0.2;

my $t = Recording::Nginx->new;
my $told = Recording::Told->new(port => $t->port(1));

# so that most wait until all are finished, however long that takes
$told->set(delay => 2);

$t->conf(<<'CONF')->start;
thread_pool default threads=4 max_queue=65536;
worker_processes 1;
worker_rlimit_nofile 16384;
events { worker_connections 4096; }
rtmp {
    record_store %%STORE%%;
    record_template told {
        format flv;
        notify http://127.0.0.1:%%PORT_1%%/;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        ping 1h;
        application plain { live on; }
        application live { live on; record_rule told; }
    }
}
CONF

my $flv = media(duration => 12, gop => 2, size => '160x120');
my ($worker) = $t->worker_pids;
my $ping = Recording::Ping->new($t, 'plain');
my @idle = $ping->rounds(2);

my ($status, $out, $err) = run(root() . '/build/bench/rtmp_load',
    '-p', $t->port, '-f', $flv, '-n', $streams, '-a', 'live', '-w', 0,
    '-t', 7, '-r', 0);
is($status, 0, 'pushed') or diag $err;

$t->wait_files($streams, _timeout => 60);
$told->set(delay => $delay);

# --- while they are told

my $memory = rss();
my ($left) = $t->catalogue('SELECT count(*) AS n FROM outbox'
                           . " WHERE state <> 'done'");
my (@busy, @memory);

# more rounds if others use the machine
for my $n (1 .. 10) {
    push @busy, $ping->rounds(1);
    push @memory, rss();

    last if $n >= 5 && Recording::Ping::grown(\@idle, \@busy) < 0.005;
}

note "$left->{n} events waited at the beginning";

my @events = $told->wait_events($streams, 30 + $streams * $delay);
push @idle, $ping->rounds(3);

cmp_ok($left->{n}, '>', 0, 'some are still to be told');
cmp_ok(Recording::Ping::grown(\@idle, \@busy), '<', within(0.005),
       'a ping does not notice');
note(sprintf 'p99 of the ping: %s ms, then %s ms',
     map { Recording::Ping::milliseconds(@$_) } \@busy, \@idle);

my %files = map { $_->{json}{file_id} => 1 } @events;
is(keys %files, $streams, 'each file is told');
is(scalar($told->events), $streams, 'once');

my %at_once;
$at_once{ int $_->{time} / $delay }++ for $told->events;
my ($most) = sort { $b <=> $a } values %at_once;
cmp_ok($most, '<=', 8, 'by four at a time');

cmp_ok(max(@memory, rss()) - $memory, '<', 8192,
       'memory does not grow, kB');

my @rows = $t->files;
is(scalar(grep { $_->{frames_dropped} } @rows), 0, 'nothing dropped');
is(scalar(grep { !$_->{told} } @rows), 0, 'and files say so');

# a busy machine sends less of it, of 40 ms each
my ($frames) = map { JSON::XS::decode_json($_)->{frames} }
               grep { /"done"/ } split /\n/, $out;
is(scalar(grep { my ($i) = $_->{stream} =~ /(\d+)/;
                 $_->{duration_ms} < 40 * $frames->[$i][0] - 100
                 || -s $t->path($_) != $_->{size} } @rows), 0,
   'all are whole');

$ping->close;
$told->stop;
$t->done;

sub rss { return (slurp("/proc/$worker/status") =~ /^VmRSS:\s+(\d+)/m)[0] }
