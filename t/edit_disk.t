#!/usr/bin/perl

# EditMedia and a disk that fails, is slow or is full: the task says what went
# wrong, and nothing of it is left; the next one is done.  Live streams do not
# notice.  Files that a task needs are not evicted for max=, as long as it does,
# and what it has made counts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(EIO ENOSPC);
use Test::More;

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Probe qw(decode_problem);
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $media = media(duration => 6, gop => 1, fps => 25, size => '160x90');

subtest 'it fails' => \&fails;
subtest 'it is slow' => \&slow;
subtest 'it is full' => \&full;
Recording::Nginx->done;

sub started {
    my ($store) = @_;

    my $disk = Recording::SlowDisk->new;
    my $edit = Recording::Edit->started(disk => $disk->store, store => $store,
        templates => 'record_template one { format mp4; }',
        applications => { live => 'one' });
    $edit->{nginx}->allow(qr/a file of others cannot be made/);

    return ($disk, $edit, $edit->{nginx});
}

# of streams, one after the other
sub recorded {
    my ($edit, @names) = @_;

    my $t = $edit->{nginx};
    my @rows;

    for my $name (@names) {
        $edit->publish('live', $name, $media);
        wait_for($name, 30, sub {
            push @rows, $t->files(stream => $name, state => 'finished');
            return @rows && $rows[-1]{stream} eq $name;
        });
    }

    return @rows;
}

sub fails {
    my ($disk, $edit, $t) = started('reserve=0');
    my ($file) = recorded($edit, 'a');
    my @parts = ({ FileId => $file->{file_id}, StartTimeOffset => 1.5 }) x 2;
    my @cases = (
        [ 60000, error => EIO, call => 'read', only => $file->{path} ],
        [ 60000, error => EIO, call => 'open', only => $file->{path} ],
        [ 70000, error => ENOSPC, call => 'write', only => 'work/' ],
        [ 70000, error => EIO, call => 'sync', only => 'work/' ],
        [ 70000, error => EIO, call => 'open', only => 'work/' ],
    );

    for my $type ('mp4', 'hls') {
        for my $case (@cases) {
            my ($code, %fault) = @$case;
            my $name = "$type, $fault{call} of "
                       . ($code == 60000 ? 'a source' : 'what is made');

            # a playlist is where it stays from its beginning on
            $fault{only} = '/edit-'
                if $type eq 'hls' && $fault{only} eq 'work/'
                   && $fault{call} ne 'sync';

            # the task may be taken at once
            $disk->set(armed => 1, where => 'files', %fault);
            my $task = $edit->order(\@parts, { Type => $type });
            my $done = $edit->wait($task);
            $disk->set(armed => 0, error => 0, only => '');

            is($done->{ErrCode}, $code, "$name: its code");
            like($done->{Message}, qr/\w/, "$name: $done->{Message}");
            like($done->{Message}, qr/$file->{file_id}/, "$name: which file")
                if $code == 60000;
            settled($t, $task, $name);
        }

        my $done = $edit->make(\@parts, { Type => $type, MediaName => $type });
        is($done->{Message}, '', "$type: the next one is done");
        is(decode_problem($edit->path($done)), '', "$type: and is whole");
    }
}

# nothing of it is left
sub settled {
    my ($t, $task, $name) = @_;

    my @rows;
    wait_for("the end of $name", 30, sub {
        @rows = grep { $_->{task_id} eq $task } $t->files;
        return !grep { $_->{state} !~ /^(?:lost|finished)$/ } @rows;
    });
    is(join(' ', grep { $_ ne 'lost' } map { $_->{state} } @rows), '',
       "$name: no file of it");
    wait_for("work/ after $name", 30, sub {
        !grep { m{/\d[^/]*\z} } glob $t->store . '/work/*';
    });
    is(join(' ', glob $t->store . '/files/live/a/edit-*'), '',
       "$name: nothing in files/");
}

sub slow {
    my ($disk, $edit, $t) = started('reserve=0');
    my ($file) = recorded($edit, 'a');

    my $task = slowly($disk, $edit, $file);
    my ($live) = recorded($edit, 'b');
    my $detail = $edit->detail($task);
    isnt($detail->{Status}, 'FINISH', 'it was under way meanwhile');
    is("$live->{frames_written} $live->{frames_dropped}",
       "$file->{frames_written} 0",
       'what is live is whole');
    is($disk->get('main'), 0, 'no call of the event loop');
    $disk->set(armed => 0, delay => 0, only => '');
    is($edit->wait($task)->{Message}, '', 'it is done');
}

# a task that reads the disk so slowly that it does not end
sub slowly {
    my ($disk, $edit, $file) = @_;

    $disk->set(only => $file->{path});
    $disk->set(armed => 1, delay => 500, call => 'read', where => 'files');
    my $hits = $disk->get('hits');
    my $task = $edit->order([ ({ FileId => $file->{file_id} }) x 100 ]);
    wait_for('it to read', 30, sub { $disk->get('hits') > $hits });

    return $task;
}

sub full {
    my ($disk, $edit, $t) = started('reserve=0 max=700k');
    my ($old, $young) = recorded($edit, 'a', 'b');
    cmp_ok($old->{size}, '>', 150_000, 'files of 300 KB');

    # the older one is needed, until the task is over
    my $task = slowly($disk, $edit, $old);
    my @more = recorded($edit, 'c', 'd');
    wait_for('room to be made', 30, sub {
        return $t->files(state => 'evicted');
    });
    is(join(' ', map { $_->{state} } map { $t->files(stream => $_, task_id => '') }
                 'a', 'b'), 'finished evicted',
       'the younger one goes, as the older one is needed');

    # which takes the place of all others, as the newest one
    $disk->set(armed => 0, delay => 0, only => '');
    my $done = $edit->wait($task);
    is($done->{Message}, '', 'the task is done');
    cmp_ok($edit->row($done)->{frames_written}, '>',
           99 * $old->{frames_written}, 'from all of it');
    wait_for('room for it', 30, sub {
        return !grep { $_->{state} eq 'finished' } $t->files(task_id => '');
    });
    is(($t->files(file_id => $old->{file_id}))[0]{state}, 'evicted',
       'then the older one goes, too');
}
