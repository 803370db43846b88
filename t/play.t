#!/usr/bin/perl

# record_play: playlists over all that was recorded of a stream in a time, which
# real players play over gaps; growing ones grow; what has expired is a gap; of
# recordings that overlap one is taken; what is asked for may be anything.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use POSIX qw(strftime);
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run wait_for);

my $media = media(duration => 4, gop => 1, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0 url=http://127.0.0.1:%%PORT_1%%/vod/;
    record_template a { format hls segment=1s; }
    record_template b { format hls segment=2s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule a; }
        application two { live on; record_rule a b; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /vod/ { alias %%STORE%%/files/; }
        location /play/ { record_play; }
        location /kept/ { record_play; deny all; }
        location /off/ { record_api; record_api_key off; }
    }
}
CONF

my $web = Recording::Api->new(port => $t->port(1));
my $begin = int(time) - 10;
my $name = "a b\xc3\xa9";
my $path = 'live/a%20b%C3%A9.m3u8';

publish('live', $name);
finished(1);

# the first one was sent faster than its timestamps: it ends after the other
# began, and they do not overlap
sleep 2;
publish('live', $name);
finished(2);
my @files = sort { $a->{start_us} <=> $b->{start_us} } $t->files(app => 'live');

# --- two recordings with a gap between them

