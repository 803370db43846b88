#!/usr/bin/perl

# An MP4 whose finishing is killed, at calls of every kind that changes
# something on the disk: before and after the room for its sample table is made,
# that table is written, the file is synced and renamed.  The next start
# makes it whole, and so it does if it is killed as well, or if the room was
# made in a part of the file only, as a power cut can leave it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EOPNOTSUPP);
use Test::More;
use Time::HiRes ();

use Recording::Chance qw(some);
use Recording::Exact;
use Recording::Media qw(media);
use Recording::Mp4;
use Recording::Nginx;
use Recording::Probe qw(decode_problem duration);
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(run wait_for);

use constant { RESERVE => 65536, RECORD => 32 };

# 6400 samples have a table of 115 KB
my $media = media(duration => 60, fps => 60, gop => 2, bframes => 2,
                  size => '160x90', channels => 1);
my @messages = Recording::Rtmp::flv_messages($media);
my @bodies = map { body($_) } @messages;
my $bytes = 0;
$bytes += $_ for @bodies;

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_sync off;
    record_template file { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule file; }
    }
}
CONF

# one call of each kind, any of them; all calls if TEST_FULL is set

my $inserts = can_insert($t->store);
$disk->set(armed => 1);

subtest 'room is made in the file' => sub {
    plan skip_all => 'this file system inserts no ranges' if !$inserts;
    every_step('insert', qw(fallocate pwrite fsync renameat2 unlinkat));
};

subtest 'the recovery is killed' => \&recovery_killed;

subtest 'room is made in a part of the file' => sub {
    plan skip_all => 'this file system inserts no ranges' if !$inserts;
    in_part($_) for 'start', 'middle', 'last block', 'end';
};

$disk->set(error => EOPNOTSUPP, call => 'allocate');

subtest 'the file is copied' => sub {
    every_step('copy', qw(openat copy_file_range renameat pwrite fsync
                          renameat2 unlinkat));
};

$t->done;

sub every_step {
    my ($name, @expected) = @_;

    my @calls = calls($name);
    my %at;
    push @{ $at{ $calls[$_] } }, $_ + 1 for 0 .. $#calls;

    is(join(' ', grep { !$at{$_} } @expected), '', 'all steps are there');

    for my $n ($ENV{TEST_FULL} ? 1 .. @calls
               : map { some(1, @{ $at{$_} }) } sort keys %at)
    {
        my $stream = "$name-$n";
        my ($r, $row) = publish($stream);

        $disk->hold($n, skip => 'catalogue');
        $r->delete_stream;
        my $call = held_or_done($row);

        is(name($call), $calls[$n - 1], "call $n is the same again");
        $call =~ s/$row->{file_id}/ID/g;
        die_and_start($row);

        subtest "killed before $call" => sub { check($stream, $row) };
    }

    $disk->release;
}

# the names of the calls up to the last one that is needed
sub calls {
    my ($name) = @_;

    my ($r, $row) = publish($name);
    my @calls;

    $disk->hold(1, skip => 'catalogue');
    $r->delete_stream;

    while (my $call = held_or_done($row)) {
        last if done($row);
        push @calls, name($call);
        $disk->hold(1, skip => 'catalogue');
    }

    $disk->release;
    return @calls;
}

# each start gets one call further than the one before
sub recovery_killed {
    my ($r, $row) = publish('again');

    $disk->hold(1, on => ['allocate']);
    $r->delete_stream;
    wait_for('the insertion', 20, sub { $disk->held });

    my %met;

    for (my $n = 1; $n < 100; $n++) {
        $t->kill9;
        $disk->hold($n, skip => 'catalogue');
        $t->start;
        my $call = held_or_done($row) or last;
        $met{ name($call) }++;
        note "recovery killed before $call";
    }

    $disk->release;
    cmp_ok(scalar keys %met, '>', 4, 'at many calls');
    check('again', { %$row, was => 'recording' });
}

