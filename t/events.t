#!/usr/bin/perl

# What is told of an event: every field of every kind, its type, the
# signatures, and what a program gets, against values that are computed here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(hmac_sha256_hex);
use IPC::Open2 qw(open2);
use JSON::XS ();
use Test::More;

use Recording::Util qw(root slurp);

my $unit = root() . '/build/unit/event';
plan skip_all => 'not built: run "make unit"' if !-x $unit;

my $now = 1_700_000_123;
my $json = JSON::XS->new->utf8;

my %seen;

my %facts = (
    file_id => 1_234_567_890_123_456_789,
    recording_id => 987_654_321_987_654_321,
    task_id => undef, template => 'evening', domain => 'push.example.com',
    server => '0.0.0.0:1935', app => 'live', stream => 'cam "1"',
    stream_param => 'a=b&c=%20', format => 'hls', state => 'finished',
    start_us => 1_700_000_000_000_001, end_us => 1_700_000_060_999_999,
    duration_ms => 60_499, size => 5_000_000_000, video_codec => 'h264',
    audio_codec => 'aac', resolution => '640x480',
    path => 'live/cam/index.m3u8', play_url => 'http://h/vod/index.m3u8',
    recovered => 0,
);

my %row = (
    kind => 'file', event => 'file', event_id => '0123456789abcdef' x 2,
    event_us => 1_700_000_070_500_000, seq => '18446744073709551615',
    file_id => $facts{file_id}, recording_id => $facts{recording_id},
    attempts => 3, appid => '9223372036854775807',
);

# as they stand in JSON: a number is one without quotes
my $id = qq("$facts{file_id}");
my $recording = qq("$facts{recording_id}");
my $stream = '"cam \"1\""';

my %ours = (
    event_id => qq("$row{event_id}"), seq => qq("$row{seq}"),
    recording_id => $recording, format => '"hls"', appid => $row{appid},
);

my %identity = (
    app => '"push.example.com"', appname => '"live"', stream_id => $stream,
    channel_id => $stream, file_id => $id, record_file_id => $id,
    video_id => $id, record_temp_id => '"evening"', file_format => '"hls"',
    task_id => '""', start_time => '1700000000', end_time => '1700000060',
    start_time_usec => '1', end_time_usec => '999999',
    file_size => '5000000000', video_url => '"http://h/vod/index.m3u8"',
    callback_ext => { video_codec => '"h264"', resolution => '"640x480"',
                      session_id => $recording },
    path => '"live/cam/index.m3u8"', duration_ms => '60499',
    audio_codec => '"aac"', recovered => 'false',
);

my %file = (%ours, %identity, event_type => '100', duration => '60',
            media_start_time => '0', record_bps => '0',
            stream_param => '"a=b&c=%20"');

fields('a file', {}, {}, \%file);
fields('rounded', {}, { duration_ms => 60_500 },
       { %file, duration => '61', duration_ms => '60500' });
fields('recovered', {}, { recovered => 1 }, { %file, recovered => 'true' });

my %task = (%file, task_id => '"t-1"');
delete $task{stream_param};
fields('of a task', {}, { task_id => 't-1' }, \%task);

my %bare = map { $_ => undef } keys %facts;
fields('that nothing is known of', {}, \%bare, {
    %ours, event_type => '100', format => '""',
    file_id => $id, record_file_id => $id, video_id => $id,
    recovered => 'false',
    callback_ext => { video_codec => '""', resolution => '""',
                      session_id => $recording },
    (map { $_ => '""' } qw(app appname stream_id channel_id record_temp_id
        file_format task_id video_url path audio_codec stream_param)),
    (map { $_ => '0' } qw(start_time end_time start_time_usec end_time_usec
        file_size duration_ms duration media_start_time record_bps)) });

for my $reason (qw(evicted expired lost)) {
    fields($reason, { kind => 'removed', event => $reason }, {},
           { %ours, %identity, event_type => '10001',
             reason => qq("$reason"), event_time => '1700000070' });
}

# the URL that plays: once it is delivered that of the bucket
my %object = (object_url => 'https://cdn/o.m3u8', bucket => 'archive',
              key => 'p/live/cam/index.m3u8');
my %plays = (video_url => '"https://cdn/o.m3u8"');

fields('of a bucket', {}, { object_url => 'https://cdn/o.m3u8' },
       { %file, %plays });
fields('without one', {}, { object_url => undef }, \%file);
fields('delivered', { kind => 'delivered', event => 'delivered' }, \%object,
       { %ours, %identity, %plays, event_type => '10002',
         bucket => '"archive"', key => '"p/live/cam/index.m3u8"',
         event_time => '1700000070' });
fields('to a bucket without a URL',
       { kind => 'delivered', event => 'delivered' },
       { %object, object_url => '' },
       { %ours, %identity, event_type => '10002', bucket => '"archive"',
         key => '"p/live/cam/index.m3u8"', event_time => '1700000070' });

# --- status

