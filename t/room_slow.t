#!/usr/bin/perl

# Files are removed on a slow disk: the reserve is seen meanwhile, nginx ends
# at once, no more go than have to, and what waits for a bucket is not looked
# at again and again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Frames;
use Recording::Intact;
use Recording::Load;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::SmallDisk;
use Recording::Util qw(run slow spew wait_for);

my $MB = 1024 * 1024;

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes %%WORKERS%%;
rtmp {
    record_store %%STORE%% reserve=%%RESERVE%% %%MAX%%;
    record_template flv { format flv; }
    record_template all {
        format flv; format mp4; format aac; format hls segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule %%RULE%%; }
    }
}
CONF

my $media = media(duration => 4, fps => 10, size => '160x90');

subtest 'the reserve is seen' => \&reserve;
subtest 'a fast stop' => \&stops;
subtest 'a graceful stop' => \&leaves;
subtest 'no more than have to' => \&exact;
subtest 'what may not go is passed by' => \&waits;

Recording::Nginx->done;

# one file is being removed for as long as the test wants
sub reserve {
    my $small = Recording::SmallDisk->new;
    plan skip_all => $small->missing if $small->missing;

    my $disk = Recording::SlowDisk->new(store => $small->path . '/store');
    my $t = store(3, $disk, RESERVE => '32m');

    $disk->set(armed => 1);
    $disk->hold(1, on => ['unlink'], skip => '/work/');
    delete_all($t);
    wait_for('a file that is being removed', 30, sub { $disk->held });

    $small->leave($MB * 31);
    $t->wait_log(qr/\[error\].*less than reserve=/);
    like($disk->held, qr{^unlink.* /files/}, 'it is not removed yet');

    $disk->release;
    wait_for('all to go', 30, sub { !$t->files(local => 1) });
}

# each takes a part of what a fast stop has; of a playlist, each segment.  The
# master kills a worker that takes 1.5 s, as on a machine that does much else:
# not each time, though.
sub stops {
    my $round = 1;
    $round++ while $round < 4 && !stops_in_time();
    cmp_ok($round, '<', 4, 'no worker was killed');
}

sub stops_in_time {
    my $disk = Recording::SlowDisk->new;
    my $t = store(20, $disk, RULE => 'all');
    my $flv = media(duration => 20, fps => 10, size => '160x120',
                    rate => 22050, channels => 1);
    my $load = Recording::Load->new($t, file => $flv, streams => 2,
                                    name => 's', seconds => 20);
    $t->wait_growing(8);

    my $hits = $disk->get('hits');
    $disk->set(armed => 1, call => 'unlink', where => 'files',
               delay => 600);
    delete_all($t, 'evicted');
    wait_for('the first ones', 30, sub { $disk->get('hits') >= $hits + 2 });

    my $start = Recording::Load::taken($t);
    $t->allow(qr/worker process \d+ exited on signal 9/)->terminate;

    if ($t->error_log =~ /signal 9/) {
        $disk->set(armed => 0);
        $load->wait('done');
        return 0;
    }

    cmp_ok(scalar(() = $t->files(local => 1, state => 'evicted')), '>', 5,
           'some are there yet');
    $disk->set(armed => 0);

    my $intact = Recording::Intact->new($t, Recording::Frames->sent($flv));
    $intact->add($load, at => $start, margin => slow(0.25), left => 1);
    $t->start;
    wait_for('all to go', 30, sub { !$t->files(local => 1,
                                               state => 'evicted') });
    wait_for('the last files', 30, sub {
        8 == (() = $t->files(state => 'finished')) });
    is(join("\n", grep { !/state evicted/ } $intact->problems), '',
       'and nothing of a stream is lost');
    return 1;
}

