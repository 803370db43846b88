#!/usr/bin/perl

# What is refused is seen at the level error, which Debian's error_log has: a
# file that its bucket, or a proxy before that, does not take, also after it has
# failed as a bucket that is away; an object that must not be removed; and where
# a bucket is, that another place has been asked for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Delivery;
use Recording::Util qw(not_tested run wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new(nginx => { level => 'error' });
my ($t, $fault, $small) = ($d->nginx, $d->fault, $d->small);

subtest 'a file, after the bucket was away for one attempt' => sub {
    $fault->on(PUT => '', reset => 0, times => 4);
    $fault->on(PUT => '', status => 413, body => '<html></html>', times => 0);
    my $name = $d->published(one => $small);
    wait_for('an attempt', 30, sub { row('upload', $name)->{attempts} });
    $t->wait_log(qr/\[error\].*"$name\.flv" was not delivered .*: PUT answered with 413;.*@{[ about($name) ]}/);
    is(said(qr/was not delivered to bucket "archive": (?!PUT answered)/), 0,
       'nothing is said of the one before');
    wait_for('it to wait', 30, sub {
        row('upload', $name)->{state} eq 'waiting' });
    pass('it is not given up');
    $fault->clear;
    $d->arrived($name);
};

subtest 'an object' => sub {
    my $name = $d->published(one => $small);
    $d->arrived($name);
    $fault->on(DELETE => '', status => 403, code => 'AccessDenied',
               times => 0);
    sql("UPDATE files SET expire_us = 1 WHERE stream = '$name'");
    $t->wait_log(qr/\[error\].*"$name\.flv" was not removed .* 403 AccessDenied.*@{[ about($name) ]}/);
    $fault->clear;
    wait_for('it to wait', 30, sub {
        row('remove', $name)->{state} eq 'waiting' });
    sql("UPDATE outbox SET next_us = 0 WHERE kind = 'remove'");
    wait_for('it to go', 60,
             sub { !grep { $_ eq "$name.flv" } $d->s3->keys($d->films) });
};

moved('a region', qr/the bucket's region is "eu-north-1"/,
      status => 301, headers => { 'x-amz-bucket-region' => 'eu-north-1' });
moved('a region, and why', qr/region is "eu-north-1": by order/,
      status => 400, code => 'AuthorizationHeaderMalformed',
      headers => { 'x-amz-bucket-region' => 'eu-north-1' });
moved('another server', qr/it is at "https:\/\/films\.example\.com:8443":/,
      status => 307, code => 'TemporaryRedirect', headers => {
          Location => 'https://films.example.com:8443/a/b.flv?c' });
moved('an element', qr/it is at "films\.s3\.example\.com"/, status => 301,
      body => '<Error><Code>PermanentRedirect</Code>'
              . '<Endpoint>films.s3.example.com</Endpoint></Error>');

# there is room for less than this
moved('as long as it can be', qr/region is "e{39}", it is at "h{60}/,
      status => 301, body => '<Error><Code>' . 'C' x 100 . '</Code><Message>'
              . 'm' x 200 . '</Message></Error>',
      headers => { 'x-amz-bucket-region' => 'e' x 100,
                   Location => 'h' x 60 . '://' . 'p' x 100 });

subtest 'its own region is no news' => sub {
    $fault->on('', '', status => 403, code => 'AccessDenied', times => 0,
               headers => { 'x-amz-bucket-region' => 'us-east-1' });
    stopped(qr/AccessDenied: by order;/);
};

$d->done;

sub moved {
    my ($what, $where, %answer) = @_;

    subtest "the bucket is elsewhere: $what" => sub {
        $fault->on(PUT => '', %answer, times => 0);
        stopped($where);
    };
}

sub stopped {
    my ($why) = @_;

    my $mark = $t->log_mark;
    my $name = $d->published(one => $small);
    $t->wait_log(qr/\[error\].*bucket "archive" cannot be used: .*$why/, undef,
                 $mark);
    pass('said');
    $fault->clear;
    $d->arrived($name);
    return;
}

# how a message about a file ends, so long after its stream
sub about {
    my ($name) = @_;
    return qr/, stream: "one\/$name", template: "one"$/m;
}

sub said {
    my ($what) = @_;
    return scalar(() = $t->error_log =~ /$what/g);
}

sub row {
    my ($kind, $name) = @_;

    return ($t->catalogue("SELECT * FROM outbox WHERE kind = '$kind'"
                          . " AND facts ->> 'stream' = '$name'"))[0]
           || { attempts => 0, state => '' };
}

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
