#!/usr/bin/perl

# The console in Chromium where things are odd: names that would be more than
# text, an API that answers with errors, a phone, the day of a clock change.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Console;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $why = Recording::Console::missing();
plan skip_all => $why if $why;

my $t = Recording::Nginx->new;
my $servers = join '', Recording::Console::server(1),
    Recording::Console::server(2, api =>
        'proxy_pass http://127.0.0.1:%%PORT_1%%; proxy_http_version 1.1;'
        . ' proxy_set_header Host $http_host;'
        . ' proxy_set_header X-Forwarded-For $remote_addr;'),
    Recording::Console::server(3, api => 'return 503;'),
    Recording::Console::server(4, api => 'return 444;');

$t->conf(<<"CONF")->start;
rtmp {
    record_store %%STORE%% reserve=1m;
    record_template all { format mp4; }
    record_template late { format flv; format hls segment=2s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application late { live on; record_rule late; }
    }
}
http { $servers }
CONF

my $api = Recording::Api->new(port => $t->port(1));
my @names = ('<img src=x onerror=window.pwned=1>',
             '"><script>window.pwned=1</script>', q{' onload='pwned=1},
             "javascript:pwned=1//", '{{7*7}}', "\xe2\x80\xae\xd7\xa9gpj.exe",
             '../../etc', '%3Cb%3E', '</td><b>x', '${pwned=1}');

# each name is recorded once, and is published again and stays
my @live;

for my $round (1, 2) {
    for my $name (@names) {
        my $r = $t->publisher('live', $name);
        my @messages = Recording::Rtmp::flv_messages(
            media(duration => 3, fps => 10, size => '160x90'));
        $r->send_flv(\@messages);
        $r->ping;
        $round == 1 ? $r->delete_stream->close : push @live, $r;
    }

    wait_for("round $round", 40, sub {
        @names == $t->files(state => $round == 1 ? 'finished' : 'recording') });
}

# sound that begins so long after the picture that it is in another segment
my @late = grep { $_->[0] != 8 || $_->[1] > 6500 || $_->[2] =~ /^.\0/s }
           Recording::Rtmp::flv_messages(
               media(duration => 16, fps => 10, gop => 1, size => '160x90'));
my $late = $t->publisher('late', 'late');
$late->send_flv(\@late);
$late->ping;
$late->delete_stream->close;
my @files = $t->wait_files(2, stream => 'late');

my $file = $api->call('SearchMedia', { StreamIds => [$names[0]] })
    ->{MediaInfoSet}[0]{RecordInfo};

# a file of the hour that Berlin has twice, which is only told of
my $begin = 1792888200 * 1_000_000;
my $end = $begin + 3600 * 1_000_000;

$t->catalogue(<<"SQL");
BEGIN;
INSERT INTO recordings (recording_id, template, domain, app, stream,
    stream_param, owner, start_us, end_us)
VALUES (1001, 'all', 'h', 'live', 'turn', '', '', $begin, $end);
INSERT INTO files (file_id, recording_id, template, domain, app, stream,
    stream_param, format, state, start_us, end_us, duration_ms, size, path,
    finished_us, told, frames_in, frames_dropped, drops)
VALUES (1002, 1001, 'all', 'h', 'live', 'turn', '', 'mp4', 'finished', $begin,
    $end, 3600000, 1000, 'live/turn/x.mp4', $end, 1, 9, 3, '{"disk": 3}');
COMMIT;
SQL

# as they are shown: what turns the direction is told by its number
my @shown = map { my $name = $_; utf8::decode($name);
                  $name =~ s/\x{202e}/\x{27e8}U+202E\x{27e9}/r } @names;

Recording::Console::drive('odd.js', {
    names => \@shown, file => $file,
    late => { map { ($_->{format} => { RecordingId => "$_->{recording_id}",
                                       FileId => "$_->{file_id}" }) } @files },
    base => 'http://127.0.0.1:' . $t->port(1),
    closed => 'http://127.0.0.1:' . $t->port(2),
    broken => 'http://127.0.0.1:' . $t->port(3),
    silent => 'http://127.0.0.1:' . $t->port(4) });

$_->close for @live;
$t->done;
