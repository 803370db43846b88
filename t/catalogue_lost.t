#!/usr/bin/perl

# A catalogue that is missing or damaged when nginx starts is made anew from
# the files: rows of finished ones as they were, growing ones are finished,
# paused ones go on.  One of the first version is taken over.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use List::Util qw(max min sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;
use Recording::Util qw(run slurp spew wait_for);

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% url=http://example.com/vod reserve=0;
    record_template all {
        format mp4 interval=2s; format flv; format aac; format hls segment=1s;
    }
    record_template waits { format mp4 resume=30m; format hls resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application waits { live on; record_rule waits; }
    }
}
CONF

my $t = Recording::Nginx->new;
$t->conf($conf);

my $flv = media(duration => 20, gop => 1, size => '320x180');
my @all = Recording::Rtmp::flv_messages($flv);
my %damage = (
    'removed' => sub { unlink $t->db },
    'garbage in the middle' => sub {
        my $data = slurp($t->db);
        my $n = int(length($data) / 4);
        substr($data, $n, 2 * $n) =
            join '', map { chr int rand 256 } 1 .. 2 * $n;
        spew($t->db, $data);
    },
    'half of it' => sub { truncate $t->db, (-s $t->db) / 2 },
    'a text file' => sub { spew($t->db, "nothing to be seen here\n" x 100) },
);
my $n = 0;
my $sent = sum0(map { length $_->[2] } grep { $_->[1] < 3000 } @all);

for my $how (sort keys %damage) {
    for my $end ('kill9', 'stop') {
        lost($how, $end);
    }
}

# files that have lost their attribute, as in a copy of the store
$t->start;
my @before = $t->files(state => 'finished');
$t->stop;

for my $file ($t->paths(@before)) {
    copy($file, "$file.copy") or die "copy: $!\n";
    rename "$file.copy", $file;
}

unlink $t->db;
my $mark = $t->log_mark;
$t->start;
$t->wait_log(qr/was missing, it was rebuilt: ${\scalar @before} finished/, 20,
             $mark);

my %now = map { $_->{path} => $_ } $t->files(state => 'finished');
my @keys = qw(path format app stream size play_url local);

for my $row (@before) {
    my $now = $now{ $row->{path} } || {};
    my $time = (stat $t->path($row))[9];

    is_deeply([ @$now{@keys} ], [ path_has($row) ],
              'a row without the attribute');
    is($now->{recovered}, 1, 'it says so');
    cmp_ok(abs($now->{end_us} / 1e6 - $time), '<', 1, 'its time');
}

is(scalar(keys %now), scalar @before, 'no other rows');
totals('totals');
$t->stop;

# Pages are overwritten while two workers record.  They have them in memory
# and need not notice, but those of a reload do.
running('overwritten', qr/damaged and set aside/, sub {
    checkpoint();
    my $size = -s $t->db;
    open my $fh, '+<:raw', $t->db or die "catalogue: $!\n";
    seek $fh, 4096, 0;
    print $fh "\xa5" x ($size - 4096);
    close $fh;
});

# one of them sets it aside, and the others have it open
running('renamed', qr/missing/, sub {
    rename $t->db . $_, $t->db . ".old$_" for '', '-wal', '-shm';
});

version_1();
many_gaps();
$t->done;

