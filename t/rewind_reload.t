#!/usr/bin/perl

# Reload while a task reads what was kept, and then a task of a stream that the
# old worker has: it reads all of it before it leaves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rewind;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
my $flv = media(duration => 12, fps => 20, gop => 1, size => '160x90');

$t->conf(Recording::Rewind->conf('record_rule off rewind=1m;'))->start;

my $w = Recording::Rewind->new($t);
my $begin = time;

$w->publish($_, $flv, rate => 1, $w->waits(11_000)) for qw(old other);
wait_for('a chunk of each', 20, sub { 2 == $w->chunks });
$disk->set(armed => 1, only => 'rewind.');
$disk->hold(1, on => ['read']);
my $held = $w->task('old', template => 'all', StartTime => $begin - 1);
wait_for('it is held', 20, sub { $disk->held });

my %old = map { $_ => 1 } $t->worker_pids;
$t->reload;
$w->ready;
$w->publish('new', $flv, rate => 2, $w->waits(11_000));
$w->wait_bytes(10_000);
my $later = $w->task('other', template => 'flv', StartTime => $begin - 1);
my $new = $w->task('new', template => 'flv', StartTime => $begin);
wait_for('both begin', 20, sub {
    2 == grep { $_->{task_id} =~ /^(?:\Q$later\E|\Q$new\E)$/ } $t->recordings });
$w->told;

# --- all streams are over, and the old worker still has to read

$w->unpublish($_) for qw(old other new);
exact($new, 'the new worker', 'flv');
exact($later, 'what was ordered behind the reload', 'flv');
is((grep { $old{$_} } $t->worker_pids(all => 1)), 1, 'the old worker stays');
$disk->release;
exact($held, 'what was read across the reload', qw(flv mp4 hls aac));

wait_for('the old worker leaves', 60, sub {
    !grep { $old{$_} } $t->worker_pids(all => 1) });
is((grep { !/^worker\./ } map { m{([^/]+)$} } glob $t->store . '/work/*'), 0,
   'and nothing is left in work');
$t->done;

sub exact {
    my ($task, $what, @formats) = @_;

    my %file = $w->files($task, scalar @formats);
    for my $format (@formats) {
        is(join(' ', Recording::Exact::compare(pushed => [$flv],
               files => [ $t->path($file{$format}) ])),
           '', "$what: each frame, in $format");
        is($file{$format}{frames_dropped}, 0, 'none is missing');
    }
}
