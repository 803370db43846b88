#!/usr/bin/perl

# The media of an MP4 is moved at its end, in the file or into another one,
# while it is read for a part, or nginx is killed there: the object is the file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EOPNOTSUPP);
use Test::More;

use Recording::Chance qw(some);
use Recording::Early;
use Recording::SlowDisk;
use Recording::Util qw(not_tested run wait_for);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $disk = Recording::SlowDisk->new;
my $e = Recording::Early->new(nginx => { store => $disk->store });
my $t = $e->nginx;
my $inserts = can_insert($t->store);

$disk->set(armed => 1);

subtest 'in the file' => sub {
    plan skip_all => 'this file system inserts no ranges' if !$inserts;

    read_before($_) for some(1, 1, 20);
    slow_reads();
    long('allocate', $_) for some(1, 0, 1);
    killed(allocate => 1, $_) for some(1, 0, 1);
    killed(rename => 1, $_) for some(1, 1, 0);
    killed(write => 1, 0);
};

$disk->set(error => EOPNOTSUPP, call => 'allocate');

subtest 'into another one' => sub {
    read_before($_) for some(1, 20, 1);
    long('write', $_) for some(1, 1, 0);
    killed(write => 2, 0);
    killed(rename => 1, $_) for some(1, 0, 1);
    killed(rename => 2, $_) for some(1, 1, 0);
};

$e->done;

# its sample table is larger than what is kept for it: 10000 frames
sub grown {
    my $s = $e->stream('mp4', fps => 60, video => 190_000, audio => 300);

    $s->send(100);
    $e->wait_parts(2, key($s));
    my ($row) = $e->rows($s);
    $disk->set(only => "$row->{file_id}.mp4");
    return ($s, $row);
}

sub key { return $_[0]->name . '.mp4' }

sub check {
    my ($s) = @_;

    $disk->release;
    $disk->set(only => '');
    my ($row) = $t->wait_files(1, stream => $s->name);
    is($row->{frames_written}, $s->frames, 'all frames');
    $e->whole($row);
    is($e->begun(key($s)), 1, 'in one upload');
}

sub held {
    my ($what, $s) = @_;
    $e->wait_on($what, 30, sub { $disk->held }, sub { $e->told(key($s)) });
    note('held: ' . $disk->held);
}

# a part is being read while the media moves
sub read_before {
    my ($n) = @_;

    subtest "at read $n of a part" => sub {
        my ($s, $row) = grown();
        $disk->hold($n, on => ['read']);
        $s->send(28)->settle;
        held('a part that is read', $s);
        $s->end;

        # the thread that reads is held all the time
        wait_for('the end of the file', 30, sub {
            ($t->files(file_id => $row->{file_id}))[0]{state} eq 'finished' });
        check($s);
    };
}

sub slow_reads {
    subtest 'reads are slow' => sub {
        $disk->set(main => 0);
        my ($s) = grown();

        $s->send(28)->settle;
        $disk->set(delay => 30, call => 'read');
        $e->wait_on('a moment', 5, sub { $s->{waited}++ > 12 });
        $s->end;
        $t->wait_files(1, stream => $s->name);
        $disk->set(delay => 0, call => 0);
        check($s);
        is($disk->get('main'), 0, 'no call of the event loop')
            or diag $disk->name;
    };
}

# nobody reads meanwhile what is not where it was
sub long {
    my ($call, $after) = @_;

    subtest 'the move takes long, ' . when($call, 1, $after) => sub {
        my ($s) = grown();
        $s->send(28)->settle;
        on_the_disk($s);
        $disk->hold(1, on => [$call], after => $after);
        $s->end;
        held('the move', $s);
        $e->wait_on('a while', 10, sub { $s->{waited}++ > 40 });
        check($s);
    };
}

sub killed {
    my ($call, $n, $after) = @_;

    subtest 'killed ' . when($call, $n, $after) => sub {
        my ($s) = grown();
        on_the_disk($s);
        $disk->hold($n, on => [$call], after => $after);
        $s->end;
        held($call, $s);
        $t->kill9;
        $disk->release;
        $t->start;
        check($s);
        $e->sent_once(key($s));
    };
}

sub when {
    my ($call, $n, $after) = @_;
    return ($after ? 'after' : 'before') . " call $n, $call";
}

# all frames, so that no write of them is met: a record of each is in the index
sub on_the_disk {
    my ($s) = @_;

    my ($row) = $e->rows($s);
    my $index = $t->store . "/work/$row->{file_id}.index";

    $s->settle;
    wait_for('all frames on the disk', 20, sub {
        (-s $index || 0) == 32 * $s->frames });
    return;
}

# FALLOC_FL_INSERT_RANGE
sub can_insert {
    my ($dir) = @_;

    my $file = "$dir/probe";
    my ($status) = run('sh', '-c', "head -c 8192 /dev/zero > '$file' && "
                       . "fallocate -i -o 0 -l 4096 '$file'");
    unlink $file;

    return $status == 0;
}
