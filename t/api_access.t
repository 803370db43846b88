#!/usr/bin/perl

# Who may use the API: requests that are signed with a key, or come from this
# machine and only read; and what is no request to it at all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(run spew wait_for);

my $t = Recording::Nginx->new;
my ($id, $secret) = ('AKIDexample', 'abcdefghijklmnopqrstuvwxyz012345');

spew($t->dir . '/secret', "$secret \t\nanother line\n");
spew($t->dir . '/other', 'other');
chmod 0600, $t->dir . '/secret', $t->dir . '/other';

$t->conf(<<'CONF', DIR => $t->dir)->start;
rtmp {
    record_store %%STORE%%;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule default; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /plain/ { record_api; }
        location /told/ {
            set_real_ip_from 127.0.0.0/8;
            real_ip_header   X-Client;
            record_api;
        }
        location /api/ {
            record_api;
            record_api_key AKIDexample %%DIR%%/secret;
            record_api_key second %%DIR%%/other;
        }
        location /off/ { record_api; record_api_key off; }
        location /proxy/ { proxy_pass http://127.0.0.1:%%PORT_1%%/api/; }
        location /proxy11/ {
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_pass http://127.0.0.1:%%PORT_1%%/api/;
        }
    }
    server {
        listen unix:%%DIR%%/x.sock;
        listen 127.0.0.1:%%PORT_2%% proxy_protocol;
        location /api/ { record_api; }
    }
}
CONF

my $port = $t->port(1);
my $api = Recording::Api->new(port => $port);
my $off = Recording::Api->new(port => $port, path => '/off/');
my $plain = Recording::Api->new(port => $port, path => '/plain/');
my @key = (key => [$id, $secret]);

wait_for('the store', 20, sub { $off->code('DescribeStore') eq '' });

# --- without a key

(undef, my $unix) = run('curl', '-s', '--unix-socket', $t->dir . '/x.sock',
    '-d', '{}', '-H', 'Content-Type: application/json', '-H',
    'X-TC-Action: DescribeStore', 'http://localhost/api/');
like($unix, qr/"Store"/, 'over a unix socket');

is($api->code('DescribeStore'), '', 'from this machine');
is($plain->code('DescribeStore'), '', 'where there is no key either');

my $no = 'AuthFailure.UnauthorizedOperation';

is($api->code('DescribeStore', {}, host => $_), '', "Host $_")
    for 'localhost', "localhost:$port", 'LocalHost', '127.0.0.1', '127.1.2.3:1',
        '[::1]', '[::1]:80';
is($api->code('DescribeStore', {}, host => $_), $no, "Host $_")
    for 'example.com', "example.com:$port", 'localhost.example.com', '10.0.0.1',
        '128.0.0.1', 'localhost.', 'xlocalhost', '127.0.0.1.example.com',
        '[::2]', '2130706433';
is($api->code('DescribeStore', {}, http => '1.0'), $no, 'HTTP/1.0');
is($api->code('DescribeStore', {}, headers => { $_ => '1' }), $no, $_)
    for 'X-Forwarded-For', 'x-forwarded-proto', 'X-Forwarded-Host', 'Forwarded',
        'X-Real-IP', 'Via', 'X-Forwarded-Anything';

