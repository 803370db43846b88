#!/usr/bin/perl

# Who answers for a bucket may be no server of S3, as a web page that is there
# at any path, or have no such bucket, which an answer to HEAD does not tell: no
# file is given up for that, and no object taken for one that was removed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Delivery;
use Recording::Util qw(not_tested run wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new;
my ($t, $fault) = ($d->nginx, $d->fault);

my %page = (body => '<html><head><title>a page</title></head></html>',
            headers => { ETag => '"5e1c-1f"' }, times => 0);
my $stranger = qr/its endpoint is no server of S3/;

sent('a page at any path', $d->small, $stranger, sub {
    $fault->on('', '', status => 200, %page);
});
sent('a server that takes all', $d->small, $stranger, sub {
    $fault->on('HEAD', '', status => 404);
    $fault->on('PUT', '', status => 201, body => '', times => 0);
    $fault->on('', '', status => 200, %page);
});
sent('the same, for parts', $d->large, $stranger, sub {
    $fault->on('HEAD', '', status => 404);
    $fault->on('HEAD', '', status => 200, %page);
    $fault->on('POST', qr/uploadId/, status => 200, body => '', times => 0);
    $fault->on('GET', qr/list-type/, status => 200, %page);
});

removed('a page at any path', $stranger, sub {
    $fault->on('', '', status => 200, %page);
});
removed('a server that has nothing', $stranger, sub {
    $fault->on('', '', %page, status => 404);
});
removed('a server without the bucket', qr/404 NoSuchBucket/, sub {
    $fault->on('HEAD', '', status => 404, times => 0);
    $fault->on('', '', status => 404, code => 'NoSuchBucket', times => 0);
});

subtest 'an object that is not there, and a bucket that must not be listed' =>
sub {
    my $name = $d->published(one => $d->small);
    $d->arrived($name);
    $d->s3->delete($d->films, "$name.flv");
    $fault->on('GET', '', status => 403, code => 'AccessDenied', times => 0);
    expire($name);
    wait_for('the end', 60, sub { row('remove', $name)->{state} eq 'done' });
    $fault->clear;
};

$d->done;

sub sent {
    my ($what, $media, $why, $answers) = @_;

    subtest "sent to $what" => sub {
        my $mark = $t->log_mark;
        $fault->clear;
        $answers->();
        my $name = $d->published(one => $media);
        waits('upload', $name, $why, $mark);
        $fault->clear;
        $d->arrived($name);
    };
}

sub removed {
    my ($what, $why, $answers) = @_;

    subtest "removed from $what" => sub {
        my $name = $d->published(one => $d->small);
        $d->arrived($name);

        my $mark = $t->log_mark;
        $answers->();
        expire($name);
        waits('remove', $name, $why, $mark);
        $fault->clear;
        wait_for('it to go', 60, sub {
            row('remove', $name)->{state} eq 'done' });
        ok(!(grep { $_ eq "$name.flv" } $d->s3->keys($d->films)), 'it goes');
    };
}

# the bucket is to blame, and nothing is done or given up
sub waits {
    my ($kind, $name, $why, $mark) = @_;

    $t->wait_log(qr/bucket "archive" cannot be used: .*$why/, 60, $mark);
    ok(wait_for('its row', 60, sub {
        my $row = row($kind, $name);
        return $row->{state} eq 'waiting' && $row->{error} =~ $why;
    }, sub { join ' ', '', map { $_ // '' } %{ row($kind, $name) } }),
       'it waits');
    unlike(substr($t->error_log, $mark), qr/is not delivered|are left there/,
           'and is not given up');
    return;
}

sub row {
    my ($kind, $name) = @_;

    return ($t->catalogue("SELECT * FROM outbox WHERE kind = '$kind'"
                          . " AND facts ->> 'stream' = '$name'"))[0]
           || { state => '', error => '' };
}

sub expire {
    my ($name) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
        '.timeout 5000', $t->db,
        "UPDATE files SET expire_us = 1 WHERE stream = '$name'");
    die "sqlite3: $err\n" if $status || length $err;
}
