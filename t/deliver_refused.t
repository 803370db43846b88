#!/usr/bin/perl

# A key that may write and not look: what it has written is found by a list, if
# it may have that, and another one's object stays in any case.  And headers of
# the configuration that a server does not have: the bucket waits for its
# operator, and no file is given up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Delivery;
use Recording::Util qw(not_tested wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new(bucket => 'header x-amz-acl private;');
my ($t, $fault) = ($d->nginx, $d->fault);
my $small = $d->small;

writes();
taken('with a list', $small);
taken('without a list', $small);
taken('with a list, for parts', $d->large);
again();
unconditional();
header(@$_) for [ 501, 'NotImplemented' ],
               [ 400, 'AccessControlListNotSupported' ],
               [ 400, 'KMS.NotFoundException' ];

# which has answered 501 for the condition, too
taken('with a list, where there are no conditions', $small);

$d->done;

sub writes {
    subtest 'a lost answer' => sub {
        blind();
        $fault->on(PUT => '', lost => 1);
        $d->arrived($d->published(one => $small));
    };
}

sub taken {
    my ($how, $media) = @_;

    subtest "a key that is taken, $how" => sub {
        blind();
        $fault->on(GET => '', status => 403, times => 0)
            if $how eq 'without a list';

        my $name = 's' . ($d->{n} + 1);
        $d->s3->put($d->films, "$name.flv", 'of another one');
        $d->published(one => $media);
        wait_for('the end', 60, sub { row($name)->{state} eq 'dead' });
        like(row($name)->{error}, qr/has an object, which it does not show/,
             'said');
        is($d->s3->get($d->films, "$name.flv"), 'of another one', 'it stays');
    };
}

# what was made by an attempt before is no other one's
sub again {
    subtest 'parts, and nginx is killed as all are there' => sub {
        blind();
        $fault->on(POST => qr/uploadId/, hang => 'answer');
        my $name = $d->published(one => $d->large);
        wait_for('the object', 60,
                 sub { grep { $_ eq "$name.flv" } $d->s3->keys($d->films) });
        $t->kill9;
        $t->start;
        $d->arrived($name);
    };
}

# segments are sent side by side, and each one hears of it by itself
sub unconditional {
    subtest 'a server without conditions' => sub {
        my $mark = $t->log_mark;
        $fault->clear;
        $fault->on(PUT => '', condition => 1, status => 501, delay => 4,
                   code => 'NotImplemented', times => 0);
        my $name = $d->published(list => $small);
        wait_for('its row', 60, sub { row($name)->{state} eq 'done' });
        cmp_ok(scalar(grep { $_->{headers}{'if-none-match'} }
                      $fault->requests(qr/PUT .*$name/)), '>', 1,
               'more than one was sent with a condition');
        unlike(substr($t->error_log, $mark),
               qr/was not delivered|cannot be used/, 'and none has failed');
    };
}

sub blind {
    $fault->clear;
    $fault->on(HEAD => '', status => 403, times => 0);
    return;
}

sub header {
    my ($status, $code) = @_;

    subtest "$status $code" => sub {
        my $mark = $t->log_mark;
        $fault->clear;
        $fault->on(PUT => '', status => $status, code => $code, times => 0);
        my $name = $d->published(one => $small);
        $t->wait_log(qr/bucket "archive" cannot be used: .*$code/, 30, $mark);
        ok(wait_for('its row', 20, sub {
            my $row = row($name);
            return $row->{state} eq 'waiting' && $row->{attempts} == 0;
        }), 'the file has not failed');

        $fault->clear;
        $d->arrived($name);
        unlike(substr($t->error_log, $mark), qr/was not delivered/, 'nor said');
    };
}

sub row {
    my ($name) = @_;

    return ($t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'"
                          . " AND facts ->> 'stream' = '$name'"))[0];
}