# INSERT_RANGE moves a file's extents from the last to the first, in several
# transactions: everything from some block on is moved, the rest is not.
sub in_part {
    my ($where) = @_;

    my ($r, $row) = publish("part $where");

    $disk->hold(1, on => ['allocate']);
    $r->delete_stream;
    wait_for('the insertion', 20, sub { $disk->held });

    my $room = $disk->get('length');
    my $file = work($row, 'mp4');
    my $end = int((-s $file) / 4096) * 4096;
    my %at = (start => RESERVE + 4096, middle => int($end / 8192) * 4096,
              'last block' => $end);

    die_and_start($row, sub {
        if ($where eq 'end') {
            # the size has changed, and nothing else yet
            truncate $file, $room + -s $file or die "truncate: $!";
            return;
        }

        my ($status, undef, $err) = run('fallocate', '-i', '-o',
            $at{$where}, '-l', $room, $file);
        die "fallocate: $err" if $status;
    });

    subtest "from the $where on" => sub { check("part $where", $row) };
}

# everything is in the growing file; it is not finished yet
sub publish {
    my ($stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection to live";
    $r->publish($stream);
    $r->send_flv(\@messages);

    my ($row) = $t->wait_growing(1, stream => $stream);

    # the journal is the last to be told
    wait_for('all frames on the disk', 20, sub {
        -s work($row, 'mp4') == RESERVE + $bytes
            && -s work($row, 'index') >= RECORD * @bodies
            && written(work($row, 'journal')) >= written(work($row, 'index'))
    });

    # calls of others may come in between
    $disk->set(only => $row->{file_id});

    return ($r, $row);
}

sub written { return (Time::HiRes::stat($_[0]))[9] }
sub work { return $t->store . "/work/$_[0]{file_id}.$_[1]" }

# what is held, '' if it came to its end
sub held_or_done {
    my ($row) = @_;

    my $call;

    wait_for('a call', 30, sub {
        return ($call = $disk->held) || done($row);
    });

    return $disk->held || $call;
}

sub done {
    my ($row) = @_;

    my ($now) = $t->files(file_id => $row->{file_id});
    return $now->{state} eq 'finished'
           && !glob $t->store . "/work/$row->{file_id}.*";
}

sub name { return $_[0] =~ /^(\w+?)(?:64)? / ? $1 : '' }

sub die_and_start {
    my ($row, $between) = @_;

    my ($now) = $t->files(file_id => $row->{file_id});
    $row->{was} = $now->{state};

    $t->kill9;
    $disk->release;
    $between->() if $between;
    $t->start;
}

sub check {
    my ($stream, $before) = @_;

    my @rows = eval { $t->wait_files(1, stream => $stream) };
    is($@, '', 'finished') or return;

    my ($row) = @rows;
    my $file = $t->path($row);

    is(scalar @rows, 1, 'one file');
    is($row->{file_id}, $before->{file_id}, 'it is the same');
    is($row->{recovered}, $before->{was} eq 'finished' ? 0 : 1,
       'recovered, as it was ' . $before->{was});
    is($row->{frames_in}, @bodies, 'all frames came in');
    is($row->{frames_written}, @bodies, 'and are in it');
    is($row->{size}, -s $file, 'size');
    cmp_ok(abs($row->{duration_ms} / 1000 - duration($file)), '<', 0.05,
           'duration');
    is(join("\n", Recording::Exact::compare(pushed => [$media],
        files => [$file])), '', 'exact');
    is(join("\n", Recording::Mp4->read($file)->faststart_problems), '',
       'faststart');
    is(decode_problem($file), '', 'decodes');

    eval { wait_for('clean directory', 5, sub { !left() }) };
    my @left = left();
    is(join(' ', @left), '', 'work/ is clean');
    unlink @left;
}

# all but the locks of living workers
sub left {
    my %living = map { $_ => 1 } $t->worker_pids;

    return grep { my ($pid) = m{/worker\.(\d+)\.\d+$};
                  !($pid && $living{$pid}) && !m{/catalogue\.lock$} }
           glob $t->store . '/work/*';
}

# bytes of a frame; none of a header, of an end of sequence, of onMetaData
sub body {
    my ($type, undef, $payload) = @{ $_[0] };

    my $header = $type == 9 ? 5 : $type == 8 ? 2 : return;
    return if ord(substr $payload, 1) != 1;
    return length($payload) - $header;
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
