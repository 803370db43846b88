#!/usr/bin/perl

# A power cut while files are delivered that grow: what was sent is never more
# than what is left of them on the disk, and the objects are that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Chance qw(seeded some);
use Recording::Early;
use Recording::PowerCut;
use Recording::Util qw(not_tested run);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

seeded();

Recording::PowerCut::isolate();

# How often an upload is begun at most: what was committed last may be lost,
# its id as well.
my %begun = (ext4 => 1, xfs => 2);

for my $fs (some(1, sort keys %begun)) {
    subtest $fs => sub {
        my $missing = Recording::PowerCut::missing($fs);
        plan skip_all => "no power cuts: $missing" if $missing;
        trial($fs, $begun{$fs});
    };
}

Recording::Nginx->done;

sub trial {
    my ($fs, $begun) = @_;

    my $disk = Recording::PowerCut->new($fs);
    my $e = Recording::Early->new(nginx => { store => $disk->store });
    my $s = $e->stream('all')->send(32);
    my @files = map { $s->name . ".$_" } qw(aac flv mp4);

    $e->wait_parts(1, $files[0]);
    $e->wait_parts(2, @files[1, 2]);
    $e->wait_segments(8, $s->name . '/index.m3u8');

    # as the kernel does within half a minute
    run('sync', '-f', $disk->store) if $begun == 1;

    # up to a moment at which parts are on their way, and nothing was synced
    # since
    my $end = time + 0.5 + rand 2;
    while (time < $end) {
        $s->send(1);
        sleep 0.1;
    }

    my @workers = $e->nginx->worker_pids;
    $e->nginx->signal(STOP => @workers);
    my $cut = $disk->cut(cache => 'lost');
    $e->nginx->kill9;
    my %sent = map { $_ => [ $e->parts($_) ] } @files;
    my @segments = grep { /\.ts$/ } $e->s3->keys($e->films, $s->name . '/');

    my $t = $e->taken_over(store => $cut->mount);
    my @rows = $t->wait_files(4, stream => $s->name);

    for my $row (grep { $_->{format} ne 'hls' } @rows) {
        my $last = $sent{ $row->{path} }[-1]{number};
        cmp_ok($row->{size}, '>=', $last * (5 << 20),
               "$row->{path}: it has all that was sent, $last parts");
    }

    my @more = grep { !-e $t->store . "/files/$_" } @segments;
    is("@more", '', 'and all segments');

    # of an upload that is begun once more the end may be known
    for my $row (@rows) {
        $e->whole($row, short => $begun == 1 ? 0 : undef);
        cmp_ok($e->begun($row->{path}), '<=', $begun,
               "$row->{path}: uploads of it");
    }

    $e->done_with;
    $cut->remove;
    $disk->remove;
}
