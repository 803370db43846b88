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

# more than may wait in memory while the end of what is written is read
my $large = media(duration => 14, fps => 20, gop => 0.5, size => '160x90',
                  key_bytes => 150_000);

$t->conf(Recording::Rewind->conf(<<'CONF'))->start;
            record_rule off rewind=1m;
            record_rule off rewind=1s stream=claimed;
            record_rule off rewind=1s stream=twin;
CONF

my $w = Recording::Rewind->new($t);
$disk->set(armed => 1, only => 'rewind.');

# --- a task that is held at its first read, and a stream like it without one

my $begin = time;
$w->publish('twin', $large, rate => 1);
wait_for('its chunk', 20, sub { 1 == $w->chunks });
my ($twin) = $w->chunks;
$w->publish('claimed', $large, rate => 1);
wait_for('another one', 20, sub { 2 == $w->chunks });
my ($first) = grep { $_ ne $twin } $w->chunks;
$disk->hold(1, on => ['read']);
my $claimed = $w->task('claimed', template => 'flv', StartTime => $begin - 1);
wait_for('it is held', 20, sub { $disk->held =~ /\Q$first/ });

# --- meanwhile: reads and writes are slow

$begin = time;
$w->publish('slow', $flv, rate => 2);
$disk->set(call => 'write', delay => 700);
$w->wait_bytes(20_000);
$disk->set(call => 'read', delay => 300);
my $slow = $w->task('slow', template => 'flv', StartTime => $begin);
$w->unpublish('slow');
exact($slow, $flv, 'a slow disk costs time, and no frame');
$disk->set(delay => 0);

# --- what is too old goes, but for what is claimed

wait_for('the other one is too old', 40, sub {
    !grep { $_ eq $twin } $w->chunks });
is((grep { $_ eq $first } $w->chunks), 1, 'the claimed one is there');
$disk->release;
$w->unpublish($_) for qw(claimed twin);
exact($claimed, $large, 'and each frame of it is read');

is($disk->get('main'), 0, 'no call came from the event loop');
wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;

sub exact {
    my ($task, $pushed, $what) = @_;

    my %file = $w->files($task, 1);
    is(join(' ', Recording::Exact::compare(pushed => [$pushed],
                                           files => [ $t->path($file{flv}) ])),
       '', $what);
    is($file{flv}{frames_dropped}, 0, 'none is missing');
}
