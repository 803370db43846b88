#!/usr/bin/perl

# What is refused is seen at the level error, which Debian's error_log has: a
# file that its bucket, or a proxy before that, does not take, also after it has
# failed as a bucket that is away; and an object that must not be removed.

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
    my $name = $d->published(one => $small);
    wait_for('an attempt', 30, sub { row('upload', $name)->{attempts} });
    is(said(qr/was not delivered/), 0, 'nothing is said of that');

    $fault->on(PUT => '', status => 413, body => '<html></html>', times => 0);
    $t->wait_log(qr/\[error\].*"$name\.flv" was not delivered .*: PUT answered with 413;/);
    is(row('upload', $name)->{state}, 'waiting', 'it is not given up');
    $fault->clear;
    $d->arrived($name);
};

subtest 'an object' => sub {
    my $name = $d->published(one => $small);
    $d->arrived($name);
    $fault->on(DELETE => '', status => 403, code => 'AccessDenied',
               times => 0);
    sql("UPDATE files SET expire_us = 1 WHERE stream = '$name'");
    $t->wait_log(qr/\[error\].*"$name\.flv" was not removed .* 403 AccessDenied/);
    $fault->clear;
    sql("UPDATE outbox SET next_us = 0 WHERE kind = 'remove'");
    wait_for('it to go', 60,
             sub { !grep { $_ eq "$name.flv" } $d->s3->keys($d->films) });
};

$d->done;

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
