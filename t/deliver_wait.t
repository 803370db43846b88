#!/usr/bin/perl

# A bucket that says when it may be asked again is not asked before, for
# whichever file, and a worker that ends does not wait for that.

use strict;
use warnings;

use FindBin;
use POSIX qw(strftime);
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Delivery;
use Recording::Util qw(not_tested wait_for within);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new;
my ($t, $fault) = ($d->nginx, $d->fault);
my ($small, $large) = ($d->small, $d->large);

waits('a file', one => $small, PUT => '', 6);
waits('a part', one => $large, PUT => qr/partNumber=1&/, 6);
waits('a segment', list => $small, PUT => qr/\.ts/, 6);
waits('a file, longer', one => $small, PUT => '', 34);
waits('a part, longer', one => $large, PUT => qr/partNumber=3/, 34);
told_a_time();
leaves();

$d->done;

# what is under way as the answer comes is not broken off
sub waits {
    my ($what, $app, $media, $method, $match, $seconds) = @_;

    subtest "$what: $seconds s" => sub {
        my $mark = $t->log_mark;
        $fault->clear;
        $fault->on($method, $match, status => 503, code => 'SlowDown',
                   headers => { 'Retry-After' => $seconds });
        my $before = $fault->requests;
        my @names = $d->published($app, $media);
        my $said = wait_for('the answer', 30, sub {
            my @all = $fault->requests;
            return (grep { ($_->{status} || 0) == 503 }
                    @all[ $before .. $#all ])[0];
        });

        push @names, map { $d->published(one => $small) } 1, 2;
        $d->arrived($_) for @names;

        my @all = $fault->requests;
        my @early = grep { $_->{start} > $said->{end} + 0.1
                           && $_->{start} < $said->{end} + $seconds - 0.5 }
                    @all[ $before .. $#all ];
        is(join(' ', map { "$_->{method} $_->{target}" } @early), '',
           'nothing is asked before');

        my $log = substr $t->error_log, $mark;
        is(scalar(() = $log =~ /cannot be used: .*503 SlowDown/g),
           $seconds > 30 ? 1 : 0, $seconds > 30 ? 'said once' : 'not said');
    };
}

# by a clock that is an hour ahead
sub told_a_time {
    subtest 'a time' => sub {
        $fault->clear;
        my $until = time + 8;
        $fault->on(PUT => '', status => 503, code => 'SlowDown', late => 3600,
                   headers => { 'Retry-After' => strftime(
                       '%a, %d %b %Y %H:%M:%S GMT', gmtime($until + 3600)) });
        my $name = $d->published(one => $small);
        $d->arrived($name);

        my @puts = $fault->requests(qr/^PUT .*$name/);
        is(scalar(@puts), 2, 'it was asked twice');
        cmp_ok($puts[1]{start}, '>=', $until - 1, 'and not before');
    };
}

sub leaves {
    subtest 'a worker ends' => sub {
        $fault->clear;
        $fault->on(PUT => '', status => 503, code => 'SlowDown',
                   headers => { 'Retry-After' => 25 });
        my $before = $fault->requests(qr/^PUT/);
        my @names = $d->published(one => $small);
        wait_for('the answer', 30,
                 sub { $fault->requests(qr/^PUT/) > $before });
        push @names, $d->published(one => $large);
        sleep 1;

        my $start = time;
        $t->stop;
        cmp_ok(time - $start, '<', within(5), 'at once');
        $t->start;

        # its upload has ended when it is looked for
        $d->arrived($_) for reverse @names;
    };
}
