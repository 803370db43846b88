#!/usr/bin/perl

# What the catalogue costs those who wait for it, printed (make
# bench-catalogue):
#
# - many streams on a disk whose writes, or syncs, are slow: it is in memory,
#   where there is /dev/shm, so that nothing is slow but by order
# - 200 streams beside a million rows, with one worker and with four: from the
#   publish to the row, from a cut to the row of the next file, from the end
#   to the finished file; beside the same without those rows

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use List::Util qw(max);
use Time::HiRes qw(time);

use Recording::Load;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(run wait_for);

my $rows = $ENV{BENCH_ROWS} // 1_000_000;
my $streams = $ENV{BENCH_STREAMS} // 200;
my $flv = media(duration => 12, gop => 2, size => '320x180');

$| = 1;

my %parts = (slow => sub {
        slow('each write 40 ms late', 20, 2, call => 'write', delay => 40);
        slow('each sync 10 ms late', 200, 1, call => 'sync', delay => 10);
    }, rows => sub {
        for my $workers (1, 4) {
            rows($workers, 0);
            rows($workers, $rows);
        }
    });

$parts{$_}->() for @ARGV ? @ARGV : qw(slow rows);

# begin and end of streams while the disk is so
sub slow {
    my ($what, $n, $formats, %how) = @_;

    local $ENV{TMPDIR} = '/dev/shm' if -d '/dev/shm' && -w _;

    my $disk = Recording::SlowDisk->new;
    my $t = nginx(1, $formats == 2 ? 'format mp4; format flv;'
                                   : 'format mp4 interval=5s;',
                  store => $disk->store);
    $disk->set(armed => 1, %how);

    my $load = Recording::Load->new($t, file => $flv, streams => $n,
                                    name => 's', seconds => 8);
    my $begin = $load->wait('begin') && time;
    $t->wait_growing($n * $formats, _timeout => 120);
    printf "%s, %d streams, %d format(s): rows %.1f s after the begin\n",
           $what, $n, $formats, time - $begin;

    $load->wait('end');
    my $end = time;
    $t->wait_files($n * $formats, _timeout => 300);
    printf "  finished %.1f s after the end, %.1f s after their cut at most\n",
           time - $end,
           max(map { ($_->{finished_us} - $_->{end_us}) / 1e6 } $t->files);
    $disk->set(delay => 0);
    $t->stop(60);
}

sub rows {
    my ($workers, $n) = @_;

    my $t = nginx($workers, 'format flv interval=4s;');
    fill($t, $n);

    my $load = Recording::Load->new($t, file => $flv, streams => $streams,
                                    name => 's', seconds => 10);
    my (%seen, @rows);

    # a row counts from the first frame of its file, and is seen by a reader
    # that looks all the time
    wait_for('all files', 120, sub {
        @rows = $t->catalogue('SELECT file_id, stream, state, start_us,'
            . ' end_us, finished_us FROM files INDEXED BY files_stream'
            . " WHERE app = 'live'");
        my $now = time;
        $seen{ $_->{file_id} } //= $now - $_->{start_us} / 1e6 for @rows;

        return @rows >= 3 * $streams && !grep { !$_->{finished_us} } @rows;
    });
    $load->wait('done');

    my (%begun, @publish, @cut);
    for my $row (sort { $a->{start_us} <=> $b->{start_us} } @rows) {
        my $list = $begun{ $row->{stream} }++ ? \@cut : \@publish;
        push @$list, $seen{ $row->{file_id} };
    }

    printf "%d worker(s), %d streams beside %d rows\n", $workers, $streams,
           $n;
    line('publish to row', @publish);
    line('cut to row', @cut);
    line('end to finished',
         map { ($_->{finished_us} - $_->{end_us}) / 1e6 } @rows);
    $t->stop(60);
}

sub line {
    my ($what, @seconds) = @_;

    @seconds = sort { $a <=> $b } @seconds;
    printf "  %-16s p50 %6.0f ms, p99 %6.0f ms, max %6.0f ms\n", $what,
           map { 1000 * $seconds[$_ * $#seconds] } 0.5, 0.99, 1;
}

# finished files of the past, in the shape that this version writes
sub fill {
    my ($t, $n) = @_;

    return if !$n;
    wait_for('the catalogue', 20, sub { eval { $t->files; 1 } });
    $t->catalogue(<<"SQL");
BEGIN;
INSERT INTO recordings (recording_id, template, domain, app, stream,
    stream_param, owner, start_us, end_us)
SELECT value, 'all', '', 'past', 's' || (value % 1000), '', '',
    value * 1000000, value * 1000000 + 600000000
FROM generate_series(1, $n / 10);
INSERT INTO files (file_id, recording_id, template, domain, app, stream,
    stream_param, format, state, start_us, end_us, size, path)
SELECT value, value / 10, 'all', '', 'past', 's' || (value / 10 % 1000), '',
    'mp4', 'finished', value * 100000, value * 100000 + 600000000, 1000,
    'past/' || value || '.mp4'
FROM generate_series(1, $n);
COMMIT;
SQL
}

sub nginx {
    my ($workers, $formats, %opt) = @_;

    my $t = Recording::Nginx->new(%opt);
    $t->conf(<<"CONF")->start;
thread_pool default threads=4 max_queue=65536;
worker_processes $workers;
worker_rlimit_nofile 16384;
events { worker_connections 4096; }
rtmp {
    record_store %%STORE%%;
    record_template all { $formats }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        chunk_size 4096;
        application live { live on; record_rule all; }
    }
}
CONF
    return $t;
}
