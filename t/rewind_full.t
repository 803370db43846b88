#!/usr/bin/perl

# The memory of record_buffer that rewind= has is used up, as the disk does not
# take what is kept: that is said, the frames are counted in what a task has,
# and recordings have what they need.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rewind;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

# 0.4 MB a second in small pieces, of which the last one does not leave much, and
# so little that a quarter of 1 MB is much
my $flv = media(duration => 40, fps => 20, gop => 0.25, size => '160x90',
                key_bytes => 20_000);
my $other = media(duration => 9, fps => 20, gop => 0.5, size => '160x90',
                  key_bytes => 30_000);

# all recordings of a worker have no more than one of them
my $main = 'record_buffer 1m total=1m;';
$t->conf(Recording::Rewind->conf(<<'CONF', main => $main))->start;
            record_rule off rewind=1m;
            record_rule flv stream=other;
CONF

my $w = Recording::Rewind->new($t);
$disk->set(armed => 1, only => 'rewind.');

my $begin = time;
$w->publish('other', $other, rate => 1);
$w->publish('s', $flv, rate => 4, $w->waits(36_000));
$w->wait_bytes(50_000);
$disk->hold(1, on => ['write']);
wait_for('it is held', 20, sub { $disk->held });
$t->wait_log(qr/record_buffer is full, what rewind= keeps has a gap/);
sleep 3;                        # meanwhile there is only what it has left
$disk->release;
$t->wait_log(qr/what rewind= keeps goes on/);
my $task = $w->task('s', template => 'flv', StartTime => $begin);
$t->wait_log(qr/what rewind= has kept has a gap, frames are missing/);
$w->told;
$w->unpublish($_) for qw(s other);

$w->files($task, 1);
my @rows = grep { $_->{task_id} eq $task } $t->files;
my ($in, $written, $dropped) = map { my $of = $_; sum map { $_->{$of} } @rows }
                               qw(frames_in frames_written frames_dropped);

# but headers, and the end of the pictures; sound begins with the first one
my @sent = grep { $_->[0] != 18 && $_->[2] !~ /^.(?:\x00|\x02\x00{3}$)/s }
           Recording::Rtmp::flv_messages($flv);
my ($key) = map { $_->[1] } grep { $_->[0] == 9 } @sent;
is($in, (grep { $_->[1] >= $key } @sent), 'all frames are counted');
is($written + $dropped, $in, 'those that are there, and those that are not');
cmp_ok($dropped, '>', 0, "$dropped are not");
cmp_ok($written, '>', 50, "but $written are");
is(decode_problem($t->path($_)), '', 'what is there decodes') for @rows;

my ($row) = grep { $_->{stream} eq 'other' } $t->wait_files(1 + @rows);
is(join(' ', Recording::Exact::compare(pushed => [$other],
                                       files => [ $t->path($row) ])),
   '', 'a recording has each frame meanwhile');
is($row->{frames_dropped}, 0, 'and misses none');

wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;

