#!/usr/bin/perl

# Many files wait for a bucket that is down: all are delivered when it is back,
# as many at a time as it may have connections.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Delivery;
use Recording::Util qw(not_tested slurp wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $files = 40;

my $d = Recording::Delivery->new(bucket => 'max_connections 32;');
my ($t, $fault) = ($d->nginx, $d->fault);
my ($s3, $films) = ($d->s3, $d->films);
my $media = $d->small;

$fault->down;

my @publishers = map { $t->publisher('one', "s$_") } 1 .. $files;
$_->send_flv($media) for @publishers;
$_->delete_stream->close for @publishers;
$t->wait_files($files);

is(state('done'), 0, 'they wait');

# one is answered, which says that the bucket can be used, and the others wait
$fault->on(PUT => '', skip => 1, hang => 'answer', times => 0);
$fault->up;

my $most = 0;
wait_for('many at a time', 120, sub {
    $most = state('taken');
    return $most >= 32;
}, sub { tail_of() });
sleep 1;
$most = state('taken');
$fault->clear->down->up;

wait_for('deliveries', 120, sub {
    my $now = state('taken');
    $most = $now if $now > $most;
    return state('done') == $files;
}, sub { tail_of() });

cmp_ok($most, '>', 8, 'many at a time');
cmp_ok($most, '<=', 32, 'as many as there may be connections');

for my $row ($t->files) {
    ok($s3->get($films, $row->{path}) eq slurp($t->path($row)),
       "$row->{path}: as it is");
}

$d->done;

sub state {
    my ($state) = @_;
    return scalar($t->catalogue("SELECT id FROM outbox WHERE kind = 'upload'"
                                . " AND state = '$state'"));
}

sub tail_of {
    return join "\n", '', map { "$_->{key}: $_->{state} $_->{error}" }
        $t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'");
}
