#!/usr/bin/perl

# nginx is killed at each request for a file that grows, or whose end has come:
# what was sent before is not sent again, and nothing is left of an upload that
# was broken off.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Early;
use Recording::Util qw(not_tested);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $e = Recording::Early->new;
my ($t, $fault) = ($e->nginx, $e->fault);

# at which request, of an mp4 in the first place: the answer to it never comes
my @growing = ([ POST => qr/uploads/ ], [ PUT => qr/partNumber=2/ ],
               [ PUT => qr/partNumber=3/ ]);
my @ending = ([ HEAD => '' ], [ GET => qr/uploadId/ ],
              [ PUT => qr/partNumber=1&/ ], [ POST => qr/uploadId/ ]);

stage("growing: $_->[0] $_->[1]", 0, @$_) for @growing;
stage("at the end: $_->[0] $_->[1]", 1, @$_) for @ending;

$e->done;

sub stage {
    my ($what, $ends, $method, $target) = @_;

    subtest $what => sub {
        my $s = $e->stream('mp4', audio => 300, video => 1_000_000);
        my $key = $s->name . '.mp4';
        my $matches = qr/\Q$key\E.*$target/;

        $fault->clear;
        $fault->on($method, $matches, hang => 'answer', times => 0) if !$ends;
        $s->send(22);

        if ($ends) {
            $e->wait_parts(3, $key);
            $fault->on($method, $matches, hang => 'answer', times => 0);
            $s->end;
        }

        $e->wait_on('the request', 30, sub {
            grep { $_->{did} eq 'hang' }
                 $fault->requests(qr/^$method .*$matches/)
        }, sub { join "\n", '', map { "$_->{method} $_->{target}" }
                                $fault->requests(qr/\Q$key\E/) });

        $t->kill9;
        $t->start;
        $fault->clear;
        my @rows = $t->wait_files(1, stream => $s->name);
        $e->whole($_, short => $method eq 'POST' ? undef : 0) for @rows;

        # what has no answer may have been taken, and is asked for again
        my %sent;
        $sent{$_}++ for $e->sent($key);
        is(join(' ', grep { $sent{$_} > 1 } sort keys %sent), '',
           'no part is sent again');
        cmp_ok($e->begun($key), '<=', $method eq 'POST' && !$ends ? 2 : 1,
               'in one upload');
    };
}
