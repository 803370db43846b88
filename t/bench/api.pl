#!/usr/bin/perl

# What a page of the API costs among a million rows, printed (make bench-api):
# the median and the longest of some calls, with the time of the connection, and
# what the worker computes for one.  Then how long it takes until files that have
# expired are gone, and the copy of the catalogue; and by how much a live
# connection notices that, or many who ask.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Path qw(make_path);
use POSIX ();
use Time::HiRes qw(sleep time);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Past;
use Recording::Ping;
use Recording::Util qw(slurp spew wait_for);

my $rows = $ENV{BENCH_ROWS} // 1_000_000;
my $times = $ENV{BENCH_TIMES} // 15;
my $clients = 20;
my $expired = $rows < 5000 ? $rows : 5000;

$| = 1;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    record_template both { format flv; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        ping 1h;
        application live { live on; }
        application recorded { live on; record_rule both; }
    }
}
http {
    server { listen 127.0.0.1:%%PORT_1%%; location /api/ { record_api; } }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
my $began = time;

Recording::Past::fill($t, $rows);
$t->catalogue("INSERT INTO edits (edit_id, input, format, state, created_us,
    ended_us) SELECT value + 1, '{}', 'mp4', 'failed', value,
    (julianday('now') - 2440587.5) * 86400000000
    FROM generate_series(0, $rows / 10)");
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
    [ 'tasks of edits', DescribeTasks => {} ],
    [ 'those that wait', DescribeTasks => { Status => 'WAITING' } ],
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

# --- what a live connection notices

my $flv = media(duration => 3, gop => 1, size => '160x90');
my @streams = map { $t->publisher('recorded', "s$_") } 1 .. $clients;
$_->send_flv($flv) for @streams;
$t->wait_growing(2 * @streams, app => 'recorded');

my $ping = Recording::Ping->new($t, 'live');

noticed('nothing else', sub { sleep 5 });
noticed("$clients pages show $clients streams, each asks once a second",
        sub { asked(1) });
noticed("$clients clients, each asks 4 times a second", sub { asked(4) });
noticed("$expired files that have expired", \&swept);
noticed('the copy of the catalogue', \&copied);
noticed('nothing else', sub { sleep 5 });

$_->close for $ping, @streams;
$t->stop;

# pings, one after the other, from the beginning of something to its end
sub noticed {
    my ($what, $begins) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $begins->();
        POSIX::_exit(0);
    }

    my $start = time;
    my @took;

    while (!waitpid $pid, POSIX::WNOHANG) {
        push @took, 1000 * $ping->once(10, 0.01);
    }

    @took = sort { $a <=> $b } @took;
    printf "%-44s %6.1f s, a ping: %.1f ms, p99 %.1f ms, at most %.1f ms\n",
           $what, time - $start, map { $took[ int $_ * $#took ] } 0.5, 0.99, 1;
}

# the clients are other machines: what they compute is not the worker's
sub asked {
    my ($often) = @_;
    my $request = $api->request('DescribeRecordings', { State => 'open' });

    my @pids = map {
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            POSIX::nice(19);
            sleep rand 1 / $often;

            for (1 .. 10 * $often) {
                $api->raw($request);
                sleep 1 / $often;
            }

            POSIX::_exit(0);
        }

        $pid;
    } 1 .. $clients;

    waitpid $_, 0 for @pids;
}

# the newest of that past, which are there
sub swept {
    my $files = $t->store . '/files';
    my $newest = "FROM files WHERE state = 'finished'
        ORDER BY file_id DESC LIMIT $expired";
    my @rows = $t->catalogue("SELECT path $newest");

    for my $row (@rows) {
        make_path("$files/$1") if $row->{path} =~ m{(.*)/};
        spew("$files/$row->{path}", 'x' x 1000);
    }

    $t->catalogue("UPDATE files SET expire_us = 1 WHERE file_id IN
        (SELECT file_id $newest)");
    wait_for('all to be gone', 300, sub {
        return !grep { -e "$files/$_->{path}" } @rows;
    });
}

sub copied {
    my $copy = $t->store . '/catalogue.copy';

    unlink $copy;
    wait_for('the copy', 60, sub { -e $copy });
}

# seconds of the processor, of the worker
sub spent {
    my ($pid) = $t->worker_pids;
    my @stat = split ' ', slurp("/proc/$pid/stat");
    return ($stat[13] + $stat[14]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub at { return Recording::Past::time_of($_[0]) }
