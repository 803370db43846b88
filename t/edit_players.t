#!/usr/bin/perl

# A trimmed MP4 is what it is to be for others, too: an MP4 parser that knows
# edit lists has its first picture at 0 and its sound in step, and Chromium shows
# and sounds what the file that it was made of has there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Console;
use Recording::Edit;
use Recording::Media qw(media);
use Recording::Probe qw(packets);
use Recording::Util qw(wait_for);

my $why = Recording::Console::missing();
plan skip_all => $why if $why;

my $media = media(duration => 10, gop => 2, fps => 25, size => '160x90');
my $edit = Recording::Edit->started(
    templates => 'record_template all { format mp4; format flv; }',
    applications => { live => 'all' }, http => Recording::Console::server(2));
my $t = $edit->{nginx};

$edit->publish('live', 'a', $media);
my %file = map { ($_->{format} => $_) } $t->wait_files(2);

# from 3.5 s: the picture that is at 3.52 s, in a GOP from 2 s on
for my $from (sort keys %file) {
    my $task = $edit->make([{ FileId => $file{$from}{file_id},
                              StartTimeOffset => 3.5, EndTimeOffset => 7 }]);
    my $made = $edit->row($task)->{path};
    my @found = Recording::Console::drive('edited.js', {
        base => 'http://127.0.0.1:' . $t->port(2), made => $made,
        source => $file{mp4}{path}, path => $t->store . "/files/$made",
        from => 3.52 });
    my %sample = (v => [], a => []);
    push @{ $sample{ $_->{type} } }, $_ for map { $_->{sample} } @found;

    for my $type ('v', 'a') {
        my ($zero) = map { $_->{pts} } packets($media, 'v');
        my %at = map { ($_->{hash} => $_->{pts} - $zero - 3.52) }
                 packets($media, $type);
        my @all = @{ $sample{$type} };

        cmp_ok(scalar @all, '>', 80, "of $from: samples of $type");
        is(scalar(grep { !defined $at{ $_->{hash} }
                         || abs($_->{at} - $at{ $_->{hash} }) > 0.003 } @all),
           0, 'each is shown when it was sent, says a parser');
        is(scalar(grep { $_->{at} > -0.001 } @all),
           scalar(grep { $_ > -0.001 && $_ < $all[-1]{at} + 0.003 }
                  values %at), 'and none is missing from 0 on');
    }
}

$t->done;
