#!/usr/bin/perl

# A disk that is full or broken where rewind= keeps a stream: recordings and
# live streams go on, what is missing is said and counted, and a task has all
# else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC);
use List::Util qw(sum);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rewind;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

# longer than anything here takes: each stream ends when enough of it came
my $flv = media(duration => 60, fps => 20, gop => 0.5, size => '160x90');

$t->conf(Recording::Rewind->conf('record_rule flv rewind=1m;'))->start;

my $w = Recording::Rewind->new($t);
$disk->set(armed => 1, only => 'rewind.', call => 'write', error => 0);

# --- for a while nothing of it can be written

my $begin = time;
$w->publish('full', $flv, rate => 2);
$w->wait_bytes(20_000);
$disk->set(error => ENOSPC);
$t->wait_log(qr/write failed of a chunk in work\/, what rewind= keeps has a gap/);
sleep 1.2;                      # some more chunks begin in vain
$disk->set(error => 0);
$t->wait_log(qr/what rewind= keeps goes on/);
$w->wait_bytes(20_000);
my $full = $w->task('full', template => 'flv', StartTime => $begin);
$t->wait_log(qr/what rewind= has kept has a gap, frames are missing/);
$t->wait_log(qr/has \d+ messages of what rewind= kept/);
$w->unpublish('full', kill => 1);
$w->files($full, 1);
my @rows = grep { $_->{task_id} eq $full } $t->files;
my ($in, $written, $dropped) = map { my $of = $_; sum map { $_->{$of} } @rows }
                               qw(frames_in frames_written frames_dropped);
is($in, ruled('full'), 'all frames are counted');
is($written + $dropped, $in, 'those that are there, and those that are not');
cmp_ok($dropped, '>', 10, "$dropped are not");
cmp_ok($written, '>', 50, "but $written are");
is(decode_problem($t->path($_)), '', 'what is there decodes') for @rows;

# --- it cannot be read

$begin = time;
$w->publish('broken', $flv, rate => 2);
$w->wait_bytes(40_000);
$disk->set(call => 'read', error => EIO);
my $broken = $w->task('broken', template => 'flv', StartTime => $begin);
$t->wait_log(qr/a chunk in work\/ cannot be read/);
$disk->set(error => 0);
$w->wait_bytes(40_000);
$w->unpublish('broken', kill => 1);
$w->files($broken, 1);
my ($row) = grep { $_->{task_id} eq $broken } $t->files;
cmp_ok($row->{frames_written}, '>', 50, 'what came later is there');
is(decode_problem($t->path($row)), '', 'and decodes');
ruled('broken');

is($disk->get('main'), 0, 'no call came from the event loop');
wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;

# the frames that the rule has of a stream: it knows nothing of all that
sub ruled {
    my ($stream) = @_;

    my ($of) = grep { !$_->{task_id} } $t->wait_files(1, stream => $stream);
    is($of->{frames_dropped}, 0, "$stream: the rule's misses none");
    is($of->{frames_written}, $of->{frames_in}, 'and has all');
    return $of->{frames_in};
}
