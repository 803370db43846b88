#!/usr/bin/perl

# Files are delivered while they are recorded: their parts are in the bucket
# before they end, and the objects are complete within 2 s of it, as the files
# are on the disk.  What is short goes whole, as if it had been closed before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Early;
use Recording::Util qw(not_tested);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $e = Recording::Early->new(workers => 2);
my $t = $e->nginx;

subtest 'each format' => \&formats;
subtest 'nothing more comes' => \&silent;
subtest 'short ones' => \&short;
subtest 'less than two parts' => \&less;
subtest 'side by side' => \&side_by_side;
subtest 'one file after the other' => \&cut;

$e->done;

sub formats {
    my $s = $e->stream('all')->send(32);
    my $name = $s->name;
    my @files = map { "$name.$_" } qw(aac flv mp4);

    # 12 MB of audio, 21 of all
    $e->wait_parts(1, $files[0]);
    $e->wait_parts(2, @files[1, 2]);
    $e->wait_segments(8, "$name/index.m3u8");

    $s->send(16);
    $e->wait_parts(2, $files[0]);
    $e->wait_parts(4, @files[1, 2]);
    $e->wait_segments(16, "$name/index.m3u8");

    $e->ended($s);
    my @rows = $t->wait_files(4, stream => $name);
    is($_->{frames_in} - $_->{frames_written}, 0,
       "$_->{format}: all is recorded") for @rows;
    $e->whole($_) for @rows;
    $e->sent_once($_) for @files;
}

# all that came is on the disk soon, and in the bucket, but for the last segment
# and the rest of a part
sub silent {
    my $s = $e->stream('all', silent => 1)->send(32);
    my $name = $s->name;

    $e->wait_parts(1, "$name.aac");
    $e->wait_parts(3, map { "$name.$_" } qw(flv mp4));
    $e->wait_segments(15, "$name/index.m3u8");
    $e->ended($s);
    $e->whole($_) for $t->wait_files(4, stream => $name);
}

# no multipart upload was created, ever
sub short {
    my $s = $e->stream('all', video => 50_000, audio => 300)->send(20);
    my $name = $s->name;

    $e->wait_segments(8, "$name/index.m3u8");
    $e->wait_on('a while', 5, sub { $s->{waited}++ > 20 });
    is($e->outbox("$name.$_")->{progress}, '', "$_: nothing was begun")
        for qw(aac flv mp4);
    $e->ended($s);

    for my $row ($t->wait_files(4, stream => $name)) {
        $e->whole($row, short => $row->{format} ne 'hls');
    }

    is($e->begun($name . '.' . $_), 0, "$_: sent whole")
        for qw(aac flv mp4);
}

# the first two are what an upload is begun with, so these have all parts at
# the end, which may be equal ones
sub less {
    my $s = $e->stream('flv', video => 500_000, audio => 300)->send(18);

    $e->wait_on('a while', 5, sub { $s->{waited}++ > 20 });
    is($e->begun($s->name . '.flv'), 0, 'nothing is sent while it grows');
    $e->ended($s);
    $e->whole($_, short => 1) for $t->wait_files(1, stream => $s->name);
}

sub side_by_side {
    my @streams = map { $e->stream($_ % 2 ? 'flv' : 'mp4', audio => 300,
                                   video => 1_000_000) } 1 .. 6;

    for (1 .. 4) { $_->send(5) for @streams }
    $e->wait_parts(2, key($_)) for @streams;

    $_->send(3) for @streams;
    $_->end for @streams;
    $e->in_time({ $e->complete([ map { key($_) } @streams ]) });

    for my $s (@streams) {
        $e->whole($_) for $t->wait_files(1, stream => $s->name);
        $e->sent_once(key($s));
    }
}

sub key {
    my ($s) = @_;
    return $s->name . ".$s->{app}";
}

# the next file grows while the one before is ended
sub cut {
    # frames of a poll would be a cut, if it took long
    my $s = $e->stream('cut', video => 1_500_000, audio => 300, silent => 1);
    my %begun;

    for (1 .. 3) {
        $s->send(12);
        $s->settle;

        # what ends with the next frame
        my @keys;
        $e->wait_on('files that grow', 30, sub {
            @keys = map { $_->{key} } $t->catalogue('SELECT key FROM outbox'
                . " WHERE facts ->> 'stream' = '" . $s->name . "' AND file_id"
                . ' IN (SELECT file_id FROM files WHERE state ='
                . " 'recording') ORDER BY key");
            @keys = grep { !$begun{$_} } @keys;
            return @keys == 2;
        });
        @begun{@keys} = (1) x @keys;
        $e->wait_parts(1, $_) for @keys;
    }

    $s->send(1);
    $e->ended($s);
    my @rows = $t->wait_files(8, stream => $s->name);
    is(scalar(@rows), 8, 'four files of each format');
    $e->whole($_, short => $_->{size} < 8 << 20) for @rows;
}
