#!/usr/bin/perl

# Power cuts: at random moments, and while room is made in an MP4, a copy is
# taken of what a disk would have (Recording::PowerCut), and a fresh nginx is
# started on it.  Of each stream it has all that came until record_sync and a
# second before the cut, and all that was announced, as it was.
#
# TEST_POWER_CUTS is the number of random moments for each file system; with
# TEST_SEED they are those of another run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::PowerCut;
use Recording::Nginx;
use Recording::Sender;
use Recording::SlowDisk;
use Recording::Whole;
use Recording::Util qw(run slurp spew tail wait_for);

use constant {
    SYNC => 2,                  # record_sync
    BATCH => 1,                 # what a kill may cost
};

Recording::PowerCut::isolate();

my $cuts = $ENV{TEST_POWER_CUTS} || 3;
my $seed = srand($ENV{TEST_SEED} || time * 1000 % 1e9);
note "TEST_SEED=$seed";
END { diag("TEST_SEED=$seed") if !Test::More->builder->is_passing }

my $conf = <<'CONF';
thread_pool default threads=8;
rtmp {
    record_store %%STORE%% reserve=8m;
    record_sync 2s;
    record_buffer 64m;
    record_template all {
        format mp4 interval=3s;
        format flv interval=3s;
        format aac interval=3s;
        format hls segment=1s;
    }
    record_template back {
        format mp4 interval=3s resume=5s;
        format flv resume=5s;
        format aac resume=5s;
        format hls segment=2s resume=5s;
    }
    record_template long { format mp4 interval=400s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application all { live on; record_rule all; }
        application back { live on; record_rule back; }
        application long { live on; record_rule long; }
    }
}
CONF

# held: what is recorded of a stream without video begins when no video came
# for 2 s.  400 s of audio are 18750 samples, whose table is larger than the
# 64 KB that are kept for it.
my @streams = map { Recording::Sender->new(%$_) } (
    { name => 'plain', app => 'all', media => media(duration => 8) },
    { name => 'frames', app => 'all', media => media(duration => 8,
        fps => 50, gop => 2, bframes => 2, size => '160x90') },
    { name => 'sound', app => 'all', held => 2,
        media => media(duration => 8, video => 0) },
    { name => 'returns', app => 'back', on => 2.5, off => 1.5,
        media => media(duration => 8, size => '160x90') },
    { name => 'table', app => 'long', rate => 100,
        media => media(duration => 64, video => 0, channels => 1) },
);

my %streams = map { $_->{name} => $_ } @streams;

for my $fs ('ext4', 'xfs') {
    subtest $fs => sub {
        my $missing = Recording::PowerCut::missing($fs);
        plan skip_all => "no power cuts: $missing" if $missing;
        disk($fs);
        power($fs);
    };
}

Recording::Nginx->new->done;

# --- cuts

# The copies are what they are said to be; any process can sync all disks at
# any time, which is not always.
sub disk {
    my ($fs) = @_;

    my ($lost, $kept);

    for (1 .. 5) {
        ($lost, $kept) = copies($fs);
        last if "$lost, $kept" eq 'flushed, cached flushed';
    }

    is($lost, 'flushed', 'a cache that is lost');
    is($kept, 'cached flushed', 'a cache that is kept');
}

# what has changed in a copy of each kind
sub copies {
    my ($fs) = @_;

    my $disk = Recording::PowerCut->new($fs);
    my $dir = $disk->dir;
    my @new;

    spew("$dir/$_", 'x' x 4096) for 'flushed', 'cached';
    run('sync', '-f', $dir);
    dd("$dir/flushed", 'conv=notrunc,fdatasync', 'oflag=direct');
    dd("$dir/cached", 'conv=notrunc', 'oflag=direct');
    spew("$dir/written", '-' x 4096);

    for my $cache ('lost', 'kept') {
        my $cut = $disk->cut(cache => $cache);
        $cut->mount;
        push @new, join ' ', grep { my $file = $cut->dir . "/$_";
                                    -e $file && slurp($file) =~ /^[\0-]/ }
                             qw(cached flushed written);
        $cut->remove;
    }

    $disk->remove;
    return @new;
}

