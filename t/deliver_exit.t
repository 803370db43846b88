#!/usr/bin/perl

# A worker that has no time to end in: its deliveries are another one's, and
# nothing is said against the bucket.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Delivery;
use Recording::Media qw(media);
use Recording::Util qw(not_tested slurp wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new(main => 'worker_shutdown_timeout 1s;');
my ($t, $fault) = ($d->nginx, $d->fault);
my ($s3, $films) = ($d->s3, $d->films);
my $media = media(duration => 4, fps => 5, gop => 1, key_bytes => 4_000_000);

$fault->on(PUT => qr/partNumber/, hang => 'answer', times => 4);

my $r = $t->publisher('one', 'a');
$r->send_flv($media);
$r->delete_stream->close;
my ($file) = $t->wait_files(1);

wait_for('all parts', 30, sub {
    return grep({ $_->{did} } $fault->requests(qr/^PUT/)) == 4;
});
$t->reload;

my $row;
wait_for('delivery', 60, sub {
    ($row) = $t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'");
    return $row->{state} eq 'done';
}, sub { "\n$row->{state} $row->{error} $row->{progress}" });

ok($s3->get($films, 'a.flv') eq slurp($t->path($file)), 'as it is');
is($row->{attempts}, 1, 'no attempt has failed');
is(scalar($s3->uploads($films)), 0, 'no upload is left');
unlike($t->error_log, qr/cannot be used/, 'the bucket can be used');

$d->done;
