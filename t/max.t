#!/usr/bin/perl

# What counts for max= of record_store, and what goes: a file that has just
# ended is not counted as growing, too, files that others removed do not
# count, those that cannot be removed do, and a playlist takes with it only
# what is its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Fcntl qw(:flock);
use List::Util qw(sum0);
use Math::BigInt;
use POSIX qw(EPERM);
use Test::More;
use Time::HiRes qw(stat time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(run slurp spew wait_for);

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0 %%MAX%%;
    record_template flv { format flv; }
    record_template grows { format flv; format mp4; format hls; format aac; }
    record_template hls { format hls segment=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule flv; }
        application grows { live on; record_rule grows; }
        application hls { live on; record_rule hls; }
    }
}
CONF

my $media = media(duration => 4, fps => 10, size => '160x90');

subtest 'others remove files' => \&removed;
subtest 'a file is counted once' => \&once;
subtest 'what grows is told' => \&told;
subtest 'files that cannot be removed' => \&stuck;
subtest 'foreign files beside a playlist' => \&foreign;
subtest 'workers of a configuration before' => \&reloaded;

Recording::Nginx->done;

# a store with files of one size
sub store {
    my ($n, %opt) = @_;

    my $t = Recording::Nginx->new(%opt);
    $t->conf($conf, MAX => '')->start;
    publish($t, "live/$_") for 1 .. $n;
    my @rows = $t->wait_files($n);

    is(scalar @rows, $n, "$n files");
    return ($t, $rows[0]{size}, @rows);
}

sub connected {
    my ($t, $stream) = @_;

    my ($app, $name) = split m{/}, $stream;
    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    $r->send_flv($media);
    return $r;
}

sub publish { connected(@_)->delete_stream->close }

# with another max=, from a start
sub restart {
    my ($t, $max, $sql) = @_;

    $t->stop;
    sql($t, $sql) if $sql;
    $t->conf($conf, MAX => "max=$max")->start;
}

sub sql {
    my ($t, $sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000', $t->db,
                               $sql);
    is($status, 0, 'changed') or diag $err;
}

sub total { return ($_[0]->catalogue('SELECT bytes FROM totals'))[0]{bytes} }

sub states {
    my ($t) = @_;
    return join ' ', map { "$_->{stream}:" . substr($_->{state}, 0, 1)
                           . $_->{local} } $t->files;
}

# so many turns of the keeper: in each it writes what it has to tell
sub turns {
    my ($t, $n) = @_;

    my @files;

    # of a worker that has opened the store
    wait_for('a lock', 20, sub {
        @files = grep { !m{/worker\.1\.1$} } glob $t->store
                 . '/work/worker.*';
    });

    for (1 .. $n) {
        my %at = map { $_ => (stat)[9] } @files;
        wait_for('a turn', 20, sub { !grep { (stat)[9] == $at{$_} } @files });
    }
}

