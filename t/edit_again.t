#!/usr/bin/perl

# A file that EditMedia has made is a source as any other: what it shows is
# taken, and what it has before that only to decode it.  Pictures that are decoded
# in another order than they are shown leave no hole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Probe qw(packets decode_problem);
use Recording::Util qw(wait_for);

my $media = media(duration => 6, gop => 2, fps => 25, size => '160x90');
my $turned = media(duration => 6, gop => 2, fps => 25, bframes => 2,
                   size => '160x90');
my $edit = Recording::Edit->started(
    templates => 'record_template one { format mp4; }',
    applications => { live => 'one' });
my $t = $edit->{nginx};

my $file = publish('a', $media);

# it shows from 3 s on, and has its pictures from 2 s on
my $cut = check('a part', [ part($file->{file_id}, 3) ], 'mp4', 75, '3-6');
my $id = $cut->{Output}{FileId};

check('all of it', [ part($id) ], 'mp4', 75, '0-3');
check('a part of it', [ part($id, 0.2, 2) ], 'mp4', 45, '0.2-2');
check('behind a key frame', [ part($id, 1.2, 2) ], 'mp4', 20, '1.2-2');
check('first of two', [ part($id, 0, 1), part($file->{file_id}, 0, 1) ],
      'mp4', 50, '0-1 0-1');

# only what comes first is cut to a frame
check('second of two', [ part($file->{file_id}, 0, 1), part($id) ], 'mp4',
      125, '0-1 -1-3');
check('as HLS', [ part($id) ], 'hls', 100, '-1-3');

# --- decoded in another order

my $other = publish('b', $turned);

for my $end (3.1, 3.14, 3.18) {
    my $task = $edit->make([ part($other->{file_id}, 1.3, $end) ]);
    my $path = $edit->path($task);
    my @shown = sort { $a <=> $b } map { $_->{pts} }
                grep { $_->{flags} !~ /D/ } packets($path, 'v');
    my @holes = grep { abs($shown[$_] - $shown[$_ - 1] - 0.04) > 0.0011 }
                1 .. $#shown;

    is("@holes", '', "to $end s: no hole");
    ok($task->{TakenSet}[0]{EndTimeOffset} >= $end
       && $task->{TakenSet}[0]{EndTimeOffset} < $end + 0.16,
       "to $end s: and not much more");
    is(decode_problem($path), '', "to $end s: decoded");
}

$t->done;

sub publish {
    my ($name, $flv) = @_;

    $edit->publish('live', $name, $flv);

    my $row;
    wait_for('the file', 30, sub {
        ($row) = $t->files(stream => $name, state => 'finished');
    });

    return $row;
}

sub part {
    my ($file, $start, $end) = @_;
    return { FileId => $file, StartTimeOffset => $start || 0,
             EndTimeOffset => $end || 0 };
}

sub check {
    my ($name, $parts, $type, $pictures, $taken) = @_;

    my $task = $edit->make($parts, { Type => $type });
    my $path = $edit->path($task);

    is($task->{Message}, '', $name);
    is(join(' ', map { "$_->{StartTimeOffset}-$_->{EndTimeOffset}" }
                 @{ $task->{TakenSet} }), $taken, "$name: what was taken");
    is(scalar(grep { $_->{flags} !~ /D/ } packets($path, 'v')), $pictures,
       "$name: its pictures");
    is(decode_problem($path), '', "$name: decoded");

    return $task;
}
