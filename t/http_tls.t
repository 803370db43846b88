#!/usr/bin/perl

# The HTTP client over TLS: the chain and the name of the certificate, SNI,
# sessions that are used again, a peer that never speaks TLS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Certificates;
use Recording::Client qw(OK HANDSHAKE LATE);
use Recording::Nginx;
use Recording::Receiver;

my $t = Recording::Nginx->new;
my $ca = Recording::Certificates->new;
my $other = Recording::Certificates->new;

# what each port shows
my @shown = (
    [ $ca->issue('good', san => 'DNS:good.test,DNS:one.good.test,'
                               . 'IP:127.0.0.1') ],
    [ $ca->issue('expired', san => 'DNS:good.test', expired => 1) ],
    [ $other->issue('good', san => 'DNS:good.test') ],
    [ $ca->issue('wild', san => 'DNS:*.b.test') ],
);
my @https = map {
    Recording::Receiver->http(port => $t->port(1 + $_),
        certificate => $shown[$_][0], key => $shown[$_][1],
        version => $_ == 3 ? 'TLSv1_2' : '')
} 0 .. 3;

my $plain = Recording::Receiver->http(port => $t->port(5));
my $silent = Recording::Receiver->http(port => $t->port(6), silent => 1);
my @silent = map {
    Recording::Receiver->http(port => $t->port(1), address => $_, silent => 1)
} '127.0.0.11', '127.0.0.12';
my $dns = Recording::Receiver->dns(port => $t->port(7), names => {
    map({ $_ => ['127.0.0.1'] } qw(good.test evil.test a.b.test c.a.b.test)),
    'half.test' => [ map { "127.0.0.$_" } 1 .. 4 ],
    'one.good.test' => ['127.0.0.11', '127.0.0.12', '127.0.0.1'],
});

my @port = map { $t->port($_) } 0 .. 7;

my %result = Recording::Client->new($t)->ask(<<"CONF", 40);
client_resolver 127.0.0.53:$port[7];
client_certificate @{[ $ca->file ]};
client_request good https://good.test:$port[1]/close own=g connections=1;
client_request again https://good.test:$port[1]/close own=g after=3s;
client_request address https://127.0.0.1:$port[1]/ok;
client_request body https://good.test:$port[1]/echo method=PUT zeros=4m room=5m after=5s;
client_request early https://good.test:$port[1]/early/wait method=PUT zeros=16m after=5s;
client_request chunked https://good.test:$port[1]/chunked/slow after=5s;
client_request until https://good.test:$port[1]/until after=5s;
client_request name https://evil.test:$port[1]/ok;
client_request expired https://good.test:$port[2]/ok;
client_request other https://good.test:$port[3]/ok;
client_request wild https://a.b.test:$port[4]/close own=w connections=1;
client_request wild_again https://a.b.test:$port[4]/close own=w after=3s;
client_request wild_deep https://c.a.b.test:$port[4]/ok;
client_request literal https://127.0.0.1:$port[4]/ok;
client_request plain https://good.test:$port[5]/ok;
client_request silent https://127.0.0.1:$port[6]/ok;
client_request late https://good.test:$port[6]/ok timeout=700ms;
client_request refuse https://good.test:$port[1]/refuse method=PUT zeros=16m after=8s;
client_request refuse_next https://good.test:$port[1]/ok after=11s timeout=20s;
client_request half https://half.test:$port[1]/ok;
client_request one https://one.good.test:$port[1]/ok?one timeout=12s;
client_request to_tls http://good.test:$port[1]/ok;
CONF

is("$result{$_}{failed} $result{$_}{status}", OK . ' 200', $_)
    or diag $result{$_}{error}
    for qw(good again address body chunked until wild wild_again refuse_next
           one);
is("$result{$_}{failed} $result{$_}{status}", OK . ' 403', $_)
    or diag $result{$_}{error} for qw(early refuse);

my %why = (
    name => qr/^certificate of 127\.0\.0\.1:\d+ is not for "evil\.test"$/,
    expired => qr/is not trusted \(10: certificate has expired\)$/,
    other => qr/is not trusted \(\d+: /,
    wild_deep => qr/is not for "c\.a\.b\.test"$/,
    half => qr/^certificate of 127\.0\.0\.1:\d+ is not for "half\.test"$/,
    literal => qr/is not for "127\.0\.0\.1"$/,
    plain => qr/^TLS handshake with 127\.0\.0\.1:\d+ failed$/,
    silent => qr/^TLS handshake with 127\.0\.0\.1:\d+ took too long$/,
);

for my $name (sort keys %why) {
    is($result{$name}{failed}, HANDSHAKE, "$name: refused");
    like($result{$name}{error}, $why{$name}, "$name: why");
}

is($result{late}{failed}, LATE, 'late: within its time');
isnt($result{to_tls}{failed}, OK, 'http to a port of TLS');
cmp_ok($result{silent}{ms}, '<', 15000, 'silent: a handshake has a limit');

# the second connection begins with the session of the first one
for my $https (@https[0, 3]) {
    my @close = grep { m{GET /close} } $https->requests;
    is(join(' ', map { (split)[5] } @close), '0 1', 'session used again');
}

is(scalar(grep { !m{ TLS } } $https[$_]->requests), 0,
   'nothing was sent to those') for 1, 2;

$t->stop;
$_->stop for @https, $plain, $silent, @silent, $dns;
$t->done;
