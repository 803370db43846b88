#!/usr/bin/perl

# Searches of the API among many rows: each filter, alone and with others, both
# orders, pages by Offset and by ScrollToken; whatever index leads to the rows,
# they are those that a look at all of them finds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Past;

my $n = 30_000;
my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    server { listen 127.0.0.1:%%PORT_0%%; application live { live on; } }
}
http {
    server { listen 127.0.0.1:%%PORT_1%%; location /api/ { record_api; } }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));

Recording::Past::fill($t, $n);

# what is lost, removed, or only in a bucket
$t->catalogue("UPDATE files SET local = 0 WHERE file_id = 29990;"
    . "UPDATE files SET state = 'evicted', local = 0 WHERE file_id = 29991;"
    . "UPDATE files SET state = 'evicted', local = 0, objects = "
    . "'[{\"url\":\"http://b/2\",\"rank\":1},{\"url\":\"http://b/1\",\"rank\":0}"
    . "]' WHERE file_id = 29992;"
    . "UPDATE files SET state = 'lost' WHERE file_id = 29993");
my %gone = map { $_ => 1 } 29990, 29991, 29993;

is(code({}), '', 'there is a catalogue');

# --- a file as Past makes it: id - 1 is the second in which it was finished

my @files = map { my $v = $_ - 1; my $r = int($v / 10);
                  { id => $_, at => $v, from => $v - 600, to => $v - 1,
                    app => 'a' . $r % 10, stream => 's' . $r % 1000,
                    domain => 'd' . $r % 3,
                    format => $v % 10 == 9 ? 'flv' : 'mp4' } }
            grep { !$gone{$_} } 1 .. $n;
$_->{name} = "$_->{app}/$_->{stream}/$_->{at}.$_->{format}" for @files;

my @searches = (
    [ 'all', {}, sub { 1 } ],
    [ 'a stream', { StreamIds => ['s7'] }, sub { $_->{stream} eq 's7' } ],
    [ 'streams', { StreamIds => [qw(s7 s8 s7 nothing)] },
      sub { $_->{stream} =~ /^s[78]$/ } ],
    [ 'an application', { StreamPaths => ['a3'] }, sub { $_->{app} eq 'a3' } ],
    [ 'applications', { StreamPaths => [qw(a1 a3)] },
      sub { $_->{app} =~ /^a[13]$/ } ],
    [ 'a stream of an application', { StreamPaths => ['a7'],
                                      StreamIds => ['s7'] },
      sub { $_->{stream} eq 's7' } ],
    [ 'one that has no such', { StreamPaths => ['a3'], StreamIds => ['s7'] },
      sub { 0 } ],
    [ 'ids', { FileIds => [qw(5 17 29990 3 17 99999999)] },
      sub { $_->{id} =~ /^(?:5|17|3)$/ } ],
    [ 'ids of a stream', { FileIds => [qw(5 17)], StreamIds => ['s1'] },
      sub { $_->{id} == 17 } ],
    [ 'names', { NamePrefixes => ['a7/s7/'] }, sub { $_->{stream} eq 's7' } ],
    [ 'many names', { NamePrefixes => ['a7/'] }, sub { $_->{app} eq 'a7' } ],
    [ 'all names', { NamePrefixes => ['a'] }, sub { 1 } ],
    [ 'names of two kinds', { NamePrefixes => [ 'a7/s7/', 'a8/s8/', 'a8/s8/8' ] },
      sub { $_->{stream} =~ /^s[78]$/ } ],
    [ 'names in a time', { NamePrefixes => ['a7/s7/'], CreateTime =>
                           { After => at(10_000), Before => at(25_000) } },
      sub { $_->{stream} eq 's7' && $_->{at} >= 10_000 && $_->{at} <= 25_000 } ],
    [ 'a domain', { StreamDomains => ['d1'] }, sub { $_->{domain} eq 'd1' } ],
    [ 'a format', { Formats => ['flv'] }, sub { $_->{format} eq 'flv' } ],
    [ 'a format of a stream', { Formats => ['flv'], StreamIds => ['s7'] },
      sub { $_->{format} eq 'flv' && $_->{stream} eq 's7' } ],
    [ 'finished after', { CreateTime => { After => at(29_900) } },
      sub { $_->{at} >= 29_900 } ],
    [ 'finished before', { CreateTime => { Before => at(100) } },
      sub { $_->{at} <= 100 } ],
    [ 'finished between', { CreateTime => { After => at(100),
                                            Before => at(200) } },
      sub { $_->{at} >= 100 && $_->{at} <= 200 } ],
    [ 'recorded at a time', { RecordTime => { After => at(5000),
                                              Before => at(5000) } },
      sub { $_->{from} <= 5000 && $_->{to} >= 5000 } ],
    [ 'a stream at a time', { StreamIds => ['s500'], RecordTime =>
                              { After => at(5000), Before => at(5100) } },
      sub { $_->{stream} eq 's500' && $_->{from} <= 5100
            && $_->{to} >= 5000 } ],
    [ 'an application since', { StreamPaths => ['a5'], RecordTime =>
                                { After => at(29_000) } },
      sub { $_->{app} eq 'a5' && $_->{to} >= 29_000 } ],
    [ 'nothing', { RecordTime => { After => at(9000), Before => at(8000) },
                   CreateTime => { Before => at(0) } }, sub { 0 } ],
);

