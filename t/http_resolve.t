#!/usr/bin/perl

# Whom the HTTP client connects to: names are looked up anew, all addresses
# are tried, and each phase has its time-out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::IP;
use Test::More;

use Recording::Client qw(OK RESOLVE CONNECT LATE);
use Recording::Nginx;
use Recording::Receiver;
use Recording::Util qw(not_tested);

my $t = Recording::Nginx->new;
my $ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
close $ipv6 if $ipv6;

my $http = Recording::Receiver->http(port => $t->port(1));
my $http6 = $ipv6 && Recording::Receiver->http(port => $t->port(2),
                                               address => '::1');
my $full = Recording::Receiver->http(port => $t->port(3), full => 1);
my $dns = Recording::Receiver->dns(port => $t->port(4), names => {
    'one.test' => ['127.0.0.1'],
    'two.test' => ['127.0.0.2', '127.0.0.3', '127.0.0.1'],
    'none.test' => ['127.0.0.2', '127.0.0.3'],
    'six.test' => ['::1'],
    'both.test' => ['::1', '127.0.0.1'],
    'moves.test' => ['127.0.0.1', '127.0.0.9'],
    map { ("many$_.test" => [ map { "127.0.0.1$_" } 1 .. 5 ]) } 1 .. 3,
});
my @many = map { Recording::Receiver->http(port => $t->port(3),
    address => "127.0.0.1$_", full => $_ < 5) } 1 .. 5;
my $moved = Recording::Receiver->http(port => $t->port(1),
                                      address => '127.0.0.9');

my @port = map { $t->port($_) } 0 .. 4;

my $six = $ipv6 ? <<"CONF" : '';
client_request six http://six.test:$port[2]/ok;
client_request six_literal http://[::1]:$port[2]/ok;
CONF

my %result = Recording::Client->new($t)->ask($six . <<"CONF", 40);
client_resolver 127.0.0.53:$port[4] valid=5s;
client_request one http://ONE.test:$port[1]/close;
client_request one_later http://one.test:$port[1]/close after=8s;
client_request two http://two.test:$port[1]/close;
client_request two_again http://two.test:$port[1]/close after=1s;
client_request both http://both.test:$port[1]/ok;
client_request moves http://moves.test:$port[1]/ok?moves own=m connections=1;
client_request moves_not http://moves.test:$port[1]/ok?not after=2s own=m;
client_request moves_later http://moves.test:$port[1]/ok?later after=8s own=m;
client_request none http://none.test:$port[1]/ok;
client_request unknown http://unknown.test:$port[1]/ok;
client_request hang http://hang.test:$port[1]/ok;
client_request hang_late http://hang.test:$port[1]/ok timeout=500ms;
client_request hang_not http://hang.test:$port[1]/ok cancel=500ms;
client_request full http://127.0.0.1:$port[3]/ok;
client_request many1 http://many1.test:$port[3]/ok timeout=12s;
client_request many2 http://many2.test:$port[3]/ok timeout=12s;
client_request many3 http://many3.test:$port[3]/ok timeout=12s;
CONF

is("$result{$_}{failed} $result{$_}{status}", OK . ' 200', $_)
    or diag $result{$_}{error}
    for qw(one one_later two two_again both moves moves_not moves_later),
        $ipv6 ? qw(six six_literal) : ();

is($result{none}{failed}, CONNECT, 'none: no address answers');
like($result{none}{error}, qr/^connect to 127\.0\.0\.[23]:\d+ failed \(111/,
     'none: why');
is($result{unknown}{failed}, RESOLVE, 'unknown: no such name');
like($result{unknown}{error}, qr/^unknown\.test was not resolved \(3: /,
     'unknown: why');
is($result{hang}{failed}, RESOLVE, 'hang: no name server answers');
like($result{hang}{error}, qr/^hang\.test was not resolved \(110: /,
     'hang: why');
cmp_ok($result{hang}{ms}, '>', 9000, 'hang: 10 s');
cmp_ok($result{hang}{ms}, '<', 15000, 'hang: and no more');
is($result{hang_late}{failed}, LATE, 'hang_late: its own time');
is($result{hang_not}{cancelled}, 1, 'hang_not: cancelled');

if ($result{full}{failed} == OK) {
    not_tested('this system accepts more connections than it is told to');

} else {
    is($result{full}{failed}, CONNECT, 'full: cannot be reached');
    like($result{full}{error}, qr/ took too long$/, 'full: why');
    cmp_ok($result{full}{ms}, '<', 9000, 'full: 5 s');

    is("$result{$_}{failed} $result{$_}{status}", OK . ' 200',
       "$_: all addresses are tried in time") or diag $result{$_}{error}
        for qw(many1 many2 many3);
}

my @asked = grep { /^dns one\.test 1$/ } $dns->requests;
is(scalar @asked, 2, 'a name is asked for again when its time is over');

my ($first) = map { /^(\d+) (\d+) GET \S+\?moves / ? "$1 " . ($2 + 1) : () }
              $http->requests;
is(scalar(grep { /^\Q$first\E GET \S+\?not / } $http->requests), 1,
   'a connection is kept while the address is valid');
is(join(' ', map { /\?(\w+)/ } $moved->requests), 'later',
   'and not when the name may have moved');

not_tested('no IPv6 on this machine') if !$ipv6;

$t->stop;
$_->stop for grep { $_ } @many, $http, $moved, $http6, $full, $dns;
$t->done;