my %code = (flv => 1, hls => 2, mp4 => 3, aac => 4);
my %state = (domain => '"push.example.com"', appname => '"live"',
             stream_id => $stream, session_id => $recording);

for my $event (qw(record_start_succeeded record_start_failed record_paused
                  record_resumed record_error record_ended))
{
    fields($event, { kind => 'status', event => $event }, {},
           { %ours, %state, event_type => '332',
             event_time => '1700000070', record_event => qq("$event"),
             record_detail => detail(2, 1) });
}

for my $format (sort keys %code) {
    fields("status of $format",
           { kind => 'status', event => 'record_error', file_id => 0 },
           { format => $format, text => 'disk full', task_id => 't' },
           { %ours, %state, event_type => '332', format => qq("$format"),
             event_time => '1700000070', record_event => '"record_error"',
             record_detail => detail($code{$format}, 5), task_id => '"t"',
             text => '"disk full"' });
}

# --- exceptions: as the source has them

my %upper = (flv => 'FLV', hls => 'TS', mp4 => 'MP4', aac => 'AAC');
my %level = (ERR => 'error', WARN => 'warning', NOTICE => 'info');
my $source = slurp(root() . '/src/core/ngx_recording_exception.c');
my $exceptions = 0;

while ($source =~ /\{\s*"(\w+)", (-\d+), NGX_LOG_(\w+),\s*"([^"]+)"/g) {
    my ($name, $number, $level, $sentence) = ($1, $2, $3, $4);

    for my $format (sort keys %upper) {
        fields("$name of $format", { kind => 'exception', event => $name },
               { format => $format, exception => $name },
               exception($format, $name, $number, $level{$level}, 1,
                         $sentence));
    }

    $exceptions++;
}

cmp_ok($exceptions, '>=', 9, 'exceptions');
fields('what was said', { kind => 'exception', event => 'lost' },
       { text => '12 frames', occurs => 7 },
       exception('hls', 'lost', -104, 'error', 7, '12 frames'));
fields('of a later version', { kind => 'exception', event => 'new' }, {},
       exception('hls', 'new', 0, 'warning', 1,
                 'an exception that is not known'));

# --- signatures

for my $key ('', 'adasda131312', 'k' x 4096, "\x01\xff key\n") {
    my ($head, $body) = event({ key => $key }, {});
    my $got = $json->decode($body);

    is($head->{'Content-Type'}, 'application/json', 'what it is');
    is($head->{'X-Recording-Event'}, $row{event_id}, 'the event');

    if ($key eq '') {
        is(join(' ', sort keys %$head), 'Content-Type X-Recording-Event',
           'no key, no signature');
        ok(!exists $got->{$_}, "nor $_") for qw(t sign);
        next;
    }

    is($got->{t}, $now + 600, 't');
    is($got->{sign}, md5_hex($key . ($now + 600)), 'sign');
    is($head->{'X-Recording-Signature'},
       "t=$now,v1=" . hmac_sha256_hex("$now.$body", $key), 'of the body');
}

# --- names of any bytes

my $bad = "\x{fffd}";

