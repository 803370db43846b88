#!/usr/bin/perl

# How a bucket is reached: by host, over TLS, by names that are not known yet,
# through servers that are slow or silent, with credentials that change, and
# by a clock that is wrong; within the limits that it is given.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HTTP::Tiny;
use List::Util qw(max sum0);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Certificates;
use Recording::Clock;
use Recording::Fault;
use Recording::Front;
use Recording::Gateway;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Receiver;
use Recording::Util qw(not_tested slurp spew wait_for within);

my $missing = Recording::Gateway->missing;
plan skip_all => not_tested($missing) if $missing;

my $ca = Recording::Certificates->new;
my %shown = map { $_ => [ $ca->issue($_, san => "DNS:$_") ] }
            qw(storage.test other.test);
my $gateway = Recording::Gateway->new(host => 'storage.test',
    tls => [ $ca->issue('gateway', san => 'DNS:films.storage.test') ]);
my $s3 = $gateway->s3;
$gateway->bucket($_) for qw(films later);
my $small = media(duration => 3, gop => 1, size => '160x90');
my $large = media(duration => 4, fps => 5, gop => 1, key_bytes => 4_000_000);

# names, until another server of names takes its place
my %names = map { $_ => ['127.0.0.1'] } qw(storage.test films.storage.test);
my $t = Recording::Nginx->new;
my $dns = Recording::Receiver->dns(port => $t->port(1), names => \%names);

# the way to the gateway: proxies that keep what they are asked
my %fault = map { $_ => Recording::Fault->new(to => $gateway->port) }
            qw(host silent slow key token file limits);
my %port = map { $_ => $fault{$_}->port } keys %fault;
my $front = front('other.test');

# what each bucket has of its own
my %bucket = (
    host => "endpoint http://storage.test:$port{host}; addressing host;",
    host_tls => 'endpoint https://storage.test:' . $gateway->tls_port
        . '; addressing host;',
    name => 'endpoint https://storage.test:' . $front->port . ';',
    unverified => 'endpoint https://storage.test:' . $front->port
        . '; verify off;',
    unknown => 'endpoint http://storage.test:' . $gateway->port
        . '; addressing host; bucket later;',
    map({ $_ => "endpoint http://127.0.0.1:$port{$_};" }
        qw(silent slow key token file)),
    limits => "endpoint http://127.0.0.1:$port{limits}; rate 4m; part_size 5m;"
        . ' max_connections 2; header Cache-Control "max-age=60";'
        . ' header x-amz-acl public-read;',
);

my %file = map { $_ => $gateway->credentials($t->dir . "/$_") }
           keys %bucket;

$t->conf(conf(), CA => $ca->file)->start;

my $n = 0;

# these take their time, beside all others
$fault{silent}->on(PUT => '', hang => 'answer');
$fault{slow}->on(PUT => '', rate => 8_000, times => 0);
my %later = map { $_ => published($_, $small) } qw(silent slow);

subtest 'the bucket is a host' => sub {
    arrived(published('host', $small));
    my ($put) = $fault{host}->requests(qr/^PUT/);
    is($put->{headers}{host}, "films.storage.test:$port{host}", 'its name');
    like($put->{target}, qr{^/s\d+\.flv$}, 'is not in the path');

    arrived(published('host_tls', $small));
};

subtest 'a certificate of another name' => sub {
    my @names = stops('name', qr/is not for "storage\.test"/);
    arrived(published('unverified', $small));

    $front->stop;
    $front = front('storage.test', $front->port);
    goes_on('name', @names);
};

subtest 'a name that is not known' => sub {
    my @names = stops('unknown', qr/later\.storage\.test/);
    $dns->stop;
    $dns = Recording::Receiver->dns(port => $t->port(1),
        names => { %names, 'later.storage.test' => ['127.0.0.1'] });
    goes_on('unknown', @names);
};

