#!/usr/bin/perl

# The server of a bucket that keeps versions is killed: while it takes parts,
# before it has said that an object is complete, and for a whole recording.  All
# of it arrives, once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Early;
use Recording::Gateway;
use Recording::Util qw(not_tested);

my $missing = Recording::Gateway->missing;
plan skip_all => not_tested($missing) if $missing;
local $ENV{TEST_STORAGE} = 'Gateway';

my $e = Recording::Early->new;
my ($t, $fault, $gateway) = ($e->nginx, $e->fault, $e->storage);

is($e->s3->request('PUT', $e->films, '', query => { versioning => '' },
       body => '<VersioningConfiguration><Status>Enabled</Status>'
               . '</VersioningConfiguration>')->{status}, 200, 'versions');

subtest 'while it takes parts' => sub {
    my $s = $e->stream('all')->send(32);
    $e->wait_parts(2, map { $s->name . ".$_" } qw(flv mp4));

    # so slow that some are on their way
    $fault->on(PUT => qr/partNumber/, rate => 500_000, times => 0);
    my $before = () = $fault->requests(qr/^PUT /);
    $s->send(16)->settle;
    $e->wait_on('a part on its way', 20, sub {
        return $before < (() = $fault->requests(qr/^PUT /)) });
    $gateway->kill9;
    $fault->clear;
    $s->send(8)->settle;
    $gateway->start_again;
    $s->send(8)->settle->end;
    arrive($s);
};

subtest 'before it has said that it is complete' => sub {
    my $s = $e->stream('all')->send(32)->settle;
    $fault->on(POST => qr/uploadId/, hang => 'answer', times => 0);
    $s->end;

    # it is, and nobody knows
    my @keys = map { $s->name . ".$_" } qw(flv mp4);
    $e->wait_on('the end of uploads', 30, sub {
        return !grep { !$e->s3->head($e->films, $_) } @keys });
    is(join(' ', map { $e->outbox($_)->{state} } @keys), 'taken taken',
       'they are complete, which is not told');
    $gateway->kill9;
    $fault->clear->down->up;
    $gateway->start_again;
    arrive($s);
};

subtest 'for a whole recording' => sub {
    $gateway->kill9;
    my $s = $e->stream('all')->send(32)->settle;
    $s->end;
    $t->wait_files(4, stream => $s->name);
    $gateway->start_again;
    arrive($s);
};

$e->done;

sub arrive {
    my ($s) = @_;

    my @rows = $t->wait_files(4, stream => $s->name);
    is(scalar(@rows), 4, 'a file of each format');
    is(join(' ', map { $_->{frames_dropped} } @rows), '0 0 0 0',
       'nothing is missing');
    $e->whole($_, short => undef) for @rows;

    # what was written once is there once
    my $versions = $e->s3->request('GET', $e->films, '',
        query => { versions => '', prefix => $s->name })->{content};

    for my $row (grep { $_->{format} ne 'hls' } @rows) {
        my @all = $versions =~ m{<Key>(\Q$row->{path}\E)</Key>}g;
        is(scalar(@all), 1, "$row->{path}: one version");
    }
}
