#!/usr/bin/perl

# The cloud's own client for Node.js, as it is, asks the API: each action, with
# success and with errors, whose codes it has to see.  Without node, or where
# npm cannot get the client, this is skipped.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;

use Recording::Nginx;
use Recording::Past;
use Recording::Sdk qw(client);
use Recording::Util qw(root run spew wait_for);

my $json = JSON::XS->new->utf8->canonical;
my $build = root() . '/build/sdk';
my $why = client();

plan skip_all => $why if $why;

# the client honours these even for loopback
delete @ENV{qw(http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy)};

my $t = Recording::Nginx->new;
spew($t->dir . '/key', "secretkeysecretkeysecretkeysecre\n");
chmod 0600, $t->dir . '/key';

$t->conf(<<'CONF', KEY => $t->dir . '/key')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% url=http://media.example.com/;
    server { listen 127.0.0.1:%%PORT_0%%; application live { live on; } }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api { record_api; record_api_key AKIDtest %%KEY%%; }
    }
}
CONF

Recording::Past::fill($t, 500);
$t->catalogue("INSERT INTO outbox (event_id, recording_id, file_id, kind, event,"
    . " template, target, holds, event_us, facts, state) VALUES ('e', 5, 55,"
    . " 'file', 'file', 'all', 'http://x/', 0, 1, '{}', 'dead')");

my @key = (id => 'AKIDtest', key => 'secretkeysecretkeysecretkeysecre');
my $no = 'AuthFailure.SignatureFailure';
my $wrong = 'InvalidParameterValue';

# action, parameters, the code of an error or what is looked for in the answer
my @calls = (
    [ 'SearchMedia', { StreamIds => ['s7'], Limit => 3 },
      sub { $_->{TotalCount} == 10 && @{ $_->{MediaInfoSet} } == 3
            && $_->{MediaInfoSet}[0]{FileId} eq '80' } ],
    [ 'SearchMedia', {}, sub { $_->{TotalCount} == 500 } ],
    [ 'SearchMedia', { StreamIds => ["\x{6d41}"] },
      sub { $_->{TotalCount} == 0 && @{ $_->{MediaInfoSet} } == 0 } ],
    [ 'SearchMedia', { Names => ['x'] }, $wrong ],
    [ 'SearchMedia', { Limit => 1000 }, $wrong ],
    [ 'SearchMedia', { Nothing => 1 }, 'UnknownParameter' ],
    [ 'SearchMedia', { StreamIds => 's7' }, 'InvalidParameter' ],
    [ 'SearchMedia', {}, 'NoSuchVersion', version => '2018-08-01' ],
    [ 'DescribeMediaInfos', { FileIds => [ '55', '9999' ] },
      sub { $_->{MediaInfoSet}[0]{FileId} eq '55'
            && $_->{NotExistFileIdSet}[0] eq '9999' } ],
    [ 'DescribeMediaInfos', {}, 'MissingParameter' ],
    [ 'DescribeMediaInfos', { FileIds => ['x'] }, $wrong ],
    [ 'DescribeRecordings', { StreamName => 's7' },
      sub { $_->{RecordingSet}[0]{RecordingId} eq '7'
            && $_->{RecordingSet}[0]{FileCount} == 10 } ],
    [ 'DescribeRecordings', { State => 'ended' },
      sub { @{ $_->{RecordingSet} } == 20 && $_->{ScrollToken} },
      version => '2018-08-01' ],
    [ 'DescribeRecordings', { State => 'x' }, $wrong ],
    [ 'DescribeStore', undef, sub { $_->{Store}{Bytes} == 500_000 } ],
    [ 'DescribeStore', { Nothing => 1 }, 'UnknownParameter' ],
    [ 'RetryDelivery', { DeliveryIds => ['1'] }, sub { $_->{Retried} == 1 } ],
    [ 'RetryDelivery', { DeliveryIds => ['1'] }, sub { $_->{Retried} == 0 } ],
    [ 'RetryDelivery', {}, 'MissingParameter' ],
    [ 'ModifyMediaInfo', { FileId => '57',
                           ExpireTime => '2099-01-02T03:04:05Z' }, sub { 1 } ],
    [ 'ModifyMediaInfo', { FileId => '57', ExpireTime => '2001-01-01T00:00:00Z' },
      $wrong ],
    [ 'ModifyMediaInfo', { FileId => '57', Name => 'x' }, $wrong ],
    [ 'ModifyMediaInfo', { FileId => '57' }, 'MissingParameter' ],
    [ 'ModifyMediaInfo', { FileId => '9999', ExpireTime =>
                           '2099-01-02T03:04:05Z' }, "$wrong.FileId" ],
    [ 'DescribeMediaInfos', { FileIds => ['57'] },
      sub { $_->{MediaInfoSet}[0]{BasicInfo}{ExpireTime}
            eq '2099-01-02T03:04:05Z' } ],
    [ 'DeleteMedia', { FileId => '9999' }, "$wrong.FileId" ],
    [ 'DeleteMedia', {}, 'MissingParameter' ],
    [ 'DeleteMedia', { FileId => '56' }, 'NoSuchVersion',
      version => '2018-08-01' ],
    [ 'Nothing', {}, 'InvalidAction' ],
    [ 'DescribeStore', {}, sub { 1 }, token => 'x', language => 'zh-CN' ],
    [ 'DescribeStore', {}, $no, key => 'wrong' ],
    [ 'DescribeStore', {}, 'AuthFailure.SecretIdNotFound', id => 'nobody' ],
    [ 'DescribeStore', {}, 'UnsupportedProtocol', get => 1 ],
    [ 'DescribeStore', {}, 'UnsupportedProtocol', method => 'HmacSHA256' ],
    [ 'DescribeStore', {}, 'UnsupportedProtocol', method => 'HmacSHA1' ],
    [ 'DeleteMedia', { FileId => '56' }, sub { 1 } ],
    [ 'DeleteMedia', { FileId => '56' }, "$wrong.FileId" ],
    [ 'DescribeMediaInfos', { FileIds => ['56'] },
      sub { $_->{NotExistFileIdSet}[0] eq '56' } ],
);