# one more finished, one growing and one paused stream, and the damage
sub lost {
    my ($how, $end) = @_;

    my $name = "$how after $end";
    my $stream = "s$n \xe9\"'%.";
    my $mark = $t->log_mark;
    $n++;

    $t->start;
    my $paused = publisher('waits', "p$n");
    $paused->send_flv(\@all, to => 3000);
    $paused->delete_stream->close;

    my $done = publisher('live', $stream);
    $done->send_flv(\@all, to => 5000);
    $done->delete_stream->close;
    $t->wait_files(6, app => 'live', stream => $stream);
    wait_for('pause', 20, sub {
        2 == $t->files(stream => "p$n", state => 'paused') });

    my $grows;

    if ($end eq 'kill9') {
        $grows = publisher('live', "g$n");
        $grows->send_flv(\@all, to => 3500);
        $t->wait_growing(4, stream => "g$n");
        wait_for('what was sent to be written', 20, sub {
            my ($row) = $t->files(stream => "g$n", format => 'flv');
            return -s $t->store . "/work/$row->{file_id}.flv" > $sent;
        });
    }

    my @finished = $t->files(state => 'finished');
    my @paused = $t->files(state => 'paused');
    my @recordings = $t->recordings;

    $t->$end;

    # what is in the WAL would be as good as new
    checkpoint() if $how ne 'removed';
    $damage{$how}->();

    my @aside = glob $t->db . '.damaged.*';
    $t->start;

    my $is = $how eq 'removed' ? qr/missing/ : qr/damaged and set aside/;
    $t->wait_log(qr/\[error\].*the catalogue was $is, it was rebuilt/, 20,
                 $mark);
    my @set = glob $t->db . '.damaged.*';
    is(@set > @aside, $how ne 'removed', "$name: set aside");

    # the damage is not taken for a new one each time
    unlink @set;

    my %growing;

    if ($grows) {
        my @rows = $t->wait_files(5, stream => "g$n");
        is(scalar @rows, 5, "$name: what grew is finished");
        is(sum0(map { $_->{recovered} ? 0 : 1 }
                grep { $_->{end_us} == max(map { $_->{end_us} } @rows) }
                @rows), 0, "$name: and recovered");

        for my $row (@rows) {
            my $problem = decode_problem($t->path($row));
            is($problem, '', "$name: $row->{format} decodes") if $problem;
            $growing{ $row->{file_id} } = 1;
        }

        my ($row) = grep { $_->{format} eq 'flv' } @rows;
        cmp_ok($row->{duration_ms}, '>', 2000, "$name: its length");
        $grows->close;
    }

    wait_for('paused files', 20, sub {
        @paused == $t->files(state => 'paused') });

    is_deeply([ grep { !$growing{ $_->{file_id} } }
                $t->files(state => 'finished') ],
              [ grep { !$growing{ $_->{file_id} } } @finished ],
              "$name: rows of finished files");
    is_deeply([ map { anew($_) } $t->files(state => 'paused') ],
              [ map { anew($_) } @paused ], "$name: rows of paused files");
    is_deeply([ ended(grep { $_->{stream} ne "g$n" } $t->recordings) ],
              [ ended(grep { $_->{stream} ne "g$n" } @recordings) ],
              "$name: recordings");
    totals("$name: totals");

    # and the paused one goes on
    my $resumed = publisher('waits', "p$n");
    $resumed->send_flv(\@all, from => 4000, to => 6000);
    $resumed->delete_stream->close;
    my ($was) = grep { $_->{stream} eq "p$n" } @paused;
    $t->wait_log(qr/recording $was->{recording_id} resumed/, 20, $mark);
    wait_for('pause', 20, sub {
        2 == grep { $_->{frames_in} > $was->{frames_in} }
             $t->files(stream => "p$n", state => 'paused') });
    is(scalar(() = $t->files(stream => "p$n")), 2,
       "$name: resumed in the same files");
    $t->stop;
}

# All is there in the end, and after the next start.
sub running {
    my ($name, $is, $damage) = @_;

    $t->start;
    my @r = map { publisher('live', "$name$_") } 1 .. 4;
    $_->send_flv(\@all, to => 3000) for @r;
    $t->wait_growing(16);
    my %have = map { $_->{path} => 1 } $t->files(state => 'finished');

    my $mark = $t->log_mark;
    $damage->();
    $_->send_flv(\@all, from => 3000, to => 6000) for @r;
    $_->wait_delivered for @r;
    $t->reload;
    $t->wait_log(qr/\[error\].*$is, it was rebuilt/, 30, $mark);
    push @r, publisher('live', "${name}5");
    $r[4]->send_flv(\@all);
    $_->send_flv(\@all, from => 6000) for @r[0 .. 3];
    $_->delete_stream->close for @r;

    for my $when ('while it runs', 'after a start') {
        eval { wait_for('all files', 20, sub { full($name, 20) }) };
        ok(full($name, 20), "$name: everything is there $when");
        totals("$name: totals");

        if ($when eq 'while it runs') {
            $t->stop(60);
            $t->start;
        }
    }

    my @rows = $t->files(state => 'finished');

    for my $row (grep { $_->{stream} =~ /^$name/ } @rows) {
        my $problem = decode_problem($t->path($row));
        is($problem, '', "$row->{format} decodes") if $problem;
    }

    delete @have{ map { $_->{path} } @rows };
    is(join(' ', keys %have), '', "$name: what was there before, too");
    unlike($t->error_log, qr/exited on signal/, 'no worker crashed');
    unlink glob $t->db . '.damaged.*';
    $t->stop;
}

