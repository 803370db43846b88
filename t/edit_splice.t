#!/usr/bin/perl

# Files are spliced by EditMedia: those of one recording give what was pushed,
# packet by packet and in step; parts in any order, from several formats; what
# cannot be one MP4 is refused with words, and can be HLS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Edit;
use Recording::Exact;
use Recording::Media qw(media);
use Recording::Probe qw(packets decode_problem duration);
use Recording::Util qw(slurp wait_for);

my $media = media(duration => 20, gop => 1, fps => 10, size => '160x90');
my $other = media(duration => 2, gop => 1, fps => 10, size => '320x180');
my $edit = Recording::Edit->started(
    templates => <<'CONF', applications => { map { $_ => $_ } qw(cut whole) });
record_template cut { format mp4 interval=1s; format flv interval=1s; }
    record_template whole { format mp4; format flv; format hls; format aac; }
CONF
my $t = $edit->{nginx};

$edit->publish('cut', 'a', $media);
$edit->publish('whole', 'b', $other);
$edit->publish('whole', 'a', $media);

wait_for('the files', 30, sub {
    return 48 == grep { $_->{state} eq 'finished' } $t->files;
});

# --- twenty files are one again

for my $format (qw(mp4 flv)) {
    my @rows = sort { $a->{start_us} <=> $b->{start_us}
                      || $a->{file_id} cmp $b->{file_id} }
               $t->files(app => 'cut', format => $format);
    is(scalar @rows, 20, "twenty of $format");

    my $task = $edit->make([ map { { FileId => $_->{file_id} } } @rows ]);
    is($task->{Message}, '', "$format: spliced");
    is(join("\n", Recording::Exact::compare(pushed => [$media],
                                            files => [ $edit->path($task) ])),
       '', "$format: what was pushed");

    my $hls = $edit->make([ map { { FileId => $_->{file_id} } } @rows ],
                          { Type => 'hls' });
    is(join("\n", Recording::Exact::compare(pushed => [$media],
                                            files => [ $edit->path($hls) ])),
       '', "$format: as HLS, too");
    unlike(slurp($edit->path($hls)), qr/EXT-X-DISCONTINUITY/,
           "$format: without a discontinuity");
}

# --- parts in another order, and of each format

my %whole = map { ($_->{format} => $_) }
            $t->files(app => 'whole', stream => 'a');
my @parts = map { { FileId => $whole{ $_->[0] }{file_id},
                    StartTimeOffset => $_->[1], EndTimeOffset => $_->[2] } }
            ['hls', 10, 12], ['flv', 4, 7], ['mp4', 15.5, 17];

for my $type (qw(mp4 hls)) {
    my $task = $edit->make(\@parts, { Type => $type });
    my $path = $edit->path($task);

    is($task->{Message}, '', "$type of parts");
    is(join(' ', map { "$_->{StartTimeOffset}-$_->{EndTimeOffset}" }
                 @{ $task->{TakenSet} }), '10-12 4-7 15-17',
       "$type: from key frames on");
    is(scalar packets($path, 'v'), 70, "$type: their frames")
        if $type eq 'mp4';
    near(duration($path), 7, 0.1, "$type: their duration");
    is(decode_problem($path), '', "$type: decoded");
    is(scalar(() = slurp($path) =~ /EXT-X-DISCONTINUITY/g), 2,
       'told as such') if $type eq 'hls';
}

my %seen;
$seen{ $_->{hash} }++ for packets($edit->path($edit->make(\@parts)), 'a');
is(scalar(grep { $_ > 1 } values %seen) <= 1 || 0, 1, 'no sound is twice');

# --- sound alone, behind pictures

my $sound = $edit->make([ map { { FileId => $whole{$_}{file_id},
    StartTimeOffset => 10, EndTimeOffset => 12 } } qw(mp4 aac flv) ],
    { Type => 'hls' });
is($sound->{Message}, '', 'sound alone between pictures');
near(duration($edit->path($sound)), 6, 0.2, 'its duration');
my @lasts = slurp($edit->path($sound)) =~ /EXTINF:([\d.]+)/g;
near($_, 2, 0.1, 'a segment') for @lasts;
is(scalar @lasts, 3, 'of three');

# --- another size of the picture

my ($small) = $t->files(app => 'whole', stream => 'b', format => 'mp4');
my @both = map { { FileId => $_->{file_id} } } $whole{mp4}, $small;
$t->allow(qr/a file of others cannot be made/);
my $task = $edit->make(\@both);
is($task->{ErrCode}, 40000, 'two that are no MP4');
like($task->{Message}, qr/^file $small->{file_id} .*another video header.*hls$/,
     'with words');
is("$task->{Output}{FileId}$task->{Output}{FileUrl}", '', 'there is no file');
is(scalar(grep { $_->{task_id} eq $task->{TaskId} } $t->files), 0,
   'nor a row of one');

$task = $edit->make(\@both, { Type => 'hls' });
is($task->{Message}, '', 'but HLS');
near(duration($edit->path($task)), 22, 0.2, 'with both');

$t->done;

sub near {
    my ($got, $want, $by, $name) = @_;
    ok(defined $got && abs($got - $want) <= $by,
       "$name: " . ($got // 'none') . " is about $want");
}
