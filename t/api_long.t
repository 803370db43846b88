#!/usr/bin/perl

# Recordings with many files each: a page ends before it is too long, and the
# next one goes on there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(wait_for);

use constant { RECORDINGS => 30, FILES => 250 };

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule default; }
    }
}
http {
    server { listen 127.0.0.1:%%PORT_1%%; location /api/ { record_api; } }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

my ($recordings, $files) = (RECORDINGS, FILES);
$t->catalogue(<<"SQL");
BEGIN;
INSERT INTO recordings (recording_id, template, domain, app, stream,
    stream_param, owner, start_us, end_us)
SELECT value, 'all', 'd', 'a', 's' || value, '', '', value / 3 * 1000000,
    value * 1000000 + 1000000000
FROM generate_series(1, $recordings);
INSERT INTO files (file_id, recording_id, template, domain, app, stream,
    stream_param, format, state, start_us, end_us, path, finished_us)
SELECT r * 1000 + f, r, 'all', 'd', 'a', 's' || r, '', 'mp4', 'finished',
    f * 1000000, f * 1000000 + 999999, 'a/' || r || '/' || f || '.mp4',
    f * 1000000
FROM (SELECT r.value AS r, f.value AS f FROM generate_series(1, $recordings)
      AS r, generate_series(1, $files) AS f);
COMMIT;
SQL

is(join(' ', walk({ Limit => 100 })), join(' ', reverse 1 .. RECORDINGS),
   'all recordings, the newest first, page by page');
is(join(' ', walk({ Limit => 3 })), join(' ', reverse 1 .. RECORDINGS),
   'the same by small pages');
is(join(' ', walk({ RecordingIds => [ map { "$_" } 1 .. 20 ] })),
   join(' ', reverse 1 .. 20), 'and by their ids');

$t->done;

# ids of the recordings of all pages
sub walk {
    my ($params) = @_;

    my @ids;
    my $token = '';

    for (1 .. 50) {
        my $page = $api->call('DescribeRecordings',
                              { %$params, ScrollToken => $token });
        my @set = @{ $page->{RecordingSet} };
        my $told = 0;

        for my $recording (@set) {
            $told += @{ $recording->{FileSet} };
            next if $recording->{FileCount} == FILES
                    && @{ $recording->{FileSet} } == 200
                    && $recording->{FileSet}[0]{FileId}
                       == $recording->{RecordingId} * 1000 + FILES;
            fail('files of a recording');
        }

        cmp_ok($told, '<', 1200, scalar(@set) . ' recordings');
        push @ids, map { $_->{RecordingId} } @set;

        $token = $page->{ScrollToken};
        last if $token eq '';
    }

    return @ids;
}
