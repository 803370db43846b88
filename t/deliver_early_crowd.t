#!/usr/bin/perl

# Many files grow at a time while their bucket is slow, or refuses what is
# written to it: the others' descriptors, its answers and the log are spared.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Early;
use Recording::Util qw(not_tested slow);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $e = Recording::Early->new(bucket => 'max_connections 4;');
my ($t, $fault) = ($e->nginx, $e->fault);
my ($worker) = $t->worker_pids;

subtest 'nothing is answered' => \&hangs;
subtest 'writes are refused' => \&refused;
subtest 'a request is refused' => \&request;
subtest 'other credentials' => \&credentials;

$e->done;

# four files are open at a time, each of which has four segments and as many
# duplicates; without that limit it is 300, and live has no more connections
sub hangs {
    my @streams = crowd(40);
    my $before = descriptors();
    my $most = $before;

    $fault->on('', '', hang => 'answer', times => 0);
    $_->send(20) for @streams;
    pause(15, sub { $most = descriptors() if descriptors() > $most });

    $fault->clear;
    pause(15, sub { $most = descriptors() if descriptors() > $most });
    cmp_ok($most - $before, '<', 90, 'few descriptors');

    arrive(@streams);
}

# HEAD is answered, which is all that is asked of it as a probe
sub refused {
    my @streams = crowd(10);
    my $asked = $fault->requests(qr/^PUT/);
    my $mark = length $t->error_log;

    $fault->on(PUT => '', status => 403, code => 'AccessDenied', times => 0);
    $_->send(8) for @streams;
    $t->wait_log(qr/bucket "archive" cannot be used: PUT answered with 403/,
                 undef, $mark);
    pause(20);

    my $tried = $fault->requests(qr/^PUT/) - $asked;
    cmp_ok($tried, '<', 10 * 4 * 6, "$tried requests: less and less");
    is(said('cannot be used', $mark), 1, 'which is said once');
    is(said('can be used again', $mark), 0, 'as long as nothing was taken');

    $fault->clear;
    $t->wait_log(qr/bucket "archive" can be used again/, 90, $mark);
    arrive(@streams);
    is(said('cannot be used', $mark), 1, 'the bucket is used');
    is(said('can be used again', $mark), 1, 'and that is said once, too');
}

# of one that grows no attempts are counted
sub request {
    my $s = $e->stream('flv', video => 1_500_000, audio => 300);

    $fault->on(POST => qr/uploads/, status => 400, code => 'Wrong',
               times => 0);
    $s->send(10);
    $t->wait_log(qr/flv\d+\.flv" was not delivered .* 400 Wrong/);
    pause(15);
    is(scalar($fault->requests(qr/^POST .*uploads/)), 1,
       'it is not tried again at once');

    $fault->clear;
    $s->end;
    $e->whole($t->wait_files(1, stream => $s->name), short => undef);
}

# keys can be good for an hour, and a file can grow for a day
sub credentials {
    my $s = $e->stream('hls', video => 50_000, audio => 300)->send(5);
    my $file = $t->dir . '/credentials';
    my $list = $s->name . '/index.m3u8';

    $e->wait_segments(2, $list);
    my $mark = length $t->error_log;
    $e->{storage}->credentials($file, secret => 'another+one');
    $s->send(6);
    $t->wait_log(qr/bucket "archive" cannot be used: .*403/, undef, $mark);

    $e->{storage}->credentials($file);
    $e->wait_segments(5, $list);
    $s->end;
    $e->whole($t->wait_files(1, stream => $s->name));
}

# --- trials

sub crowd {
    my ($n) = @_;
    return map { $e->stream('hls', video => 30_000, audio => 300) } 1 .. $n;
}

sub pause {
    my ($seconds, $look) = @_;

    my $end = time + $seconds;
    $e->wait_on('a while', slow(4 * $seconds), sub {
        $look->() if $look;
        return time > $end;
    });
    return;
}

sub descriptors {
    return scalar(() = glob "/proc/$worker/fd/*");
}

sub said {
    my ($what, $mark) = @_;
    my $log = substr $t->error_log, $mark;
    return scalar(() = $log =~ /bucket "archive" $what/g);
}

sub arrive {
    my (@streams) = @_;

    $_->end for @streams;
    $e->complete([ map { $_->name . '/index.m3u8' } @streams ]);
    return;
}