subtest 'a wrong key' => sub {
    $gateway->credentials($file{key}, secret => 'wrong');
    my @names = stops('key', qr/SignatureDoesNotMatch|answered with 403/);
    $gateway->credentials($file{key}, access => 'AKIAUNKNOWN');
    sleep 3;
    is(dead(), 0, 'none is given up');
    $gateway->credentials($file{key});
    goes_on('key', @names);
};

subtest 'a token' => sub {
    $gateway->credentials($file{token}, token => 'old+token/');
    $fault{token}->on('', '', status => 400, code => 'ExpiredToken',
                      times => 0);
    my @names = stops('token', qr/ExpiredToken/);
    $gateway->credentials($file{token}, token => 'new+token/');
    $fault{token}->clear;
    goes_on('token', @names);

    my %sent = map { $_->{headers}{'x-amz-security-token'} => 1 }
               $fault{token}->requests(qr/^PUT/);
    ok(delete $sent{'new+token/'}, 'the new one was sent');
    delete $sent{'old+token/'};
    is(join(' ', keys %sent), '', 'and no other');
};

subtest 'a file of credentials that cannot be used' => sub {
    unlink $file{file};
    my @names = stops('file', qr/open of "\Q$file{file}\E" failed/);
    spew($file{file}, "[default]\naws_access_key_id = a\n");
    sleep 3;
    is($fault{file}->requests(qr/./), 0, 'nothing is asked');
    $gateway->credentials($file{file});
    goes_on('file', @names);
};

subtest 'limits, and headers' => \&limits;

subtest 'a server that says nothing' => sub {
    arrived($later{silent});
    my ($first, @next) = $fault{silent}->requests(qr/^(?:PUT|HEAD)/);
    my ($silent) = grep { $_->{did} eq 'hang' } $first, @next;
    my ($after) = grep { $_->{start} > $silent->{start} } @next;
    cmp_ok($after->{start} - $silent->{start}, '<', within(25),
           'it is asked again in time');
};

subtest 'a server that is slow' => sub {
    arrived($later{slow});
    my @put = $fault{slow}->requests(qr/^PUT/);
    is(scalar(@put), 1, 'is waited for');
    cmp_ok($put[0]{end} - $put[0]{start}, '>',
           0.8 * $put[0]{length} / 8_000, 'for as long as that takes');
    is(said('slow', 'cannot be used'), 0, 'and can be used');
};

$t->stop;
$_->stop for $front, $dns, values %fault;
$t->check_errors;

subtest 'a clock' => \&clock;

$gateway->stop;
Recording::Nginx->done;

# --- limits

# what has gone at any time is no more than may have gone by then, and what is
# on its way: two buffers of each connection, and those of its sockets
sub limits {
    my $begun = time;
    my $name = published('limits', $large);
    my ($first, $most, $over) = (undef, 0, 0);

    wait_for("delivery of $name", 60, sub {
        $most = max($most, $fault{limits}->connections);
        my @all = $fault{limits}->requests(qr/^PUT/);
        my $got = sum0 map { $_->{got} } @all;
        ($first) = map { $_->{start} } @all if @all && !$first;
        $over = max($over, $got - (4 << 20) * (time - $first)) if $first;
        return row($name)->{state} eq 'done';
    });

    my @put = $fault{limits}->requests(qr/^PUT/);
    my $sent = sum0 map { $_->{got} } @put;
    my $took = max(map { $_->{end} } @put) - $put[0]{start};

    cmp_ok($sent, '>', 14 << 20, 'it is large');
    cmp_ok($took, '>', 0.8 * $sent / (4 << 20), 'the rate is kept');
    cmp_ok($over, '<', 2 << 20, 'at any time');
    cmp_ok($most, '<=', 2, 'and the number of connections');
    cmp_ok($took, '<', within(1.5 * $sent / (4 << 20)), 'it is used');
    arrived($name);

    for my $url (map { "http://127.0.0.1:" . $gateway->port . "/films/$_" }
                 row($name)->{key})
    {
        my $answer = HTTP::Tiny->new->head($url);
        is($answer->{status}, 200, 'anybody may read it');
        is($answer->{headers}{'cache-control'}, 'max-age=60',
           'as the header says');
    }
}

