#!/usr/bin/perl

# A query that takes too long is given up: others answer meanwhile, what is live
# is recorded, and nothing of it is left; nor does a later call say so that has
# failed by something else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run spew wait_for within);

my $media = media(duration => 2, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    record_template one { format mp4 resume=0; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
        location = /metrics { record_metrics; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

# exceptions without end, which the hourly copy is not to read
spew($t->store . '/catalogue.copy', '');
sql('ALTER TABLE exceptions RENAME TO kept; CREATE VIEW exceptions AS'
    . ' WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)'
    . " SELECT i AS hour_us, '' AS domain, '' AS app, '' AS stream,"
    . " '' AS exception, i AS number FROM n"
    . ' WHERE i > (SELECT count(*) FROM kept)');

my $begin = time;
my $socket = $api->connection;
print $socket $api->request('DescribeStore');

my $live = $t->publisher('live', 'show');
$live->send_flv($media, rate => 1);
$t->wait_growing(1);
is($api->code('DescribeRecordings'), '', 'another call');
like(metrics(), qr/^recording_workers 1$/m, 'and metrics');

my $answer = do { local $/; <$socket> } // '';
my $took = time - $begin;
cmp_ok($took, '>', 1.9, 'it has two seconds');
cmp_ok($took, '<', within(15), 'and not many more');
like($answer, qr/"Code":"FailedOperation".*within 2000 ms/, 'and is given up');

my ($row) = $t->catalogue('PRAGMA wal_checkpoint(TRUNCATE)');
is($row->{busy}, 0, 'nothing of it is open');

$live->delete_stream->close;
($row) = $t->wait_files(1);
is($row->{frames_dropped}, 0, 'no frame was lost');

# --- the next one in its place fails by something else

is($api->code('DescribeStore'), 'FailedOperation', 'once more');
sql('DROP VIEW exceptions; ALTER TABLE kept RENAME TO exceptions;'
    . ' ALTER TABLE outbox RENAME TO kept');
my $error = $api->call('RetryDelivery', { DeliveryIds => ['1'] })->{Error};
is($error->{Code}, 'InternalError', 'a change that fails');
like($error->{Message}, qr/no such table/, 'and why');

sql('ALTER TABLE kept RENAME TO outbox');
is($api->code('RetryDelivery', { DeliveryIds => ['1'] }), '', 'one that works');
is($api->code('DescribeStore'), '', 'and the query, again');

$t->stop;
$t->done;

sub metrics {
    return ($api->raw("GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                      . "Connection: close\r\n\r\n"))[2];
}

sub sql {
    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000', $t->db,
                                    @_);
    is("$status $err", '0 ', 'the catalogue is changed');
}
