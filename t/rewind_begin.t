#!/usr/bin/perl

# Where a task begins that is ordered late: with the oldest that rewind= keeps,
# or now, if it keeps nothing; also a stream of sound, and files that are cut by
# their time.

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
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
my $flv = media(duration => 20, fps => 20, gop => 1, bframes => 2,
                size => '160x90');

# longer than anything here takes: these streams end when enough of it came
my $long = media(duration => 60, fps => 20, gop => 1, size => '160x90');
my $heard = media(duration => 60, video => 0);

my $main = 'record_template short { format mp4 interval=4s; }';
$t->conf(Recording::Rewind->conf(<<'CONF', main => $main))->start;
            record_rule off rewind=1m;
            record_rule off rewind=1s stream=little;
            record_rule off stream=none;
CONF

my $w = Recording::Rewind->new($t);
my (%begin, %task, %asked);

publish('little', $long, rate => 1);
wait_for('its chunk', 20, sub { 1 == $w->chunks });
my ($oldest) = $w->chunks;
publish('none', $long, rate => 1);
publish('heard', $heard, rate => 1);
publish('cut', $flv, rate => 3, $w->waits(18_000));
wait_for('some of each', 20, sub {
    my %of = map { /^(rewind\.\d+)\./ ? ($1 => 1) : () } $w->chunks;
    3 == keys %of });
$w->wait_bytes(50_000);

task('cut', 'short');
wait_for('its recording', 40, sub { $t->recordings(task_id => $task{cut}) });
$w->told;
task($_, 'all') for qw(none heard);

# --- what is older than rewind= is not there

wait_for('that is too old', 40, sub { !grep { $_ eq $oldest } $w->chunks });
task('little', 'all');
wait_for('a recording of each', 40, sub {
    my %has = map { $_->{task_id} => 1 } $t->recordings;
    4 == keys %has });
$w->unpublish($_, kill => 1) for qw(little none heard);
$w->unpublish('cut');

my %file = $w->files($task{little}, 4);
my $start = $file{mp4}{start_us} / 1e6;
cmp_ok($start, '>', $begin{little} + 8, 'not from the begin, which is too old');
cmp_ok($start, '<', $asked{little}, 'but from what had come before');

# --- without rewind=: now

%file = $w->files($task{none}, 4);
cmp_ok($file{mp4}{start_us} / 1e6, '>=', $asked{none} - 0.1,
       'without rewind: now');

# --- without video

%file = $w->files($task{heard}, 4);
cmp_ok($file{aac}{start_us} / 1e6, '<', $asked{heard}, 'sound from its begin');
cmp_ok($file{aac}{size}, '>', 50_000, 'some of it');
is($file{$_}{frames_dropped}, 0, "$_ of sound") for qw(flv mp4 hls aac);

# --- other rules hold in the past, too

$w->files($task{cut}, 1);
my @cut = sort { $a->{start_us} <=> $b->{start_us} }
          grep { $_->{task_id} eq $task{cut} } $t->files;
cmp_ok(scalar @cut, '>', 3, 'files of an interval');
is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                       files => [ $t->paths(@cut) ])),
   '', 'have each frame, once');

wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;

sub publish {
    my ($stream, @how) = @_;

    $begin{$stream} = time;
    $w->publish($stream, @how);
}

# from the begin of its stream
sub task {
    my ($stream, $template) = @_;

    $asked{$stream} = time;
    $task{$stream} = $w->task($stream, template => $template,
                              StartTime => $begin{$stream} - 1);
}
