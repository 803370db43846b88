#!/usr/bin/perl

# The proxy that fails as it is ordered to: each of its failures, as a client
# sees it and as the server does, and nothing but what was ordered.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use File::Temp;
use IO::Socket::INET;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);

use Recording::Certificates;
use Recording::Fault;
use Recording::Front;
use Recording::Storage;
use Recording::Util qw(in_parallel not_tested spew wait_for);

my $kind = Recording::Storage->kind;
my $missing = $kind->missing;
plan skip_all => not_tested($missing) if $missing;

my $gateway = $kind->new;
my $films = $gateway->bucket('films');
my $fault = Recording::Fault->new(to => $gateway->port);
my $there = $gateway->s3;
my $s3 = $gateway->s3(port => $fault->port);
my $body = join '', map { chr $_ * 7 % 256 } 1 .. 1_000_000;

# what is put through it, and whether it is there
sub put {
    my ($key, $text) = @_;

    my $answer = $s3->request('PUT', $films, $key, body => $text // $body);
    my $head = $there->head($films, $key);
    $answer->{there} = $head ? $head->{'content-length'} : -1;
    return $answer;
}

# the last one that it was asked
sub last_one { return ($fault->requests)[-1] }

# --- nothing is ordered

is(put('a')->{status}, 200, 'passed on');
is($s3->get($films, 'a'), $body, 'and back');
is($s3->with(virtual => 1)->head($films, 'a')->{etag},
   '"' . md5_hex($body) . '"', 'with the host as it is');
is(join(' ', $s3->keys($films)), 'a', 'chunks');
$s3->delete($films, 'a');
is($there->list($films), 0, 'no body');

my @requests = $fault->requests;
is(join(' ', map { $_->{method} } @requests), 'PUT GET HEAD GET DELETE',
   'what it was asked');
is(join(' ', map { $_->{status} } @requests), '200 200 200 200 204',
   'and what was answered');
is($requests[0]{target}, '/films/a', 'the target');
is("$requests[0]{length} $requests[0]{got}", '1000000 1000000', 'the length');
is($requests[2]{headers}{host}, 'films.localhost:' . $fault->port, 'a header');
is($requests[0]{connection}, $requests[1]{connection}, 'kept');
cmp_ok($requests[0]{end}, '>=', $requests[0]{start}, 'when');
is($fault->requests(qr/^PUT/), 1, 'some of them');

my $large = File::Temp->new;
spew($large->filename, 'x' x (40 << 20));
my @answers = in_parallel(4, sub {
    return $gateway->s3(port => $fault->port)->request('PUT', $films,
        "large $_[0]", file => $large->filename)->{status};
}, 1 .. 4);
is("@answers", '200 200 200 200', 'side by side');
is(join(' ', map { $_->{size} } $there->list($films, 'large')),
   join(' ', (40 << 20) x 4), 'all of each');

# --- answers of its own

$fault->on('PUT', qr/busy/, status => 503, code => 'SlowDown', skip => 1,
           times => 2, headers => { 'Retry-After' => 7 });
is($s3->get($films, 'busy'), undef, 'busy: another method');
my @busy = map { put('busy') } 1 .. 4;
is(join(' ', map { $_->{status} } @busy), '200 503 503 200',
   'busy: how often');
like($busy[1]{content}, qr{<Error><Code>SlowDown</Code>}, 'busy: the reason');
is($busy[2]{headers}{'retry-after'}, 7, 'busy: a header');
is(last_one()->{did}, '', 'busy: the last one was not');
is(($fault->requests(qr/^PUT.*busy/))[1]{did}, 'status',
   'busy: the second was');

for my $status (500, 429, 403, 301) {
    $fault->on('', qr/own/, status => $status, code => 'X', early => 1);
    my $answer = put('own');
    is("$answer->{status} $answer->{there}", "$status -1", "$status, at once");
}

$fault->on('PUT', qr/own/, status => 200, code => 'InternalError');
my $own = put('own');
is("$own->{status} $own->{there}", '200 -1', '200, and nothing is there');
like($own->{content}, qr{^<\?xml[^>]*>\s{5,}<Error><Code>InternalError},
     'with an error in it');

$fault->on('HEAD', '', status => 500, code => 'X');
is($s3->request('HEAD', $films, 'x')->{status}, 500, 'HEAD');
is($s3->head($films, 'busy')->{'content-length'}, 1_000_000, 'and the next');

$fault->on('PUT', '', status => 403, code => 'RequestTimeTooSkewed',
           late => -7200);
my $skewed = put('own');
my $last = last_one();
is(scalar(grep { $_ eq $skewed->{headers}{date} }
          map { my @then = gmtime $_ - 7200;
                strftime('%a, %d %b %Y %H:%M:%S GMT', @then) }
              int $last->{start} .. int $last->{end}), 1,
   'another Date');

# --- the server's answers

$fault->on('PUT', '', headers => { ETag => '"wrong"' });
my $wrong = put('wrong');
is("$wrong->{headers}{etag} $wrong->{there}", '"wrong" 1000000',
   'another ETag');
is(put('wrong')->{headers}{etag}, '"' . md5_hex($body) . '"', 'only once');

$fault->on('PUT', '', delay => 0.7);
my $start = time;
is(put('delay')->{status}, 200, 'delay');
cmp_ok(time - $start, '>', 0.65, 'delay: as long');

# Swift has a last chunk behind it, after which neither side can go on
is($s3->head($films, 'none'), undef, 'HEAD of what is not there');
is(put('after')->{status}, 200, 'and the next');

# --- lost

$fault->on('PUT', '', reset => 300_000);
my $reset = put('reset');
is("$reset->{status} $reset->{there}", '599 -1', 'reset: neither');
is(last_one()->{got}, 300_000, 'reset: after as much');
is(last_one()->{status}, undef, 'reset: no answer');

$fault->on('DELETE', '', reset => 0);
is($s3->request('DELETE', $films, 'delay')->{status}, 599, 'reset: no body');
ok($there->head($films, 'delay'), 'reset: and not passed on');

$fault->on('PUT', '', lost => 1);
my $lost = put('lost');
is("$lost->{status} $lost->{there}", '599 1000000', 'lost: it is there');
is(last_one()->{status}, 200, 'lost: what was answered');

# --- slow, or never

$fault->on('PUT', '', rate => 20_000);
$start = time;
is(put('rate', 'x' x 30_000)->{there}, 30_000, 'rate: whole');
cmp_ok(time - $start, '>', 1, 'rate: slow');

for my $how ('answer', 0, 1000) {
    $fault->on('PUT', '', hang => $how);
    my $quick = $gateway->s3(port => $fault->port, timeout => 1);
    my $answer = $quick->request('PUT', $films, "hang $how",
                                 body => 'x' x 2000);
    is($answer->{status}, 599, "hang at $how");

    # the client leaves, maybe before it is passed on
    eval { wait_for('it', 10, sub { $there->head($films, "hang $how") }) }
        if $how eq 'answer';
    is($there->head($films, "hang $how") ? 1 : 0, $how eq 'answer' ? 1 : 0,
       "hang at $how: passed on");
}

# --- nobody listens

$fault->down;
is($s3->request('GET', $films, '')->{status}, 599, 'down');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $fault->port),
   'down: refused');