sub publisher {
    my ($app, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($stream);
    return $r;
}

# rows of growing and paused files are made anew, and say so
sub anew {
    my ($row) = @_;
    return { %$row, recovered => 1 };
}

# files do not tell which worker it was, nor when the last frame came that
# may have been faster than its timestamps
sub ended {
    my (@rows) = @_;

    return map { $_->{end_us} ? { %$_, owner => '', end_us => 1 } : $_ }
           @rows;
}

sub checkpoint {
    run('sqlite3', '-cmd', '.timeout 5000', $t->db,
        'PRAGMA wal_checkpoint(TRUNCATE)');
}

# read at once: a worker may still change both
sub totals {
    my ($name) = @_;

    my ($row) = $t->catalogue(
        'SELECT (SELECT group_concat(bytes) FROM totals) AS is_now,'
        . ' (SELECT coalesce(sum(size), 0) FROM files'
        . " WHERE state NOT IN ('evicted', 'lost')) AS should_be");
    is($row->{is_now}, $row->{should_be}, $name);
}

# what a path has to tell
sub path_has {
    my ($row) = @_;

    my ($app, $stream) = split m{/}, $row->{path};
    my $size = -s $t->path($row);
    $size = $now{ $row->{path} }{size} if $row->{format} eq 'hls';

    return ($row->{path}, $row->{format}, $app, $stream, $size,
            $row->{play_url}, 1);
}

# whether all of so many formats of streams is in finished files
sub full {
    my ($prefix, $n) = @_;

    my %frames;
    $frames{"$_->{stream} $_->{format}"} += $_->{frames_written}
        for grep { $_->{stream} =~ /^$prefix/ }
            $t->files(state => 'finished');

    my $audio = grep { $_->[0] == 8 && ord(substr $_->[2], 1) == 1
                       && $_->[1] >= 21 } @all;
    my $video = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 } @all;

    return $n == grep { $frames{$_} == $audio + (/aac$/ ? 0 : $video) }
                 keys %frames;
}

