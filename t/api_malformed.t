#!/usr/bin/perl

# Requests that are no calls, or bad ones, hundreds of them, whole and cut short,
# with and without a signature: each has an error for an answer, if any, nothing
# is let in, and the workers live.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(spew wait_for);

my $t = Recording::Nginx->new;
spew($t->dir . '/key', 'secret');
chmod 0600, $t->dir . '/key';
$t->conf(<<'CONF', KEY => $t->dir . '/key')->start;
rtmp { record_store %%STORE%%; }
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key id %%KEY%%; }
        location /off/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
my $off = Recording::Api->new(port => $t->port(1), path => '/off/');
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
my @pids = $t->worker_pids;

my @key = (key => [ 'id', 'secret' ]);
my @wrong = (key => [ 'id', 'wrong' ]);
my $signed = $api->request('RetryDelivery', { DeliveryIds => ['1'] }, @key,
                           host => 'example.com');
my $n = 0;

# --- a signature that is changed in each place

my ($value) = $signed =~ /^Authorization: (.*?)\r$/m;

for my $place (0 .. length($value) - 1) {
    next if substr($value, $place, 1) eq ' ';
    my $changed = $value;
    substr($changed, $place, 1) = substr($value, $place, 1) eq 'x' ? 'y' : 'x';
    error($signed =~ s/\Q$value/$changed/r, qr/^AuthFailure\./,
          "signature, byte $place");
}

for my $length (map { 7 * $_ } 0 .. length($value) / 7 - 1) {
    my $cut = substr $value, 0, $length;
    error($signed =~ s/\Q$value/$cut/r, qr/^AuthFailure\./,
          "signature, $length bytes");
}

error($signed =~ s/\Q$value/$value$_/r, qr/^AuthFailure\./, "behind it: $_")
    for ',', ', ', ' x', ';', ', Signature=0', 'x' x 3000;
error($signed =~ s/(Authorization: .*\r\n)/$1$1/r, qr/^AuthFailure\./,
      'two signatures');
error($signed =~ s/(X-TC-Timestamp: .*\r\n)/$1$1/r, qr/^AuthFailure\./,
      'two times');
error($signed =~ s/(Content-Type: .*\r\n)/$1$1/r, qr/./, 'two types');
error($signed =~ s/X-TC-Timestamp: .*/X-TC-Timestamp: $_\r/r, qr/^AuthFailure/,
      "time $_")
    for '', '0', '-1', 'x', '1e9', '99999999999999999999', ' ' x 100;

# --- bodies of all kinds, let in or not

my @bodies = ('', ' ', "\0", '{', '}', '[', '{}{}', '{"a"}', '{"a":}', '{a:1}',
    "{'a':1}", '{"a":1,}', '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1e400}',
    '{"a":"\x01"}', "{\"a\":\"\x01\"}", '{"a":"\ud800"}', '{"a":"\u12"}',
    "\xef\xbb\xbf{}", '{"a":NaN}', '{"a":tru}', '"', '{"":1}', '{"\u0000":1}',
    '[' x 2000, '{"a":' x 2000, '[' x 60000, ('{"a":[' x 9) . (']}' x 9),
    "{\"\xff\":1}", '{"StreamIds":["\u0000"]}', '/**/{}', "{}\0", '{} x',
    'Action=SearchMedia', "--x\r\nContent-Disposition: form-data\r\n\r\n");

for my $body (@bodies) {
    my $what = substr($body =~ s/[^ -~]/./gr, 0, 20) . ' ' . length $body;
    error($off->request('SearchMedia', undef, body => $body),
          qr/^(?:InvalidParameter|UnknownParameter)$/, "body $what");
    error($api->request('SearchMedia', undef, body => $body, @wrong),
          qr/^AuthFailure\./, "body $what, with another key");
}

# --- values of each type for each parameter

for my $action (qw(SearchMedia DescribeMediaInfos DescribeRecordings
                   RetryDelivery))
{
    for my $name (qw(StreamIds FileIds CreateTime Sort Limit ScrollToken Filters
                     RecordingIds State StreamName DeliveryIds RecordTime))
    {
        for my $value (1, -1, 1.5, 'x' x 5000, JSON::XS::true, [[]], [{}], {},
                       { After => {} }, { x => 1 }, [ map { "$_" } 1 .. 200 ])
        {
            my $code = $off->code($action, { $name => $value });
            $n++;
            like($code, qr/^(?:|\w+Parameter\w*)$/, "$action $name")
                if $code !~ /^(?:|\w+Parameter\w*)$/;
        }
    }
}

# --- headers

my @headers = (['X-TC-Action', ''], ['X-TC-Action', 'x' x 3000],
    ['X-TC-Action', "\xff"], ['Content-Type', ''], ['Content-Length', '70000'],
    ['Content-Length', '-1'], ['Content-Length', 'x'], ['Origin', "\xff"],
    ['Authorization', ''], ['Authorization', "\xff"], ['Host', ''],
    ['Host', undef], ['Content-Length', undef],
    ['Transfer-Encoding', 'chunked']);

error($api->request('DescribeStore', {}, headers => { @$_ }), qr/./,
      "header $_->[0]: " . substr $_->[1] // 'none', 0, 9)
    for @headers;

# --- requests that end early, which nobody answers, or nginx itself

for my $length (map { 11 * $_ } 1 .. length($signed) / 11) {
    my $socket = $api->connection;
    print $socket substr $signed, 0, $length;
    close $socket;
    $n++;
}

cmp_ok($n, '>', 200, "$n requests");
is_deeply([ $t->worker_pids ], \@pids, 'the workers live');
is($api->code('DescribeStore', {}, @key), '', 'and answer');

$t->done;

# an error, of the status 200 if it is ours
sub error {
    my ($request, $code, $what) = @_;

    my ($status, undef, $body) = $api->raw($request);
    my ($got) = ($body // '') =~ /"Code":"([\w.]+)"/;

    $n++;
    return pass("$what: nginx's own") if $status && $status == 400 && !$got;
    like($got // 'none', $code, $what);
}
