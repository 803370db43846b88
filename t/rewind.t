#!/usr/bin/perl

# rewind= of record_rule: a task with a StartTime in the past records what had
# come since, as if it had been there, in each format and to the last frame; at
# the key frame at or before that time, or at the oldest that is kept.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Exact;
use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rewind;
use Recording::Util qw(slurp slow wait_for);

use constant RATE => 3;         # times real time

my $t = Recording::Nginx->new;
my $flv = media(duration => 54, fps => 20, gop => 1, bframes => 2,
                size => '160x90');
my $heard = media(duration => 20, video => 0);

$t->conf(<<'CONF')->start;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format mp4; format hls; format aac; }
    record_template short { format mp4 interval=4s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            live on;
            record_rule off rewind=1m;
            record_rule all rewind=1m stream=ruled;
            record_rule off rewind=1s stream=little;
            record_rule off stream=none;
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
my $begin = time;

$w->publish($_, $flv, rate => RATE) for qw(ruled kept little none);
$w->publish('heard', $heard, rate => 1);
wait_for('two chunks of each', 40, sub { 8 <= $w->chunks });
is(scalar(grep { $_->{task_id} } $t->files), 0, 'nothing is recorded of them');

my $middle = int($begin) + 6;
my %task = (
    ruled => $w->task('ruled', template => 'all', StartTime => $begin - 5),
    kept => $w->task('kept', template => 'all', StartTime => $begin - 5),
    middle => $w->task('kept', template => 'all', StartTime => $middle),
    cut => $w->task('kept', template => 'short', StartTime => $begin),
    none => $w->task('none', template => 'all', StartTime => $begin),
    heard => $w->task('heard', template => 'all', StartTime => $begin),
);
my $asked = time;

# --- one that ends while it is live: until then

wait_for('a recording of each', 20, sub {
    6 == grep { $_->{task_id} } $t->recordings });

# a chunk of ten seconds, that is older than a second
sleep 0.1 while time < $begin + 15;
$task{little} = $w->task('little', template => 'all', StartTime => $begin);
my $asked_late = time;
wait_for('a recording of it', 20, sub {
    7 == grep { $_->{task_id} } $t->recordings });
$w->unpublish($_) for qw(ruled kept little none);
$w->unpublish('heard', kill => 1);

# --- from the begin: all of it, as if it had been recorded

my %rule = map { $_->{format} => $_ }
           grep { !$_->{task_id} } $t->wait_files(20);

for my $which (qw(ruled kept)) {
    my %file = $w->files($task{$which}, 4);

    for my $format (qw(flv mp4 hls aac)) {
        my $row = $file{$format};
        my @problems = Recording::Exact::compare(pushed => [$flv],
            files => [ $t->path($row) ]);
        is("@problems", '', "$which: each frame, in $format");
        is($row->{frames_dropped}, 0, 'nothing is missing');
        cmp_ok(abs($row->{start_us} / 1e6 - $begin), '<', slow(2),
               'it says when that was');
        next if $which ne 'ruled';

        is($row->{$_}, $rule{$format}{$_}, "as the rule's: $_")
            for qw(duration_ms frames_in frames_written codecs);
        cmp_ok(abs($row->{start_us} - $rule{$format}{start_us}), '<', 100_000,
               'begun then');
    }
}

my %file = $w->files($task{ruled}, 4);
ok(slurp($t->path($file{aac})) eq slurp($t->path($rule{aac})),
   'AAC: the same bytes');
is_deeply(tags($file{flv}), tags($rule{flv}), 'FLV: the same tags');

# --- from the middle

%file = $w->files($task{middle}, 4);
my @middle = pushed($flv, $file{flv});
my $at = $file{mp4}{start_us} / 1e6;
cmp_ok($at, '<=', $middle, 'from the key frame before');
cmp_ok($at, '>', $middle - slow(1) * 2, 'the last one');

for my $format (qw(flv mp4 hls aac)) {
    my @problems = Recording::Exact::compare(pushed => [ $middle[0] ],
        files => [ $t->path($file{$format}) ]);
    is("@problems", '', "from the middle: each frame, in $format");
}

# --- the oldest that there is, and what is not kept

%file = $w->files($task{little}, 4);
my $late = $file{mp4}{start_us} / 1e6;
cmp_ok($late, '>', $begin + 4, 'what is older than rewind= is not there');
cmp_ok($late, '<', $asked_late - 1, 'but what is not');

%file = $w->files($task{none}, 4);
cmp_ok($file{mp4}{start_us} / 1e6, '>=', $asked - 2, 'without rewind: now');

# --- other rules hold in the past, too

my @cut = sort { $a->{start_us} <=> $b->{start_us} }
          grep { $_->{task_id} eq $task{cut} } $t->files;
cmp_ok(scalar @cut, '>', 8, 'files of an interval');
is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                       files => [ $t->paths(@cut) ])),
   '', 'have each frame, once');

# --- without video

%file = $w->files($task{heard}, 4);
my ($heard_part) = pushed($heard, $file{flv});
cmp_ok($file{aac}{start_us} / 1e6, '<', $begin + 3, 'sound from its begin');
is($file{$_}{frames_dropped}, 0, "$_ of sound") for qw(flv mp4 hls aac);
my $want = slurp($t->path($file{aac}));
cmp_ok(length $want, '>', 50_000, 'some of it');

# --- what was kept goes with the streams

wait_for('the end of chunks', 20, sub { !$w->chunks });
like($t->error_log, qr/has \d+ messages of what rewind= kept/, 'it is said');
$t->done;

# what a file has of video and sound
sub tags {
    my ($row) = @_;

    my $file = Recording::Flv->read($t->path($row), payload => 1);
    return [ map { [ @$_{qw(type ts payload)} ] }
             grep { $_->{type} != 18 } @{ $file->{tags} } ];
}

# what was pushed, from the first frame that a file has
sub pushed {
    my ($from, $row) = @_;

    my ($first) = map { $_->[2] }
                  grep { $_->[2] !~ /^(?:.\x00|.\x02)/s || $_->[0] == 8 }
                  grep { $_->[0] == 9 && $_->[2] !~ /^.\x00/s } @{ tags($row) };
    my $out = $t->dir . "/from-$row->{file_id}.flv";
    return $out if !defined $first;

    my $found;
    my @tags = @{ Recording::Flv->read($from, payload => 1)->{tags} };
    my @part = grep { $_->{header} || $_->{type} == 18
                      || ($found ||= $_->{payload} eq $first) } @tags;
    open my $fh, '>:raw', $out or die "$out: $!";
    print $fh "FLV\1\5\0\0\0\x09\0\0\0\0", map {
        my $head = pack('C', $_->{type})
            . substr(pack('N', length $_->{payload}), 1)
            . substr(pack('N', $_->{ts}), 1) . pack('C', $_->{ts} >> 24)
            . "\0\0\0";
        $head . $_->{payload} . pack('N', length($head . $_->{payload}))
    } @part;
    close $fh or die "$out: $!";
    return $out;
}
