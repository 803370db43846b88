#!/usr/bin/perl

# Few descriptors while files grow, and a bucket that does not answer: what
# delivery holds leaves enough for recording, and all arrives in the end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Early;
use Recording::Util qw(not_tested);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $streams = 10;
my $limit = 80;
my $e = Recording::Early->new(
    main => "worker_rlimit_nofile $limit; events { worker_connections 64; }");
my ($t, $fault) = ($e->nginx, $e->fault);

# each has two parts when it ends, and segments
my @streams = map { $e->stream($_ % 2 ? 'flv' : 'hls', video => 300_000,
                               audio => 300) } 1 .. $streams;

# at first no request has an answer, so that each holds what it needs
$fault->on('', '', hang => 'answer', times => 0);
$_->send(12) for @streams;
$fault->clear;
$_->send(6) for @streams;
$_->end for @streams;

my @rows = $t->wait_files($streams, _timeout => 60);
is(join(' ', map { "$_->{path} $_->{frames_dropped}" }
             grep { $_->{frames_dropped} } @rows), '', 'no frame is lost');

$e->complete([ map { $_->{path} } @rows ]);
$e->whole($_, short => undef) for @rows;

$e->done;
