#!/usr/bin/perl

# A file system that is really full, ext4 and tmpfs of 24 MB each: frames are
# dropped and counted, and when a file of the test's own makes room, the
# recording goes on by itself.  Then again, with a restart while it is full.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(remove_tree);
use File::Temp;
use Test::More;
use Time::HiRes qw(time);

use Recording::Ledger;
use Recording::Live;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(not_tested run spew wait_for within);

my %mount = (
    ext4 => sub {
        my ($dir) = @_;

        # such a small one has blocks of 1 KB, less than a page: SQLite's
        # shared memory may have holes in it
        spew("$dir.img", '');
        truncate "$dir.img", 24 << 20 or die "truncate: $!\n";
        return !(run('mkfs.ext4', '-q', '-F', '-m', 0, "$dir.img"))[0]
               && !(run('mount', '-o', 'loop', "$dir.img", $dir))[0];
    },
    tmpfs => sub {
        return !(run('mount', '-t', 'tmpfs', '-o', 'size=24m', 'none',
                     $_[0]))[0];
    },
);

my @formats = qw(mp4 hls flv);
my $temp = File::Temp->newdir('recording-full-XXXXXX', TMPDIR => 1);
chmod 0755, $temp;

my @mounted;
END { run('umount', '-l', $_) for @mounted }

plan skip_all => not_tested('only root can mount') if $> != 0;
my @cells = map { cell($_) } sort keys %mount;
plan skip_all => 'nothing can be mounted' if !@cells;

# 300 KB a second and format
my $flv = media(duration => 40, gop => 1, key_bytes => 300_000);

full();
restart();
$cells[0]{t}->done;

sub cell {
    my ($fs) = @_;

    my $dir = "$temp/$fs";
    mkdir $dir;
    $mount{$fs}->($dir) or return;
    push @mounted, $dir;

    my $t = Recording::Nginx->new(store => "$dir/store");
    $t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_buffer 1m;
    record_template all {
        format mp4 interval=2s; format hls segment=2s; format flv interval=2s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 16m;
        application live { live on; record_rule all; }
    }
}
CONF

    return { fs => $fs, t => $t, ballast => "$dir/ballast",
             pid => join ' ', $t->worker_pids };
}

sub publish {
    my ($name) = @_;

    return Recording::Live->new(file => $flv, app => 'live', name => $name,
        ports => [ map { $_->{t}->port } @cells ]);
}

# leaves room for some seconds
sub fill {
    for my $cell (@cells) {
        my $dir = $cell->{t}->store;
        my ($room) = (run('df', '--output=avail', '-k', $dir))[1] =~ /(\d+)/;

        spew($cell->{ballast}, "\xff" x (1024 * ($room - 4096)));
        $cell->{mark} = $cell->{t}->log_mark;
    }
}

sub make_room { unlink $_->{ballast} for @cells }

# how often it was said since then that frames are dropped, and no more, of
# a format or, when the catalogue fails and they wait, of record_buffer
sub said {
    my ($cell, $what) = @_;

    my $log = substr $cell->{t}->error_log, $cell->{mark};

    return scalar(() = $log =~ /recording: $what\b.* frames are dropped/g),
           scalar(() = $log =~ /recording: $what (?:is|has) .*again/g);
}

# on all file systems; the logs are read now and then
sub everywhere {
    my ($condition) = @_;

    my $n = 0;

    return sub {
        return 0 if $n++ % 10;
        return !grep { !$condition->($_) } @cells;
    };
}

sub dropping {
    my ($cell) = @_;

    return grep { my ($dropped, $again) = said($cell, $_);
                  $dropped > $again } @formats, 'record_buffer';
}

sub recording { return !dropping($_[0]) }

# whether all that was sent comes to all players
sub passes {
    my ($live) = @_;

    return eval { $live->wait_for('all frames', 20, sub {
        !grep { @{ $_->{came} } < $live->frames } @{ $live->{ends} } }) };
}

sub full {
    fill();
    my $live = publish('full');

    my $full = $live->run(undef, everywhere(\&dropping));
    ok(defined $full, 'full') or return;
    $live->run($full + 3000);
    is(passes($live), 1, 'live goes on while it is full');
    make_room();
    my $from = $live->run(undef, everywhere(\&recording));
    ok(defined $from, 'recorded again by itself') or return;
    $live->run($from + 3000);
    $live->end;

    for my $n (0 .. $#cells) {
        my ($fs, $t) = @{ $cells[$n] }{qw(fs t)};

        is($live->problem($n, within(2)), '', "$fs: live is untouched");
        $t->wait_files(6, stream => 'full');
        is(join(' ', $t->worker_pids), $cells[$n]{pid}, "$fs: no crash");
        is(join("\n", Recording::Ledger::problems($t, [ $live->frames ],
            { stream => 'full' }, whole => [ [ $from, 1e9 ] ])), '',
           "$fs: every frame is accounted for");
        is(left($t), '', "$fs: nothing is left in work/");

        my ($sum) = $t->catalogue('SELECT sum(frames_dropped) AS n FROM'
            . ' files GROUP BY format ORDER BY n');
        cmp_ok($sum->{n}, '>', 0, "$fs: frames were dropped");

        # what is removed or cut may make room for some frames
        for my $what (@formats, 'record_buffer') {
            my ($dropped, $again) = said($cells[$n], $what);

            is($again, $dropped, "$fs: $what: each failure passes");
            cmp_ok($dropped, '<=', 2, "$fs: $what: few messages");
        }
    }
}

# stopped and started while it is full; nothing that was recorded is lost
sub restart {
    remove_tree($_->{t}->store . '/files/live') for @cells;
    fill();

    my $before = publish('before');
    $before->run(undef, everywhere(\&dropping));

    for my $cell (@cells) {
        my $start = time;
        $cell->{t}->terminate;
        cmp_ok(time - $start, '<', within(3), "$cell->{fs}: stops at once");
        $cell->{t}->start;
        $cell->{mark} = $cell->{t}->log_mark;
    }

    my $after = publish('after');
    $after->run(3000);
    is(passes($after), 1, 'live goes on while it is full still');
    make_room();

    # a try at a key frame each second, and two for one that came too early
    $after->run(7000);
    my $from = $after->run(undef, everywhere(\&recording));
    ok(defined $from, 'recorded after the restart') or return;
    $after->run($from + 3000);
    $after->end;

    for my $n (0 .. $#cells) {
        my ($fs, $t) = @{ $cells[$n] }{qw(fs t)};

        is($after->problem($n, within(2)), '', "$fs: live is untouched");
        $t->wait_files(6, _timeout => 60);
        is(join("\n", Recording::Ledger::problems($t, [ $before->frames ],
            { stream => 'before' }, killed => 1)), '',
           "$fs: what was there before is finished");
        is(join("\n", Recording::Ledger::problems($t, [ $after->frames ],
            { stream => 'after' }, whole => [ [ $from, 1e9 ] ])), '',
           "$fs: every frame after is accounted for");
        is(left($t), '', "$fs: nothing is left in work/");
    }
}

# what should not be in work/, after a while
sub left {
    my ($t) = @_;

    my @left;

    eval { wait_for('empty work/', 20, sub {
        @left = grep { !/^(?:worker\.\d+\.\d+|catalogue\.lock)$/ }
                map { m{([^/]+)$} } glob $t->store . '/work/*';
        return !@left;
    }) };

    return "@left";
}