# --- this machine's clock is an hour late

sub clock {
    my $clock = Recording::Clock->new;
    $clock->set(-3600);

    $bucket{late} = 'endpoint http://127.0.0.1:' . $gateway->port . ';';
    %bucket = map { $_ => $bucket{$_} } 'late';

    $t = Recording::Nginx->new;
    $file{late} = $gateway->credentials($t->dir . '/late');
    $t->conf(conf(), CA => $ca->file)->start;

    arrived(published('late', $small));
    my ($late) = $t->error_log =~ /clock of bucket "late" differs by (\d+) s/;
    cmp_ok(abs(($late || 0) - 3600), '<', 10, 'it is known how late');

    # and again, the other way
    $clock->set(3600);
    arrived(published('late', $small));
    $t->stop;
}

# --- what they have in common

sub front {
    my ($name, $port) = @_;
    return Recording::Front->new(to => $gateway->port, tls => $shown{$name},
                                 $port ? (port => $port) : ());
}

sub conf {
    my $buckets = join "\n", map { <<"CONF" } sort keys %bucket;
    record_bucket $_ {
        credentials $file{$_};
        @{[ $bucket{$_} =~ /bucket/ ? '' : 'bucket films;' ]}
        $bucket{$_}
    }
    record_template $_ { format flv; path '{StreamID}'; upload $_; }
CONF
    my $applications = join "\n", map {
        "        application $_ { live on; record_rule $_; }" }
        sort keys %bucket;

    return <<"CONF";
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_resolver 127.0.0.53:%%PORT_1%% valid=1s;
    record_trusted_certificate %%CA%%;
$buckets
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 8m;
$applications
    }
}
CONF
}

# two files for a bucket that cannot be used
sub stops {
    my ($bucket, $why) = @_;

    my @names = map { published($bucket, $small) } 1, 2;
    $t->wait_log(qr/bucket "$bucket" cannot be used: [^\n]*$why/);
    sleep 2;
    is(scalar(grep { row($_)->{state} =~ /^(?:waiting|taken)$/ } @names), 2,
       'both wait');
    is(dead(), 0, 'none is given up');
    return @names;
}

sub goes_on {
    my ($bucket, @names) = @_;

    arrived($_) for @names;
    is(said($bucket, 'cannot be used'), 1, 'said once');
    is(said($bucket, 'can be used again'), 1, 'and that it is over');
}

sub said {
    my ($bucket, $what) = @_;
    return scalar(() = $t->error_log =~ /bucket "$bucket" $what/g);
}

sub published {
    my ($app, $media) = @_;

    my $name = 's' . ++$n;
    my $r = $t->publisher($app, $name);
    $r->send_flv($media);
    $r->delete_stream->close;
    $t->wait_files(1, stream => $name);
    return $name;
}

sub row {
    my ($name) = @_;
    my ($row) = $t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'"
                              . " AND facts ->> 'stream' = '$name'");
    return $row;
}

sub dead {
    my ($row) = $t->catalogue("SELECT count(*) AS n FROM outbox"
                              . " WHERE state = 'dead'");
    return $row->{n};
}

sub arrived {
    my ($name) = @_;

    my $row;
    wait_for("delivery of $name", 60, sub {
        $row = row($name);
        return $row->{state} eq 'done';
    }, sub { "\n$row->{state} $row->{error}" });

    my $in = $row->{target} eq 'upload:unknown' ? 'later' : 'films';
    ok($s3->get($in, $row->{key}) eq slurp($t->store . "/files/$row->{key}"),
       "$row->{key}: as it is");
}
