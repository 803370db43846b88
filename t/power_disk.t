#!/usr/bin/perl

# Copies of a disk without power are what the tests of power cuts take them
# for: one has what was flushed to the drive, the other one what its cache
# had, and none what was only written.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::PowerCut;
use Recording::Util qw(run slurp spew);

Recording::PowerCut::isolate();

for my $fs ('ext4', 'xfs') {
    subtest $fs => sub {
        my $missing = Recording::PowerCut::missing($fs);
        plan skip_all => "no power cuts: $missing" if $missing;
        disk($fs);
    };
}

done_testing();

# any process can sync all disks at any time, which is not always
sub disk {
    my ($fs) = @_;

    my ($lost, $kept);

    for (1 .. 5) {
        ($lost, $kept) = copies($fs);
        last if "$lost, $kept" eq 'flushed, cached flushed';
    }

    is($lost, 'flushed', 'a cache that is lost');
    is($kept, 'cached flushed', 'a cache that is kept');
}

# what has changed in a copy of each kind
sub copies {
    my ($fs) = @_;

    my $disk = Recording::PowerCut->new($fs);
    my $dir = $disk->dir;
    my @new;

    spew("$dir/$_", 'x' x 4096) for 'flushed', 'cached';
    run('sync', '-f', $dir);
    dd("$dir/flushed", 'conv=notrunc,fdatasync', 'oflag=direct');
    dd("$dir/cached", 'conv=notrunc', 'oflag=direct');
    spew("$dir/written", '-' x 4096);

    for my $cache ('lost', 'kept') {
        my $cut = $disk->cut(cache => $cache);
        $cut->mount;
        push @new, join ' ', grep { my $file = $cut->dir . "/$_";
                                    -e $file && slurp($file) =~ /^[\0-]/ }
                             qw(cached flushed written);
        $cut->remove;
    }

    $disk->remove;
    return @new;
}

sub dd {
    my ($file, @options) = @_;

    my ($status, undef, $err) = run('dd', 'if=/dev/zero', "of=$file",
                                    'bs=4096', 'count=1', @options);
    die "dd: $err\n" if $status;
}
