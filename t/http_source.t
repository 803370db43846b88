#!/usr/bin/perl

# Bodies that the HTTP client asks a source for: at once and later, over
# connections that are new, kept and closed meanwhile, to servers that refuse
# them, and sources that fail, are slow or never answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use Test::More;
use Time::HiRes qw(time);

use Recording::Certificates;
use Recording::Client qw(OK HANDSHAKE SEND LATE SOURCE);
use Recording::Nginx;
use Recording::Receiver;
use Recording::Util qw(wait_for within);

my $t = Recording::Nginx->new;
my $ca = Recording::Certificates->new;
my ($certificate, $key) = $ca->issue('good', san => 'IP:127.0.0.1');
my $foreign = Recording::Certificates->new;
my ($strange, $strange_key) = $foreign->issue('other',
    san => 'DNS:other.test');

my $http = Recording::Receiver->http(port => $t->port(1));
my $https = Recording::Receiver->http(port => $t->port(2),
    certificate => $certificate, key => $key);
my $other = Recording::Receiver->http(port => $t->port(3),
    certificate => $strange, key => $strange_key);

my $client = Recording::Client->new($t);
my %at = (plain => 'http://127.0.0.1:' . $t->port(1),
          tls => 'https://127.0.0.1:' . $t->port(2));
my $conf = "client_certificate @{[ $ca->file ]};\n";

# --- how a body comes, and how it ends: name, path, parameters.  Those that are
#     marked as kept come one after the other over one connection.

my $requests = '';

for my $line (split /\n/, <<'REQUESTS') {
none            sum          source=0 timeout=0
one             sum          source=1 timeout=0
now             sum          source=16m chunk=1m timeout=0
later           sum          source=16m chunk=400k pause=5ms
small           sum          source=60001 chunk=1000 pause=2ms
fails           sum          source=16m chunk=1m fail=5m
fails_first     sum          source=16m fail=0 pause=50ms
late            sum          source=1m hold=100k timeout=700ms
early           early/wait   source=16m chunk=1m pause=5ms
early_hold      early/hang   source=16m hold=100k
early_first     early/hang   source=16m hold=0
gone            early/reset  source=16m hold=100k
refuse          refuse       source=16m pause=20ms
shut            shut         source=16m hold=100k
patient         sum          source=50k chunk=100k pause=22s timeout=0
lazy            lazy         source=16m chunk=1m pause=5ms
cancel          sum          source=1m pause=40ms cancel=500ms
cancel_hold     sum          source=1m hold=100k cancel=500ms
cancel_sending  deaf         source=16m cancel=500ms
quit            sum          source=1m quit=100k
quit_first      sum          source=1m quit=0 pause=50ms
kept            sum?kept     source=1m kept
again           sum?again    source=3m kept after=2s
cut             cut          source=1m pause=60ms kept after=4s
cut_hold        cut          source=1m pause=700ms chunk=900k kept after=7s
cut_fails       cut          source=1m pause=300ms fail=0 kept after=12s
REQUESTS
    my ($name, $path, $rest) = split ' ', $line, 3;

    for my $how (sort keys %at) {
        my $own = $rest =~ s/ kept/ own=$how connections=1/r;
        $own .= " own=${how}_x connections=32" if $own eq $rest;

        $requests .= "client_request ${how}_$name $at{$how}/$path method=PUT"
            . " $own;\n";
    }
}

my %result = $client->ask($conf . $requests, 60);

my %wanted = (
    none => [OK, 200], one => [OK, 200], now => [OK, 200], later => [OK, 200],
    small => [OK, 200], fails => [SOURCE, 0], fails_first => [SOURCE, 0],
    late => [LATE, 0], early => [OK, 403], early_hold => [OK, 403],
    early_first => [OK, 403], gone => [OK, 403], refuse => [OK, 403],
    shut => [SEND, 0], patient => [OK, 200], lazy => [SEND, 200],
    kept => [OK, 200], again => [OK, 200],
    cut => [OK, 200], cut_hold => [OK, 200], cut_fails => [SOURCE, 0],
);
my %length = (none => 0, one => 1, now => 16 << 20, later => 16 << 20,
              small => 60001, patient => 51200, kept => 1 << 20, again => 3 << 20,
              cut => 1 << 20, cut_hold => 1 << 20);