for my $search (@searches) {
    my ($what, $filter, $fits) = @$search;
    my $indexed = !grep { $filter->{$_} } qw(StreamDomains Formats);
    my @want = map { $_->{id} } grep { $fits->() } @files;

    for my $order (qw(Desc Asc)) {
        my @ids = $order eq 'Asc' ? @want : reverse @want;
        my %in = (%$filter, Sort => { Field => 'CreateTime',
                                      Order => $order });
        my $first = search({ %in, Limit => 7 }, scalar @ids);

        is("@{[ ids($first) ]}", part(\@ids, 0, 6),
           "$what, $order: first page");

        # without an index they are counted for a time only
        my $count = @ids > 5000 ? 5000 : @ids;
        $count = $first->{TotalCount} if !$indexed
            && $first->{TotalCount} < $count && $first->{ScrollToken};
        is($first->{TotalCount}, $count, "$what, $order: how many");
        is("@{[ ids($api->call('SearchMedia', { %in, Limit => 5,
                                                Offset => 4 })) ]}",
           part(\@ids, 4, 8), "$what, $order: from 4 on");

        # all pages of what is not too much, the first ones of the rest
        my @all = scroll(\%in, 33, @ids > 700 ? 198 : 99999);
        is("@all", part(\@ids, 0, @ids > 700 ? 197 : $#ids), "$what, $order: page by page");
    }
}

my ($object) = @{ $api->call('SearchMedia', { FileIds => ['29992'] })
                  ->{MediaInfoSet} };
is($object->{BasicInfo}{MediaUrl}, 'http://b/1', 'it plays from its bucket');

# beyond what an Offset reaches
my $far = $api->call('SearchMedia', { Offset => 4900, Limit => 100 });
is((ids($api->call('SearchMedia', { Limit => 1,
    ScrollToken => $far->{ScrollToken} })))[0], 30_000 - 3 - 5000,
   'the 5,001st');

is(code({ StreamIds => ['s1'], ScrollToken => $far->{ScrollToken} }),
   'InvalidParameterValue', 'a token of another search');
is(code({ Offset => 5, ScrollToken => $far->{ScrollToken} }),
   'InvalidParameterValue', 'a token beside an Offset');

my ($us, $id, $skip, $of) = split /\./, $far->{ScrollToken};
is(code({ ScrollToken => $_ }), 'InvalidParameterValue',
   "a token that was never given: $_")
    for "+$us.$id.$skip.$of", " $us.$id.$skip.$of", "$us.$id.$skip.$of ",
        "$us.-1.$skip.$of", "$us.$id.-5.$of", "$us.$id.9999.$of",
        "$us.$id.$skip.0x$of", "$us.$id.0$skip.$of", "$us.$id.$skip.${of}0",
        "$us.$id.$skip", '....', '9' x 95;

# --- recordings: begin 10 min before the end of their first second

my @recordings = map { { id => $_, from => $_ * 10 - 600, to => $_ * 10 + 9,
                         app => 'a' . $_ % 10, stream => 's' . $_ % 1000,
                         domain => 'd' . $_ % 3 } } 0 .. ($n - 1) / 10;
