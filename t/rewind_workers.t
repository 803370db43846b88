#!/usr/bin/perl

# rewind= of many streams in several workers: a task reaches its stream within a
# second, in whichever worker it is; what is not as it should be in a stream
# costs neither a worker nor what others have.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rewind;
use Recording::Rtmp;
use Recording::Util qw(in_parallel slurp wait_for within);

use constant STREAMS => 20;

my $t = Recording::Nginx->new;
my $flv = media(duration => 24, fps => 20, gop => 1, size => '160x90');

$t->conf(<<'CONF')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_buffer 4m total=64m;
    record_template all { format mp4; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule off rewind=2m; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $w = Recording::Rewind->new($t);
my @streams = map { "s$_" } 1 .. STREAMS;

# --- what nobody should send, and what nobody should order

my $begin = time;
my @workers = $t->worker_pids;

# one for each worker, and the rest as it comes
for my $i (0, 1) {
    $t->signal('STOP', $workers[$i]);
    wait_for('stop', 20, sub { slurp("/proc/$workers[$i]/stat") =~ /\) T / });
    $w->publish($streams[$i], $flv, rate => 2, $w->waits(22_000));
    $t->wait_log(qr/publish: name='$streams[$i]'/);
    $t->signal('CONT', $workers[$i]);
}

$w->publish($_, $flv, rate => 2, $w->waits(22_000)) for @streams[2 .. STREAMS - 1];

my $odd = Recording::Rtmp->new(port => $t->port);
$odd->connect(app => 'live', tcUrl => 'rtmp://push.example.com/live');
$odd->publish('odd');
srand 17;
my @real = Recording::Rtmp::flv_messages($flv);
for my $i (1 .. 3000) {
    my ($type, $ts, $body) = @{ $real[ rand @real ] };
    my $how = int rand 6;
    $ts = int rand 4294967295 if $how == 1;
    substr($body, rand length $body, 1) = chr int rand 256 if $how == 2;
    $body = substr $body, 0, rand length $body if $how == 3;
    $body = join '', map { chr int rand 256 } 0 .. rand 50 if $how == 4;
    $body = '' if $how == 5 && rand() < 0.2;
    $odd->send($type, $ts, $body);
}
$odd->wait_delivered;

sleep 0.1 while time < $begin + 6;
my %task = map { $_ => $w->task($_, template => 'all', StartTime => $begin - 1) }
           @streams, 'odd';
my $asked = time;
wait_for('a recording of each', 20, sub {
    my %has = map { $_->{task_id} => 1 } $t->recordings;
    !grep { !$has{$_} } @task{@streams} });
note sprintf '%d tasks had begun after %.2f s', STREAMS, time - $asked;
cmp_ok(time - $asked, '<', within(6), 'soon');
$w->told;

my %pid = map { /worker\.(\d+)\./ ? ($1 => 1) : () } $w->chunks;
is(scalar keys %pid, 2, 'streams of both workers');

# --- one that is stopped by its recording does not begin again

my ($first) = grep { $_->{task_id} eq $task{s1} } $t->recordings;
is($w->api->code('StopRecording',
                 { RecordingId => "$first->{recording_id}" }), '', 'stopped');

$w->unpublish($_) for @streams;
$odd->delete_stream->close;
is(scalar(grep { $_->{task_id} eq $task{s1} } $t->recordings), 1,
   'and has one recording');
my %files = map { $_ => { $w->files($task{$_}, 2) } } @streams;

my @checks = in_parallel(2, sub {
    my $stream = shift;
    return join ' ', map { Recording::Exact::compare(pushed => [$flv],
        files => [ $t->path($files{$stream}{$_}) ]) } qw(mp4 hls);
}, @streams[1 .. 4, STREAMS - 1]);
is("@checks", join(' ', ('') x 5), 'each frame of some of them');
is(join(' ', grep { $files{$_}{mp4}{frames_in} != $files{s2}{mp4}{frames_in} }
             @streams[1 .. STREAMS - 1]), '', 'as many of all others');
is(join(' ', grep { $files{$_}{mp4}{frames_dropped} } @streams), '',
   'and none is missing');

wait_for('the end of the odd one', 30, sub {
    my @of = grep { $_->{task_id} eq $task{odd} } $t->files;
    !grep { $_->{state} !~ /finished|lost/ } @of });
wait_for('the end of chunks', 20, sub { !$w->chunks });
unlike($t->error_log, qr/exited on signal/, 'no worker has died');
$t->done;

