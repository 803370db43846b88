#!/usr/bin/perl

# A store of the first version, whose tables were fewer and whose growing
# files had no journals: its catalogue is taken over, and what grew is lost,
# but left where it is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run wait_for);

my $flv = media(duration => 3, gop => 1, size => '320x180');
my $t = Recording::Nginx->new;
my $path = 'live/old/old.flv';

mkdir $t->store . "/$_" for '', 'files', 'work', 'files/live',
                              'files/live/old';
copy($flv, $t->store . "/files/$path");
copy($flv, $t->store . '/work/4.flv');
my $size = -s $flv;

my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000',
                           $t->db, <<"SQL");
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

my ($finished) = $t->files(file_id => 3);
my @recordings = $t->recordings;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%% url=http://example.com/vod reserve=0;
    record_template all { format mp4; format flv; format aac; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

wait_for('the version', 20, sub {
    10 == ($t->catalogue('PRAGMA user_version'))[0]{user_version} });

my ($now) = $t->files(file_id => 3);
is_deeply($now, { %$finished, owner => '', resume_us => undef,
                  local => 1, server => '', delivers => '',
                  finished_us => $finished->{end_us}, gone_us => undef,
                  retry_us => undef, told => 1, local_us => undef,
                  lives_us => undef },
          'the row is kept');
is_deeply(($t->recordings)[0],
          { %{ $recordings[0] }, wanted => '', server => '', delivers => '' },
          'the recording, too');
is(($t->catalogue('SELECT * FROM totals'))[0]{bytes}, $size,
   'totals');

# what had no journal is over
wait_for('the end of what grew', 20, sub {
    !$t->files(state => 'recording')
        && !grep { !$_->{end_us} } $t->recordings });
is(($t->files(file_id => 4))[0]{state}, 'lost', 'lost');
$t->wait_log(qr{\[error\].*flv file "4" has no journal.*"live/died"});
is(-s $t->store . '/work/4.flv', $size, 'but left there');

my $r = $t->publisher('live', 'new');
$r->send_flv($flv);
$r->delete_stream->close;
$t->wait_files(4, stream => 'new');
unlike($t->error_log, qr/catalogue was|catalogue failed/,
       'it is taken for whole');

$t->done;
