#!/usr/bin/perl

# A bucket that is down, slow, silent, or refuses everything while files grow:
# the recording and live do not notice, and all of it arrives when the bucket is
# back, before the end of a file or after it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Early;
use Recording::Util qw(not_tested within);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $e = Recording::Early->new;
my ($t, $fault) = ($e->nginx, $e->fault);

# what hangs, or is slow, is lost
my $return = sub { $fault->clear->down->up };

away('down', sub { $fault->down });
away('refused', [ '' => '', status => 403,
                  code => 'AccessDenied', times => 0 ]);
away('parts are refused', [ PUT => '', status => 500,
                            code => 'InternalError', times => 0 ]);
away('slow', [ PUT => '', rate => 50_000, times => 0 ]);
away('silent', [ PUT => '', hang => 0, times => 0 ]);
away('answers nothing', [ '' => '', hang => 'answer', times => 0 ]);

subtest 'back before the end' => sub {
    $fault->clear->down;
    my @streams = map { $e->stream($_) } qw(flv mp4);
    my $mark = $t->log_mark;
    $_->send(32)->settle for @streams;
    $t->wait_log(qr/bucket "archive" cannot be used: connect/, undef, $mark);
    $fault->up;
    $e->wait_parts(2, key($_)) for @streams;
    $_->send(8) for @streams;
    $e->ended($_, key($_)) for @streams;
    arrive(0, @streams);
};

$e->done;

# from the beginning to after the end
sub away {
    my ($what, $go) = @_;

    subtest $what => sub {
        $fault->clear;
        ref $go eq 'CODE' ? $go->() : $fault->on(@$go);

        my @streams = map { $e->stream($_, video => 2_000_000, audio => 300) }
                      qw(flv mp4);
        my $hls = $e->stream('hls', audio => 300);
        my $slowest = 0;

        for (1 .. 10) {
            $_->send(1) for @streams, $hls;
            my $r = $streams[0]{r};
            my $begun = time;
            $r->ping;
            $r->wait_event(7);
            $slowest = max($slowest, time - $begun);
            sleep 0.3;
        }

        # what waited for the bucket would take five seconds, or for ever
        cmp_ok($slowest, '<', within(1), 'live does not notice');
        $_->settle->end for @streams, $hls;
        $t->wait_files(1, stream => $_->name) for @streams, $hls;

        $return->();
        arrive(undef, @streams, $hls);
    };
}

sub key { return $_[0]->name . ".$_[0]{app}" }

sub arrive {
    my ($short, @streams) = @_;

    for my $s (@streams) {
        my ($row) = $t->wait_files(1, stream => $s->name);
        is($row->{frames_in}, $s->frames, $s->name . ': all frames came in');
        is($row->{frames_written}, $s->frames, $s->name . ': and are in it');
        $e->whole($row, short => $short);
    }

    return;
}
