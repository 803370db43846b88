#!/usr/bin/perl

# A disk that is slow, full or broken where rewind= keeps a stream: recordings
# and live streams go on, what is missing is said and counted, and a task has
# all else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rewind;
use Recording::SlowDisk;
use Recording::Util qw(slow wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
my $flv = media(duration => 20, fps => 20, gop => 0.5, size => '160x90');

$t->conf(<<'CONF')->start;
worker_processes 1;
thread_pool default threads=8;
rtmp {
    record_store %%STORE%%;
    record_template flv { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            live on;
            record_rule flv rewind=1m;
            record_rule off rewind=1s stream=claimed;
        }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $w = Recording::Rewind->new($t);
my $all = qr/^rewind\./;

# --- for a while nothing of it can be written

$disk->set(armed => 1, only => 'rewind.', call => 'write', error => 0);
my $begin = time;
$w->publish('full', $flv, rate => 2);
wait_for('a chunk', 20, sub { $w->bytes > 20_000 });
$disk->set(error => ENOSPC);
$t->wait_log(qr/write failed of a chunk in work\/, what rewind= keeps has a gap/);
sleep 1.2;
$disk->set(error => 0);
$t->wait_log(qr/what rewind= keeps goes on/);
my $full = $w->task('full', template => 'flv', StartTime => $begin);
$w->unpublish('full');
my %file = $w->files($full, 1);
my @rows = sort { $a->{start_us} <=> $b->{start_us} }
           grep { $_->{task_id} eq $full } $t->files;
my ($in, $written, $dropped) = map { my $of = $_; my $sum = 0;
    $sum += $_->{$of} for @rows; $sum } qw(frames_in frames_written
                                           frames_dropped);
my ($rule) = grep { !$_->{task_id} } $t->files(stream => 'full');
is($in, $rule->{frames_in}, 'all frames are counted');
cmp_ok($in, '>', 1000, 'many');
is($written + $dropped, $in, 'those that are there, and those that are not');
cmp_ok($dropped, '>', 10, "$dropped are not");
cmp_ok($dropped, '<', $in / 2, 'but most are');
is(decode_problem($t->path($_)), '', 'what is there decodes') for @rows;
like($t->error_log, qr/what rewind= has kept has a gap, frames are missing/,
     'it is said of the recording, too');

# --- it cannot be read

my $claimed_begin = time;
$w->publish('claimed', $flv, rate => 1);
$begin = time;
$w->publish('broken', $flv, rate => 2);
sleep 3;
$disk->set(call => 'read', error => EIO);
my $broken = $w->task('broken', template => 'flv', StartTime => $begin);
$t->wait_log(qr/a chunk in work\/ cannot be read/);
$disk->set(error => 0);
$w->unpublish('broken');
$w->files($broken, 1);
my ($row) = grep { $_->{task_id} eq $broken } $t->files;
cmp_ok($row->{frames_written}, '>', $in / 4, 'what came later is there');
is(decode_problem($t->path($row)), '', 'and decodes');

# --- a task claims what it reads, as slowly as it may be

sleep 0.1 while time < $claimed_begin + 11;
$disk->set(call => 'read', delay => 2500);
my $claimed = $w->task('claimed', template => 'flv',
                       StartTime => $claimed_begin - 1);
sleep 5;
$disk->set(delay => 0);

# --- it is slow

$begin = time;
$disk->set(call => 'write', delay => 700);
$w->publish('slow', $flv, rate => 2);
sleep 4;
$disk->set(call => 'read', delay => 300);
my $slow = $w->task('slow', template => 'flv', StartTime => $begin);
$w->unpublish($_) for qw(slow claimed);
%file = $w->files($slow, 1);
is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                       files => [ $t->path($file{flv}) ])),
   '', 'a slow disk costs time, and no frame');
%file = $w->files($claimed, 1);
is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                       files => [ $t->path($file{flv}) ])),
   '', 'what is claimed does not age');
is($disk->get('main'), 0, 'no call came from the event loop');
$disk->set(armed => 0);

# --- what the rule records knows nothing of all that

for my $row (grep { !$_->{task_id} } $t->wait_files(6)) {
    is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                           files => [ $t->path($row) ])),
       '', "$row->{stream}: the rule's has each frame");
    is($row->{frames_dropped}, 0, 'and misses none');
}

wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;
