#!/usr/bin/perl

# Answers as they are, though no server that is tried here gives them: objects
# whose length is left out, as by a proxy that would compress them, and parts
# whose ETags are long.

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

unmeasured('of parts');
unmeasured('of parts, and the last answer is lost',
           POST => qr/uploadId/, lost => 1);
long_etags();

$d->done;

# the first time it is not there yet
sub unmeasured {
    my ($what, @fails) = @_;

    subtest "an object without a length, $what" => sub {
        $fault->clear;
        $fault->on(HEAD => '', headers => { 'Content-Length' => undef },
                   skip => 1, times => 0);
        $fault->on(@fails) if @fails;
        my $name = $d->published(one => $d->large);
        $d->arrived($name);

        my @begun = $fault->requests(qr/^POST .*$name.*\?uploads/);
        is(scalar(@begun), 1, 'it is sent once');
    };
}

# the server does not know these, and gets them as they were
sub long_etags {
    subtest 'long ETags' => sub {
        my $etag = 'AB/c+d' . 'x' x 200 . '==';
        $fault->clear;
        $fault->on(PUT => qr/partNumber/, times => 3,
                   headers => { ETag => qq{"$etag"} });
        my $name = $d->published(one => $d->large);
        wait_for('the end', 60, sub {
            $fault->requests(qr/^POST .*$name.*uploadId/) });
        my ($end) = $fault->requests(qr/^POST .*$name.*uploadId/);
        cmp_ok($end->{length}, '>', 3 * length $etag, 'they come back');
        $d->arrived($name);
    };
}