for my $how (sort keys %at) {
    for my $name (sort keys %wanted) {
        my $result = $result{"${how}_$name"};

        is("$result->{failed} $result->{status}", "@{ $wanted{$name} }",
           "$how $name: as it should end") or diag $result->{error};
        is($result->{done}, 1, "$how $name: told once");
        is($result->{error} ne '', $wanted{$name}[0] != OK,
           "$how $name: a reason");
    }

    is($result{"${how}_$_"}{answer}, sum($length{$_}), "$how $_: the body")
        for sort keys %length;

    for my $name (qw(cancel cancel_hold cancel_sending quit quit_first)) {
        is($result{"${how}_$name"}{cancelled}, 1, "$how $name: cancelled");
        is($result{"${how}_$name"}{done}, 1, "$how $name: and not told");
    }

    is($result{"${how}_none"}{asks}, 0, "$how none: nothing is asked for");
    is($result{"${how}_$_"}{starts}, 1, "$how $_: asked once for each byte")
        for qw(now kept again);
    is($result{"${how}_$_"}{starts}, 2, "$how $_: from its beginning again")
        for qw(cut cut_hold);
    like($result{"${how}_fails"}{error}, qr/^no bytes at \d+$/,
         "$how fails: the source says why");
}

is(kept($_), 1, 'a body of a source leaves the connection for the next one')
    for $http, $https;
$t->stop;

# --- a worker that exits waits for sources, as long as it may

my $slow = <<"CONF";
client_request slow $at{plain}/sum?slow method=PUT source=1m pause=200ms;
client_request slow_tls $at{tls}/sum?slow method=PUT source=1m pause=200ms;
CONF

start($slow);
$t->stop;
%result = $client->results($slow, 5, $t->{mark});
is($result{$_}{answer}, sum(1 << 20), "$_: sent before the worker ends")
    for qw(slow slow_tls);

my $held = <<"CONF";
client_request held $at{plain}/deaf?held method=PUT source=1m hold=100k
    timeout=0;
client_request held_tls $at{tls}/deaf?held method=PUT source=1m hold=100k
    timeout=0;
CONF

start("worker_shutdown_timeout 1s;\n$held");
my $begun = time;
$t->stop;
cmp_ok(time - $begun, '<', within(6), 'worker_shutdown_timeout ends it');
%result = $client->results($held, 5, $t->{mark});
is("$result{$_}{failed} $result{$_}{error}", SEND . ' the worker process ends',
   "$_: failed") for qw(held held_tls);

# --- hosts of their own: what they do not verify others do

my $port = $t->port(3);

%result = $client->ask(<<"CONF", 20);
client_request trusted https://127.0.0.1:$port/sum method=PUT source=1m own=a
    verify=off;
CONF
is($result{trusted}{answer}, sum(1 << 20), 'a certificate is not verified');
$t->stop;

%result = $client->ask($conf . <<"CONF", 20);
client_request trusted https://127.0.0.1:$port/ok own=a verify=off;
client_request verified https://127.0.0.1:$port/ok own=b after=1s;
client_request shared https://127.0.0.1:$port/ok after=1s;
client_request own_1 $at{plain}/slow?own1 own=c connections=6;
@{[ join '', map { "client_request own_$_ $at{plain}/slow?own$_ own=c;\n" }
             2 .. 12 ]}
CONF
is($result{trusted}{status}, 200, 'the one that trusts');
is($result{$_}{failed}, HANDSHAKE, "$_: another one does not")
    for qw(verified shared);

my %used = map { (split ' ')[0] => 1 } grep { /own\d/ } $http->requests;
is(scalar keys %used, 6, 'a host of its own has so many connections');

$t->stop;
$_->stop for $http, $https, $other;
$t->done;

# what the server says of so many bytes of a source
sub sum {
    my ($length) = @_;

    my $bytes = join '', map { chr } 0 .. 250;
    my $body = substr $bytes x ($length / 251 + 1), 0, $length;

    return "$length " . md5_hex($body);
}

# whether both requests came over one connection
sub kept {
    my ($server) = @_;

    my %seen = map { my ($connection, $n, undef, $uri) = split ' ';
                     $uri =~ /\?(kept|again)/ ? ($1 => "$connection $n") : () }
               $server->requests;

    return ($seen{again} // '') eq ($seen{kept} // '') =~ s/ 1$/ 2/r;
}

# starts nginx and returns when the sources were asked
sub start {
    my ($requests) = @_;

    my @names = $requests =~ /^client_request (\S+)/mg;
    my $mark = $t->{mark} = $t->log_mark;
    $t->conf($client->conf($conf . $requests))->start;

    wait_for('sources', 20, sub {
        my $log = substr $t->error_log, $mark;
        return !grep { $log !~ /client $_: asked/ } @names;
    });

    return;
}
