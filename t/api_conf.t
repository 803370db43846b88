#!/usr/bin/perl

# record_api and record_api_key as they are configured: what is refused, what is
# warned of, what is inherited; a key that is changed counts after a reload; a
# store without rules can be looked at.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(spew wait_for);

my $t = Recording::Nginx->new;
my $dir = $t->dir;
my $key = "$dir/key";

spew($key, "secret\n");
chmod 0600, $key;

my $rtmp = 'rtmp { record_store %%STORE%%; }';

like(test("http { server { listen 1; location / { record_api; } } }"),
     qr/emerg.*record_api needs a record_store in rtmp\{\} in .*:\d+/,
     'no rtmp{}');
like(test("rtmp { server { listen 1935; } }\n"
          . "http { server { listen 1; location / { record_api; } } }"),
     qr/emerg.*record_api needs a record_store/, 'no store');
is(test("http { server { listen 1; location / { return 200; } } }"), '',
   'no API');

for my $case (
    [ 'record_api; record_api;', qr/"record_api" directive is duplicate/ ],
    [ 'record_api on;',
      qr/invalid parameter "on" of record_api, it must be private=on or pr/ ],
    [ 'record_api private=on private=on;',
      qr/invalid number of arguments in "record_api"/ ],
    [ 'record_api_key;', qr/invalid number of arguments/ ],
    [ 'record_api_key x;', qr/"record_api_key" directive needs an id and a f/ ],
    [ "record_api_key x $key y;", qr/invalid number of arguments/ ],
    [ 'record_api_key off; record_api_key off;', qr/is duplicate/ ],
    [ "record_api_key off; record_api_key x $key;",
      qr/cannot be both "off" and a key/ ],
    [ "record_api_key x $key; record_api_key off;",
      qr/cannot be both "off" and a key/ ],
    [ "record_api_key x $key; record_api_key x $key;",
      qr/duplicate id "x" of record_api_key/ ],
    [ "record_api_key a/b $key;", qr/invalid id "a\/b" of record_api_key/ ],
    [ "record_api_key '' $key;", qr/invalid id ""/ ],
    [ "record_api_key 'a b' $key;", qr/invalid id "a b"/ ],
    [ "record_api_key x $dir/none;",
      qr/cannot open the file ".*none" of record_api_key.*No such file/ ],
    [ "record_api_key x $dir;", qr/cannot read the file ".*" of record_api/ ],
    [ "record_api_key x $dir/empty;", qr/first line.*empty" of.*is empty/ ],
    [ "record_api_key x $dir/blank;", qr/first line.*blank" of.*is empty/ ],
    [ "record_api_key x $dir/long;", qr/first line.*long" of.*is too long/ ],
    [ "record_api_key x $dir/read;",
      qr/read" of record_api_key can be read or written by every user/ ],
    [ "record_api_key x $dir/written;", qr/can be read or written by every/ ],
    [ "record_api; record_api_key x $key; record_api_key y $key;", undef ],
) {
    my ($conf, $message) = @$case;

    file(empty => ''), file(blank => " \n text\n"), file(long => 'x' x 1025);
    file(read => 'x', 0604), file(written => 'x', 0602);

    my $out = test("$rtmp http { server { listen 127.0.0.1:1;"
                   . " location / { $conf } } }");
    $message ? like($out, $message, $conf) : is($out, '', $conf);
}

# --- playlists by time

my $media = 'rtmp { record_store %%STORE%% url=http://x/; }';

for my $case (
    [ $rtmp, 'location / { record_play; }',
      qr/emerg.*record_play needs a record_store with url=/ ],
    [ '', 'location / { record_play; }', qr/record_play needs a record_store/ ],
    [ $media, 'location / { record_play; record_play; }', qr/is duplicate/ ],
    [ $media, 'location / { record_play on; }', qr/invalid number of argum/ ],
    [ $media, 'location / { record_play; record_api; }', qr/cannot be where r/ ],
    [ $media, 'location / { record_metrics; record_play; }',
      qr/cannot be where record_api or record_metrics is/ ],
    [ $media, 'location = /x { record_play; }', qr/must be in a location that/ ],
    [ $media, 'location ~ x { record_play; }', qr/location that is a prefix/ ],
    [ $media, 'location @x { record_play; }', qr/location that is a prefix/ ],
    [ $media, 'location ^~ /x/ { record_play; }', undef ],
) {
    my ($rtmp, $location, $message) = @$case;
    my $out = test("$rtmp http { server { listen 127.0.0.1:1; $location } }");
    $message ? like($out, $message, $location) : is($out, '', $location);
}

# --- a location that is open to anybody

my $warning = qr/warn.*"record_api_key off" leaves access to others/;

for my $case (
    [ 'listen 127.0.0.1:1;', '', 0 ],
    [ 'listen [::1]:1;', '', 0 ],
    [ "listen unix:$dir/x.sock;", '', 0 ],
    [ 'listen 1;', '', 1 ],
    [ 'listen 127.0.0.1:1; listen 2;', '', 1 ],
    [ 'listen [::]:1;', '', 1 ],
    [ 'listen 1;', 'deny all;', 0 ],
    [ 'listen 1;', 'allow 10.0.0.0/8; deny all;', 0 ],
    [ 'listen 1;', 'allow unix:; deny all;', 0 ],
    [ 'listen 1;', 'allow 2001:db8::/32;', 0 ],
    [ 'listen 1;', 'auth_basic x; auth_basic_user_file x;', 0 ],
    [ 'listen 1; auth_basic x; auth_basic_user_file x;', '', 0 ],
    [ 'listen 1;', 'auth_request /auth;', 0 ],
    [ 'listen 1; auth_basic x;', 'auth_basic off;', 1 ],
    [ 'listen 1; auth_request /auth;', 'auth_request off;', 1 ],
    [ 'listen 1; deny all;', '', 0 ],
) {
    my ($server, $location, $warns) = @$case;
    my $out = test("$rtmp http { server { $server location / { record_api;"
                   . " record_api_key off; $location } }"
                   . ' server { listen 9; } }');
    $warns ? like($out, $warning, "$server $location")
           : is($out, '', "$server $location");
}

is(test("$rtmp http { record_api_key off; server { listen 1;"
        . " location / { record_api; record_api_key x $key; } } }"), '',
   'a key in place of an inherited "off"');
like(test("$rtmp http { record_api_key off; server { listen 1;"
          . ' location / { record_api; } } }'), $warning, 'inherited');

# --- keys of the levels, a store without rules

$t->conf(<<'CONF', KEY => $key)->start;
rtmp { record_store %%STORE%%; }
http {
    record_api_key all %%KEY%%;
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; }
        location /own/ { record_api; record_api_key own %%KEY%%; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
my $own = Recording::Api->new(port => $t->port(1), path => '/own/');

wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
is($api->code('DescribeStore', {}, key => [qw(all secret)]), '', 'inherited');
is($own->code('DescribeStore', {}, key => [qw(own secret)]), '', 'own');
is($own->code('DescribeStore', {}, key => [qw(all secret)]),
   'AuthFailure.SecretIdNotFound', 'in place of others');

spew($key, "changed\r\n");
is($api->code('DescribeStore', {}, key => [qw(all secret)]), '',
   'a new secret does not count');
$t->reload;
wait_for('the new secret', 20, sub {
    $api->code('DescribeStore', {}, key => [qw(all changed)]) eq '' });
wait_for('the end of the old one', 20, sub {
    $api->code('DescribeStore', {}, key => [qw(all secret)])
        eq 'AuthFailure.SignatureFailure' });

# --- a store that cannot be used

$t->stop;
rename $t->store . '/work', $t->store . '/work.old';
spew($t->store . '/work', 'no directory');
$t->start;

{
    local $api->{once} = 1;
    is($api->code('DescribeStore'), 'ResourceUnavailable.InvalidVodStatus',
       'no store');
}

unlink $t->store . '/work';
rename $t->store . '/work.old', $t->store . '/work';
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

$t->done;

sub file {
    my ($name, $text, $mode) = @_;

    spew("$dir/$name", $text);
    chmod $mode || 0600, "$dir/$name";
}

# what nginx -t says, without its own lines
sub test {
    my ($conf) = @_;

    my ($status, $out) = $t->test_conf($conf);
    return join "\n", grep { /recor|emerg|warn|alert/
                             && !/did not exist|syntax is ok|file .* test is/ }
                      split /\n/, $out;
}