my $input = join '', map {
    my ($action, $params, undef, %opt) = @$_;
    $json->encode({ @key, action => $action, %opt,
                    $params ? (params => $params) : () }) . "\n";
} @calls;
spew($t->dir . '/calls', $input);

for my $host ('127.0.0.1', 'localhost') {
    my ($status, $out, $err) = run('sh', '-c', 'exec node "$0" "$1" "$2" < "$3"',
        root() . '/t/sdk/calls.js', "$build/node_modules",
        "$host:" . $t->port(1) . '/api', $t->dir . '/calls');
    is($status, 0, "$host: the client") or diag $err;
    my @answers = map { $json->decode($_) } split /\n/, $out;

    for my $call (@calls) {
        my ($action, $params, $want, %opt) = @$call;
        my $answer = shift @answers || {};
        my $what = join ' ', $host, $action, $json->encode($params || {}),
                        map { "$_=$opt{$_}" } sort keys %opt;

        if (ref $want) {
            local $_ = $answer->{answer};
            ok($_ && $want->(), $what) or diag explain $answer;

        } else {
            is($answer->{code}, $want, $what) or diag explain $answer;
            like($answer->{id}, qr/^[0-9a-f-]{36}$/, "$what: RequestId");
        }
    }

    # as before
    wait_for('it to be gone', 20, sub {
        !($t->catalogue('SELECT local FROM files WHERE file_id = 56'))[0]{local}
    });
    $t->catalogue("UPDATE files SET state = 'finished', local = 1,"
                  . ' gone_us = NULL WHERE file_id = 56');
    $t->catalogue("UPDATE outbox SET state = 'dead'");
}

$t->done;
