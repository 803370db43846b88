#!/usr/bin/perl

# What a page of the API costs among a million rows, printed (make bench-api):
# the median and the longest of some calls, with the time of the connection, and
# what the worker computes for one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use POSIX ();
use Time::HiRes qw(time);

use Recording::Api;
use Recording::Nginx;
use Recording::Past;
use Recording::Util qw(slurp);

my $rows = $ENV{BENCH_ROWS} // 1_000_000;
my $times = $ENV{BENCH_TIMES} // 15;

$| = 1;

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
my $began = time;

Recording::Past::fill($t, $rows);
printf "%d files made in %.0f s, catalogue.db has %.0f MB\n", $rows,
       time - $began, (-s $t->db) / 1e6;

my $half = { After => at($rows / 2), Before => at($rows / 2 + 3600) };
my @pages = (
    [ 'all', SearchMedia => {} ],
    [ 'StreamIds, 1', SearchMedia => { StreamIds => ['s7'] } ],
    [ 'StreamIds, 10', SearchMedia =>
      { StreamIds => [ map { "s$_" } 1 .. 10 ] } ],
    [ 'StreamPaths, 1', SearchMedia => { StreamPaths => ['a7'] } ],
    [ 'StreamPaths, 10', SearchMedia =>
      { StreamPaths => [ map { "a$_" } 0 .. 9 ] } ],
    [ 'FileIds', SearchMedia => { FileIds => [ map { "$_" } 11 .. 20 ] } ],
    [ 'NamePrefixes, 1,000 fit', SearchMedia =>
      { NamePrefixes => ['a7/s7/'] } ],
    [ 'NamePrefixes, 100,000 fit', SearchMedia =>
      { NamePrefixes => ['a7/'] } ],
    [ 'NamePrefixes, all fit', SearchMedia => { NamePrefixes => ['a'] } ],
    [ 'CreateTime', SearchMedia => { CreateTime => $half } ],
    [ 'RecordTime', SearchMedia => { RecordTime => $half } ],
    [ 'StreamIds, RecordTime', SearchMedia =>
      { StreamIds => ['s7'], RecordTime => $half } ],
    [ 'Offset 4900', SearchMedia => { Offset => 4900 } ],
    [ 'Formats', SearchMedia => { Formats => ['flv'] } ],
    [ 'Formats that none has', SearchMedia => { Formats => ['x'] } ],
    [ 'recordings', DescribeRecordings => {} ],
    [ 'recordings, StreamName', DescribeRecordings =>
      { StreamName => 's7' } ],
    [ 'recordings, RecordTime', DescribeRecordings =>
      { RecordTime => $half } ],
    [ 'recordings, State', DescribeRecordings => { State => 'open' } ],
    [ 'the store', DescribeStore => {} ],
);

for my $page (@pages) {
    my ($what, $action, $params) = @$page;
    my @took;
    my $spent = spent();
    my $request = $api->request($action, { %$params,
        $action eq 'DescribeStore' ? () : (Limit => 100) });
    my $body;

    for (1 .. $times) {
        my $start = time;
        (undef, undef, $body) = $api->raw($request);
        push @took, 1000 * (time - $start);
    }

    @took = sort { $a <=> $b } @took;
    printf "%-28s %6.1f ms, at most %6.1f ms, of the processor %5.1f ms: "
           . "%d KB, %s\n", $what, $took[ $#took / 2 ], $took[-1],
           1000 * (spent() - $spent) / $times, length($body) / 1000,
           $body =~ /"TotalCount":(\d+)/ ? "TotalCount $1" : 'no TotalCount';
}

$t->stop;

# seconds of the processor, of the worker
sub spent {
    my ($pid) = $t->worker_pids;
    my @stat = split ' ', slurp("/proc/$pid/stat");
    return ($stat[13] + $stat[14]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub at { return Recording::Past::time_of($_[0]) }