my %open = map { $_ => 1 } 3, 1500, 2998;
# an owner that lives, or they would be ended
my $worker = $api->call('DescribeStore')->{Worker}{Name};
$t->catalogue("UPDATE recordings SET end_us = NULL, owner = '$worker'"
              . ' WHERE recording_id IN (' . join(',', sort keys %open) . ')');
$_->{to} = 1e15 for grep { $open{ $_->{id} } } @recordings;

for my $search (
    [ 'all', {}, sub { 1 } ],
    [ 'a stream', { StreamName => 's7' }, sub { $_->{stream} eq 's7' } ],
    [ 'an application', { AppName => 'a7' }, sub { $_->{app} eq 'a7' } ],
    [ 'both', { AppName => 'a7', StreamName => 's17' },
      sub { $_->{stream} eq 's17' } ],
    [ 'a domain', { DomainName => 'd2' }, sub { $_->{domain} eq 'd2' } ],
    [ 'open', { State => 'open' }, sub { $open{ $_->{id} } } ],
    [ 'recorded', { State => 'recording' }, sub { $open{ $_->{id} } } ],
    [ 'paused', { State => 'paused' }, sub { 0 } ],
    [ 'ended', { State => 'ended', StreamName => 's500' },
      sub { $_->{stream} eq 's500' && !$open{ $_->{id} } } ],
    [ 'a time', { RecordTime => { After => at(20_000), Before => at(20_005) } },
      sub { $_->{from} <= 20_005 && $_->{to} >= 20_000 } ],
    [ 'a stream in a time', { StreamName => 's500', RecordTime =>
                              { After => at(5000), Before => at(16_000) } },
      sub { $_->{stream} eq 's500' && $_->{from} <= 16_000
            && $_->{to} >= 5000 } ],
    [ 'ids', { RecordingIds => [ '5', '77', '999999' ] },
      sub { $_->{id} == 5 || $_->{id} == 77 } ],
    [ 'another template', { TemplateName => 'x' }, sub { 0 } ],
) {
    my ($what, $filter, $fits) = @$search;
    my @ids = reverse map { $_->{id} } grep { $fits->() } @recordings;
    my (@got, $token);

    for (1 .. 8) {
        my $page = $api->call('DescribeRecordings', { %$filter, Limit => 17,
            $token ? (ScrollToken => $token) : () });
        push @got, map { $_->{RecordingId} } @{ $page->{RecordingSet} };
        $token = $page->{ScrollToken} or last;
    }

    is("@got", part(\@ids, 0, 135), "recordings: $what");
}

my ($r) = @{ $api->call('DescribeRecordings', { RecordingIds => ['5'] })
             ->{RecordingSet} };
is($r->{FileCount}, 10, 'its files');
is(join(' ', map { $_->{FileId} } @{ $r->{FileSet} }),
   join(' ', reverse 51 .. 60), 'the newest first');
($r) = @{ $api->call('DescribeRecordings', { RecordingIds => ['5'],
    RecordTime => { Before => at(52 - 600) } })->{RecordingSet} };
is(join(' ', map { $_->{FileId} } @{ $r->{FileSet} }), '53 52 51',
   'those of a time');

$t->done;

sub at { return Recording::Past::time_of($_[0]) }

# some of a list, as far as there are so many
sub part {
    my ($list, $from, $to) = @_;

    $to = $#$list if $to > $#$list;
    return join ' ', map { $list->[$_] } $from .. $to;
}

# What was held up for 200 ms meanwhile has not seen all: it is asked again.
sub search {
    my ($in, $n) = @_;

    $n = 5000 if $n > 5000;
    my $page;

    for (1 .. 5) {
        $page = $api->call('SearchMedia', $in);
        last if $page->{TotalCount} == $n;
    }

    return $page;
}

sub code { return $api->code('SearchMedia', @_) }

sub ids { return map { $_->{FileId} } @{ $_[0]{MediaInfoSet} } }

sub scroll {
    my ($in, $limit, $most) = @_;

    my (@ids, $token);

    while (@ids < $most) {
        my $page = $api->call('SearchMedia', { %$in, Limit => $limit,
            $token ? (ScrollToken => $token) : () });
        push @ids, ids($page);
        $token = $page->{ScrollToken} or last;
    }

    return @ids;
}
