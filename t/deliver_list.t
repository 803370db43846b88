#!/usr/bin/perl

# What a bucket has of an upload that goes on is told in more than one list, as
# of a thousand parts and more, and in the XML of other servers: each of its
# parts is known, and none is sent again.

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
my ($t, $fault, $s3) = ($d->nginx, $d->fault, $d->s3);
my $namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

goes_on('two lists', sub {
    my ($first) = @_;
    return '<ListPartsResult><IsTruncated>true</IsTruncated>'
        . '<NextPartNumberMarker>1</NextPartNumberMarker>'
        . "<Part><PartNumber>1</PartNumber><Size>$first->{size}</Size>"
        . "<ETag>&quot;$first->{etag}&quot;</ETag></Part>"
        . '</ListPartsResult>';
}, '1 2');
goes_on('other XML', sub {
    my ($first) = @_;
    return qq{\n<?xml version="1.0"?>\n<s3:ListPartsResult }
        . ($namespace =~ s/xmlns/xmlns:s3/r) . '>'
        . '<s3:NextPartNumberMarker>1</s3:NextPartNumberMarker>'
        . '<s3:IsTruncated> TRUE </s3:IsTruncated><!-- a part -->'
        . "<s3:Part>\n<s3:ETag><![CDATA[\"$first->{etag}\"]]></s3:ETag>\n"
        . "<s3:Size>$first->{size}</s3:Size>"
        . '<s3:PartNumber>&#49;</s3:PartNumber></s3:Part>'
        . '</s3:ListPartsResult>';
}, '1 2');

# of a server that tells the same list again the rest is not known
goes_on('a list without an end', sub {
    my ($first) = @_;
    return "<ListPartsResult $namespace><IsTruncated>true</IsTruncated>"
        . '<NextPartNumberMarker>1</NextPartNumberMarker>'
        . "<Part><PartNumber>1</PartNumber><Size>$first->{size}</Size>"
        . "<ETag>$first->{etag}</ETag></Part></ListPartsResult>";
}, '1', times => 2);

$d->done;

# `known` are the parts that are not sent again
sub goes_on {
    my ($how, $list, $known, %opt) = @_;

    subtest $how => sub {
        $fault->clear;
        $fault->on(PUT => qr/partNumber=3/, hang => 'answer');
        my $name = $d->published(one => $d->large);

        my ($upload, %part);
        wait_for('two parts', 60, sub {
            ($upload) = $s3->uploads($d->films) or return;
            %part = map { $_->{number} => $_ }
                    $s3->parts($d->films, "$name.flv", $upload->{id});
            return $part{1} && $part{2};
        });
        $t->kill9;
        my $before = $fault->requests;

        $fault->clear;
        $fault->on(GET => qr/uploadId/, status => 200, %opt,
                   body => $list->($part{1}));
        $t->start;
        $d->arrived($name);

        my @all = map { "$_->{method} $_->{target}" } $fault->requests;
        @all = @all[ $before .. $#all ];
        is(scalar(grep { /^GET .*part-number-marker=1\b/ } @all), 1,
           'what is behind the marker is asked for');
        my %sent = map { $_ => 1 } map { /^PUT .*partNumber=(\d)/ } @all;
        is(join(' ', grep { !$sent{$_} } 1, 2), $known,
           'what is there is not sent again');
    };
}