# the tables as they were before there were journals
sub version_1 {
    my $old = Recording::Nginx->new;
    my $path = 'live/old/old.flv';

    mkdir $old->store . "/$_" for '', 'files', 'work', 'files/live',
                                  'files/live/old';
    copy($flv, $old->store . "/files/$path");
    copy($flv, $old->store . '/work/4.flv');
    my $size = -s $flv;

    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000',
                               $old->db, <<"SQL");
        PRAGMA journal_mode=WAL;
        CREATE TABLE recordings (
            recording_id INTEGER PRIMARY KEY,
            task_id TEXT NOT NULL DEFAULT '', template TEXT NOT NULL,
            domain TEXT NOT NULL, app TEXT NOT NULL, stream TEXT NOT NULL,
            stream_param TEXT NOT NULL, owner TEXT NOT NULL,
            start_us INTEGER NOT NULL, end_us INTEGER);
        CREATE INDEX recordings_stream
            ON recordings (app, stream, template, end_us);
        CREATE TABLE files (
            file_id INTEGER PRIMARY KEY, recording_id INTEGER NOT NULL,
            task_id TEXT NOT NULL DEFAULT '', template TEXT NOT NULL,
            domain TEXT NOT NULL, app TEXT NOT NULL, stream TEXT NOT NULL,
            stream_param TEXT NOT NULL, format TEXT NOT NULL,
            state TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER,
            duration_ms INTEGER NOT NULL DEFAULT 0,
            size INTEGER NOT NULL DEFAULT 0,
            video_codec TEXT NOT NULL DEFAULT '',
            audio_codec TEXT NOT NULL DEFAULT '',
            resolution TEXT NOT NULL DEFAULT '',
            gaps TEXT NOT NULL DEFAULT '[]',
            frames_in INTEGER NOT NULL DEFAULT 0,
            frames_written INTEGER NOT NULL DEFAULT 0,
            frames_dropped INTEGER NOT NULL DEFAULT 0,
            drops TEXT NOT NULL DEFAULT '{}', path TEXT UNIQUE,
            objects TEXT NOT NULL DEFAULT '[]',
            play_url TEXT NOT NULL DEFAULT '', expire_us INTEGER,
            recovered INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX files_recording ON files (recording_id);
        CREATE INDEX files_stream ON files (app, stream, start_us);
        CREATE INDEX files_state ON files (state)
            WHERE state IN ('recording', 'paused', 'finishing');
        PRAGMA user_version=1;
        INSERT INTO recordings VALUES (1, '', 'all', 'h', 'live', 'old', 'a=b',
            'worker.1.1', 1000000, 21000000);
        INSERT INTO recordings VALUES (2, '', 'all', 'h', 'live', 'died', '',
            'worker.1.2', 2000000, NULL);
        INSERT INTO files VALUES (3, 1, '', 'all', 'h', 'live', 'old', 'a=b',
            'flv', 'finished', 1000000, 21000000, 20000, $size, 'h264', 'aac',
            '320x180', '[]', 5, 4, 1, '{"buffer":1}', '$path', '[]',
            'http://h/x', NULL, 0);
        INSERT INTO files (file_id, recording_id, template, domain, app,
            stream, stream_param, format, state, start_us)
            VALUES (4, 2, 'all', 'h', 'live', 'died', '', 'flv', 'recording',
            2000000);
SQL
    die "sqlite3: $err" if $status;

    my ($finished) = $old->files(file_id => 3);
    my @recordings = $old->recordings;

    $old->conf($conf)->start;
    wait_for('the version', 20, sub {
        4 == ($old->catalogue('PRAGMA user_version'))[0]{user_version} });

    my ($now) = $old->files(file_id => 3);
    is_deeply($now, { %$finished, owner => '', resume_us => undef,
                      local => 1, server => '',
                      finished_us => $finished->{end_us}, gone_us => undef,
                      retry_us => undef },
              'version 1: the row is kept');
    is_deeply(($old->recordings)[0],
              { %{ $recordings[0] }, wanted => '', server => '' },
              'version 1: the recording, too');
    is(($old->catalogue('SELECT * FROM totals'))[0]{bytes}, $size,
       'version 1: totals');

    # what had no journal is over
    wait_for('the end of what grew', 20, sub {
        !$old->files(state => 'recording')
            && !grep { !$_->{end_us} } $old->recordings });
    is(($old->files(file_id => 4))[0]{state}, 'lost', 'version 1: lost');
    $old->wait_log(qr{\[error\].*flv file "4" has no journal.*"live/died"});
    is(-s $old->store . '/work/4.flv', $size, 'but left there');

    my $r = Recording::Rtmp->new(port => $old->port);
    $r->connect(app => 'live');
    $r->publish('new');
    $r->send_flv(\@all, to => 3000);
    $r->delete_stream->close;
    $old->wait_files(5, stream => 'new');
    unlike($old->error_log, qr/catalogue was|catalogue failed/,
           'version 1: it is taken for whole');
}

# more than the file system takes as an attribute: all else is kept
sub many_gaps {
    my $gaps = Recording::Nginx->new;
    $gaps->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template gaps { format flv interval=8s resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule gaps; }
    }
}
CONF

    # every frame is a key frame, and after each the timestamps jump
    my @keys = Recording::Rtmp::flv_messages(media(duration => 20, fps => 25,
        gop => 0.04, size => '64x48', audio => 0));
    my $r = Recording::Rtmp->new(port => $gaps->port);
    my $by = 0;
    $r->connect(app => 'live');
    $r->publish('gaps');
    $r->send_flv(\@keys, map => sub {
        my $m = $_[0];
        $by += 11_000 if $m->[0] == 9 && ord(substr $m->[2], 1) == 1;
        $m->[1] += $by;
        return $m;
    });
    $r->delete_stream->close;
    wait_for('a file and one that waits', 30, sub {
        1 == $gaps->files(state => 'finished')
            && 1 == $gaps->files(state => 'paused') });

    my @before = $gaps->files(state => 'finished');
    cmp_ok(length $before[0]{gaps}, '>', 4096, 'gaps');

    $gaps->stop;
    unlink $gaps->db;
    $gaps->start;
    $gaps->wait_log(qr/was missing, it was rebuilt/);
    is_deeply([ $gaps->files(state => 'finished') ],
              [ map { { %$_, gaps => '[]' } } @before ],
              'rows without too many gaps');
}
