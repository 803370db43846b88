#!/usr/bin/perl

# Length: MP4 files of 2 hours, and of 12 if TEST_FULL is set, pushed fast:
# memory stays flat while they are recorded, and the event loop does not wait for
# their end.  An HLS playlist whose last segment costs what its first one did.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Mp4;
use Recording::Nginx;
use Recording::Probe qw(duration);
use Recording::Process;
use Recording::Util qw(root slurp wait_for);

use constant FPS => 5;

my $store = -d '/dev/shm' && -w _ ? "/dev/shm/recording-long-$$" : undef;
my $t = Recording::Nginx->new($store ? (store => $store) : ());
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_buffer 128m;
    record_template file { format mp4; path '{AppName}-{RecordId}'; }
    record_template list {
        format hls segment=1s;
        path '{AppName}-{RecordId}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application file { live on; record_rule file; }
        application list { live on; record_rule list; }
        application plain { live on; }
    }
}
CONF

# about 60 kbit/s
my $flv = media(duration => 20, fps => FPS, gop => 1, size => '64x48',
                rate => 22050, channels => 1);
my $sent = $t->dir . '/sent';
my ($worker) = $t->worker_pids;

mp4($_) for 2, $ENV{TEST_FULL} ? 12 : ();
hls();

$t->done;

END { system 'rm', '-rf', $store if $store }

sub load {
    my ($app, $hours, $speed) = @_;

    return Recording::Process->spawn(out => $sent, cmd => [
        root() . '/build/bench/rtmp_load', '-p', $t->port, '-f', $flv,
        '-n', 1, '-a', $app, '-x', 'plain', '-w', 0, '-r', 0,
        '-s', $speed, '-t', $hours * 3600 / $speed ]);
}

sub mp4 {
    my ($hours) = @_;

    subtest "$hours h" => sub {
        my $load = load('file', $hours, 1000);
        $t->wait_growing(1);

        my @rss;

        while ($load->alive) {
            push @rss, rss('VmRSS');
            sleep 0.2;
        }

        my $start = time;
        my ($row) = sort { $b->{duration_ms} <=> $a->{duration_ms} }
                    $t->wait_files($hours > 2 ? 2 : 1, _timeout => 60);
        my $finish = time - $start;

        # a busy machine sends less of it
        my ($video) = slurp($sent) =~ /"frames":\[\[(\d+),/;
        cmp_ok($video, '>', $hours * 3600 * FPS / 4, 'it is long');
        cmp_ok(abs($row->{duration_ms} / 1000 * FPS / $video - 1), '<', 0.01,
               'a file as long as what was sent');
        is($row->{frames_dropped}, 0, 'nothing dropped');

        my $file = $t->path($row);
        is(join("\n", Recording::Mp4->read($file)->faststart_problems), '',
           'moov in front');
        cmp_ok(abs(duration($file) - $row->{duration_ms} / 1000), '<', 0.1,
               'duration');

        # from the first quarter to the last: what waits for the disk varies;
        # 8 bytes of each message would be three times as much
        my $n = int @rss / 4;
        my ($early, $late) = map { (sort { $a <=> $b } @$_)[@$_ / 2] }
            [ @rss[1 .. $n] ], [ @rss[-$n .. -1] ];
        cmp_ok($late - $early, '<', 8192, 'memory is flat, KB');

        note(sprintf '%d h, %d frames: finished %.1f s after the end, '
            . 'peak %.0f MB, %.0f MB while recorded', $hours,
            $row->{frames_written}, $finish, rss('VmHWM') / 1024,
            $late / 1024);
        unlink $file;
    };
}

sub hls {
    # more than is needed, as a busy machine sends less of it in that time
    my $hours = 60_000 / 3600;
    my $load = load('list', $hours, 1000);
    my ($row) = $t->wait_growing(1);
    my $playlist = $t->path($row);

    my @cost;

    for my $from (1000, 18_000) {
        my @io = [ at_segment($playlist, $from) ];
        push @io, [ at_segment($playlist, $io[0][2] + 1000) ];
        my $n = $io[1][2] - $io[0][2];

        push @cost, [ map { 1000 * ($io[1][$_] - $io[0][$_]) / $n } 0, 1 ];
    }

    # batches are larger while the machine has other things to do
    cmp_ok($cost[1][0] / $cost[0][0], '<', 1.5,
           'the last segments cost as many calls as the first');
    cmp_ok($cost[1][1] / $cost[0][1], '<', 1.25, 'and as many bytes');
    note(sprintf '%.1f calls, %.0f bytes a segment; then %.1f and %.0f',
         map { $_ / 1000 } map { @$_ } @cost);

    $load->kill;
    ($row) = $t->wait_files(1, format => 'hls', _timeout => 60);

    # a second each, or two where the media begins again; a machine that is
    # busy sends less in that time
    my $listed = () = slurp($playlist) =~ /EXTINF/g;
    cmp_ok(abs(1 - $listed / ($row->{duration_ms} / 1000)), '<', 0.01,
           'the playlist has them all');
}

# calls and bytes written up to a segment, or one behind it, and which that is:
# the worker goes on while the test does not
sub at_segment {
    my ($playlist, $n) = @_;

    my $there = sub {
        return -e sprintf '%s/%05d.ts', $playlist =~ m|(.*)/|, $_[0] };

    wait_for("segment $n", 60, sub { $there->($n) });
    kill STOP => $worker;
    wait_for('sleep', 10, sub { slurp("/proc/$worker/stat") =~ /\) T / });
    $n++ while $there->($n + 1);
    my @io = io();
    kill CONT => $worker;

    return (@io, $n);
}

sub rss { return (slurp("/proc/$worker/status") =~ /^$_[0]:\s+(\d+)/m)[0] }

# calls and bytes written
sub io { return slurp("/proc/$worker/io") =~ /^syscw: (\d+).*?wchar: (\d+)/ms
         ? ($1, $2)
         : reverse slurp("/proc/$worker/io") =~ /^wchar: (\d+).*?syscw: (\d+)/ms }
