#!/usr/bin/perl

# What a stream was at a time, by EditMedia with InputType Stream, of an encoder
# that was cut off and then sent in a burst what it had kept: files of one
# recording have times that overlap, and all of them are taken, the first one
# from where it is asked for, the last one to there.  Only what is missing is a
# gap.  The same stream pushed again follows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use POSIX qw(strftime);
use Test::More;

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Util qw(run wait_for);

my ($fps, $length) = (5, 130);
my $media = media(duration => $length, gop => 2, fps => $fps, size => '160x90');
my $http = <<'CONF';
server {
        listen 127.0.0.1:%%PORT_2%%;
        location /vod/ { alias %%STORE%%/files/; }
        location /play/ { record_play; }
    }
CONF
my $edit = Recording::Edit->started(
    store => 'reserve=0 url=http://127.0.0.1:%%PORT_2%%/vod/', http => $http,
    templates => <<'CONF', applications => { map { $_ => $_ } qw(flv hls mp4) });
record_template mp4 { format mp4 interval=30s; }
    record_template flv { format flv interval=30s; }
    record_template hls { format hls interval=1m segment=10s; }
CONF
my ($t, $api) = @$edit{qw(nginx api)};
my $begin = int(time) - 20;

# noon of a day, in seconds
my $noon = 1767268800;

# --- all of it in a burst, each format

my %files;
for my $format (qw(mp4 flv hls)) {
    $files{$format} = publish($format, 's');
    my $task = make($format, 's', $begin, $begin + 600);
    is(files($task), join(' ', map { "$_->{file_id} 0-0" }
                               @{ $files{$format} }), "$format: each file");
    is(frames($edit->path($task)), $fps * $length, "$format: all frames");
    is(scalar @{ $task->{Input}{GapSet} }, 1, "$format: no gap but behind it");
}
cmp_ok(scalar @{ $files{hls} }, '>', 1, 'HLS has several files');
is(scalar @{ $files{mp4} }, 5, 'MP4 has five');

# --- again, while the times of the first one are not over

for my $format (qw(mp4 flv hls)) {
    publish($format, 's');
    my $task = make($format, 's', $begin, $begin + 600);
    is(frames($edit->path($task)), 2 * $fps * $length,
       "$format: all frames of both");
}
is(frames('http://127.0.0.1:' . $t->port(2)
          . "/play/hls/s.m3u8?start=$begin"), 2 * $fps * $length,
   'record_play has as many');

# --- a stall from second 50 to 110: the second file has what came until 110, the
# third one, and more, came at once; then it goes on live

my @ids = map { $_->{file_id} } @{ $files{mp4} };
$t->catalogue("DELETE FROM files WHERE recording_id <>"
              . " $files{mp4}[0]{recording_id} AND app = 'mp4'"
              . " AND task_id = ''");
came([0, 30], [30, 60], [110, 140], [110.2, 140.2], [120, 130]);

my $task = make('mp4', 's', $noon, $noon + 130);
is(files($task), join(' ', map { "$_ 0-0" } @ids), 'over a stall');
is(gaps($task), '', 'which is no gap');
is(frames($edit->path($task)), $fps * $length, 'all frames');

for ([0, 122, "$ids[0] 0-0 $ids[1] 0-0 $ids[2] 0-0 $ids[3] 0-0 $ids[4] 0-2",
      'to a place in the last one'],
     [10, 130, "$ids[0] 10-0 $ids[1] 0-0 $ids[2] 0-0 $ids[3] 0-0 $ids[4] 0-0",
      'from a place in the first one'],
     [80, 130, "$ids[2] 0-0 $ids[3] 0-0 $ids[4] 0-0", 'from within the stall'],
     [115, 130, "$ids[2] 5-0 $ids[3] 0-0 $ids[4] 0-0", 'from within what came'])
{
    my ($from, $to, $parts, $name) = @$_;
    my $made = ask('mp4', 's', $noon + $from, $noon + $to);
    is(files($made), $parts, $name);
    is(gaps($made), '', "$name: no gap");
}

# --- the recording ends with the burst: what came was not later than it came

