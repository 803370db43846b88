#!/usr/bin/perl

# A bucket fails at a request for a file that grows: its parts are there before
# its end all the same, or it is sent as a closed one is.

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
my $error = sub { return status => $_[0], code => $_[1] };

# --- of one request

grows('create: 500', [ POST => qr/uploads/, $error->(500, 'InternalError'),
                       times => 2 ]);
grows('create: a lost answer', [ POST => qr/uploads/, lost => 1 ]);
grows('500 of a part', [ PUT => qr/partNumber=2/,
                         $error->(500, 'InternalError'), times => 2 ]);
grows('503 of a part', [ PUT => qr/partNumber=3/, $error->(503, 'SlowDown'),
                         headers => { 'Retry-After' => 1 } ]);
grows('reset in a part', [ PUT => qr/partNumber=2/, reset => 1_000_000 ]);
grows('a lost answer of a part', [ PUT => qr/partNumber=3/, lost => 1 ]);
grows('another ETag of a part',
      [ PUT => qr/partNumber=2/, headers => { ETag => '"0123"' } ]);
grows('the upload is gone',
      [ PUT => qr/partNumber=3/, $error->(404, 'NoSuchUpload') ]);
grows('an expired token', [ PUT => qr/partNumber=2/,
                            $error->(400, 'ExpiredToken') ]);

# --- which want all parts to be equal

subtest 'Complete is refused' => sub {
    $fault->clear;
    $fault->on(POST => qr/uploadId/, $error->(400, 'InvalidPart'),
               unequal => 1, times => 0);

    my $s = $e->stream('mp4')->send(32);
    $e->wait_parts(2, key($s));
    arrives($s, undef);
    $t->wait_log(qr/\[warn\] .*bucket "archive" refuses what was sent while/);

    # a file that does not move has equal ones, but nobody knows
    for my $app (qw(mp4 flv)) {
        $s = $e->stream($app)->send(32);
        $e->wait_on('a while', 10, sub { $s->{waited}++ > 40 });
        is($e->begun(key($s)), 0, "$app: nothing is sent while it grows");
        arrives($s, 1);
    }

    my @refused = grep { $_->{did} } $fault->requests(qr/^POST .*uploadId/);
    is(scalar(@refused), 1, 'only the first one is tried so');
    my @said = $t->error_log =~ /refuses what was sent while it grew/g;
    is(scalar(@said), 1, 'which is said once');
};

$e->done;

# --- trials

sub key { return $_[0]->name . ".$_[0]{app}" }

# a request fails and the rest goes well: parts are there before the end
sub grows {
    my ($what, $order) = @_;

    subtest $what => sub {
        $fault->clear;
        $fault->on(@$order);
        my $s = $e->stream('mp4', video => 2_000_000, audio => 300)->send(10);
        $e->wait_parts(2, key($s));
        arrives($s, 0);
    };
}

# in time if it was begun before its end; short: undef if it may not have been
sub arrives {
    my ($s, $short) = @_;

    defined $short ? $e->ended($s, key($s)) : $s->end;
    my ($row) = $t->wait_files(1, stream => $s->name);
    is($row->{frames_written}, $s->frames, 'all frames are recorded');
    $e->whole($row, short => $short);
    return;
}