my ($status, $head, $body) = $api->raw(
    $api->request('DescribeStore') =~ s{ /api/ }{ http://localhost/api/ }r);
like($body, qr/"AuthFailure.UnauthorizedOperation"/, 'an absolute URI');

is(Recording::Api->new(port => $port, path => '/proxy/')->code('DescribeStore'),
   $no, 'through a proxy that says nothing, by HTTP/1.0');
is(Recording::Api->new(port => $port, path => '/proxy11/')
   ->code('DescribeStore'), $no, 'through one that says so');

my $proxied = Recording::Api->new(port => $t->port(2));
(undef, undef, $body) = $proxied->raw("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"
                                      . $proxied->request('DescribeStore'));
like($body, qr/"$no"/, 'through one that speaks the PROXY protocol');

my $told = Recording::Api->new(port => $port, path => '/told/');
is($told->code('DescribeStore'), '', 'a proxy that could tell an address');
is($told->code('DescribeStore', {}, headers => { 'X-Client' => $_ }), $no,
   "one that tells $_") for '127.0.0.1', '127.0.0.1:80', '::1', '10.0.0.1';

is($api->code('RetryDelivery', { DeliveryIds => ['1'] }), $no,
   'what changes anything needs a key');

# --- origins

my $foreign = 'UnauthorizedOperation';

for my $key ([], \@key) {
    my $how = @$key ? 'signed' : 'plain';
    is($api->code('DescribeStore', {}, @$key, headers => { Origin => $_ }), '',
       "$how, Origin $_")
        for "http://127.0.0.1:$port", "https://127.0.0.1:$port",
            "HTTP://127.0.0.1:$port";
    is($api->code('DescribeStore', {}, @$key, headers => { Origin => $_ }),
       $foreign, "$how, Origin \"$_\"")
        for 'http://example.com', 'null', "http://127.0.0.1", 'http://localhost',
            "http://127.0.0.1:$port.example.com", "ftp://127.0.0.1:$port", '';
}

is($off->code('DescribeStore', {}, headers => { Origin => 'http://a.example' }),
   $foreign, 'off, another Origin');
($status, $head) = $api->raw($api->request('DescribeStore', {}, headers =>
    { Origin => "http://127.0.0.1:$port" }));
unlike($head, qr/^Access-Control/mi, 'no CORS');

# --- keys

is($api->code('DescribeStore', {}, @key), '', 'signed');
is($api->code('DescribeStore', {}, @key, service => $_), '', "service $_")
    for '127', 'vod', "localhost:$port", "localhost:$port/api";
is($api->code('DescribeStore', {}, @key, signed => '127.0.0.1'), '',
   'signed without the port');
is($api->code('DescribeStore', {}, @key, path => '/api/'), '',
   'signed with its path');
is($api->code('DescribeStore', {}, @key, path => '/other/'),
   'AuthFailure.SignatureFailure', 'and with another one');
is($api->code('DescribeStore', {}, key => ['second', 'other']), '',
   'with the second key');
is($api->code('DescribeStore', {}, @key, host => 'api.example.com'), '',
   'from anywhere');
is($api->code('DescribeStore', {}, @key, http => '1.0',
              headers => { 'X-Forwarded-For' => '1.2.3.4' }), '',
   'through proxies');
is($api->code('RetryDelivery', { DeliveryIds => ['1'] }, @key), '',
   'it may change');

is($api->code('DescribeStore', {}, key => [$id, 'wrong']),
   'AuthFailure.SignatureFailure', 'another secret');
is($api->code('DescribeStore', {}, key => [$id, 'other']),
   'AuthFailure.SignatureFailure', 'the secret of another key');
is($api->code('DescribeStore', {}, key => ['nobody', $secret]),
   'AuthFailure.SecretIdNotFound', 'another id');
is($plain->code('DescribeStore', {}, @key), 'AuthFailure.SecretIdNotFound',
   'where there is no key');
is($api->code('DescribeStore', {}, @key, signed => 'api.example.com'),
   'AuthFailure.SignatureFailure', 'another host');
is($api->code('DescribeStore', {}, @key, time => time + $_),
   'AuthFailure.SignatureExpire', "a clock that is off by $_ s")
    for 310, -310;
is($api->code('DescribeStore', {}, @key, time => time + $_), '',
   "and by $_ s") for 280, -280;
is($api->code('DescribeStore', {}, @key,
              headers => { 'X-TC-Timestamp' => undef }),
   'AuthFailure.InvalidAuthorization', 'no time');
is($api->code('DescribeStore', {}, @key,
              headers => { 'X-TC-Timestamp' => time - 5 }),
   'AuthFailure.SignatureFailure', 'another time');
is($api->code('DescribeStore', {}, headers => { Authorization => $_ }),
   'AuthFailure.InvalidAuthorization', "Authorization $_")
    for 'SKIP', 'Bearer x', 'TC3-HMAC-SHA256', 'basic';
is($api->code('DescribeStore', {},
              headers => { Authorization => 'Basic dTpw' }), '',
   'a password is not looked at');

($status, $head, $body) = $api->raw(
    $api->request('DescribeStore', { A => 1 }, @key) =~ s/"A"/"B"/r);
like($body, qr/SignatureFailure/, 'another body');

# --- off

is($off->code('DescribeStore', {}, host => 'example.com',
              headers => { Via => '1' }), '', 'off: from anywhere');
is($off->code('DescribeStore', {}, key => ['nobody', 'x']), '',
   'off: a signature is not looked at');
is($off->code('RetryDelivery', { DeliveryIds => ['1'] }), '',
   'off: it may change');

# --- what is no request to the API

is($api->code('DescribeStore', {}, method => $_), 'UnsupportedProtocol', $_)
    for 'GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH';
is($api->code('DescribeStore', {}, headers => { 'Content-Type' => $_ }),
   'UnsupportedProtocol', 'type ' . ($_ // 'none'))
    for undef, 'text/plain', 'application/x-www-form-urlencoded',
        'application/jsonx', 'multipart/form-data; boundary=x';
is($api->code('DescribeStore', {}, headers => { 'Content-Type' => $_ }), '',
   "type $_")
    for 'application/json; charset=utf-8', 'Application/JSON',
        'application/json ;charset=utf-8';
is($api->code(undef, undef, body => 'Action=DescribeStore&Signature=x',
              headers => { 'Content-Type' =>
                           'application/x-www-form-urlencoded' }),
   'UnsupportedProtocol', 'the old signature');
is($api->code(undef), 'MissingParameter', 'no action');
is($api->code(undef, { Action => 'DescribeStore' }), 'MissingParameter',
   'an action in the body');
is($api->code('Nothing'), 'InvalidAction', 'an unknown action');
is($api->code('describestore'), 'InvalidAction', 'another case');
is($api->code('SearchMedia', {}, headers => { 'X-TC-Version' => $_ }),
   'NoSuchVersion', 'version ' . ($_ // 'none'))
    for undef, '2018-08-01', '';
like($api->call('SearchMedia', {}, headers => { 'X-TC-Version' => undef })
     ->{Error}{Message}, qr/needs X-TC-Version: 2018-07-17$/, 'which one it needs');
is($api->code('DescribeStore', {}, headers => { 'X-TC-Version' => $_ }), '',
   "one of ours, version $_") for '2018-08-01', 'x';

(undef, undef, $body) = $api->raw($api->request('DescribeStore')
    =~ s/X-TC-Action: \w+\r\n/X-TC-Action: DescribeStore\r\n$&/r);
like($body, qr/"InvalidParameter"/, 'two actions');

# --- the log

$t->wait_log(qr/notice.*RetryDelivery of 1 by key "AKIDexample" from 127/);

$t->done;
