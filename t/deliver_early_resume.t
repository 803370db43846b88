#!/usr/bin/perl

# What is delivered while it is recorded pauses and goes on, on another worker
# too, and after a restart: in the same upload, and complete within 2 s of its
# end.

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
my @workers = $t->worker_pids;

# all of them pause, and end at the same time
my %stream = map { $_ => $e->stream('more') }
             ('another worker', 'the same worker', 'nginx was restarted');
my @names = sort keys %stream;

for my $what (@names) {
    my $s = $stream{$what};
    $e->publish_at($s->end, $workers[0])->send(32);
}

subtest "$_: before" => sub { grown($stream{$_}, 1, 2) } for @names;

subtest 'paused' => sub {
    my %paused = map { $_ => 1 } grep { !/restarted/ } @names;

    $stream{$_}->settle->end for keys %paused;
    paused($stream{$_}) for keys %paused;
    $e->publish_at($stream{'another worker'}, $workers[1]);
    $e->publish_at($stream{'the same worker'}, $workers[0]);
    $stream{$_}->send(16)->settle for keys %paused;
};

subtest "$_: gone on" => sub { grown($stream{$_}, 2, 4) }
    for grep { !/restarted/ } @names;

subtest 'nginx is restarted' => sub {
    my $s = $stream{'nginx was restarted'};

    $_->settle->end for values %stream;
    paused($_) for values %stream;
    $t->stop;
    is($e->outbox($_)->{state}, 'growing', "$_: nobody has it")
        for keys_of($s);
    $t->start;
    $s->publish->send(16)->settle;
    grown($s, 2, 4);
    $s->end;
};

subtest 'the end' => sub {
    my @keys = map { (keys_of($_), $_->name . '/index.m3u8') } values %stream;

    paused($_) for values %stream;
    $t->catalogue("UPDATE files SET resume_us = 1 WHERE state = 'paused'");

    $e->in_time({ $e->complete_rows(@keys) });

    for my $s (values %stream) {
        my @rows = $t->wait_files(4, stream => $s->name);
        is(scalar(@rows), 4, $s->name . ': one file of each format');
        $e->whole($_) for @rows;
        $e->sent_once($_) for keys_of($s);
    }
};

$e->done;

sub keys_of {
    my ($s) = @_;
    return map { $s->name . ".$_" } qw(aac flv mp4);
}

# so many parts of audio, and of all
sub grown {
    my ($s, $audio, $all) = @_;

    $e->wait_parts($audio, $s->name . '.aac');
    $e->wait_parts($all, map { $s->name . ".$_" } qw(flv mp4));
    $e->wait_segments(8 * $all / 2, $s->name . '/index.m3u8');
}

sub paused {
    my ($s) = @_;
    $e->wait_on('a pause', 20, sub {
        4 == grep { $_->{state} eq 'paused' } $e->rows($s) });
    pass($s->name . ': paused');
}