# what is left is for the next start
sub leaves {
    my $disk = Recording::SlowDisk->new;
    my $t = store(20, $disk);

    my $hits = $disk->get('hits');
    $disk->set(armed => 1, call => 'unlink', where => 'files',
               delay => 400);
    delete_all($t);
    wait_for('the first ones', 30, sub { $disk->get('hits') >= $hits + 2 });
    $t->stop;
    cmp_ok(scalar(() = $t->files(local => 1)), '>', 5, 'some are there yet');

    $disk->set(armed => 0);
    $t->start;
    wait_for('all to go', 30, sub { !$t->files(local => 1) });
}

# workers that see at the same time that there is too much
sub exact {
    my $disk = Recording::SlowDisk->new;
    my $t = store(20, $disk, WORKERS => 3);
    my ($size) = map { $_->{size} } $t->files;

    $t->stop;
    $disk->set(armed => 1, call => 'unlink', where => 'files', delay => 100);
    $t->conf($conf, WORKERS => 3, RESERVE => 0, RULE => 'flv',
             MAX => 'max=' . $size * 8)->start;

    wait_for('room', 60, sub { 7 == (() = $t->files(local => 1)) });
    publish($t, 'next');
    $t->wait_files(1, stream => 'next');
    wait_for('room again', 60, sub { 7 == (() = $t->files(local => 1)) });
    is(scalar(() = $t->files(state => 'evicted')), 14, 'one for one');
}

# thousands are older than those that may go, and wait for their bucket
sub waits {
    my $t = store(6, Recording::SlowDisk->new);
    my ($row) = $t->files;
    my $n = 20000;

    $t->stop;

    # copies of a row
    my %is = (file_id => 'i', path => "'old/' || i || '.flv'", size => 1,
              map { ($_ => 'i') } qw(start_us end_us finished_us));
    my @columns = sort keys %$row;
    my $columns = join ', ', @columns;
    my $values = join ', ', map { $is{$_} // "files.$_" } @columns;

    sql($t, <<"SQL");
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $n)
INSERT INTO files ($columns) SELECT $values FROM n, files
 WHERE file_id = $row->{file_id};
INSERT INTO outbox (event_id, event_us, kind, target, holds, recording_id,
                    file_id, template, event, facts, state, next_us)
SELECT 'e' || file_id, 1, 'upload', 'upload:none', 1, recording_id, file_id,
       'none', 'upload', '{}', 'waiting', 1 << 60 FROM files
 WHERE file_id <= $n;
SQL
    $t->conf($conf, WORKERS => 1, RESERVE => 0, RULE => 'flv',
             MAX => 'max=' . ($row->{size} * 4 + $n))->start;
    wait_for('room', 60, sub {
        3 == (() = $t->files(local => 1, size => $row->{size})) });
    is(scalar(() = $t->files(state => 'evicted')), 3,
       'the oldest of the others');

    # one of them may go now, and does when all others have gone
    my $path = $t->store . '/files/old';
    mkdir $path;
    spew("$path/17.flv", 'x');
    sql($t, "UPDATE outbox SET state = 'done' WHERE file_id = 17;"
            . " UPDATE files SET size = 10 * $row->{size} WHERE file_id = 17");
    $t->wait_log(qr{file evicted: "old/17.flv"});
    wait_for('all to go', 30, sub { !-e "$path/17.flv" });
    unlike($t->error_log, qr/no finished file to be evicted/,
           'it is known that there is one');
}

sub store {
    my ($n, $disk, %conf) = @_;

    my $t = Recording::Nginx->new(store => $disk->store);
    $t->conf($conf, WORKERS => 1, RESERVE => 0, MAX => '', RULE => 'flv',
             %conf)->start;
    publish($t, $_) for 1 .. $n / ($conf{RULE} ? 4 : 1);
    is(scalar(() = $t->wait_files($n)), $n, "$n files");
    return $t;
}

sub publish {
    my ($t, $name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv($media);
    $r->delete_stream->close;
}

sub delete_all {
    my ($t, $state) = @_;

    $state //= 'deleted';
    sql($t, "UPDATE files SET state = '$state', gone_us = finished_us"
            . " WHERE state = 'finished'");
}

sub sql {
    my ($t, $sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000', $t->db,
                                    $sql);
    is($status, 0, 'changed') or diag $err;
}