$fault->up;
is($s3->request('GET', $films, '')->{status}, 200, 'up');

$fault->on('', '', status => 500, times => 0);
is(join(' ', map { $s3->request('GET', $films, '')->{status} } 1 .. 3),
   '500 500 500', 'for ever');
$fault->clear;
is($s3->request('GET', $films, '')->{status}, 200, 'until it is cleared');

# --- what wants equal parts

$fault->on('POST', qr/uploadId/, status => 400, code => 'InvalidPart',
           unequal => 1, times => 0);
is(complete(5 << 20, 5 << 20, 1000), 200, 'equal parts');
is(complete(6 << 20, 1000), 200, 'or only one, and the last');
is(complete(6 << 20, 5 << 20, 1000), 400, 'others are refused');
$fault->clear;

# parts of these sizes, the last one first; how Complete is answered
sub complete {
    my (@sizes) = @_;

    my $ask = sub { $s3->request(shift, $films, 'parts', @_) };
    my ($id) = $ask->('POST', query => { uploads => '' })->{content}
               =~ m{<UploadId>(.*?)</UploadId>};
    my %etag;

    for my $n (reverse 1 .. @sizes) {
        $etag{$n} = $ask->('PUT', body => 'x' x $sizes[$n - 1], query => {
            partNumber => $n, uploadId => $id })->{headers}{etag};
    }

    my $list = join '', map { "<Part><PartNumber>$_</PartNumber>"
                              . "<ETag>$etag{$_}</ETag></Part>" }
                        1 .. @sizes;
    return $ask->('POST', query => { uploadId => $id },
        body => "<CompleteMultipartUpload>$list</CompleteMultipartUpload>")
        ->{status};
}

# --- over TLS

my $ca = Recording::Certificates->new;
my $front = Recording::Front->new(to => $fault->port, tls => [
    $ca->issue('front', san => 'DNS:localhost,DNS:films.localhost') ]);
$s3 = $gateway->s3(port => $front->port, ca => $ca->file);

is(put('tls')->{there}, 1_000_000, 'TLS: passed on');
is($s3->get($films, 'tls'), $body, 'TLS: and back');
$fault->on('PUT', '', status => 503, code => 'SlowDown');
is(put('tls')->{status}, 503, 'TLS: refused');

# HTTP::Tiny may send a PUT once more after that
$fault->on('PUT', '', reset => 300_000, times => 2);
$reset = put('tls reset');
is("$reset->{status} $reset->{there}", '599 -1', 'TLS: reset');
$fault->clear;
$fault->on('PUT', '', lost => 1);
$lost = put('tls lost');
is("$lost->{status} $lost->{there}", '599 1000000', 'TLS: lost');
$fault->down;
is($s3->request('GET', $films, '')->{status}, 599, 'TLS: down');
$fault->up;
is($s3->request('GET', $films, '')->{status}, 200, 'TLS: up');
$front->stop;

my $n = $fault->requests;
$fault->stop;
is($fault->requests, $n, 'stopped: what it was asked is known');
$gateway->stop;

done_testing();
