#!/usr/bin/perl

# The rate of a bucket: all that is sent at a time has its share of it, so that
# no server waits in vain for what is next, and all of it together keeps to it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max min sum);
use Test::More;

use Recording::Delivery;
use Recording::Util qw(not_tested slurp wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $files = 8;
my $rate = 100 * 1024;

my $d = Recording::Delivery->new(bucket => 'rate 100k;');
my ($t, $fault) = ($d->nginx, $d->fault);
my ($s3, $films) = ($d->s3, $d->films);
my $media = $d->small;

my @publishers = map { $t->publisher('one', "s$_") } 1 .. $files;
$_->send_flv($media) for @publishers;
$_->delete_stream->close for @publishers;
$t->wait_files($files);

my @puts;
wait_for('all are sent', 30, sub {
    return $files == (@puts = $fault->requests(qr/^PUT/));
});
# of four seconds
wait_for('something', 60, sub {
    @puts = $fault->requests(qr/^PUT/);
    return sum(map { $_->{got} } @puts) >= 4 * $rate;
});
cmp_ok(min(map { $_->{got} } @puts), '>', 0, 'something of each');

wait_for('deliveries', 60, sub {
    return $files == $t->catalogue("SELECT id FROM outbox WHERE"
                                   . " kind = 'upload' AND state = 'done'");
});

@puts = $fault->requests(qr/^PUT/);
is(scalar(@puts), $files, 'each is sent once');

my $seconds = max(map { $_->{end} } @puts) - min(map { $_->{start} } @puts);
cmp_ok(sum(map { $_->{length} } @puts) / $seconds, '<', 1.2 * $rate, 'the rate');

for my $row ($t->files) {
    ok($s3->get($films, $row->{path}) eq slurp($t->path($row)),
       "$row->{path}: as it is");
}

$d->done;
