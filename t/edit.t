#!/usr/bin/perl

# A part of a file by EditMedia: from each format into MP4 and HLS, right to a
# frame where the file can say so, sound in step with it whether a player knows
# edit lists or not; and a file like any other.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Probe qw(packets decode_problem duration);
use Recording::Util qw(wait_for);

my $media = media(duration => 10, gop => 2, fps => 25, size => '160x90');
my $edit = Recording::Edit->started(
    store => 'reserve=0 url=http://media.example.com/vod/',
    templates => <<'CONF', applications => { live => 'all' });
record_template all {
        format mp4; format flv; format hls segment=2s; format aac;
        notify "exec:/bin/sh -c 'cat >> %%DIR%%/told'";
        expire 1h;
    }
CONF
my ($t, $api) = @$edit{qw(nginx api)};

$edit->publish('live', 'a', $media);

my %file;
wait_for('four files', 30, sub {
    %file = map { ($_->{format} => $_) }
            grep { $_->{state} eq 'finished' } $t->files;
    return 4 == keys %file;
});

# --- from 3.5 s to 7 s: the frame that is at 3.52 s, in a GOP from 2 s on

my %pushed = map { ($_ => [ packets($media, $_) ]) } 'v', 'a';
my $zero = $pushed{v}[0]{pts};
my @want = map { $_->{hash} }
           grep { $_->{pts} - $zero > 1.999 && $_->{pts} - $zero < 6.999 }
           @{ $pushed{v} };

for my $from (qw(mp4 flv hls)) {
    my $task = part($from, 3.5, 7, { Type => 'mp4' });
    my $file = $edit->path($task);
    my ($taken) = @{ $task->{TakenSet} };

    is("$taken->{StartTimeOffset} $taken->{EndTimeOffset}", '3.52 7',
       "$from: what was taken");
    is(join(' ', map { $_->{hash} } packets($file, 'v')), "@want",
       "$from: from the key frame on, bit for bit");

    my @shown = grep { $_->{flags} !~ /D/ } packets($file, 'v');
    is(scalar @shown, 87, "$from: 87 of them are shown");
    near($shown[0]{pts}, 0, 0.001, "$from: from 0 on");
    steps($file, $from);
    near(duration($file), 3.5, 0.05, "$from: its duration");

    # a player that knows no edit lists shows the GOP, with its sound
    my @options = ('-ignore_editlist', 1);
    my ($first) = packets($file, 'v', @options);
    my @sound = packets($file, 'a', @options);
    my ($begin) = grep { $_->{hash} eq $sound[0]{hash} } @{ $pushed{a} };
    near($sound[0]{pts} - $first->{pts}, $begin->{pts} - $zero - 2, 0.025,
         "$from: in step without the edit list");
    is(decode_problem($file), '', "$from: it is decoded");
}

for my $from (qw(mp4 flv hls aac)) {
    my $task = part($from, 3.5, 7, { Type => 'hls' });
    my ($taken) = @{ $task->{TakenSet} };
    my $key = $from eq 'aac' ? 3.5 : 2;

    near($taken->{StartTimeOffset}, $key, 0.025,
         "$from to HLS: from the key frame before");
    is(decode_problem($edit->path($task)), '', "$from to HLS: decoded");
    near(duration($edit->path($task)), 7 - $key, 0.1,
         "$from to HLS: its duration");
}

my $sound = part('aac', 3.5, 7, {});
near($sound->{TakenSet}[0]{StartTimeOffset}, 3.5, 0.025, 'sound alone, in MP4');
near(duration($edit->path($sound)), 3.5, 0.05, 'its duration');

# --- all of it is what was pushed

my $whole = $edit->make([{ FileId => $file{mp4}{file_id} }],
                        { MediaName => '../{App}/a\b', ExpireTime =>
                          '2099-01-01T00:00:00Z' });
is(join(' ', map { $_->{hash} } packets($edit->path($whole), $_)),
   join(' ', map { $_->{hash} } packets($t->store
                                        . "/files/$file{mp4}{path}", $_)),
   "all of it: $_") for 'v', 'a';

# --- a file like any other

my $row = $edit->row($whole);
is($row->{path}, 'live/a/_._{App}_a_b.mp4', 'its name was made safe');
is("$row->{state} $row->{template} $row->{stream} $row->{task_id}",
   "finished all a $whole->{TaskId}", 'its row');
is($row->{expire_us}, 4070908800000000, 'when it expires');
is($edit->row($sound)->{expire_us}, $edit->row($sound)->{end_us} + 3600e6,
   'or as its template says');
is($whole->{Output}{FileUrl},
   'http://media.example.com/vod/live/a/_._%7BApp%7D_a_b.mp4', 'its URL');

my $found = $api->call('SearchMedia', { SourceTypes => ['VideoProcessing'],
                                        FileIds => [ $row->{file_id} ] });
is($found->{MediaInfoSet}[0]{BasicInfo}{SourceInfo}{SourceType},
   'VideoProcessing', 'a search finds it');
is($api->call('SearchMedia', { SourceTypes => ['Record'] })->{TotalCount}, 4,
   'and others by their source');
wait_for('it to be told', 20, sub {
    return -e $t->dir . '/told' && Recording::Util::slurp($t->dir . '/told')
           =~ /$row->{file_id}/;
});
is(scalar $t->recordings(end_us => undef), 0, 'no recording is open');
is($api->code('DeleteMedia', { FileId => $row->{file_id} }), '',
   'it is deleted as others');
wait_for('an empty work/', 20, sub { !grep { !/^worker\./ } work() });
pass('nothing is left in work/');

$t->done;

sub part {
    my ($format, $start, $end, $output) = @_;

    my $task = $edit->make([{ FileId => $file{$format}{file_id},
        StartTimeOffset => $start, EndTimeOffset => $end }], $output);
    is("$task->{Status} $task->{ErrCode} $task->{Message}", 'FINISH 0 ',
       "a part of $format");

    return $task;
}

# each picture that is shown comes 40 ms after the one before; sound is where it
# was pushed, beside the pictures
sub steps {
    my ($file, $name) = @_;

    my @shown = sort { $a <=> $b } map { $_->{pts} }
                grep { $_->{flags} !~ /D/ } packets($file, 'v');
    my @off = grep { abs($shown[$_] - $shown[$_ - 1] - 0.04) > 0.0011 }
              1 .. $#shown;
    is("@off", '', "$name: one after the other");

    my %at = map { ($_->{hash} => $_->{pts}) } @{ $pushed{a} };
    my @late = grep { abs($_->{pts} + 3.52 + $zero - $at{ $_->{hash} }) > 0.003 }
               grep { $_->{flags} !~ /D/ && $at{ $_->{hash} } }
               packets($file, 'a');
    is(scalar @late, 0, "$name: sound in step");
}

sub near {
    my ($got, $want, $by, $name) = @_;
    ok(defined $got && abs($got - $want) <= $by,
       "$name: " . ($got // 'none') . " is about $want");
}

sub work {
    opendir my $dir, $t->store . '/work' or die "work: $!";
    return grep { !/^\./ } readdir $dir;
}
