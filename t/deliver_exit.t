#!/usr/bin/perl

# A worker that has no time to end in: its deliveries are another one's, and
# nothing is said against the bucket.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Fault;
use Recording::Gateway;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(not_tested slurp wait_for);

my $missing = Recording::Gateway->missing;
plan skip_all => not_tested($missing) if $missing;

my $gateway = Recording::Gateway->new;
my $fault = Recording::Fault->new(to => $gateway->port);
my $s3 = $gateway->s3;
my $films = $gateway->bucket('films');
my $media = media(duration => 4, fps => 5, gop => 1, key_bytes => 4_000_000);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF', PORT => $fault->port,
thread_pool default threads=4;
worker_processes 1;
worker_shutdown_timeout 1s;
rtmp {
    record_store %%STORE%% reserve=0;
    record_bucket archive {
        endpoint http://127.0.0.1:%%PORT%%;
        bucket films;
        part_size 5m;
        credentials %%FILE%%;
    }
    record_template one { format flv; path '{StreamID}'; upload archive; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 8m;
        application one { live on; record_rule one; }
    }
}
CONF
    FILE => $gateway->credentials($t->dir . '/credentials'))->start;

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

$fault->stop;
$gateway->stop;
Recording::Nginx->done;