sub dd {
    my ($file, @options) = @_;

    my ($status, undef, $err) = run('dd', 'if=/dev/zero', "of=$file",
                                    'bs=4096', 'count=1', @options);
    die "dd: $err\n" if $status;
}

sub power {
    my ($fs) = @_;

    my $disk = Recording::PowerCut->new($fs);
    my $calls = Recording::SlowDisk->new(store => $disk->store);
    my $t = Recording::Nginx->new(store => $disk->store);

    $t->conf($conf)->start;
    $calls->set(armed => 1);

    $_->connect($t->port) for @streams;

    my @cuts = (at_random($t, $disk), while_finishing($t, $disk, $calls));

    $_->close for @streams;
    my $late = late($t, $calls);

    subtest 'without a cut' => sub { finished($t, time) };
    my %digest = map { $_->{file_id} => Recording::Whole::digest($t, $_) }
                 $t->files;
    $t->stop;

    for my $cut (@cuts) {
        subtest "cut $cut->{name}" => sub {
            after($cut, $late, \%digest) };
        $cut->{disk}->remove;
    }

    $disk->remove;
}

# What a cut may cost above what is promised: a frame can wait until all
# files that grow were synced, each as slowly as the slowest.
sub late {
    my ($t, $calls) = @_;

    my $slowest = $calls->get('slowest') / 1e6;
    my ($max) = $t->catalogue(<<'SQL');
SELECT max(n) AS n FROM
    (SELECT count(*) AS n FROM files GROUP BY start_us / 3000000)
SQL

    note sprintf 'the slowest call took %.3f s, at most %d files grew',
        $slowest, $max->{n};
    return SYNC + BATCH + $slowest * $max->{n};
}

sub at_random {
    my ($t, $disk) = @_;

    my $start = time;
    my @moments = sort { $a <=> $b } map { 0.1 + rand 3 * $cuts }
                                     1 .. $cuts;
    my @cuts;

    for my $moment (@moments) {
        Recording::Sender::push_until($start + $moment, \@streams);
        push @cuts, cut($t, $disk, sprintf('after %.2f s', $moment),
                        @cuts % 2 ? 'kept' : 'lost');
    }

    return @cuts;
}

# before room is made for a sample table, while it is, and when it was
sub while_finishing {
    my ($t, $disk, $calls) = @_;

    my @cuts;
    my $held = sub {
        $calls->hold(1, on => ['allocate'], @_);
        Recording::Sender::push_until(time + 20, \@streams,
                                      sub { $calls->held });
        ok($calls->held, 'a file is finished') or die "nothing is held\n";
    };

    $held->();
    push @cuts, cut($t, $disk, 'before the insertion', 'lost');
    $calls->release;
    push @cuts, cut($t, $disk, 'in or after the insertion', 'kept');

    $held->(after => 1);
    push @cuts, map { cut($t, $disk, 'after the insertion', $_) }
                'kept', 'lost';
    $calls->release;

    return @cuts;
}

sub cut {
    my ($t, $disk, $name, $cache) = @_;

    my @rows = $t->files;
    my %logged = $t->error_log =~ /file finished: "(.*?)", \d+ ms, (\d+) b/g;
    my $time = time;
    my $copy = $disk->cut(cache => $cache);

    # at the moment itself, as before and behind it
    my %growing = map { $_->{file_id} => 1 } $t->files(state => 'recording');
    $_->{growing} = $growing{ $_->{file_id} } for @rows;

    return { disk => $copy, time => $time, rows => \@rows,
             logged => \%logged, name => "$name, the disk's cache is $cache" };
}

# --- after the cut

