package Recording::PowerTrial;

# Streams on a disk of its own, power cuts, and what a fresh nginx makes of a
# copy of what the disk would have had.  Of each stream it has all that came
# until record_sync and a second before the cut, and all that was announced,
# as it was.
#
#     power_trial(sub {
#         my ($trial) = @_;
#         $trial->push_until(time + 3);
#         $trial->cut('a moment', 'lost');
#     });
#
# runs that on one of the file systems, by chance, or on each if TEST_FULL is
# set, and after it the subtests of all cuts.

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

use Recording::Chance qw(some);
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::PowerCut;
use Recording::Sender;
use Recording::SlowDisk;
use Recording::Util qw(tail wait_for);
use Recording::Whole;

our @EXPORT_OK = qw(power_trial);

use constant {
    SYNC => 2,                  # record_sync
    BATCH => 1,                 # what a kill may cost
};

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

sub power_trial {
    my ($code) = @_;

    Recording::PowerCut::isolate();

    for my $fs (some(1, 'ext4', 'xfs')) {
        subtest $fs => sub {
            my $missing = Recording::PowerCut::missing($fs);
            plan skip_all => "no power cuts: $missing" if $missing;
            _trial($fs, $code);
        };
    }

    Recording::Nginx->new->done;
}

# held: what is recorded of a stream without video begins when no video came
# for 2 s.  400 s of audio are 18750 samples, whose table is larger than the
# 64 KB that are kept for it.
sub _streams {
    return map { Recording::Sender->new(%$_) } (
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
}

sub _trial {
    my ($fs, $code) = @_;

    my $disk = Recording::PowerCut->new($fs);
    my $calls = Recording::SlowDisk->new(store => $disk->store);
    my $t = Recording::Nginx->new(store => $disk->store);
    my $self = bless { t => $t, disk => $disk, calls => $calls, cuts => [],
                       streams => [ _streams() ] }, __PACKAGE__;

    $t->conf($conf)->start;
    $calls->set(armed => 1);

    $_->connect($t->port) for @{ $self->{streams} };
    $code->($self);
    $_->close for @{ $self->{streams} };
    $self->{late} = $self->_late;

    subtest 'without a cut' => sub { $self->_finished($t, time) };
    $self->{digest} = { map { $_->{file_id} => Recording::Whole::digest($t, $_)
                            } $t->files };
    $t->stop;

    for my $cut (@{ $self->{cuts} }) {
        subtest "cut $cut->{name}" => sub { $self->_after($cut) };
        $cut->{disk}->remove;
    }

    $disk->remove;
}

sub calls { return $_[0]{calls} }

sub push_until {
    my ($self, $time, $condition) = @_;
    Recording::Sender::push_until($time, $self->{streams}, $condition);
}

# What a cut may cost above what is promised: a frame can wait until all
# files that grow were synced, each as slowly as the slowest.
sub _late {
    my ($self) = @_;

    my $slowest = $self->{calls}->get('slowest') / 1e6;
    my ($max) = $self->{t}->catalogue(<<'SQL');
SELECT max(n) AS n FROM
    (SELECT count(*) AS n FROM files GROUP BY start_us / 3000000)
SQL

    note sprintf 'the slowest call took %.3f s, at most %d files grew',
        $slowest, $max->{n};
    return SYNC + BATCH + $slowest * $max->{n};
}

# the power fails: cache is 'lost' or 'kept', that of the disk
sub cut {
    my ($self, $name, $cache) = @_;

    my $t = $self->{t};
    my @rows = $t->files;
    my %logged = $t->error_log =~ /file finished: "(.*?)", \d+ ms, (\d+) b/g;
    my $time = time;
    my $copy = $self->{disk}->cut(cache => $cache);

    # at the moment itself, as before and behind it
    my %growing = map { $_->{file_id} => 1 } $t->files(state => 'recording');
    $_->{growing} = $growing{ $_->{file_id} } for @rows;

    push @{ $self->{cuts} }, {
        disk => $copy, time => $time, rows => \@rows, logged => \%logged,
        name => "$name, the disk's cache is $cache" };
}

# --- after the cut

sub _after {
    my ($self, $cut) = @_;

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

    $cut->{limit} = $cut->{time} - $self->{late};
    $self->_announced($t, $cut);
    is(join("\n", Recording::Whole::disagreements($t)), '',
       'catalogue and directory agree');
    $self->_finished($t, $cut->{limit}, $cut);

    # what began just before may be lost
    unlike($t->error_log,
           qr/\[error\](?!.* stopped before anything of it was durable)/,
           'no errors');
    $t->check_errors;
}

sub _announced {
    my ($self, $t, $cut) = @_;

    my %now = map { $_->{file_id} => $_ } $t->files;
    my %size = map { ($_->{path} || '') => $_->{size} } values %now;
    my %stream = map { $_->{name} => $_ } @{ $self->{streams} };
    my @problems;

    for my $row (@{ $cut->{rows} }) {
        my $id = $row->{file_id};
        my $new = $now{$id};
        my $name = Recording::Whole::name($row);

        # as its frames may be
        if (!$new) {
            push @problems, "$name: its row is gone"
                if $row->{start_us} / 1e6
                   < _limit($stream{ $row->{stream} }, $cut->{limit});

        } elsif ($row->{state} eq 'finished') {
            push @problems, "$name: another row"
                if grep { $new->{$_} ne $row->{$_} }
                        qw(state path size duration_ms frames_written
                           recovered);
            push @problems, "$name: another file"
                if Recording::Whole::digest($t, $new) ne $self->{digest}{$id};

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
sub _limit {
    my ($stream, $limit) = @_;

    my $held = $stream->{held} || 0;
    return $limit - ($stream->{sent}[0][1] + $held > $limit ? $held : 0);
}

# Every file is as it should be, and of each stream all is there that came
# before the limit.
sub _finished {
    my ($self, $t, $limit, $cut) = @_;

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

    for my $stream (@{ $self->{streams} }) {
        for my $format ($stream->{app} eq 'long' ? 'mp4'
                                                 : qw(mp4 flv aac hls))
        {
            my $name = $stream->{name};
            my ($oldest, $strange) =
                $stream->missing($format, $have{$name}{$format});

            push @problems, "$name $format: $strange"
                . ' frames are out of place' if $strange;
            next if !$oldest;

            my $early = _limit($stream, $limit) - $oldest;
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

1;
