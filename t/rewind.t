#!/usr/bin/perl

# rewind= of record_rule: a task with a StartTime in the past records what had
# come since, as if it had been there, in each format and to the last frame, from
# the key frame at or before that time on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Exact;
use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rewind;
use Recording::Util qw(in_parallel slurp wait_for within);

use constant RATE => 3;         # times real time

my @formats = qw(flv mp4 hls aac);

my $t = Recording::Nginx->new;
my $flv = media(duration => 42, fps => 20, gop => 1, bframes => 2,
                size => '160x90');

$t->conf(Recording::Rewind->conf(<<'CONF'))->start;
            record_rule off rewind=1m;
            record_rule all rewind=1m stream=ruled;
CONF

my $w = Recording::Rewind->new($t);
my $begin = time;

$w->publish($_, $flv, rate => RATE, $w->waits(40_000)) for qw(ruled kept);
wait_for('two chunks of each', 40, sub { 4 <= $w->chunks });
is(scalar(grep { $_->{task_id} } $t->files), 0, 'nothing is recorded of them');

my $middle = int($begin) + 6;
my %task = (
    ruled => $w->task('ruled', template => 'all', StartTime => $begin - 5),
    kept => $w->task('kept', template => 'all', StartTime => $begin - 5),
    middle => $w->task('kept', template => 'all', StartTime => $middle),
);

# --- one that ends while it is live: until then

wait_for('a recording of each', 20, sub {
    3 == grep { $_->{task_id} } $t->recordings });
$w->told;
$w->unpublish($_) for qw(ruled kept);

# --- from the begin: all of it, as if it had been recorded

my %rule = map { $_->{format} => $_ }
           grep { !$_->{task_id} } $t->wait_files(16);

my %of = map { $_ => { $w->files($task{$_}, 4) } } keys %task;

for my $which (qw(ruled kept)) {
    exact($which, $flv);

    for my $format (@formats) {
        my $row = $of{$which}{$format};
        is($row->{frames_dropped}, 0, 'nothing is missing');
        cmp_ok(abs($row->{start_us} / 1e6 - $begin), '<', within(2),
               'it says when that was');
        next if $which ne 'ruled';

        is($row->{$_}, $rule{$format}{$_}, "as the rule's: $_")
            for qw(duration_ms frames_in frames_written codecs);
        cmp_ok(abs($row->{start_us} - $rule{$format}{start_us}), '<', 100_000,
               'begun then');
    }
}

ok(slurp($t->path($of{ruled}{aac})) eq slurp($t->path($rule{aac})),
   'AAC: the same bytes');
is_deeply(tags($of{ruled}{flv}), tags($rule{flv}), 'FLV: the same tags');

# --- from the middle

my $at = $of{middle}{mp4}{start_us} / 1e6;
cmp_ok($at, '<=', $middle, 'from the key frame before');
cmp_ok($at, '>', $middle - within(1), 'the last one');

exact('middle', pushed($flv, $of{middle}{flv}));

# --- what was kept goes with the streams

wait_for('the end of chunks', 20, sub { !$w->chunks });
like($t->error_log, qr/has \d+ messages of what rewind= kept/, 'it is said');
$t->done;

# each format of a task has what was pushed
sub exact {
    my ($which, $pushed) = @_;

    my @problems = in_parallel(2, sub {
        return join ' ', Recording::Exact::compare(pushed => [$pushed],
            files => [ $t->path($of{$which}{ $_[0] }) ]);
    }, @formats);
    is($problems[$_], '', "$which: each frame, in $formats[$_]")
        for 0 .. $#formats;
}

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
