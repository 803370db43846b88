#!/usr/bin/perl

# A worker, or all of nginx, is killed while what it records is delivered: what
# was sent before is not sent again, and the object is as the file is that is
# left.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Early;
use Recording::Util qw(not_tested);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

# they wait until the test says that their time is over
my $e = Recording::Early->new(workers => 2, formats => join ' ',
    map { "format $_ resume=10m;" } 'flv', 'mp4', 'aac', 'hls segment=2s');
my $t = $e->nginx;
$t->allow(qr/worker process \d+ exited on signal 9/);

subtest 'nginx is killed' => \&all;
subtest 'nginx is killed, and the streams are back' => \&back;
subtest 'the worker that records is killed' => sub {
    worker(sub { $_[0]{recorder} }) };
subtest 'a worker that delivers is killed' => sub {
    worker(sub { (sort keys %{ $_[0]{senders} })[0] }) };
subtest 'a reload' => \&reload;

$e->done;

sub again {
    $t->kill9;
    $t->start;
}

sub keys_of {
    my ($s) = @_;
    return map { $s->name . ".$_" } qw(aac flv mp4);
}

# before a kill all parts that are whole, as one that is on its way may be
# taken without an answer
sub grown {
    my ($s, $audio, $all) = @_;

    $e->wait_parts($audio, $s->name . '.aac');
    $e->wait_parts($all, map { $s->name . ".$_" } qw(flv mp4));
    $e->wait_segments(4 * $all, $s->name . '/index.m3u8');
}

sub check {
    my ($s) = @_;

    my @rows = $t->wait_files(4, stream => $s->name);
    is(scalar(@rows), 4, 'one file of each format');
    $e->whole($_) for @rows;
    $e->sent_once($_) for keys_of($s);
}

sub all {
    my $s = $e->stream('all')->send(32);
    grown($s, 1, 3);
    $s->send(2)->settle;
    again();

    # what is left of them is finished, and nobody can know when it ended
    my %took = $e->complete_rows(keys_of($s), $s->name . '/index.m3u8');
    $e->in_time(\%took);
    check($s);
}

sub back {
    my $s = $e->stream('more')->send(32);
    grown($s, 1, 3);
    $s->settle;
    again();

    $s->abort->publish->send(16)->settle;
    grown($s, 2, 4);
    $s->end;
    $e->wait_on('a pause', 20, sub {
        4 == grep { $_->{state} eq 'paused' } $e->rows($s) });
    $t->catalogue("UPDATE files SET resume_us = 1 WHERE state = 'paused'");
    $e->in_time({ $e->complete_rows(keys_of($s)) });
    check($s);
}

sub worker {
    my ($which) = @_;

    my @workers = $t->worker_pids;
    my $s = $e->stream('all');
    $e->publish_at($s->end, $workers[0])->send(32);
    grown($s, 1, 3);

    my %senders = map { ($_->{owner} =~ /(\d+)/)[0] => 1 } $t->catalogue(
        "SELECT owner FROM outbox WHERE state = 'taken' AND facts ->> 'stream'"
        . " = '" . $s->name . "'");
    ok(%senders, 'somebody delivers it');
    my $victim = $which->({ recorder => $workers[0], senders => \%senders });
    $t->signal(KILL => $victim);
    $e->wait_on('another worker', 20, sub {
        my @now = $t->worker_pids;
        return @now == 2 && !grep { $_ == $victim } @now });

    # on a worker that lives it goes on
    if ($victim != $workers[0]) {
        $s->send(16)->settle;
        grown($s, 2, 4);
        $e->ended($s);
    }

    check($s);
}

# the old worker has the streams, and all of them end well
sub reload {
    my $s = $e->stream('all')->send(32);
    grown($s, 1, 2);

    $t->reload;
    $s->send(16)->settle;
    grown($s, 2, 4);
    $e->ended($s);
    check($s);
    $e->wait_on('the end of old workers', 20,
                sub { $t->worker_pids(all => 1) == 2 });
}
