#!/usr/bin/perl

# A disk that is slower than the stream: once record_buffer is full frames
# are dropped by whole GOPs and counted with the reason; when there is room
# again the recording goes on by itself, exact.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problems packets);
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(spew);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_buffer 1m;
    record_template all {
        format mp4; format flv; format hls segment=2s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# 4 KB a frame and more: a megabyte is a few seconds
my $flv = media(duration => 24, gop => 1, size => '320x240',
                key_bytes => 80_000);
my @video = packets($flv, 'v');
my @audio = packets($flv, 'a');

$disk->set(armed => 1);
my $pid = feed();
$t->wait_growing(3);

$disk->set(delay => 3000);
$t->wait_log(qr/record_buffer is full, .* exception -104/);
$disk->set(delay => 0);
$t->wait_log(qr/record_buffer has room again/);

spew($t->dir . '/told', '');
waitpid $pid, 0;
is($?, 0, 'pushed');
my @rows = $t->wait_files(5);

for my $format (qw(mp4 flv hls)) {
    my @rows = sort { $a->{start_us} <=> $b->{start_us} }
               grep { $_->{format} eq $format } @rows;
    my @files = $t->paths(@rows);

    cmp_ok(scalar @rows, $format eq 'hls' ? '==' : '>=',
           $format eq 'hls' ? 1 : 2, "$format: a new file after the gap");
    is(join("\n", decode_problems(@files)), '', "$format decodes");

    my %sum = map { my $column = $_; $column => sum0(map { $_->{$column} }
                                                     @rows) }
              qw(frames_in frames_written frames_dropped);

    cmp_ok($sum{frames_dropped}, '>', 0, "$format: dropped frames counted");
    is($sum{frames_in}, @video + @audio - early(), "$format: all came in");
    is($sum{frames_in}, $sum{frames_written} + $sum{frames_dropped},
       "$format: came in is written and dropped");
    is(join(',', grep { $_ ne '{}' } map { $_->{drops} } @rows) =~
       s/\d+/N/gr =~ s/(\{"buffer":N\},?)+/ok/r, 'ok', "$format: the reason");

    next if $format eq 'hls';
    gops($format, @files);
}

$t->done;

# In a process of its own, at twice its speed and never faster, as too much at
# once has no room.  There is a file after the gap: it waits for that.
sub feed {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    my $good = eval {
        my $r = $t->publisher('live', 'slow');
        my ($due, $at) = (time, 0);

        for my $message (Recording::Rtmp::flv_messages($flv)) {
            sleep 0.02 while $message->[1] > 16_000 && !-e $t->dir . '/told';
            $due = max($due + ($message->[1] - $at) / 2000, time - 0.2);
            $at = $message->[1];
            $r->serve($due - time) if $due > time;
            $r->send_flv([$message]);
        }

        $r->delete_stream->close;
        1;
    };
    POSIX::_exit(!$good);
}

sub early { return scalar grep { $_->{dts} < $video[0]{dts} } @audio }

# what is recorded of the video is whole GOPs, in order
sub gops {
    my ($format, @files) = @_;

    my $next = 0;

    for my $file (@files) {
        my @have = map { $_->{hash} } packets($file, 'v');
        my @at = grep { $video[$_]{key} && same(\@have, $_) }
                 $next .. @video - @have;

        # GOPs can be alike: the last file is the end of the stream
        my $at = $at[$file eq $files[-1] ? -1 : 0];

        ok(defined $at, "$format goes on at a key frame") or return;
        $next = $at + @have;
    }

    is($next, scalar @video, "$format to the last frame");
}

sub same {
    my ($have, $at) = @_;

    $have->[$_] eq $video[$at + $_]{hash} or return 0 for 0 .. $#$have;
    return 1;
}
