#!/usr/bin/perl

# Many events wait for a receiver that is away: metrics tell how long the oldest
# one waits, which is tried later than others.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $url = 'http://127.0.0.1:1/';
my $t = Recording::Nginx->new;

$t->conf(<<"CONF")->start;
rtmp {
    record_store %%STORE%%;
    record_template one { format mp4; notify $url; notify http://127.0.0.1:2/; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
    }
}
http {
    server { listen 127.0.0.1:%%PORT_1%%; location / { record_metrics; } }
}
CONF

wait_for('the store', 20, sub { metrics() });

# an hour old and due in 15 minutes, after 6,000 that are new and due sooner
my $now = 1_000_000 * time;
$t->catalogue(<<"SQL");
INSERT INTO outbox (event_id, recording_id, kind, event, template, target,
    holds, event_us, facts, next_us)
SELECT 'e' || value, value, 'event', 'record_ended', 'one', '$url', 0,
    $now - (value = 1) * 3600000000, '{}',
    $now + 600000000 + (value = 1) * 300000000
FROM generate_series(1, 6000);
SQL

my %m = metrics();
my ($one, $two) = map { "{template=\"one\",target=\"$_\"}" }
                  $url, 'http://127.0.0.1:2/';

cmp_ok($m{"recording_outbox_oldest_seconds$one"}, '>=', 3600, 'the oldest');
is($m{"recording_outbox_waiting$one"}, 5000, 'they are counted so far');
is($m{"recording_outbox_oldest_seconds$two"}, 0, 'nothing waits for another');
is($m{"recording_outbox_waiting$two"}, 0, 'as it says');

$t->stop;
$t->done;

sub metrics {
    my ($status, $head, $body) = Recording::Api->new(port => $t->port(1))
        ->raw("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

    return $status == 200 ? $body =~ /^(recording_\w+(?:\{.*\})?) (\S+)$/mg : ();
}
