#!/usr/bin/perl

# A key that may write and not look: what it has written is found by a list, if
# it may have that, and another one's object stays in any case.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Delivery;
use Recording::Util qw(not_tested wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new;
my ($t, $fault) = ($d->nginx, $d->fault);
my $small = $d->small;

writes();
taken('with a list');
taken('without a list');

$d->done;

sub writes {
    subtest 'a lost answer' => sub {
        blind();
        $fault->on(PUT => '', lost => 1);
        $d->arrived($d->published(one => $small));
    };
}

sub taken {
    my ($how) = @_;

    subtest "a key that is taken, $how" => sub {
        blind();
        $fault->on(GET => '', status => 403, times => 0)
            if $how eq 'without a list';

        my $name = 's' . ($d->{n} + 1);
        $d->s3->put($d->films, "$name.flv", 'of another one');
        $d->published(one => $small);
        wait_for('the end', 60, sub { row($name)->{state} eq 'dead' });
        like(row($name)->{error}, qr/has an object, which it does not show/,
             'said');
        is($d->s3->get($d->films, "$name.flv"), 'of another one', 'it stays');
    };
}

sub blind {
    $fault->clear;
    $fault->on(HEAD => '', status => 403, times => 0);
    return;
}

sub row {
    my ($name) = @_;

    return ($t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'"
                          . " AND facts ->> 'stream' = '$name'"))[0];
}