came([0, 30], [30, 60], [130, 160], [130.2, 160.2], [130.4, 140.4, 130.6]);
$task = ask('mp4', 's', $noon, $noon + 140);
is(files($task), join(' ', map { "$_ 0-0" } @ids[0 .. 3]) . " $ids[4] 0-9.6",
   'it ends with a burst');
is(gaps($task), '', 'no gap, either');

# --- a burst, and a part that is missing beside it

came([0, 30], [30, 60], [110, 140], [110.2, 140.2], [170, 180]);
$task = ask('mp4', 's', $noon, $noon + 180);
is(files($task), join(' ', map { "$_ 0-0" } @ids), 'with something missing');
is(gaps($task), '60-80 140-170', 'what cannot be of that burst is a gap');

came([0, 30], [30, 60], [110, 140, 111], [110.2, 140.2, 111], [170, 180]);
$task = ask('mp4', 's', $noon, $noon + 180);
is(gaps($task), '111-170', 'what is missing is told');

# --- of two recordings that overlap, each file goes on from where there is
# something already, as record_play has it

$t->catalogue("UPDATE files SET recording_id = recording_id + 1"
              . " WHERE file_id = $ids[2] OR file_id = $ids[3]");
came([0, 30], [30, 60], [20, 50], [50.5, 80.5], [60, 70]);
$task = ask('mp4', 's', $noon, $noon + 81);
is(files($task), "$ids[0] 0-0 $ids[2] 10-0 $ids[1] 20-0 $ids[3] 9.5-0",
   'one is taken, then the other from there');
is(gaps($task), '', 'nothing is missing');

$t->done;

# the files of a stream that was sent as fast as it goes, in their order
sub publish {
    my ($app, $name) = @_;

    my %seen = map { ($_->{file_id} => 1) } $t->files;
    $edit->publish($app, $name, $media);

    my @rows;
    wait_for('its files', 60, sub {
        my @new = grep { !$seen{ $_->{file_id} } } $t->files(app => $app);
        @rows = grep { $_->{state} eq 'finished' } @new;
        my $ms = sum0(map { $_->{duration_ms} } @rows);
        return @rows == @new && $ms > 1000 * $length - 500;
    });

    return [ sort { $a->{start_us} <=> $b->{start_us} } @rows ];
}

# of the files of MP4: start, end, and when it was finished, seconds after noon
sub came {
    my @came = @_;

    for my $i (0 .. $#came) {
        my ($start, $end, $finished) = @{ $came[$i] };
        $finished //= 1000;
        $_ = sprintf '%.0f', 1e6 * ($noon + $_) for $start, $end, $finished;
        $t->catalogue("UPDATE files SET start_us = $start, end_us = $end,"
                      . " finished_us = $finished WHERE file_id = $ids[$i]");
    }
}

sub ask {
    my ($app, $name, $from, $to) = @_;

    my $got = $api->call('EditMedia', { InputType => 'Stream', StreamInfos => [
        { StreamId => $name, AppName => $app,
          StartTime => iso($from), EndTime => iso($to) } ] });
    die "EditMedia: $got->{Error}{Code} $got->{Error}{Message}\n"
        if $got->{Error};

    return $edit->detail($got->{TaskId})->{EditMediaTask};
}

sub make {
    my $task = $edit->wait(ask(@_)->{TaskId});
    is($task->{Message}, '', 'it is made');
    return $task;
}

sub iso { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

sub files {
    my ($task) = @_;
    return join ' ', map { my $p = $_; "$p->{FileId} " . join('-',
        map { sprintf '%.4g', $p->{"${_}TimeOffset"} } qw(Start End)) }
        @{ $task->{Input}{FileInfoSet} };
}

# seconds after noon
sub gaps {
    my ($task) = @_;
    return join ' ', map { my $gap = $_; join '-', map {
        my ($h, $m, $s) = $gap->{"${_}Time"} =~ /T(\d+):(\d+):(\d+)Z/;
        3600 * ($h - 12) + 60 * $m + $s } qw(Start End) }
        @{ $task->{Input}{GapSet} };
}

sub frames {
    my ($file) = @_;

    my (undef, $out, $err) = run('ffprobe', '-v', 'error', '-select_streams',
        'v:0', '-count_packets', '-show_entries', 'stream=nb_read_packets',
        '-of', 'csv=p=0', $file);
    return $out =~ /(\d+)/ ? $1 : $err;
}