for my $name ("\xe4", "a\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\x80",
              "\xf4\x90\x80\x80", "\xff\xfe\xfd", "ok\x7f\xc3\xa4",
              join('', map { chr } 128 .. 255), join('', map { chr } 1 .. 127))
{
    my $raw = raw($name);
    my (undef, $body) = event({}, {}, $raw);
    my $got = eval { $json->decode($body) };

    # a byte that is not part of a character each
    my $want = '';
    while ($name =~ /\G(?:([\xc2-\xdf][\x80-\xbf]|[\x00-\x7f])|(.))/gs) {
        $want .= defined $1 ? do { my $c = $1; utf8::decode($c); $c } : $bad;
    }

    is($got && $got->{stream_id}, $want, 'a name of '
       . join ' ', map { sprintf '%02x', ord } split //, substr $name, 0, 8)
        or diag($@, $body);
}

# --- a program

my @args = ('/bin/program', '-i', '{Path}', 'to={Basename}.x', '', '{Url}{Url}',
            '{Stream}', '{App}/{Format}', '{FileId}', '{"a":{}}', 'a b');
my ($argv, $env) = program(\@args, { stream => "a {Path} 'b'\n" });

is_deeply($argv, ['/bin/program', '-i', '/store/files/live/cam/index.m3u8',
                  'to=index.x', '', 'http://h/vod/index.m3u8' x 2,
                  "a {Path} 'b'\n", 'live/hls', "$facts{file_id}", '{"a":{}}',
                  'a b'], 'arguments');

is_deeply($env, {
    PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME => '/home/of', LANG => 'C.UTF-8',
    RECORDING_EVENT => 'file', RECORDING_EVENT_ID => $row{event_id},
    RECORDING_ATTEMPT => 3, RECORDING_SEQ => $row{seq},
    RECORDING_FILE_ID => $facts{file_id},
    RECORDING_ID => $facts{recording_id},
    RECORDING_PATH => '/store/files/live/cam/index.m3u8',
    RECORDING_URL => 'http://h/vod/index.m3u8',
    RECORDING_STREAM => "a {Path} 'b'\n",
    RECORDING_STREAM_PARAM => 'a=b&c=%20', RECORDING_APP => 'live',
    RECORDING_DOMAIN => 'push.example.com', RECORDING_TEMPLATE => 'evening',
    RECORDING_TASK_ID => '', RECORDING_FORMAT => 'hls',
    RECORDING_START => 1_700_000_000, RECORDING_END => 1_700_000_060,
    RECORDING_DURATION => '60.499', RECORDING_SIZE => 5_000_000_000,
    RECORDING_VIDEO_CODEC => 'h264', RECORDING_AUDIO_CODEC => 'aac',
    RECORDING_RESOLUTION => '640x480', RECORDING_RECOVERED => 0,
}, 'environment');

($argv, $env) = program(['/p', '{Url}'], \%object);
is_deeply([ $argv->[1], $env->{RECORDING_URL} ],
          [ ($object{object_url}) x 2 ], 'the URL of a bucket');

for my $path (['a.mp4', 'a'], ['x/a.b.flv', 'a.b'], ['x.y/a', 'a'],
              ['x/.mp4', ''])
{
    ($argv) = program(['/p', '{Basename}'],
                      { path => $path->[0] });
    is($argv->[1], $path->[1], "basename of $path->[0]");
}

# --- docs/events.md

my $docs = slurp(root() . '/docs/events.md');
my %told = map { $_ => 1 } $docs =~ /`(\w+)`/g;

is(join(' ', grep { !$told{$_} } sort keys %seen), '', 'docs have all fields');
$docs =~ /`\Q$_\E`/ or fail("docs have reason $_")
    for qw(evicted lost);

done_testing();

# one event: its fields and their types
sub fields {
    my ($name, $row, $facts, $want) = @_;

    my (undef, $body) = event($row, $facts);

    is_deeply(types($body), $want, $name);
    $seen{$_} = 1 for keys %$want;
}

sub exception {
    my ($format, $name, $number, $level, $occurs, $desc) = @_;

    return { %ours, %state, event_type => '341', format => qq("$format"),
             interface => '"general_callback"', timestamp => '1700000070',
             file_format => qq("$upper{$format}"),
             exception_level => qq("$level"), exception_name => qq("$name"),
             exception => qq({"type":$number,"occurs":$occurs,"desc":"$desc"})
           };
}

sub detail {
    my ($format, $model) = @_;

    return { file_format => $format, record_bps => 0, start_model => $model,
             record_content => 1, source_type => 1 };
}

# the members of an object by their text, those of a string that is one, too
sub types {
    my ($text) = @_;

    my $string = qr/"(?:[^"\\]|\\.)*"/;
    my ($members) = $text =~ /^\{(.*)\}$/s or return $text;
    my %member;

    while ($members =~ /\G,?($string):($string|\{[^{}]*\}|[^,]+)/g) {
        my ($name, $value) = (substr($1, 1, -1), $2);
        my $inner = $value =~ /^"\{/
            ? types(JSON::XS->new->allow_nonref->decode($value)) : $value;
        return "$name is there twice" if exists $member{$name};
        $member{$name} = $inner;
    }

    $json->decode($text);
    return \%member;
}

sub event {
    my ($row, $facts, $text) = @_;

    my $out = made('body', $row, $facts, $text);
    my ($head, $body) = $out =~ /^(.*?)\n\n(.*)$/s or return ({}, '');

    return ({ map { split /: /, $_, 2 } split /\n/, $head }, $body);
}

sub program {
    my ($args, $facts) = @_;

    my $out = made('program', {}, $facts, undef, @$args);

    # each string ends with a null character, a list with one more; an empty
    # string is none
    my @strings = split /\0/, $out, -1;
    my ($end) = grep { $strings[$_] eq '' && $strings[$_ + 1] =~ /^PATH=/ }
                0 .. $#strings - 1;

    return ([ @strings[0 .. $end - 1] ],
            { map { split /=/, $_, 2 } @strings[$end + 1 .. $#strings - 1] });
}

sub made {
    my ($what, $row, $facts, $text, @args) = @_;

    my %all = (%row, %$row);
    my @row = ((map { "$_=$all{$_}" } keys %all), map { "arg=$_" } @args);

    $text = $json->encode({ %facts, %$facts }) if !defined $text;

    my $pid = open2(my $out, my $in, $unit, $what, '/store', $now, @row);
    binmode $_, ':raw' for $out, $in;
    print $in $text;
    close $in;
    my $got = do { local $/; <$out> };
    waitpid $pid, 0;

    is($?, 0, "$what is made");
    return $got;
}

# facts with a stream's name as SQLite writes it
sub raw {
    my ($name) = @_;

    my $text = $json->encode({ %facts, stream => 'NAME' });
    $name =~ s/(["\\])/\\$1/g;
    $name =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge;
    $text =~ s/NAME/$name/;

    return $text;
}
