#!/usr/bin/perl

# The command recordings, which asks a record_api: tables and JSON, of what is
# recorded and what was; by another user than nginx's; what a publisher chose
# gives no orders to a terminal; and what is wrong is told, with exit codes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use JSON::XS qw(decode_json);
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Past;
use Recording::Util qw(not_tested root run wait_for);

$ENV{LC_ALL} = 'C.UTF-8';
$ENV{TZ} = 'UTC';

my $media = media(duration => 4, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%% url=http://127.0.0.1:%%PORT_1%%/vod/;
    record_template two { format mp4; format hls segment=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule two; }
        application waits { live on; record_rule default; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; }
        location /denied/ { record_api; deny all; }
        location /text/ { return 200 hello; }
        location /html/ { return 404; }
    }
}
CONF

my $port = $t->port(1);
my $command = $t->dir . '/recordings';
copy(root() . '/src/recordings', $command) or die "$command: $!";
chmod 0755, $command;
$ENV{RECORDINGS_API} = "http://127.0.0.1:$port/api/";

my $api = Recording::Api->new(port => $port);
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

# --- nothing yet

is_deeply([ run($command, 'live') ],
          [ 0, '', "recordings: nothing is being recorded\n" ], 'live: nothing');
is_deeply([ run($command, 'list') ],
          [ 0, '', "recordings: no file fits\n" ], 'list: nothing');
is_deeply([ run($command, 'list', '--json') ], [ 0, '', '' ],
          'nor in JSON');

# --- live

my $odd = "odd \\ \x1b[31m\x7f\xc2\x9b gr\xc3\xbcn \xe2\x80\xaetxt";
my $shown = 'odd \\\\ \\x1b[31m\\x7f\\x9b gr' . "\xc3\xbc" . 'n \\x{202e}txt';
my $one = $t->publisher('live', $odd);

$one->send_flv($media);
$one->ping;
wait_for('what grows', 20, sub { (run($command, 'live'))[1] =~ /0:00:0[34]/ });

my $out = good('live');
my ($head, $line) = split /\n/, $out;
like($head, qr/^RECORDING +SINCE +DURATION +SIZE +RATE +LOST +FORMATS/,
     'live: a head');
like($line, qr/^\d{19}  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d    0:00:0[34]  /,
     'its id, begin, duration');
like($line, qr/ kB +[\d.]+ [kM]bit\/s +0  hls,mp4 +recording +live\/\S/,
     'size, rate, frames lost, formats, state');
like($line, qr/\Qlive\/$shown\E$/, 'and name, escaped');

my ($recording) = $line =~ /^(\d+)/;
is(decode_json(good('live', '--json'))->{RecordingId}, $recording,
   'live --json: the same');
unlike(good('live', '--json'), qr/[^\x20-\x7e\n]/, 'in printable ASCII');
{
    local $ENV{LC_ALL} = 'C';
    unlike(good('live'), qr/[^\x20-\x7e\n]/, 'as all is where there is no more');
}

