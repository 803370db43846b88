#!/usr/bin/perl

# A recording is cut and stopped while it reads what was kept: what it has ends
# with what had come by then, and new files begin when it has caught up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rewind;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for within);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
# more in half a second than is read in that time, when each read takes as long
my $flv = media(duration => 18, fps => 20, gop => 0.5, size => '160x90',
                key_bytes => 500_000);
my $MB = 1024 * 1024;

$t->conf(Recording::Rewind->conf('record_rule off rewind=1m; }'
                                 . ' application plain { live on;'))->start;

my $w = Recording::Rewind->new($t);
$disk->set(armed => 1, only => 'rewind.', call => 'read', delay => 500);

my $begin = time;
$w->publish('s', $flv, rate => 1, $w->waits(10_000));
$w->wait_bytes(1.5 * $MB);

my %task = map { $_ => $w->task('s', template => 'flv',
                                StartTime => $begin - 1) }
           qw(cut stopped ended);
my %id;
wait_for('each has begun', 40, sub {
    %id = map { $_->{task_id} => $_->{recording_id} } $t->files;
    3 == grep { $id{$_} } values %task });

# nor is it all read while the stream waits
$disk->set(delay => 1000);
my $asked = time;
is($w->api->code('CutRecording', { RecordingId => "$id{$task{cut}}" }), '',
   'cut');
is($w->api->code('StopRecording', { RecordingId => "$id{$task{stopped}}" }), '',
   'its recording is stopped');
is($w->stop($task{ended}), '', 'the task is stopped');

# what was ordered later is done
$w->publish('later', $flv, app => 'plain', rate => 1);
my $later = $w->task('later', AppName => 'plain', template => 'flv');
wait_for('it is known', 20, sub {
    grep { $_->{task_id} eq $later } $t->recordings });
my $obeyed = time;
$w->told;
$w->unpublish('later', kill => 1);

# --- more than may be in memory when it has caught up

$w->wait_bytes(2 * $MB);
unlike($t->error_log, qr/has \d+ messages of what rewind= kept/,
       'all of them still read');
$disk->set(delay => 0);
$w->unpublish('s');

# --- what had come by then

for my $how (qw(stopped ended)) {
    my %file = $w->files($task{$how}, 1);
    my $row = $file{flv};
    is((grep { $_->{task_id} eq $task{$how} } $t->recordings), 1,
       "$how: does not begin again");
    is($row->{frames_dropped}, 0, 'misses nothing');
    is(decode_problem($t->path($row)), '', 'decodes');
    cmp_ok($row->{end_us} / 1e6, '>', $asked - 1, 'has what had come');

    # the loop comes to it a moment after its thread
    cmp_ok($row->{end_us} / 1e6, '<=', $obeyed + within(1), 'and no more')
        if $how eq 'stopped';

    is($w->problem($flv, $t->path($row)), '', 'each frame from the begin');
    cmp_ok($row->{duration_ms}, '<', 17_000, 'but not all');
}

# --- a new file, behind what was kept when it was cut

my %file = $w->files($task{cut}, 2);
my @rows = sort { $a->{start_us} <=> $b->{start_us} }
           grep { $_->{task_id} eq $task{cut} } $t->files;
is(scalar @rows, 2, 'two files');
cmp_ok($rows[1]{start_us} / 1e6, '>', $asked, 'the second one from then on');
is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                       files => [ $t->paths(@rows) ])),
   '', 'have each frame, once');

# --- a stream that is silent: what was kept is read all the same

my $r = Recording::Rtmp->new(port => $t->port);
$r->connect(app => 'live', tcUrl => 'rtmp://push.example.com/live');
$r->publish('silent');
$begin = time;
$r->send_flv($flv, to => 1500);
$r->wait_delivered;
$w->wait_still;
my $silent = $w->task('silent', template => 'flv', StartTime => $begin - 1);
$t->wait_log(qr/has \d+ messages of what rewind= kept, .*silent/);
is($w->stop($silent), '', 'stopped');
my ($row) = { $w->files($silent, 1) }->{flv};
cmp_ok($row->{frames_written}, '>', 50, 'a silent stream has what had come');
$r->delete_stream->close;

wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;

