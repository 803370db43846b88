#!/usr/bin/perl

# A disk that is slow where rewind= keeps a stream: a task takes longer, and has
# each frame; what it has a claim to stays until it is read, however old.

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
my $flv = media(duration => 8, fps => 20, gop => 0.5, size => '160x90');

# more than may wait in memory while the end of what is written is read, and
# longer than anything here takes
my $large = media(duration => 60, fps => 20, gop => 0.5, size => '160x90',
                  key_bytes => 300_000);

$t->conf(Recording::Rewind->conf(<<'CONF'))->start;
            record_rule off rewind=1m;
            record_rule off rewind=1s stream=claimed;
            record_rule off rewind=1s stream=twin;
CONF

my $w = Recording::Rewind->new($t);
$disk->set(armed => 1, only => 'rewind.');

# --- a task that is held at its first read, and a stream like it without one

my $begin = time;
$w->publish('claimed', $large, rate => 1);
wait_for('its chunk', 20, sub { 1 == $w->chunks });
my ($first) = $w->chunks;
$disk->hold(1, on => ['read']);
my $claimed = $w->task('claimed', template => 'flv', StartTime => $begin - 1);
wait_for('it is held', 20, sub { $disk->held =~ /\Q$first/ });
$w->publish('twin', $large, rate => 1);
wait_for('another one', 20, sub { 2 == $w->chunks });
my ($twin) = grep { $_ ne $first } $w->chunks;

# --- meanwhile: reads and writes are slow

$begin = time;
$w->publish('slow', $flv, rate => 2, $w->waits(7000));
$disk->set(call => 'write', delay => 700);
$w->wait_bytes(20_000);
$disk->set(call => 'read', delay => 300);
my $slow = $w->task('slow', template => 'flv', StartTime => $begin);
wait_for('it has begun', 40, sub { $t->recordings(task_id => $slow) });
$w->told;
$w->unpublish('slow');
my %slow = $w->files($slow, 1);
is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                       files => [ $t->path($slow{flv}) ])),
   '', 'a slow disk costs time, and no frame');
is($slow{flv}{frames_dropped}, 0, 'none is missing');
$disk->set(delay => 0);

# --- what is too old goes, but for what is claimed

wait_for('the other one is too old', 40, sub {
    !grep { $_ eq $twin } $w->chunks });
$w->unpublish('twin', kill => 1);
my ($ring) = $first =~ /^(rewind\.\d+\.)/;
wait_for('its end', 20, sub { !grep { !/^\Q$ring/ } $w->chunks });

# what is held back while the end is read is written: so chunks could go
$w->wait_bytes(1_200_000);
is((grep { $_ eq $first } $w->chunks), 1, 'the claimed one is there');
$disk->release;
$t->wait_log(qr/has \d+ messages of what rewind= kept, .*claimed/);
$w->unpublish('claimed', kill => 1);
my %file = $w->files($claimed, 1);
is($w->problem($large, $t->path($file{flv})), '', 'each frame of it is read');
is($file{flv}{frames_dropped}, 0, 'none is missing');
cmp_ok($file{flv}{duration_ms}, '>', 12_000, 'for all that time');

is($disk->get('main'), 0, 'no call came from the event loop');
wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;

