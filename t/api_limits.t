#!/usr/bin/perl

# Many calls at a time: two run, 32 wait, others are refused; clients that go
# away cost nothing; a catalogue that cannot be written holds up only calls that
# change something.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(slurp wait_for);

# with one thread, which somebody who writes keeps busy, all calls wait
my $t = start(1);
my $api = Recording::Api->new(port => $t->port(1), path => '/off/');
my $lock = $t->lock_catalogue;

my $change = begin($api, 'RetryDelivery', { DeliveryIds => ['1'] });
sleep 1;
my @calls = map { begin($api, 'DescribeStore') } 1 .. 60;

my $refused = 0;
wait_for('those that are refused', 20, sub {
    return ($refused += refused()) >= 60 - 34 });

# one that comes after all of them is
is($api->code('DescribeStore'), 'RequestLimitExceeded', 'no place is left');
$refused += refused();
cmp_ok($refused, '<=', 60 - 32, 'as many as may wait do');

# ten clients go away: others have their places, but for the one whose turn it is
close $_ for splice @calls, 0, 10;
wait_for('nine to be noticed', 20, sub { closed() <= 1 });
my @more = map { begin($api, 'DescribeStore') } 1 .. 9;
sleep 1;
is(answered(@more), 0, 'nine others wait');

$t->unlock_catalogue($lock);
is(join(' ', grep { $_ } map { end($_) } @calls, @more, $change), '',
   'all have their answers');
is($api->code('DescribeStore'), '', 'and so have later ones');

$t->stop;

# with several threads those that read do not wait for one that writes
$t = start(4);
$api = Recording::Api->new(port => $t->port(1), path => '/off/');
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
$lock = $t->lock_catalogue;
my @changes = map { begin($api, 'RetryDelivery', { DeliveryIds => ["1$_"] }) }
              1 .. 5;
sleep 1;
is($api->code('DescribeStore'), '', "it reads, $_") for 1 .. 20;

# those go away meanwhile
close $_ for splice @changes, 0, 3;
is(answered(@changes), 0, 'what writes waits');
$t->unlock_catalogue($lock);
is(join(' ', grep { $_ } map { end($_) } @changes), '', 'until it is free');
$t->wait_log(qr/notice.*RetryDelivery of 1$_ by a request without a key from 12/)
    for 1 .. 5;

# a reload while a call waits
$lock = $t->lock_catalogue;
$change = begin($api, 'RetryDelivery', { DeliveryIds => ['1'] });
is($api->code('DescribeStore'), '', 'what came before is taken');
$t->reload;
sleep 1;
$t->unlock_catalogue($lock);
like(end($change), qr/^(?:|InternalError)$/,
     'a worker that exits answers, maybe that it could not wait');

# nothing of a call stays open: the WAL can be moved
my ($row) = $t->catalogue('PRAGMA wal_checkpoint(TRUNCATE)');
is($row->{busy}, 0, 'nobody reads');

$t->done;

sub start {
    my ($threads) = @_;

    my $t = Recording::Nginx->new;
    $t->conf(<<"CONF")->start;
thread_pool default threads=$threads;
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
        location /off/ { record_api; record_api_key off; }
    }
}
CONF
    my $api = Recording::Api->new(port => $t->port(1), path => '/off/');
    wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
    return $t;
}

sub begin {
    my ($api, @call) = @_;

    my $socket = $api->connection;
    print $socket $api->request(@call);
    return $socket;
}

# how many of the calls are, which are none of them any more
sub refused {
    my %read = map { $_ => 1 } IO::Select->new(@calls)->can_read(0);
    my @read = grep { $read{$_} } @calls;

    @calls = grep { !$read{$_} } @calls;
    return scalar grep { end($_) eq 'RequestLimitExceeded' } @read;
}

# connections that their clients have closed, and nginx has not
sub closed {
    my $port = sprintf ':%04X', $t->port(1);
    return scalar grep { my @socket = split;
                         $socket[1] =~ /$port$/ && $socket[3] eq '08' }
                  split /\n/, slurp('/proc/net/tcp');
}

sub answered {
    my @answered = IO::Select->new(@_)->can_read(0);
    return scalar @answered;
}

# the code of the error
sub end {
    my ($socket) = @_;

    my $answer = do { local $/; <$socket> } // '';
    close $socket;
    return $answer =~ /"Code":"([\w.]+)"/ ? $1
           : $answer =~ /"RequestId"/ ? '' : 'none';
}
