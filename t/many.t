#!/usr/bin/perl

# Many streams on one worker, all cut at the same second: every file is
# complete and exact, and memory stays within bounds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use POSIX qw(ceil);
use Test::More;

use JSON::XS ();

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(packets);
use Recording::Util qw(root run slurp);

my $streams = $ENV{TEST_STREAMS} || 200;
my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4 max_queue=65536;
worker_processes 1;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
rtmp {
    record_store %%STORE%%;
    record_template all { format mp4 interval=4s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        chunk_size 4096;
        application live { live on; record_rule all; }
    }
}
CONF

# 2 Mbit/s
my $flv = media(duration => 12, gop => 2, size => '640x360',
                key_bytes => 120_000);
my ($worker) = $t->worker_pids;
my $rss = rss($worker);

my ($status, $out, $err) = run(root() . '/build/bench/rtmp_load',
    '-p', $t->port, '-f', $flv, '-n', $streams, '-a', 'live', '-w', 0,
    '-t', 10, '-r', 0);
is($status, 0, 'pushed') or diag $err;

my ($done) = grep { $_->{event} eq 'done' }
             map { JSON::XS::decode_json($_) } split /\n/, $out;

# a busy machine sends less of it: 25 frames a second, cut each four
my $files = sum0(map { ceil($_->[0] / 100) } @{ $done->{frames} });
my @rows = $t->wait_files($files, _timeout => 120);
cmp_ok(scalar @rows, '>', $streams, 'they were cut');
my @peak = slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+)/m;

is(sum0(map { $_->{frames_dropped} } @rows), 0, 'nothing dropped');

my %stream;
push @{ $stream{$_->{stream}} }, $_ for @rows;
is(scalar keys %stream, $streams, 'all streams');

my @bad = grep { sum0(map { $_->{frames_written} } @{ $stream{$_} })
                 != sum0(map { $_->{frames_in} } @{ $stream{$_} }) }
          keys %stream;
is(scalar @bad, 0, 'what came in was written');

# and no more came in than was sent, save the audio before a key frame
my $off = 0;

for my $name (keys %stream) {
    my $sent = sum0(@{ $done->{frames}[substr $name, 1] });
    $off++ if abs($sent - sum0(map { $_->{frames_in} } @{ $stream{$name} }))
              > 2;
}

is($off, 0, 'what was sent came in');

# the files themselves, of some
for my $name ((sort keys %stream)[0, $streams / 2, $streams - 1]) {
    my @files = $t->paths(sort { $a->{start_us} <=> $b->{start_us} }
                          @{ $stream{$name} });
    my @want = map { $_->{hash} } packets($flv, 'v');
    my @have = map { $_->{hash} } map { packets($_, 'v') } @files;

    $#want = $#have if @want > @have;
    is_deeply(\@have, \@want, "$name exact");
}

my $mb = ($peak[0] - $rss) / 1024 / $streams;
cmp_ok($mb, '<', 2, 'memory of a stream');
note(sprintf '%d streams, peak %.0f MB, %.2f MB a stream', $streams,
     $peak[0] / 1024, $mb);

$t->done;

sub rss { return (slurp("/proc/$_[0]/status") =~ /^VmRSS:\s+(\d+)/m)[0] }