my ($status, $head, $list) = get("$path?start=$begin");
is($status, 200, 'a playlist');
like($head, qr{Content-Type: application/vnd\.apple\.mpegurl}i, 'its type');
like($head, qr/Cache-Control: no-/i, 'not to be kept');
like($list, qr/^#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-PLAYLIST-TYPE:VOD\n/, 'ended');
like($list, qr/#EXT-X-ENDLIST\n\z/, 'with its end');
is(scalar(() = $list =~ /^#EXT-X-DISCONTINUITY$/mg), 1, 'one discontinuity');
my @dates = $list =~ /^#EXT-X-PROGRAM-DATE-TIME:(\S+)$/mg;
is(scalar @dates, 2, 'a date each');
is(join(' ', @dates), join(' ', map { date($_->{start_us}) } @files),
   'when they began');
my @urls = grep { /^http/ } split /\n/, $list;
is(scalar(grep { !m{^http://127\.0\.0\.1:\d+/vod/live/a%20b%C3%A9/} } @urls), 0,
   'absolute URLs');
my $length = sum0(map { $_->{duration_ms} } @files) / 1000;
cmp_ok(abs(length_of($list) - $length), '<', 0.2, 'all of both');

# a player
my ($rc, $out, $err) = run('ffprobe', '-v', 'error', '-select_streams', 'v:0',
    '-count_packets', '-show_entries', 'stream=nb_read_packets', '-of',
    'csv=p=0', url("$path?start=$begin"));
is($rc, 0, 'ffprobe reads it') or diag $err;
is($out =~ /(\d+)/ ? $1 : 0, 80, 'all pictures of both');
($rc, undef, $err) = run('ffmpeg', '-v', 'error', '-i',
                         url("$path?start=$begin"), '-f', 'null', '-');
is($rc, 0, 'ffmpeg plays it') or diag $err;

# --- a part, which ends before the other one began

my $middle = $files[0]{start_us} / 1e6 + 0.5;
my $part = (get("$path?start=" . date(1e6 * $middle) . '&end='
                . date(1e6 * ($middle + 1))))[2];
is(scalar(() = $part =~ /^#EXTINF/mg), 2, 'segments that have something of it');
($status) = get("$path?start=" . ($begin - 1000) . "&end=$begin");
is($status, 404, 'nothing of another time');
($status) = get("live/nobody.m3u8?start=$begin");
is($status, 404, 'nor of another stream');

# --- HEAD

my ($h, $headers, $body) = $web->raw("HEAD /play/$path?start=$begin HTTP/1.1\r\n"
                                     . "Host: x\r\nConnection: close\r\n\r\n");
is($h, 200, 'HEAD');
like($headers, qr/Content-Length: @{[ length $list ]}\b/, 'as long');
is($body // '', '', 'and nothing else');

# --- what is asked for may be anything

for (["$path", 400], ["$path?start=", 400], ["$path?start=x", 400],
     ["$path?start=-1", 400], ["$path?start=99999999999999999999", 400],
     ["$path?start=$begin&end=$begin", 400],
     ["$path?start=$begin&end=" . ($begin - 1), 400],
     ["$path?start=$begin&end=" . ($begin + 86401), 400],
     ["$path?start=$begin&end=2026-13-01T00:00:00Z", 400],
     ["$path?start=$begin&template=none", 404],
     ["$path?start=$begin&template=%00%ff'\"", 404],
     ["live/%00.m3u8?start=$begin", 400],
     ["live/x%27%20OR%201.m3u8?start=$begin", 404],
     ["..%2f..%2flive/a.m3u8?start=$begin", 400],
     ["live/..%2f..%2fx.m3u8?start=$begin", 404],
     ["live/.m3u8?start=$begin", 404], ["live?start=$begin", 404],
     ["?start=$begin", 404], ["live/a?start=$begin", 404],
     ["live/" . 'a' x 3000 . ".m3u8?start=$begin", 404],
     ["live/%ff%fe.m3u8?start=$begin", 404]) {
    my ($what, $expected) = @$_;
    is((get($what))[0], $expected, substr $what, 0, 60);
}
is(($web->raw("POST /play/$path?start=$begin HTTP/1.1\r\nHost: x\r\n"
              . "Content-Length: 0\r\nConnection: close\r\n\r\n"))[0], 405,
   'POST');
is(($web->raw("GET /kept/$path?start=$begin HTTP/1.1\r\nHost: x\r\n"
              . "Connection: close\r\n\r\n"))[0], 403, 'access is nginx\'s');

# --- growing

my $live = $t->publisher('live', 'grows');
$live->send_flv($media);
my $short;
wait_for('segments', 20, sub {
    $short = (get("live/grows.m3u8?start=$begin"))[2];
    return $short =~ /^#EXTINF/m;
});
like($short, qr/PLAYLIST-TYPE:EVENT\n/, 'it grows');
unlike($short, qr/ENDLIST/, 'and has no end');
$live->delete_stream->close;
wait_for('its end', 20, sub {
    my $long = (get("live/grows.m3u8?start=$begin"))[2];
    return $long =~ /ENDLIST\n\z/ && length $long > length $short
           && index($long, ($short =~ /(#EXTINF.*)/s)[0]) > 0;
});

# --- of recordings that overlap one

publish('two', 's');
wait_for('both', 30, sub { 2 == $t->files(app => 'two', state => 'finished') });
my $one = (get("two/s.m3u8?start=$begin"))[2];
cmp_ok(abs(length_of($one) - 4), '<', 0.3, 'once');
for (['a', 1], ['b', 2]) {
    my ($template, $segment) = @$_;
    my ($file) = $t->files(app => 'two', template => $template);
    my ($dir) = $file->{path} =~ m{([^/]+)/index\.m3u8\z};
    my $list = (get("two/s.m3u8?start=$begin&template=$template"))[2];
    my @urls = grep { /^http/ } split /\n/, $list;
    is(scalar(grep { !/\Q$dir\E/ } @urls), 0, "template $template");
    is(scalar @urls, 4 / $segment, 'its segments');
}

# --- what has expired is a gap

sql("UPDATE files SET expire_us = 1 WHERE file_id = $files[0]{file_id}");
wait_for('it to go', 20, sub {
    !-e $t->store . "/files/$files[0]{path}" });
my $gap = (get("$path?start=$begin"))[2];
is(scalar(() = $gap =~ /^#EXT-X-GAP\n#EXTINF/mg), 1, 'a gap');
cmp_ok(abs(length_of($gap) - $length), '<', 0.2, 'as long as it was');
is(scalar(() = $gap =~ /^#EXT-X-DISCONTINUITY$/mg), 1, 'and what follows');
($rc, $out, $err) = run('ffprobe', '-v', 'error', '-select_streams', 'v:0',
    '-count_packets', '-show_entries', 'stream=nb_read_packets', '-of',
    'csv=p=0', url("$path?start=$begin"));
is($out =~ /(\d+)/ ? $1 : 0, 40, 'ffprobe goes over it');
$t->allow(qr/open\(\) ".*gap\.ts" failed/);

$t->done;

sub url { return 'http://127.0.0.1:' . $t->port(1) . "/play/$_[0]" }

sub get {
    my ($what) = @_;
    return $web->raw("GET /play/$what HTTP/1.1\r\nHost: x\r\n"
                     . "Connection: close\r\n\r\n");
}

sub length_of { return sum0($_[0] =~ /^#EXTINF:([\d.]+),/mg) }

sub date {
    my ($us) = @_;
    return strftime('%Y-%m-%dT%H:%M:%S', gmtime int $us / 1e6)
           . sprintf '.%03dZ', $us / 1000 % 1000;
}

sub publish {
    my ($app, $stream) = @_;

    my $publisher = $t->publisher($app, $stream);
    $publisher->send_flv($media);
    $publisher->delete_stream->close;
}

sub finished {
    my ($n) = @_;
    wait_for("$n files", 30, sub {
        $n == $t->files(app => 'live', state => 'finished') });
}

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
