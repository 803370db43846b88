#!/usr/bin/perl

# What the API tells of streams that are recorded, and were: recordings with
# their files, finished files as the cloud tells of them, the store as a whole,
# dead letters that are sent again; by four workers alike.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(run wait_for);

my $media = media(duration => 2, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
worker_processes 4;
rtmp {
    record_store %%STORE%% url=http://media.example.com/vod/ max=10g;
    record_template two { format mp4; format flv resume=30m;
                          notify http://127.0.0.1:1/ events=file,status; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule two; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; }
        location /off/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
my $off = Recording::Api->new(port => $t->port(1), path => '/off/');

wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

# --- one that grows, as all workers tell

my $name = "grown \xe6\xb5\x81 <b>\"&";
my $live = $t->publisher('live', $name);
$live->send_flv($media);
$t->wait_growing(2);

for (1 .. 8) {
    my $set = $api->call('DescribeRecordings', { State => 'open' });
    is(scalar @{ $set->{RecordingSet} }, 1, 'one grows');
    my $r = $set->{RecordingSet}[0];
    is($r->{State}, 'recording', 'it is recorded');
}

my ($r) = @{ $api->call('DescribeRecordings')->{RecordingSet} };
my ($row) = $t->recordings;
is($r->{RecordingId}, $row->{recording_id}, 'id');
like($r->{RecordingId}, qr/^\d{19}$/, 'a text of 19 digits');
is_deeply([ @$r{qw(AppName TemplateName EndTime EndTimeUs FileCount)} ],
          [ 'live', 'two', '', undef, 2 ], 'what it is');
is($r->{StreamName}, "grown \x{6d41} <b>\"&", 'its name');
is($r->{StartTimeUs}, $row->{start_us}, 'its begin');
like($r->{StartTime}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'as a time');
cmp_ok($r->{TemplateId}, '>', 0, 'an id of the template');
cmp_ok($r->{TemplateId}, '<', 2**31, 'that is not too big');
is(join(' ', sort map { $_->{Format} } @{ $r->{FileSet} }), 'flv mp4',
   'two files');
is(join(' ', map { $_->{State} } @{ $r->{FileSet} }), 'recording recording',
   'which grow');

is(scalar @{ $api->call('SearchMedia')->{MediaInfoSet} }, 0,
   'no file is finished');

# --- paused, and finished

$live->delete_stream->close;
wait_for('a pause', 20, sub {
    my ($r) = @{ $api->call('DescribeRecordings')->{RecordingSet} };
    return $r->{State} eq 'paused';
});
is(scalar @{ $api->call('DescribeRecordings', { State => 'recording' })
             ->{RecordingSet} }, 0, 'no recording is recorded');

wait_for('the mp4 to be finished', 20, sub {
    $api->call('SearchMedia')->{TotalCount} == 1;
});

my $found = $api->call('SearchMedia');
my ($media_info) = @{ $found->{MediaInfoSet} };
my ($file) = grep { $_->{format} eq 'mp4' } $t->files;
my $basic = $media_info->{BasicInfo};
my $source = $basic->{SourceInfo};

is($media_info->{FileId}, $file->{file_id}, 'the finished file');
is($basic->{Name}, utf8_of($file->{path}), 'its name');
is($basic->{MediaUrl}, $file->{play_url}, 'its URL');
like($basic->{MediaUrl}, qr{^http://media\.example\.com/vod/live/grown%20},
     'which is percent-encoded');
is_deeply([ @$basic{qw(Type Category Status ExpireTime)} ],
          [ 'mp4', 'Video', 'Normal', '9999-12-31T23:59:59Z' ], 'basics');
is($source->{SourceType}, 'Record', 'where it is from');
is($source->{LiveRecordInfo}{Path}, 'live', 'the application');
is($source->{LiveRecordInfo}{StreamId}, "grown \x{6d41} <b>\"&",
   'the stream');
is($media_info->{MetaData}{Size}, $file->{size}, 'size');
is($media_info->{MetaData}{Width} . 'x' . $media_info->{MetaData}{Height},
   $file->{resolution}, 'resolution');
cmp_ok(abs($media_info->{MetaData}{Duration} * 1000 - $file->{duration_ms}),
       '<', 1, 'duration');
is($media_info->{RecordInfo}{FramesWritten}, $file->{frames_written},
   'frames');
is_deeply([ sort keys %$found ], [ sort qw(MediaInfoSet TotalCount ScrollToken
                                           RequestId) ], 'members');

my $infos = $api->call('DescribeMediaInfos',
    { FileIds => [ "$file->{file_id}", '1234567890123456789' ] });
is($infos->{MediaInfoSet}[0]{FileId}, $file->{file_id}, 'by its id');
is_deeply($infos->{NotExistFileIdSet}, ['1234567890123456789'],
          'one that is not there');
is($infos->{MediaInfoSet}[0]{RecordInfo}{Deliveries}[0]{Target},
   'http://127.0.0.1:1/', 'what is told of it');
is_deeply([ sort keys %{ $api->call('DescribeMediaInfos',
    { FileIds => [ "$file->{file_id}" ], Filters => ['basicInfo'] })
    ->{MediaInfoSet}[0] } ], [ sort qw(FileId BasicInfo RecordInfo) ],
    'a part of it');

# --- the store

my $store = $api->call('DescribeStore');
my ($totals) = $t->catalogue('SELECT bytes FROM totals');

is($store->{Store}{Bytes}, $totals->{bytes}, 'bytes');
is($store->{Store}{Max}, 10 * 1024 ** 3, 'max');
is($store->{Store}{Reserve}, 1024 ** 3, 'reserve');
cmp_ok($store->{Store}{Free}, '>', 0, 'free');
is(join(' ', sort map { "$_->{Format}:$_->{State}:$_->{Count}" }
                      @{ $store->{Files} }),
   'flv:paused:1 mp4:finished:1', 'files');
is($store->{Catalogue}{Version},
   ($t->catalogue('PRAGMA user_version'))[0]{user_version}, 'version');
is($store->{Deliveries}[0]{TemplateName}, 'two', 'who is told');
cmp_ok($store->{Deliveries}[0]{Waiting}, '>', 0, 'of what waits');

# --- counts are those of the rows, whatever became of them

is_deeply([ map { [ @$_{qw(state format files bytes)} ] } $t->catalogue(
    'SELECT * FROM counts WHERE files <> 0') ],
    [ map { [ @$_{qw(state format files bytes)} ] } $t->catalogue(
    'SELECT state, format, count(*) AS files, sum(size) AS bytes FROM files'
    . ' GROUP BY state, format') ], 'counts');

# --- dead letters

$t->catalogue("UPDATE outbox SET state = 'dead', attempts = 20");
my $dead = $api->call('DescribeStore')->{DeadLetters};
cmp_ok(scalar @$dead, '>', 0, 'dead letters');
is($dead->[0]{Attempts}, 20, 'which were tried');
is($api->code('RetryDelivery', { DeliveryIds => [ $dead->[0]{DeliveryId} ] }),
   'AuthFailure.UnauthorizedOperation', 'not by anybody');
is($off->call('RetryDelivery', { DeliveryIds =>
        [ $dead->[0]{DeliveryId}, '999999' ] })->{Retried}, 1,
   'one is sent again');
is($off->call('RetryDelivery', { DeliveryIds =>
        [ $dead->[0]{DeliveryId} ] })->{Retried}, 0, 'it is not dead');
is((grep { $_->{state} ne 'dead' } $t->catalogue(
    "SELECT state FROM outbox WHERE id = $dead->[0]{DeliveryId}")), 1,
   'it waits');

# --- what is not asked for as it should be

my @wrong = (
    SearchMedia => { Limit => 0 } => 'InvalidParameterValue',
    SearchMedia => { Limit => 101 } => 'InvalidParameterValue',
    SearchMedia => { Limit => -1 } => 'InvalidParameterValue',
    SearchMedia => { Limit => 'x' } => 'InvalidParameter',
    SearchMedia => { Limit => '5' } => '',
    SearchMedia => { Limit => 1.5 } => 'InvalidParameter',
    SearchMedia => { Limit => [] } => 'InvalidParameter',
    SearchMedia => { Limit => undef } => '',
    SearchMedia => { Offset => 5000, Limit => 1 } => 'InvalidParameterValue',
    SearchMedia => { Offset => 4990, Limit => 10 } => '',
    SearchMedia => { StreamIds => 'x' } => 'InvalidParameter',
    SearchMedia => { StreamIds => [1] } => 'InvalidParameter',
    SearchMedia => { StreamIds => [ ('x') x 11 ] } => 'InvalidParameterValue',
    SearchMedia => { StreamIds => [ ('x') x 10 ] } => '',
    SearchMedia => { StreamIds => [] } => '',
    SearchMedia => { FileIds => ['x'] } => 'InvalidParameterValue',
    SearchMedia => { FileIds => [''] } => 'InvalidParameterValue',
    SearchMedia => { FileIds => ['-1'] } => 'InvalidParameterValue',
    SearchMedia => { FileIds => ['99999999999999999999'] }
        => 'InvalidParameterValue',
    SearchMedia => { Names => ['x'] } => 'InvalidParameterValue',
    SearchMedia => { Tags => ['x'] } => 'InvalidParameterValue',
    SearchMedia => { Text => 'x' } => 'InvalidParameterValue',
    SearchMedia => { ClassIds => [1] } => 'InvalidParameterValue',
    SearchMedia => { SourceTypes => ['Upload'] } => 'InvalidParameterValue',
    SearchMedia => { SourceTypes => ['Record'] } => '',
    SearchMedia => { Filters => ['transcodeInfo'] } => 'InvalidParameterValue',
    SearchMedia => { Sort => { Field => 'Size' } } => 'InvalidParameterValue',
    SearchMedia => { Sort => 'x' } => 'InvalidParameter',
    SearchMedia => { Sort => { Field => 'CreateTime', Order => 'x' } }
        => 'InvalidParameterValue',
    SearchMedia => { CreateTime => 'x' } => 'InvalidParameter',
    SearchMedia => { CreateTime => { After => '2026-01-01' } }
        => 'InvalidParameterValue',
    SearchMedia => { CreateTime => { After => '2026-01-01T00:00:00' } }
        => 'InvalidParameterValue',
    SearchMedia => { CreateTime => { After => '2026-02-30T00:00:00Z' } }
        => 'InvalidParameterValue',
    SearchMedia => { CreateTime => { After => 5 } } => 'InvalidParameterValue',
    SearchMedia => { CreateTime => { Since => '2026-01-01T00:00:00Z' } }
        => 'UnknownParameter',
    SearchMedia => { CreateTime => { After => '2026-01-01T00:00:00.123+08:00',
                                     Before => undef } } => '',
    SearchMedia => { ScrollToken => 'x' } => 'InvalidParameterValue',
    SearchMedia => { ScrollToken => '' } => '',
    SearchMedia => { ScrollToken => '1.2.3.0000000000000000' }
        => 'InvalidParameterValue',
    SearchMedia => { Nothing => 1 } => 'UnknownParameter',
    SearchMedia => { SubAppId => 1 } => '',
    DescribeMediaInfos => {} => 'MissingParameter',
    DescribeMediaInfos => { FileIds => [] } => 'MissingParameter',
    DescribeMediaInfos => { FileIds => [ ('1') x 21 ] }
        => 'InvalidParameterValue',
    DescribeRecordings => { State => 'x' } => 'InvalidParameterValue',
    DescribeRecordings => { RecordTime => { After => 'x' } }
        => 'InvalidParameterValue',
    DescribeRecordings => { StreamName => 1 } => 'InvalidParameter',
    DescribeStore => { Nothing => 1 } => 'UnknownParameter',
);

while (my ($action, $params, $code) = splice @wrong, 0, 3) {
    is($api->code($action, $params), $code,
       "$action " . JSON::XS->new->canonical->encode($params));
}

is($off->code('RetryDelivery', {}), 'MissingParameter', 'nothing to retry');

for my $body ('', ' ', '[]', '"x"', 'null', '{', '{}}', '{"a":1,"a":2}',
              "{\"a\":\"\xff\"}", '{"a":1e999}', '{"Limit":99999999999999999999}',
              '{"StreamIds":["a\u0000b"]}', '{"a":' . '[' x 40 . ']' x 40 . '}')
{
    is($api->code('SearchMedia', undef, body => $body), 'InvalidParameter',
       'body ' . substr $body, 0, 20);
}

is($api->code('SearchMedia', undef, body => '{"a":"' . 'x' x 65536 . '"}'),
   'InvalidParameter', 'too long');
is($api->code('SearchMedia', undef, body => '{"a":"' . 'x' x 3e6 . '"}'),
   'InvalidParameter', 'and far too long');
is($api->code('SearchMedia', undef, body => '{"StreamIds":["'
                                            . 'x' x 65500 . '"]}'), '',
   'as long as may be');

$t->done;

sub utf8_of {
    my ($bytes) = @_;

    utf8::decode($bytes);
    return $bytes;
}
