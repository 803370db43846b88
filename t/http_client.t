#!/usr/bin/perl

# The HTTP client on a running nginx, against a server that answers as servers
# do, and as they should not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Client qw(OK CONNECT SEND ANSWER INVALID LATE);
use Recording::Nginx;
use Recording::Receiver;
use Recording::Util qw(within);

my $t = Recording::Nginx->new;
my $http = Recording::Receiver->http(port => $t->port(1));
my $closed = $t->port(2);
my $at = 'http://127.0.0.1:' . $t->port(1);

my %result = Recording::Client->new($t)->ask(<<"CONF", 40);
client_request ok $at/ok?a=b header=X-One:two;
client_request echo $at/echo method=POST body=abc header=X-One:two;
client_request empty $at/echo method=POST;
client_request head $at/ok method=HEAD;
client_request s204 $at/status/204;
client_request s304 $at/status/304;
client_request s500 $at/status/500 method=POST body=x;
client_request s302 $at/status/302;
client_request chunked $at/chunked;
client_request slowly $at/chunked/slow;
client_request until $at/until;
client_request close $at/close;
client_request continue $at/continue;
client_request long $at/long;
client_request big $at/echo method=POST zeros=8m room=9m;
client_request early $at/early/hang method=PUT zeros=16m;
client_request gone $at/early/reset method=PUT zeros=16m;
client_request unseen $at/early/reset/later method=PUT source=16m busy=900ms;
client_request lazy $at/lazy method=PUT zeros=16m;
client_request hang $at/hang timeout=700ms;
client_request none $at/none;
client_request reset $at/reset;
client_request half $at/half;
client_request half_head $at/half/head;
client_request half_hang $at/half/hang timeout=5s;
client_request garbage $at/garbage;
client_request more $at/more;
client_request headers $at/headers;
client_request one_header $at/headers/one;
client_request many_headers $at/headers/many;
client_request body $at/body;
client_request body_chunked $at/body/chunked;
client_request trailers $at/trailers;
client_request refused http://127.0.0.1:$closed/;
client_request local http://localhost:@{[ $t->port(1) ]}/ok;
client_request injected $at/ok "header=X:y\r\nZ: z";
client_request cancelled $at/hang cancel=300ms;
CONF

my %wanted = (
    ok => [OK, 200], echo => [OK, 200], empty => [OK, 200], head => [OK, 200],
    s204 => [OK, 204], s304 => [OK, 304], s500 => [OK, 500],
    s302 => [OK, 302], chunked => [OK, 200], slowly => [OK, 200],
    until => [OK, 200], close => [OK, 200], continue => [OK, 201],
    long => [OK, 200], big => [OK, 200], early => [OK, 403],
    gone => [OK, 403], unseen => [OK, 403], lazy => [SEND, 200], hang => [LATE, 0],
    none => [ANSWER, 0], reset => [ANSWER, 0], half => [ANSWER, 200],
    half_head => [ANSWER, 200], half_hang => [LATE, 200],
    garbage => [INVALID, 0], more => [OK, 200], headers => [INVALID, 200],
    one_header => [INVALID, 200], many_headers => [INVALID, 200],
    body => [INVALID, 200], body_chunked => [INVALID, 200],
    trailers => [INVALID, 200], refused => [CONNECT, 0],
    local => [OK, 200], injected => [SEND, 0],
);

for my $name (sort keys %wanted) {
    my $result = $result{$name};
    is("$result->{failed} $result->{status}", "@{ $wanted{$name} }",
       "$name: as it should end") or diag $result->{error};
    is($result->{done}, 1, "$name: told once");
    is($result->{error} ne '', $wanted{$name}[0] != OK, "$name: a reason");
    note "$name: $result->{error}" if $result->{error};
}

is($result{$_}{answer}, 'hello', "$_: the body") for qw(ok local);
is($result{head}{len}, 0, 'head: no body');
is($result{$_}{answer}, 'abc0123456789abcdef', "$_: the body")
    for qw(chunked slowly);
is($result{until}{answer}, 'to the end', 'until: the body');
is($result{close}{answer}, 'bye', 'close: the body');
is($result{half}{answer}, '01234', 'half: what was read');
is($result{more}{answer}, 'ok', 'more: no byte too much');
is($result{$_}{answer}, 'no', "$_: the reason") for qw(early gone unseen);
is($result{long}{len}, 4096, 'long: as much as there is room for');
cmp_ok($result{big}{len}, '>', 8 * 1024 * 1024, 'big: all of it came back');
cmp_ok($result{early}{ms}, '<', 1000 * within(5),
       'early: though the server does not close');
is($result{continue}{headers}{link}, undef, 'continue: no header of 1xx');
is($result{ok}{headers}{'content-length'}, 5, 'ok: a header');
like($result{echo}{answer}, qr/^POST \/echo HTTP\/1\.1\|Host: 127\.0\.0\.1/,
     'echo: the request line');
like($result{refused}{error}, qr/^connect to 127\.0\.0\.1:$closed failed \(111/,
     'refused: the reason');
is($result{cancelled}{cancelled}, 1, 'cancelled');
is($result{cancelled}{failed}, undef, 'cancelled: not told');

my @requests = $http->requests;
is(scalar(grep { m{GET /ok\?a=b} } @requests), 1, 'the query is sent');
is(scalar(grep { m{/echo 0} } @requests), 1, 'an empty body');

$t->stop;
$http->stop;
$t->done;
