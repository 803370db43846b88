#!/usr/bin/perl

# Files that are not what they were when they were finished: a pipe or a
# directory in their place holds no thread, and one that was cut short makes no
# file that is shorter without a word.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use POSIX qw(mkfifo);

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Util qw(wait_for);

my @formats = qw(mp4 flv aac hls);
my @damages = qw(pipe directory short segment);

my $media = media(duration => 4, gop => 1, fps => 10, size => '160x90');
my $edit = Recording::Edit->started(
    templates => 'record_template all { '
                 . join(' ', map { "format $_;" } @formats) . ' }',
    applications => { live => 'all' });
my $t = $edit->{nginx};

$t->allow(qr/a file of others cannot be made/);
$edit->publish('live', $_, $media) for @damages, 'whole';
wait_for('the files', 30, sub {
    (@damages + 1) * @formats == grep { $_->{state} eq 'finished' } $t->files;
});

for my $damage (@damages) {
    for my $format ($damage eq 'segment' ? 'hls' : @formats) {
        my ($row) = $t->files(stream => $damage, format => $format);
        my $path = $t->store . "/files/$row->{path}";
        my $why = qr/cannot be opened/;

        if ($damage eq 'pipe') {
            unlink $path;
            mkfifo($path, 0644) or die "$path: $!\n";

        } elsif ($damage eq 'directory') {
            unlink $path;
            mkdir $path or die "$path: $!\n";

        } elsif ($damage eq 'segment') {
            $path =~ s{[^/]+$}{00000.ts};
            truncate $path, (-s $path) - 1 or die "$path: $!\n";
            $why = qr/it had $row->{size} when/;

        } else {
            truncate $path, (-s $path) / 2 or die "$path: $!\n";
            $why = $format eq 'hls' ? qr/its playlist/
                                    : qr/it had $row->{size} when/;
        }

        my $task = $edit->make([ { FileId => $row->{file_id},
                                   EndTimeOffset => 1.5 } ]);
        is($task->{ErrCode}, 60000, "$damage, $format");
        like($task->{Message}, qr/^file $row->{file_id}.*$why/, 'with words');
    }
}

# others go on

for my $format (@formats) {
    my ($row) = $t->files(stream => 'whole', format => $format);
    is($edit->make([ { FileId => $row->{file_id} } ])->{Message}, '',
       "whole, $format");
}

# each names what it would have been

my @said = grep { /a file of others cannot be made/ }
           split /\n/, $t->error_log;
cmp_ok(scalar @said, '>', @damages, 'said');
is(join("\n", grep { !/, task: "[^"]+", stream: "live\/\w+", template: "all"$/ }
                    @said), '', 'with stream and template');

$t->done;