like(good('show', $recording), qr/^FileCount +2$/m, 'show: the recording');
like(good('url', $recording), qr{^http://127.0.0.1:$port/vod/live/\S+m3u8\n$},
     'url: of what grows only HLS');

# what waits for its stream
my $gone = $t->publisher('waits', 'w');
$gone->send_flv($media);
$gone->ping;
$gone->wait_event(7);
$gone->abort;
wait_for('a pause', 20, sub {
    (run($command, 'live'))[1] =~ m{  mp4 +until \d\d:\d\d:\d\d +waits/w$}m });
my ($waits) = grep { m{ waits/w$} } split /\n/, good('live');
like($waits, qr/ 0:00:0[1-4] +\d+ kB +- +-  mp4 +until /,
     'live: what it has so far, and until when it waits');

# --- what is finished

$one->delete_stream->close;
wait_for('files', 20, sub { $api->call('SearchMedia')->{TotalCount} == 2 });

my @lines = split /\n/, good('list');
is(scalar @lines, 3, 'list: two files');
like($lines[0], qr/^ID +START +DURATION +SIZE +FORMAT +LOST +GAPS +STREAM$/,
     'its head');
like($lines[$_], qr/^\d{19}  [\d: -]{19}    0:00:04 +\d+ kB  (?:mp4|hls) +0 +0  \Qlive\/$shown\E$/,
     'a line a file') for 1, 2;

my %id = map { $_->{RecordInfo}{Format} => $_->{FileId} }
         map { decode_json($_) } split /\n/, good('list', '--json');
is(join(' ', sort keys %id), 'hls mp4', 'list --json: a line a file');

my @filters = (
    [ 'a format', ['--format', 'mp4'], 1 ],
    [ 'formats', ['--format', 'mp4', '--format', 'hls'], 2 ],
    [ 'another', ['--format', 'aac'], 0 ],
    [ 'a stream', ['--stream', $odd], 2 ],
    [ 'no such', ['--stream', 'odd'], 0 ],
    [ 'an application', ['--app', 'live'], 2 ],
    [ 'no such application', ['--app', 'waits'], 0 ],
    [ 'since', ['--since', '10m'], 2 ],
    [ 'since a day', ['--since', '2026-01-02', '--limit', 1], 1 ],
    [ 'since now', ['--since', '2037-01-02 03:04'], 0 ],
    [ 'until', ['--until', '1d'], 0 ],
    [ 'until a time', ['--until', '2020-02-29T00:00:00+08:00'], 0 ],
    [ 'until the end of a day', ['--until', gmtime_text(0) =~ s/ .*//r], 2 ],
    [ 'until', ['--since', 'yesterday', '--until', 'now'], 2 ],
);

for my $filter (@filters) {
    my ($what, $args, $number) = @$filter;
    my (undef, $json) = run($command, 'list', '--json', @$args);
    is(scalar(() = $json =~ /\n/g), $number, "list: $what");
}

like(good('show', $id{mp4}), qr/^StreamName +\Q$shown\E$/m, 'show: a file');
like(good('show', $id{mp4}), qr/^Size +\d+ \(\d+ kB\)$/m, 'with its size');
is(decode_json(good('show', $id{hls}, '--json'))->{FileId}, $id{hls},
   'show --json');
like(good('url', @id{'mp4', 'hls'}), qr{^http://\S+\.mp4\nhttp://\S+m3u8\n$},
     'url: of both');

# --- as somebody else

SKIP: {
    skip not_tested('needs root'), 1 if $> != 0;

    # prove names the tests' libraries, which others may not be able to read
    delete local $ENV{PERL5LIB};
    my ($status, $out) = run('runuser', '-u', 'nobody', '--', $command, 'list');
    is("$status $out", '0 ' . join("\n", @lines) . "\n", 'another user');
}

# --- what is wrong

my @wrong = (
    [ 2, qr/a command is missing\nusage: / ],
    [ 2, qr/there is no command lsit\n/, 'lsit' ],
    [ 2, qr/unknown option: all\n/, 'list', '--all' ],
    [ 2, qr/unknown option: since\n/, 'live', '--since', '1h' ],
    [ 2, qr/show needs an ID\n/, 'show' ],
    [ 2, qr/there is too much: 2\n/, 'show', 1, 2 ],
    [ 2, qr/x is no ID\n/, 'url', 'x' ],
    [ 2, qr/there is too much: x\n/, 'live', 'x' ],
    [ 2, qr/mp5 is no format\n/, 'list', '--format', 'mp5' ],
    [ 2, qr/--limit is a number above 0\n/, 'list', '--limit', 0 ],
    map([ 2, qr/\Q$_\E is no time\n/, 'list', '--since', $_ ],
        '2026-02-29', '2026-13-01', '25:00', 'soon', '2026-02-01T', ''),
    [ 2, qr/--api ftp:\S+ is no URL/, 'live', '--api', 'ftp://x/' ],
    [ 1, qr/there is no recording, nor a finished file, of the ID 5\n/,
      'show', 5 ],
    [ 1, qr/of the ID 5\n/, 'url', 5 ],
    [ 3, qr/nothing answers at http:\S+: Connection refused\./,
      'live', '--api', 'http://127.0.0.1:1/api/' ],
    [ 3, qr/answers at \S+, with 200, is no record_api/, 'live', '--api',
      "http://127.0.0.1:$port/text/" ],
    [ 3, qr/answers at \S+, with 404, is no record_api/, 'list', '--api',
      "http://127.0.0.1:$port/html/" ],
    [ 4, qr/nginx refuses at \S+, with 403/, 'list', '--api',
      "http://127.0.0.1:$port/denied/" ],
    [ 4, qr/refuses: .* \(InvalidParameterValue\)\n/, 'list',
      map { ('--stream', $_) } 1 .. 11 ],
);

for my $wrong (@wrong) {
    my ($status, $why, @args) = @$wrong;
    my @got = run($command, @args);
    is($got[0], $status, "exit code of @args");
    is($got[1], '', 'nothing is printed');
    like($got[2], qr/^recordings: .*$why/s, 'but why');
}

# a proxy of the environment is not asked for what is on this machine
{
    local $ENV{http_proxy} = 'http://127.0.0.1:1/';
    good('list');
}

# --- pages

$t->stop;
my $many = Recording::Nginx->new;
$many->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    server { listen 127.0.0.1:%%PORT_0%%; application live { live on; } }
}
http {
    server { listen 127.0.0.1:%%PORT_1%%; location /api/ { record_api; } }
}
CONF

Recording::Past::fill($many, 1234);
$ENV{RECORDINGS_API} = 'http://127.0.0.1:' . $many->port(1) . '/api/';
my %seen = map { decode_json($_)->{FileId} => 1 }
           split /\n/, good('list', '--json');
is(scalar keys %seen, 1234, 'all pages are listed');
is(scalar(() = good('list', '--limit', 150, '--json') =~ /\n/g), 150,
   'or as many as are wanted');
like((run($command, 'url', (keys %seen)[0]))[2],
     qr/has no URL: record_store has no url=/, 'no url= in the store');

$many->done;

sub good {
    my (@args) = @_;

    my ($status, $out, $err) = run($command, @args);
    is("$status $err", '0 ', "recordings @args[0 .. 0]");
    return $out;
}

sub gmtime_text {
    my ($ago) = @_;

    my @at = gmtime time - $ago;
    return sprintf '%04d-%02d-%02d %02d:%02d', $at[5] + 1900, $at[4] + 1,
                   @at[3, 2, 1];
}
