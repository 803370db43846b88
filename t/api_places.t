#!/usr/bin/perl

# record_api and record_metrics among what else nginx does with a request: bodies
# that are to be in files, blocks of "if" and limit_except, subrequests, internal
# redirects, filters.

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
my @key = (key => [qw(id secret)]);

spew("$dir/key", "secret\n");
chmod 0600, "$dir/key";
spew("$dir/passwords", "user:{PLAIN}word\n");

mkdir "$dir/html";
mkdir "$dir/html/ssi";
spew("$dir/html/ssi/page.html", join '|',
     ('<!--# include virtual="/metrics" -->') x 2,
     '<!--# include virtual="/api/" -->');

$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule default; }
    }
}
http {
    root %%DIR%%/html;
    client_body_in_file_only clean;
    client_body_buffer_size 1k;
    client_max_body_size 2k;

    server {
        listen 127.0.0.1:%%PORT_1%%;

        location /api/ { record_api; record_api_key id %%DIR%%/key; }
        location = /metrics { record_metrics; }

        location /if/ {
            record_api;
            record_api_key id %%DIR%%/key;
            if ($http_x_if) { set $nothing 1; }
        }
        location = /if-metrics {
            record_metrics;
            if ($http_x_if) { set $nothing 1; }
        }
        location /post/ {
            record_api;
            record_api_key off;
            limit_except POST { deny all; }
        }
        location /guarded/ {
            record_api;
            record_api_key off;
            limit_except GET {
                auth_basic           x;
                auth_basic_user_file %%DIR%%/passwords;
            }
        }
        location = /head-metrics { record_metrics; limit_except PUT { } }

        location /around/ {
            record_api;
            location /around/in/ { return 204; }
            location /around/file/ { }
        }

        location /named/ { try_files /none @api; }
        location @api { record_api; }
        location /rewritten/ { rewrite ^ /api/ last; }
        location /error/ { error_page 405 =200 @api; return 405; }
        location /read/ {
            client_max_body_size 1m;
            error_page 502 =200 @api;
            proxy_pass http://127.0.0.1:1;
        }
        location /mirrored/ { mirror /metrics; record_api; }
        location /asked/ { auth_request /metrics; record_api; }
        location /ssi/ { ssi on; }
    }
}
CONF

my $port = $t->port(1);
my %api = map { $_ => Recording::Api->new(port => $port, path => "/$_/") }
          qw(api if post guarded around around/in around/file named rewritten
             error read mirrored asked);

wait_for('the store', 20, sub { $api{api}->code('DescribeStore') eq '' });

# --- bodies: in no file, whatever is said of that, and as long as they may be

my $long = '{' . ' ' x 60000 . '}';

for my $place (qw(api if)) {
    for my $header ({}, { 'X-If' => 1 }) {
        my $how = "/$place/" . (%$header ? ', the block' : '');
        is($api{$place}->code('DescribeStore', {}, headers => $header), '',
           "$how: a body");
        is($api{$place}->code('DescribeStore', {}, headers => $header,
                              body => $long), '', "$how: a long one");
        is($api{$place}->code('DescribeStore', {}, headers => $header,
                              body => $long, @key), '', "$how: signed");
    }
}

is(join(' ', glob "$dir/client_body_temp/*"), '', 'no file was made');

# --- blocks

is($api{if}->code('RetryDelivery', { DeliveryIds => ['1'] },
                  headers => { 'X-If' => 1 }),
   'AuthFailure.UnauthorizedOperation', '"if" has the keys of its location');
like(get('/if-metrics', 'X-If: 1'), qr/^recording_workers 1$/m,
     'metrics, with "if"');
is($api{post}->code('DescribeStore'), '', 'limit_except POST');
like(status('/post/', 'GET'), qr/^403$/, 'and what is no POST');
is(eval { $api{guarded}->code('DescribeStore') } // $@, "status 401\n",
   'limit_except GET, without its password');
is($api{guarded}->code('DescribeStore', {}, headers =>
   { Authorization => 'Basic dXNlcjp3b3Jk' }), '', 'and with it');
like(get('/head-metrics'), qr/^recording_workers 1$/m,
     'metrics, in a block of limit_except');

# --- locations inside are not the API

is($api{around}->code('DescribeStore'), '', 'a location');
is(eval { $api{'around/in'}->code('DescribeStore') } // $@, "status 204\n",
   'one inside of it is none');
is(eval { $api{'around/file'}->code('DescribeStore') } // $@, "status 404\n",
   'nor is one of files');

# --- redirects and subrequests

is($api{$_}->code('DescribeStore'), '', "/$_/")
    for qw(named rewritten error mirrored asked);

like($api{read}->call('DescribeStore')->{Error}{Message},
     qr/another location has put the body into a file/,
     'a body that another location has read into a file');

my @parts = split /\|/, get('/ssi/page.html');
is(scalar(@parts), 3, 'three subrequests of a page');
like($parts[$_], qr/^recording_store_max_bytes 0\n/m, 'metrics') for 0, 1;
like($parts[2], qr/"Code":"UnsupportedProtocol"/,
     'and the API, which is asked by POST only');

is($api{api}->code('DescribeStore'), '', 'it goes on');

$t->done;

sub get {
    my ($path, @headers) = @_;

    my (undef, undef, $body) = answer($path, 'GET', @headers);
    return $body =~ s/\r\n[0-9a-f]+\r\n//gr;
}

sub status { return (answer(@_))[0] }

sub answer {
    my ($path, $method, @headers) = @_;

    return Recording::Api->new(port => $port)->raw(join "\r\n",
        "$method $path HTTP/1.1", 'Host: localhost', 'Connection: close',
        @headers, '', '');
}
