#!/usr/bin/perl

# Connections of the HTTP client: how many there are, which are kept, what
# happens to them and to requests when a worker ends.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Certificates;
use Recording::Client qw(OK RESOLVE SEND ANSWER);
use Recording::Nginx;
use Recording::Receiver;
use Recording::Util qw(slow wait_for within);

my $t = Recording::Nginx->new;
my $ca = Recording::Certificates->new;
my ($certificate, $key) = $ca->issue('good', san => 'IP:127.0.0.1');

my $http = Recording::Receiver->http(port => $t->port(1));
my $https = Recording::Receiver->http(port => $t->port(2),
    certificate => $certificate, key => $key);
my $silent = Recording::Receiver->http(port => $t->port(3), silent => 1);
my $dns = Recording::Receiver->dns(port => $t->port(4), names => {});

my @port = map { $t->port($_) } 0 .. 4;
my $at = "http://127.0.0.1:$port[1]";
my $tls = "https://127.0.0.1:$port[2]";
my $client = Recording::Client->new($t);
my $conf = "client_certificate @{[ $ca->file ]};\n";

# --- one after the other, though some server may be late

my %result = $client->ask($conf . <<"CONF");
client_request a $at/ok?a own=p connections=1;
client_request b $at/ok?b after=1s own=p;
client_request c $at/once?c after=2s own=p;
client_request d $at/close?d after=3s own=p;
client_request e $at/ok?e after=4s own=p;
client_request f $at/more?f after=5s own=p;
client_request g $at/ok?g after=6s own=p;
client_request h $at/until?h after=7s own=p;
client_request i $at/drop?i after=8s own=p;
client_request j $at/ok?j after=9s own=p;
client_request k $at/stray?k method=HEAD after=10s own=p;
client_request l $at/stray?l after=11s own=p;
client_request ta $tls/ok?a own=t connections=1;
client_request tb $tls/ok?b after=2s own=t;
client_request tc $tls/once?c after=3s own=t;
CONF

is("$result{$_}{failed} $result{$_}{status}", OK . ' 200', $_)
    or diag $result{$_}{error} for sort keys %result;

my %seen = seen($http);
is($seen{b}, $seen{a} =~ s/ 1$/ 2/r, 'a connection is kept');
like($seen{c}, qr/^\d+ 3, \d+ 1$/, 'sent again, as it was closed');
my ($second) = $seen{c} =~ /(\d+) 1$/;
isnt($seen{e}, "$second 3", 'one whose answer says close is not');
is($seen{f}, $seen{e} =~ s/ 1$/ 2/r, 'kept again');
like($seen{g}, qr/^\d+ 1$/, 'not after bytes that nobody asked for');
is($seen{h}, $seen{g} =~ s/ 1$/ 2/r, 'kept after it');
like($seen{i}, qr/^\d+ 1$/, 'not after an answer without length');
like($seen{j}, qr/^\d+ 1$/, 'one that the peer has closed is not used');
like($seen{l}, qr/^\d+ 1$/, 'not after HEAD whose answer has chunks');

%seen = seen($https);
is($seen{b}, $seen{a} =~ s/ 1$/ 2/r, 'TLS: a connection is kept');
like($seen{c}, qr/^\d+ 3, \d+ 1$/, 'TLS: sent again');

# what is kept does not hold a worker up
my $begun = time;
$t->stop;
cmp_ok(time - $begun, '<', within(5), 'the worker ends at once');

# --- many at a time

my $many = join '', map { "client_request m$_ $at/slow?m$_;\n" } 1 .. 12;
%result = $client->ask($many . "client_request x $at/slow?x cancel=100ms;\n");

is(scalar(grep { ($result{"m$_"}{failed} // 1) == OK } 1 .. 12), 12,
   'all have an answer');

%seen = seen($http);
my %used = map { (split ' ', $seen{"m$_"})[0] => 1 } 1 .. 12;
is(scalar keys %used, 4, 'over so many connections');
is($seen{x}, undef, 'what was cancelled while it waited is not sent');
$t->stop;

# --- a worker that exits waits for what is under way, and for what waits

start(join('', map { "client_request q$_ $at/slow?q$_;\n" } 1 .. 8), 'q1');
$t->stop;
%result = $client->results(join('', map { "client_request q$_\n" } 1 .. 8),
                           5, $t->{mark});
is(scalar(grep { $result{"q$_"}{status} == 200 } 1 .. 8), 8,
   'all have an answer before it exits');

# --- but not longer than it may

my $under = <<"CONF";
client_request hang $at/hang?hang;
client_request deaf $at/deaf?deaf method=PUT zeros=16m;
client_request shake https://127.0.0.1:$port[3]/;
client_request name http://hang.test/;
client_request first $tls/hang?first;
client_request second $tls/hang?second;
client_request third $tls/hang?third;
client_request fourth $tls/hang?fourth;
client_request waits $tls/ok?waits;
CONF

start("worker_shutdown_timeout 1s;\n${conf}client_resolver"
      . " 127.0.0.53:$port[4];\n$under", 'hang');
wait_for('all of it', 20, sub { grep { /fourth/ } $https->requests });

$begun = time;
$t->stop;
cmp_ok(time - $begun, '<', within(6), 'worker_shutdown_timeout ends it');

%result = $client->results($under, 5, $t->{mark});
isnt($result{$_}{failed}, OK, "$_: failed"),
    is($result{$_}{done}, 1, "$_: told once"),
    is($result{$_}{error}, 'the worker process ends', "$_: why")
    for sort keys %result;
is(scalar keys %result, 9, 'all were told');

# --- a fast stop

start("${conf}client_resolver 127.0.0.53:$port[4];\n$under", 'hang');
$t->terminate;

$_->stop for $http, $https, $silent, $dns;
$t->done;

# starts nginx and returns when a request has come
sub start {
    my ($requests, $name) = @_;

    my $before = $http->requests;
    $t->{mark} = $t->log_mark;
    $t->conf($client->conf($requests))->start;

    wait_for($name, 20, sub {
        my @new = $http->requests;
        splice @new, 0, $before;
        return grep { /\?$name / } @new;
    });
}

# query => connection and its request, several if it came several times
sub seen {
    my ($server) = @_;

    my %seen;

    for my $line ($server->requests) {
        my ($connection, $n, undef, $uri) = split ' ', $line;
        my ($name) = $uri =~ /\?(\w+)/ or next;
        $seen{$name} .= ($seen{$name} ? ', ' : '') . "$connection $n";
    }

    return %seen;
}
