#!/usr/bin/perl

# The tests' own client of S3 signs requests as AWS's programs do.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::Local qw(timegm);

use Recording::S3;
use Recording::Util qw(root slurp);

my $text = slurp(root() . '/t/unit/signature.txt');
my @cases = grep { /^case\t/ } split /\n\n/, $text;
cmp_ok(scalar @cases, '>', 25, 'there are some');

for my $case (@cases) {
    my (%case, %query, %headers);

    for (split /\n/, $case) {
        my ($name, $value) = /^(\w+)\t(.*)/ or die "$_: what is it?\n";
        my ($left, $right) = split /\t/, $value, 2;

        $case{$name} = $value;
        $query{$left} = $right if $name eq 'query';
        $headers{lc $left} = $right if $name eq 'header';
    }

    my @date = reverse $case{date} =~ /^(....)(..)(..)T(..)(..)(..)Z$/;
    $date[4]--;

    my $s3 = Recording::S3->new(time => timegm(@date),
        map { $_ => $case{$_} } qw(access secret token region));
    my $query = Recording::S3::_query(\%query);
    is($query, $case{sorted}, "$case{case}: the query");
    is(Recording::S3::_escaped($case{path}, '/'), $case{escaped},
       "$case{case}: the path");

    my $signed = $s3->_signed($case{method}, $case{host}, $case{path}, $query,
                              $case{payload}, \%headers);
    is($signed->{authorization}, $case{authorization}, $case{case});
}

done_testing();
