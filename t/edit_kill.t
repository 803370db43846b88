#!/usr/bin/perl

# A kill in each stage of a task of EditMedia: while it waits, with the row of
# its file, in the middle of its frames, and when all of them are there; of the
# worker that has it, while another one lives, and of all.  Afterwards it is
# done, once and whole, and nothing else is left of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Util qw(wait_for);

my $media = media(duration => 10, gop => 1, fps => 25, size => '320x180');
my $parts = 60;
my $edit = Recording::Edit->started(
    templates => 'record_template one { format mp4; }',
    applications => { live => 'one' });
my $t = $edit->{nginx};
$t->allow(qr/worker process \d+ exited on signal 9/);

$edit->publish('live', 'a', $media);

my $file;
wait_for('the file', 30, sub {
    ($file) = grep { $_->{state} eq 'finished' } $t->files;
});

my $source = $t->store . "/files/$file->{path}";
my $frames = $parts * $file->{frames_written};
my $bytes = (-s $source) * $parts;
my %seen;

stage('mp4', 'worker', $_) for qw(row half copied);
stage('hls', 'all', $_) for qw(waiting row half copied);
stage('mp4', 'all', $_) for qw(half copied);
stage('hls', 'worker', 'half');

# each was met: else it proves nothing
for my $stage (qw(waiting row half copied)) {
    ok($seen{$stage}, "killed in the stage $stage");
}

wait_for('an empty work/', 20, sub { !grep { /^\d/ } work() });
pass('nothing is left in work/');
is(join("\n", strange()), '', 'nor in files/');
$t->done;

# again, if the task was over before it was seen in its stage
sub stage {
    my ($type, $whom, $stage) = @_;

    for (1 .. 5) {
        last if killed($type, $whom, $stage);
    }
}

sub killed {
    my ($type, $whom, $stage) = @_;

    my $name = "$type, $whom, $stage";

    # both workers have something to do, if this one is to wait
    my @before = map { order('mp4') } $stage eq 'waiting' ? (1, 2) : ();
    my $task = order($type);
    my $row = until_stage($task, $stage);

    if ($whom eq 'worker' && $row->{owner} =~ /^worker\.(\d+)\./) {
        kill KILL => $1;

    } else {
        $t->kill9;
        $t->start;
    }

    $seen{$stage}++ if $row->{stage};
    $edit->ready;

    my $done = $edit->wait($task);
    is("$done->{ErrCode} $done->{Message}", '0 ', "$name: done");

    my @rows = grep { $_->{task_id} eq $task } $t->files;
    is(join(' ', map { $_->{state} } @rows), 'finished', "$name: one file");
    is($rows[-1]{frames_written}, $frames, "$name: whole");
    is($done->{TakenSet}[-1]{EndTimeOffset} * 1000 > 9900, 1,
       "$name: to the last one");
    is($edit->wait($_)->{ErrCode}, 0, "$name: one before it") for @before;

    return $row->{stage};
}

sub order {
    my ($type) = @_;
    return $edit->order([ ({ FileId => $file->{file_id} }) x $parts ],
                        { Type => $type });
}

# the task, as soon as it is so far; without {stage} it was over before
sub until_stage {
    my ($task, $stage) = @_;

    my ($id) = $task =~ /(\d+)/;

    for (1 .. 5000) {
        my ($row) = $t->catalogue("SELECT owner, state, progress, file_id"
                                  . " FROM edits WHERE edit_id = $id");

        my $grown = $row->{file_id} ? size($row->{file_id}) : 0;
        my $met = $stage eq 'waiting' ? $row->{state} eq 'waiting'
                  : $stage eq 'row' ? $row->{file_id} && $grown < $bytes / 4
                  : $stage eq 'half' ? $grown > $bytes / 4
                                       && $row->{progress} < 99
                  : $row->{progress} == 99;

        return { %$row, stage => 1 } if $met && $row->{state} ne 'finished';
        return $row if $row->{state} eq 'finished';
    }

    die "$task is not over\n";
}

sub size {
    my ($id) = @_;

    my $size = -s $t->store . "/work/$id.mp4";
    return $size if $size;

    my ($row) = $t->files(file_id => $id);
    my ($dir) = $row && $row->{path} ? $row->{path} =~ m{(.*)/index} : ();
    $size = 0;
    $size += -s $_ || 0 for $dir ? glob(quotemeta($t->store . "/files/$dir")
                                        . '/*') : ();
    return $size;
}

sub work {
    opendir my $dir, $t->store . '/work' or die "work: $!";
    return grep { !/^\./ } readdir $dir;
}

# what lies in files/ and is in no row
sub strange {
    my %known = map { ($_->{path} => 1) } $t->files;
    my @found = map { substr $_, length($t->store . '/files/') }
                glob quotemeta($t->store . '/files/live/a') . '/*';
    return grep { !$known{$_} && !$known{"$_/index.m3u8"} } @found;
}