# the oldest one, and younger ones: the store has room for all that are left
sub removed {
    my ($t, $size, @rows) = store(8);

    unlink map { $t->path($_) } @rows[0, 5, 7];
    restart($t, int($size * 8.5));
    turns($t, 2);
    is(states($t), join(' ', map { "$_:f1" } 1 .. 8), 'all fit');

    publish($t, 'live/9');
    $t->wait_log(qr/3 finished files are not in the store any more/);
    wait_for('the row', 20, sub { states($t) =~ /9:f1/ });
    is(states($t), '1:f0 2:f1 3:f1 4:f1 5:f1 6:f0 7:f1 8:f0 9:f1',
       'they count no more, and nothing is evicted');
    is(total($t), 6 * $size, 'totals');
    is((grep { $_->{gone_us} && !$_->{local} } $t->files), 3, 'since when');

    # the oldest that is there goes, and not one whose end is not known
    publish($t, "live/$_") for 10, 11;
    wait_for('two more', 20, sub { states($t) =~ /10:f1 11:f1/ });
    restart($t, int($size * 7.5),
            q(UPDATE files SET end_us = NULL WHERE stream = '11'));
    $t->wait_log(qr/file evicted: "live\/2/);
    turns($t, 2);
    is(states($t), '1:f0 2:e0 3:f1 4:f1 5:f1 6:f0 7:f1 8:f0 9:f1 10:f1 11:f1',
       'the oldest one goes');
    is(total($t), 7 * $size, 'totals');

    # but it does go
    restart($t, 1000);
    $t->wait_log(qr/file evicted: "live\/11/);
}

# the test is another worker, whose lock tells what it has
sub once {
    my ($t, $size, @rows) = store(8);

    restart($t, int($size * 10));

    my $file = $t->store . '/work/worker.1.1';
    open my $lock, '+>', $file or die "$file: $!";
    flock $lock, LOCK_EX or die "flock: $!";

    # the end of files is in the catalogue, and not in what it told
    tell_grown($lock, map { [ $_->{file_id}, 2 * $size ] } @rows[2 .. 7]);
    turns($t, 3);
    is(states($t), join(' ', map { "$_:f1" } 1 .. 8), 'nothing is evicted');

    # of what is paused or being finished, what the row does not have yet
    sql($t, q(UPDATE files SET state = 'finishing', owner = 'worker.1.1')
            . q( WHERE stream = '8'));
    tell_grown($lock, [ $rows[7]{file_id}, int($size * 2.5) ]);
    turns($t, 3);
    is((grep { $_->{state} eq 'evicted' } $t->files), 0, 'it still fits');

    # and what grows counts, in the bytes it has more
    tell_grown($lock, [ $rows[7]{file_id}, int($size * 4.5) ]);
    $t->wait_log(qr/file evicted: "live\/2/);
    wait_for('two', 20, sub { 2 <= $t->files(state => 'evicted') });
    turns($t, 3);
    is((grep { $_->{state} eq 'evicted' } $t->files), 2, 'two make room');

    # one that the catalogue does not know is there all the same
    tell_grown($lock, [ $rows[7]{file_id}, $size ], [ 17, $size * 4 ]);
    $t->wait_log(qr/file evicted: "live\/3/);
    turns($t, 3);
    is((grep { $_->{state} eq 'evicted' } $t->files), 3, 'a third one');

    # a worker of a version before has the sum alone, as long as it lives
    spew($file, pack 'q', $size * 5);
    $t->wait_log(qr/file evicted: "live\/4/);
    turns($t, 3);
    is((grep { $_->{state} eq 'evicted' } $t->files), 4, 'a fourth one');
    close $lock;
    spew($file, pack 'q', $size * 9);
    turns($t, 3);
    is((grep { $_->{state} eq 'evicted' } $t->files), 4, 'and no more');
}

# a head of five numbers, and for each file its id and bytes
sub tell_grown {
    my ($fh, @files) = @_;

    my $files = join '', map { pack 'Q q', @$_ } @files;

    sysseek $fh, 0, 0;
    syswrite $fh, pack('q a8 Q', sum0(map { $_->[1] } @files), 'REGrowth',
                       scalar @files)
                  . fnv($files) . pack('Q', 0) . $files;
}

sub fnv {
    my ($data) = @_;

    my $hash = Math::BigInt->from_hex('cbf29ce484222325');
    my $mask = Math::BigInt->new(2)->bpow(64)->bsub(1);
    my $prime = Math::BigInt->from_hex('100000001b3');

    for my $byte (unpack 'C*', $data) {
        $hash->bxor($byte)->bmul($prime)->band($mask);
    }

    return pack 'H*', join '', reverse
        sprintf('%016s', substr $hash->as_hex, 2) =~ /../g;
}

# files of each format, from their first bytes to their row
sub told {
    my ($t, $size) = store(1);

    restart($t, $size * 100);
    my $r = connected($t, 'grows/all');
    my @rows = $t->wait_growing(4);
    my ($file) = glob $t->store . '/work/worker.*';
    my %grown;

    wait_for('four files', 20, sub {
        my $data = slurp($file);
        return 0 if length $data < 40;
        my $n = (unpack 'q Q Q', $data)[2];
        %grown = unpack '(Q q)*', substr $data, 40, 16 * $n;
        return $n == 4 && !grep { $_ < 1000 } values %grown;
    });

    is(join(' ', sort keys %grown), join(' ', sort map { $_->{file_id} }
                                              @rows), 'by their ids');
    $r->delete_stream->close;
    $t->wait_files(5);
    wait_for('nothing', 20, sub { (unpack 'q Q Q', slurp($file))[2] == 0 });
    is((unpack 'q', slurp($file))[0], 0, 'nothing grows');
}

# the store's files as they are: none can be removed
sub stuck {
    my $disk = Recording::SlowDisk->new;
    my ($t, $size, @rows) = store(20, store => $disk->store);

    $t->stop;
    $disk->set(armed => 1, error => EPERM, call => 'unlink',
               where => 'files');
    $t->conf($conf, MAX => 'max=' . 3 * $size)->start;

    $t->wait_log(qr/\[error\].*remove evicted file ".*" failed, it is tried/);
    $t->wait_log(qr/\[error\].*no more files are evicted, as \d+ evicted/);

    my @evicted = $t->files(state => 'evicted');
    my $n = @evicted;
    cmp_ok($n, '<=', 16, 'not all are marked');
    is((grep { $_->{local} && $_->{retry_us} } @evicted), $n, 'and wait');
    is(total($t), 20 * $size, 'they count');
    is((grep { !-e $t->path($_) } @rows), 0, 'they are there');

    # in two seconds, and they are not tried at each turn
    my ($hits, $begun) = ($disk->get('hits'), time);
    turns($t, 8);
    cmp_ok($disk->get('hits') - $hits, '<',
           $n * (2 + (time - $begun) / 2), 'tried now and then');

    $disk->set(error => 0);
    wait_for('room', 60, sub { total($t) <= 3 * $size });
    wait_for('all to go', 20, sub {
        !$t->files(state => 'evicted', local => 1) });
    is((grep { -e $t->path($_) } $t->files(state => 'evicted')), 0,
       'evicted files are gone');
    is(total($t), $size * $t->files(state => 'finished'), 'totals');
    is((grep { defined $_->{retry_us} } $t->files), 0, 'nothing waits');
    cmp_ok(scalar(my @left = $t->files(state => 'finished')), '>', 0,
           'and some stay');
    $disk->set(armed => 0);
}

# what the module has not written it does not remove
sub foreign {
    my ($t, $size) = store(1);

    publish($t, 'hls/list');
    my ($row) = $t->wait_files(1, stream => 'list');
    my ($dir) = $t->path($row) =~ m{(.*)/};
    my @own = map { "$dir/$_" } 'index.m3u8', '00000.ts', '00001.ts';
    my @others = map { "$dir/$_" } 'intro.ts', 'notes.txt', '0001.ts',
                                   '00001.ts.bak', '00002.vtt';

    is((grep { !-e } @own), 0, 'a playlist');
    spew($_, 'not of the recording') for @others;
    mkdir "$dir/$_" for 'clips', '00077.ts';

    restart($t, 1000);
    $t->wait_log(qr/file evicted: ".*index.m3u8"/);
    wait_for('the row', 20, sub {
        !($t->files(stream => 'list'))[0]{local} });
    is((grep { -e } @own), 0, 'it is gone');
    is((grep { -s } @others), scalar @others, 'other files are not');
    is((grep { -d "$dir/$_" } 'clips', '00077.ts'), 2, 'nor directories');
    unlike($t->error_log, qr/\[error\]/, 'that is no error');
}

# an old worker, which a publisher holds, goes by the new max=
sub reloaded {
    my ($t, $size) = store(8);

    restart($t, int($size * 9.5));
    my $r = connected($t, 'live/stays');
    $t->wait_growing(1, stream => 'stays');
    $t->conf($conf, MAX => 'max=' . $size * 40);
    $t->reload;

    publish($t, "live/$_") for 9 .. 12;
    $t->wait_files(12, state => 'finished');
    is(scalar($t->worker_pids(all => 1)), 2, 'both live');
    turns($t, 3);
    is((grep { $_->{state} eq 'evicted' } $t->files), 0,
       'nothing is evicted');

    $r->delete_stream->close;
    wait_for('the old worker to go', 20, sub {
        1 == $t->worker_pids(all => 1) });
}