sub after {
    my ($cut, $late, $digest) = @_;

    my $t = Recording::Nginx->new(store => $cut->{disk}->mount);
    $t->conf($conf)->start;

    my @growing;
    eval {
        wait_for('recovery', 30, sub {
            @growing = Recording::Whole::growing($t);
            return !@growing });
    };
    is(join("\n", @growing), '', 'recovered') or note tail($t->error_log, 30);

    my @damaged = glob $t->store . '/catalogue.db.*';
    is(join(' ', grep { !/-(?:wal|shm)$/ } @damaged), '',
       'the catalogue is not damaged');
    is(($t->catalogue('PRAGMA integrity_check'))[0]{integrity_check}, 'ok',
       'and whole') if -s $t->db;

    $cut->{limit} = $cut->{time} - $late;
    announced($t, $cut, $digest);
    is(join("\n", Recording::Whole::disagreements($t)), '',
       'catalogue and directory agree');
    finished($t, $cut->{limit}, $cut);

    # what began just before may be lost
    unlike($t->error_log,
           qr/\[error\](?!.* stopped before anything of it was durable)/,
           'no errors');
    $t->check_errors;
}

sub announced {
    my ($t, $cut, $digest) = @_;

    my %now = map { $_->{file_id} => $_ } $t->files;
    my %size = map { ($_->{path} || '') => $_->{size} } values %now;
    my @problems;

    for my $row (@{ $cut->{rows} }) {
        my $id = $row->{file_id};
        my $new = $now{$id};
        my $name = Recording::Whole::name($row);

        # as its frames may be
        if (!$new) {
            push @problems, "$name: its row is gone"
                if $row->{start_us} / 1e6
                   < limit($streams{ $row->{stream} }, $cut->{limit});

        } elsif ($row->{state} eq 'finished') {
            push @problems, "$name: another row"
                if grep { $new->{$_} ne $row->{$_} }
                        qw(state path size duration_ms frames_written
                           recovered);
            push @problems, "$name: another file"
                if Recording::Whole::digest($t, $new) ne $digest->{$id};

        } elsif ($row->{state} eq 'recording' && $row->{growing}
                 && $row->{app} ne 'back'
                 && $row->{start_us} / 1e6 < $cut->{limit})
        {
            push @problems, "$name does not count as recovered"
                if !$new->{recovered};
        }
    }

    for my $path (keys %{ $cut->{logged} }) {
        push @problems, "$path was logged and is not as it was"
            if ($size{$path} || 0) != $cut->{logged}{$path};
    }

    is(join("\n", @problems), '',
       'what was announced is there: '
       . scalar(grep { $_->{state} eq 'finished' } @{ $cut->{rows} }));
}

# earlier by what was held back, if that is all there can be
sub limit {
    my ($stream, $limit) = @_;

    my $held = $stream->{held} || 0;
    return $limit - ($stream->{sent}[0][1] + $held > $limit ? $held : 0);
}

# Every file is as it should be, and of each stream all is there that came
# before the limit.
sub finished {
    my ($t, $limit, $cut) = @_;

    my @rows = $cut ? $t->files : $t->wait_files(1, _timeout => 60);
    my (@problems, %have);
    my $cost = 0;

    for my $row (grep { $_->{state} eq 'finished' } @rows) {
        my $found = Recording::Whole::look($t, $row);

        push @problems, map { "$row->{path}: $_" } @{ $found->{problems} };
        push @problems, "$row->{path}: $row->{frames_written} frames in its"
            . " row, $found->{count} in the file"
            if $found->{count} && $found->{count} != $row->{frames_written};

        for my $track ('v', 'a') {
            push @{ $have{ $row->{stream} }{ $row->{format} }{$track} },
                @{ $found->{$track} };
        }
    }

    is(join("\n", @problems), '', 'every file is as it should be: '
                                  . scalar @rows);
    @problems = ();

    for my $stream (@streams) {
        for my $format ($stream->{app} eq 'long' ? 'mp4'
                                                 : qw(mp4 flv aac hls))
        {
            my $name = $stream->{name};
            my ($oldest, $strange) =
                $stream->missing($format, $have{$name}{$format});

            push @problems, "$name $format: $strange"
                . ' frames are out of place' if $strange;
            next if !$oldest;

            my $early = limit($stream, $limit) - $oldest;
            push @problems, sprintf '%s %s: a frame is missing that came '
                . '%.3f s too early for that', $name, $format, $early
                if $early > 0;
            $cost = max($cost, $cut->{time} - $oldest) if $cut;
        }
    }

    is(join("\n", @problems), '', 'all frames');
    note sprintf 'this cut cost %.3f s, %.3f are allowed', $cost,
        $cut->{time} - $limit if $cut;
}
