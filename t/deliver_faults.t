#!/usr/bin/perl

# Whatever a bucket answers, or does not, each file arrives as it is, nothing
# is left of uploads that failed, and what is an error of the bucket, not of a
# file, is said once and costs no file its delivery.  A third of the trials, by
# chance; all of them if TEST_FULL is set.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Chance qw(some);
use Recording::Delivery;
use Recording::Media qw(media);
use Recording::Util qw(not_tested wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new;
my ($t, $fault) = ($d->nginx, $d->fault);
my ($small, $large) = ($d->small, $d->large);
my $error = sub { return status => $_[0], code => $_[1] };

# --- one request

small(@$_) for some(7,
    [ '500', [ PUT => '', $error->(500, 'InternalError'), times => 2 ] ],
    [ '500 without a body', [ PUT => '', status => 500 ] ],
    [ '503', [ PUT => '', $error->(503, 'SlowDown'),
      headers => { 'Retry-After' => 1 } ] ],
    [ '429', [ PUT => '', $error->(429, 'TooManyRequests') ] ],
    [ '408', [ PUT => '', $error->(408, 'RequestTimeout') ] ],
    [ 'RequestTimeout', [ PUT => '', $error->(400, 'RequestTimeout') ] ],
    [ 'BadDigest', [ PUT => '', $error->(400, 'BadDigest') ] ],
    [ 'IncompleteBody', [ PUT => '', $error->(400, 'IncompleteBody') ] ],
    [ '409', [ PUT => '', $error->(409, 'OperationAborted') ] ],
    [ '501 for the condition', [ PUT => '', $error->(501, 'NotImplemented') ] ],
    [ 'reset in the body', [ PUT => '', reset => 10_000 ] ],
    [ 'reset at once', [ PUT => '', reset => 0 ] ],
    [ 'a lost answer', [ PUT => '', lost => 1 ] ],
    [ 'an error in a success',
      [ PUT => '', status => 200, code => 'InternalError' ] ],
    [ 'another ETag', [ PUT => '', headers => { ETag => '"0123"' } ] ],
    [ 'no ETag', [ PUT => '', headers => { ETag => '' } ] ],
    [ 'HEAD fails', [ HEAD => '', status => 500, times => 2 ] ],
    [ 'no HEAD', [ HEAD => '', status => 403, times => 0 ] ],
    [ 'refused with an error that is not known',
      [ PUT => '', $error->(400, 'SomethingElse') ] ],
);

# --- in parts

large(@$_) for some(6,
    [ '500 of a part', [ PUT => qr/partNumber=2/,
      $error->(500, 'InternalError'), times => 2 ] ],
    [ 'reset in a part', [ PUT => qr/partNumber=1&/, reset => 1_000_000 ] ],
    [ 'a lost answer of a part', [ PUT => qr/partNumber=3/, lost => 1 ] ],
    [ 'another ETag of a part',
      [ PUT => qr/partNumber=2/, headers => { ETag => '"0123"' } ] ],
    [ 'the upload is gone',
      [ PUT => qr/partNumber=3/, $error->(404, 'NoSuchUpload') ] ],
    [ 'create: 500', [ POST => qr/uploads/, $error->(500, 'InternalError') ] ],
    [ 'create: a lost answer', [ POST => qr/uploads/, lost => 1 ] ],
    [ 'complete: a lost answer', [ POST => qr/uploadId/, lost => 1 ] ],
    [ 'complete: 500',
      [ POST => qr/uploadId/, $error->(500, 'InternalError') ] ],
    [ 'complete: an error in a success', [ POST => qr/uploadId/,
      status => 200, code => 'InternalError' ] ],
    [ 'complete: InvalidPart',
      [ POST => qr/uploadId/, $error->(400, 'InvalidPart') ] ],
    [ 'complete: NoSuchUpload',
      [ POST => qr/uploadId/, $error->(404, 'NoSuchUpload') ] ],
    [ 'a list of parts that cannot be read', again(body => '<Odd') ],
    [ 'a list of parts that is not to be had',
      again($error->(405, 'MethodNotAllowed')) ],
    [ 'no HEAD', [ HEAD => '', status => 403, times => 0 ] ],
);

subtest 'many parts' => sub {
    $fault->clear;
    my $name = $d->published('one', media(duration => 18, gop => 1,
                                          key_bytes => 4_000_000));
    $d->arrived($name);
};

# --- a playlist comes after its segments

list('500 of a segment', [ PUT => qr/00001\.ts/, $error->(500, 'InternalError'),
                           times => 6 ]);
list('a lost answer of a playlist', [ PUT => qr/m3u8/, lost => 1 ]);

# --- the bucket

stops(@$_) for some(3,
    [ '403', 'AccessDenied', [ '' => '', $error->(403, 'AccessDenied') ] ],
    [ 'a wrong key', 'InvalidAccessKeyId',
      [ PUT => '', $error->(403, 'InvalidAccessKeyId') ] ],
    [ 'an expired token', 'ExpiredToken',
      [ PUT => '', $error->(400, 'ExpiredToken') ] ],
    [ 'an expired token, whatever is asked', 'ExpiredToken',
      [ '' => '', $error->(400, 'ExpiredToken') ] ],
    [ 'a wrong region', 'AuthorizationHeaderMalformed',
      [ PUT => '', $error->(400, 'AuthorizationHeaderMalformed') ] ],
    [ 'another place', 'PermanentRedirect',
      [ PUT => '', $error->(301, 'PermanentRedirect') ] ],
    [ 'no bucket', 'NoSuchBucket',
      [ PUT => '', $error->(404, 'NoSuchBucket') ] ],
);

subtest 'nobody listens' => sub {
    my $mark = $t->log_mark;
    $fault->down;
    my @names = ($d->published('one', $large), $d->published('one', $small));
    $t->wait_log(qr/bucket "archive" cannot be used: connect/, undef, $mark);
    sleep 3;
    is(waiting(), 2, 'they wait');
    $fault->up;
    $d->arrived($_) for @names;
    is(said($mark, qr/cannot be used/), 1, 'said once');
};

subtest 'a clock' => sub {
    my $mark = $t->log_mark;
    $fault->on('', '', $error->(403, 'RequestTimeTooSkewed'), late => 100_000);
    my $name = $d->published('one', $small);
    $t->wait_log(qr/the clock of bucket "archive" differs by (?:9999\d|10000\d) s/,
                 undef, $mark);

    # that of the server is right, and so it differs from what was taken
    $d->arrived($name);
    is(said($mark, qr/clock of bucket/), 2, 'said for each');
};

subtest 'a key that is taken while an upload is broken off' => sub {
    $fault->clear;
    $fault->on(PUT => qr/partNumber=2/, $error->(500, 'InternalError'),
               times => 4);
    my $name = $d->published('one', $large);
    wait_for('an attempt', 30, sub { scalar($d->{s3}->uploads('films')) });
    $d->{s3}->put('films', "$name.flv", 'of another one');
    wait_for('the end', 60, sub { dead() == 1 });
    is($d->{s3}->get('films', "$name.flv"), 'of another one', 'it stays');
    is(scalar($d->{s3}->uploads('films')), 0, 'no upload is left');
};

$d->done;

# --- trials

sub small { return trial('one', $small, @_) }
sub large { return trial('one', $large, @_) }
sub list { return trial('list', $small, @_) }

sub trial {
    my ($app, $media, $what, $order) = @_;

    subtest "$app: $what" => sub {
        $fault->clear;
        $fault->on(@$_) for ref $order->[0] ? @$order : $order;
        my $name = $d->published($app, $media);
        $d->arrived($name);
    };
}

# an upload in parts is broken off, and what its list of parts is answered with
sub again {
    my (%answer) = @_;
    return [ [ PUT => qr/partNumber=2/, $error->(500, 'InternalError'),
               times => 4 ],
             [ GET => qr/uploadId/, status => 200, %answer, times => 0 ] ];
}

# for a while, with two files
sub stops {
    my ($what, $code, $order) = @_;

    subtest "bucket: $what" => sub {
        my $mark = $t->log_mark;
        my $before = $fault->requests(qr/^PUT/);
        $fault->clear;
        $fault->on(@$order, times => 0);
        my @names = map { $d->published('one', $small) } 1, 2;
        $t->wait_log(qr/bucket "archive" cannot be used: .*$code/, undef, $mark);
        sleep 3;

        is(waiting(), 2, 'both wait');
        is(dead(), 0, 'none is given up');
        cmp_ok($fault->requests(qr/^PUT/) - $before, '<', 12, 'it is not asked over and over');

        $fault->clear;
        $d->arrived($_) for @names;
        is(said($mark, qr/cannot be used/), 1, 'said once');
        is(said($mark, qr/can be used again/), 1, 'and that it is over');
    };
}

# asked at once: a row may go from one state to the other
sub waiting { return count('waiting', 'taken') }
sub dead { return count('dead') }

sub count {
    my $states = join ', ', map { "'$_'" } @_;
    return scalar($t->catalogue(
        "SELECT id FROM outbox WHERE kind = 'upload' AND state IN ($states)"));
}

sub said {
    my ($mark, $what) = @_;
    return scalar(() = substr($t->error_log, $mark) =~ /$what/g);
}
