#!/usr/bin/perl

# The cloud's own client for Node.js orders: each action of templates, rules
# and tasks, with success and with each error code.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Sdk qw(client);
use Recording::Util qw(run spew wait_for);

my $why = client();

plan skip_all => $why if $why;

my $t = Recording::Nginx->new;
spew($t->dir . '/key', "secretkeysecretkeysecretkeysecre\n");
spew($t->dir . '/credentials', "[default]\naws_access_key_id = a\n"
     . "aws_secret_access_key = b\n");
chmod 0600, map { $t->dir . "/$_" } 'key', 'credentials';

$t->conf(<<'CONF', KEY => $t->dir . '/key')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_bucket archive {
        endpoint http://127.0.0.1:%%PORT_2%%;
        bucket recordings-1250000000;
        credentials %%DIR%%/credentials;
    }
    upload archive;
    notify http://127.0.0.1:9/notify events=exception;
    server { listen 127.0.0.1:%%PORT_0%%; application live { live on; } }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api {
            record_api private=on;
            record_api_key AKIDtest %%KEY%%;
        }
    }
}
CONF

my $sdk = Recording::Sdk->new('127.0.0.1:' . $t->port(1) . '/api',
    id => 'AKIDtest', key => 'secretkeysecretkeysecretkeysecre',
    version => '2018-08-01');
wait_for('the store', 20, sub { $sdk->call('DescribeStore', {})->{answer} });

my $now = int time;
my ($name, $value) = ('InvalidParameter.InvalidVodFileName',
                      'InvalidParameterValue');

# --- templates

my $id = good('CreateLiveRecordTemplate', { TemplateName => "t_1-\x{6a21}",
    Description => 'd', HlsParam => { Enable => 1, StorageTime => "0",
    VodFileName => '{StreamID}_{StartYear}' },
    HlsSpecialParam => { FlowContinueDuration => 120 },
    Mp4Param => { Enable => "1", RecordInterval => 3600, StorageTime => 86400,
                  CosBucketName => 'recordings', CosBucketPath => '/a/{RandomID}',
                  ClassId => 7 },
    RemoveWatermark => "true" })->{TemplateId};

bad('CreateLiveRecordTemplate', @$_) for
    [ {}, 'MissingParameter' ],
    [ { TemplateName => "t_1-\x{6a21}" }, $value ],
    [ { TemplateName => 'default' }, $value ],
    [ { TemplateName => 'a b' }, $value ],
    [ { TemplateName => 'off' }, $value ],
    [ { TemplateName => 'a', IsDelayLive => 1 }, $value ],
    [ { TemplateName => 'a', Nothing => 1 }, 'UnknownParameter' ],
    [ { TemplateName => 'a', FlvParam => { Nothing => 1 } },
      'UnknownParameter' ],
    [ { TemplateName => 'a', FlvParam => 1 }, 'InvalidParameter' ],
    [ { TemplateName => 'a', Mp3Param => { Enable => 1 } }, $value ],
    [ { TemplateName => 'a', AacParam => { Enable => 1,
        RecordInterval => 7201 } }, $value ],
    [ { TemplateName => 'a', FlvParam => { StorageTime => 129600001 } },
      $value ],
    [ { TemplateName => 'a', HlsSpecialParam => {
        FlowContinueDuration => 1801 } }, $value ],
    [ { TemplateName => 'a', Mp4Param => { Enable => 1,
        CosBucketName => 'other' } }, 'InvalidParameter' ],
    (map { [ { TemplateName => 'a', HlsParam => { Enable => 1, %$_ } }, $name ] }
     { VodFileName => '../{StreamID}' }, { VodFileName => 'a//b' },
     { VodFileName => './a' }, { VodFileName => '/etc/x' },
     { VodFileName => 'a/{Nothing}' }, { VodFileName => '{EndYear}' },
     { CosBucketPath => 'a' }, { CosBucketPath => '/a/../b' },
     { CosBucketPath => '//a' });

good('ModifyLiveRecordTemplate', { TemplateId => $id,
     FlvParam => { Enable => 1, RecordInterval => 60 } });
my $told = good('DescribeLiveRecordTemplate',
                { TemplateId => "$id" })->{Template};
is($told->{TemplateName}, "t_1-\x{6a21}", 'its name');
is_deeply([ map { $told->{$_}{Enable} } qw(FlvParam HlsParam Mp4Param AacParam
                                           Mp3Param) ],
          [ 1, 1, 1, 0, 0 ], 'what was given before stays');
is_deeply([ $told->{FlvParam}{RecordInterval}, $told->{Mp4Param}{StorageTime},
            $told->{Mp4Param}{ClassId}, $told->{AacParam}{RecordInterval},
            $told->{HlsSpecialParam}{FlowContinueDuration} ],
          [ 60, 86400, 7, 1800, 120 ], 'and is told');
is(scalar(@{ good('DescribeLiveRecordTemplates', {})->{Templates} }), 2,
   'with the one of the configuration');
my ($default) = map { $_->{TemplateId} } grep { $_->{Configured} }
                @{ good('DescribeLiveRecordTemplates', {})->{Templates} };

for my $action ('Modify', 'Delete', 'Describe') {
    bad("${action}LiveRecordTemplate", {}, 'MissingParameter');
    bad("${action}LiveRecordTemplate", { TemplateId => 17 },
        'InternalError.ConfNotFound');
    bad("${action}LiveRecordTemplate", { TemplateId => $default },
        'UnsupportedOperation') if $action ne 'Describe';
}

bad('ModifyLiveRecordTemplate', { TemplateId => $id, TemplateName => 'x' },
    $value);

# --- rules

my $rule = { DomainName => '192.0.2.7', StreamName => "\x{6d41}" };
good('CreateLiveRecordRule', { %$rule, TemplateId => $id });
bad('CreateLiveRecordRule', { %$rule, TemplateId => $default },
    'FailedOperation.RuleAlreadyExist');
bad('CreateLiveRecordRule', @$_) for
    [ { TemplateId => $id }, 'MissingParameter' ],
    [ { DomainName => 'a' }, 'MissingParameter' ],
    (map { [ { DomainName => $_, TemplateId => $id },
             'InvalidParameter.DomainFormatError' ] }
         'a/b', '[', '[]', '[::1', '[::1]a', '[a.b]', '.', 'a..b', '::1'),
    [ { DomainName => 'a', TemplateId => 17 },
      'InvalidParameter.ConfNotFound' ];
bad('DeleteLiveRecordTemplate', { TemplateId => $id },
    'FailedOperation.ConfInUsed');
my ($listed) = @{ good('DescribeLiveRecordRules', {})->{Rules} };
like("$listed->{DomainName} $listed->{TemplateId} $listed->{CreateTime}",
     qr/^192\.0\.2\.7 $id \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, 'a rule is told');
bad('DeleteLiveRecordRule', { DomainName => '192.0.2.7' },
    'InternalError.RuleNotFound');
bad('DeleteLiveRecordRule', {}, 'MissingParameter');
bad('DeleteLiveRecordRule', { DomainName => '?' },
    'InvalidParameter.DomainFormatError');
good('DeleteLiveRecordRule', $rule);
good("${_}LiveRecordRule", { DomainName => '[2001:DB8::7]', AppName => 'a',
                             TemplateId => $id }) for 'Create', 'Delete';
good('DeleteLiveRecordTemplate', { TemplateId => $id });

# --- as many as there may be

good('CreateLiveRecordTemplate', { TemplateName => "n$_" }) for 1 .. 50;
bad('CreateLiveRecordTemplate', { TemplateName => 'n51' },
    'InternalError.ConfOutLimit');
good('CreateLiveRecordRule', { DomainName => "d$_", TemplateId => $default })
    for 1 .. 50;
bad('CreateLiveRecordRule', { DomainName => 'd51', TemplateId => $default },
    'InternalError.ConfOutLimit');
bad('CreateLiveRecordRule', { DomainName => 'd50', TemplateId => $default },
    'FailedOperation.RuleAlreadyExist');

# --- callback templates

my $url = 'http://127.0.0.1:9/x?y=z';
my $callback = good('CreateLiveCallbackTemplate', { TemplateName => "c_1-\x{6a21}",
    Description => 'd', RecordNotifyUrl => $url, RecordStatusNotifyUrl => $url,
    RecordExceptionNotifyUrl => $url, RecordExceptionLevels => ['error', 'info'],
    CallbackKey => 'k', SnapshotNotifyUrl => $url })->{TemplateId};

bad('CreateLiveCallbackTemplate', @$_) for
    [ {}, 'MissingParameter' ],
    [ { TemplateName => 'a' }, 'MissingParameter' ],
    [ { TemplateName => 'a', RecordNotifyUrl => '' }, 'MissingParameter' ],
    [ { TemplateName => 'a b', RecordNotifyUrl => $url }, $value ],
    [ { TemplateName => "c_1-\x{6a21}", RecordNotifyUrl => $url }, $value ],
    [ { TemplateName => 'a', TemplateId => 7, RecordNotifyUrl => $url },
      'UnknownParameter' ],
    [ { TemplateName => 'a', Nothing => 1 }, 'UnknownParameter' ],
    [ { TemplateName => 'a', RecordNotifyUrl => 7 }, 'InvalidParameter' ],
    [ { TemplateName => 'a', RecordNotifyUrl => 'http://a/' . 'b' x 1024 },
      $value ],
    [ { TemplateName => 'a', RecordNotifyUrl => $url,
        RecordExceptionLevels => ['worst'] }, $value ],
    map { [ { TemplateName => 'a', RecordNotifyUrl => $_ },
            'InvalidParameter.UrlNotSafe' ] }
        'exec:/bin/true', 'ftp://a/', 'http://169.254.1.1/';

good('ModifyLiveCallbackTemplate', { TemplateId => $callback,
     RecordStatusNotifyUrl => '', CallbackKey => 'another' });
$told = good('DescribeLiveCallbackTemplate',
             { TemplateId => "$callback" })->{Template};
is_deeply([ @$told{qw(TemplateName Description RecordNotifyUrl
                      RecordStatusNotifyUrl SnapshotNotifyUrl CallbackKey)},
            @{ $told->{RecordExceptionLevels} } ],
          [ "c_1-\x{6a21}", 'd', $url, '', $url, 'another', 'error', 'info' ],
          'a callback template is told');
is(scalar(@{ good('DescribeLiveCallbackTemplates', {})->{Templates} }), 2,
   'with the one of the configuration');
my ($notify) = map { $_->{TemplateId} } grep { $_->{Configured} }
               @{ good('DescribeLiveCallbackTemplates', {})->{Templates} };
is(good('DescribeLiveCallbackTemplate', { TemplateId => $notify })
   ->{Template}{RecordExceptionNotifyUrl}, 'http://127.0.0.1:9/notify',
   'of which one is told, too');

for my $action ('Modify', 'Delete', 'Describe') {
    bad("${action}LiveCallbackTemplate", {}, 'MissingParameter');
    bad("${action}LiveCallbackTemplate", { TemplateId => 17 },
        'InternalError.ConfNotFound');
    bad("${action}LiveCallbackTemplate", { TemplateId => $notify },
        'UnsupportedOperation') if $action ne 'Describe';
}

bad('ModifyLiveCallbackTemplate', { TemplateId => $callback, @$_ }, $value)
    for [ TemplateName => 'x' ];
bad('ModifyLiveCallbackTemplate', { TemplateId => $callback,
    RecordNotifyUrl => 'exec:x' }, 'InvalidParameter.UrlNotSafe');

$rule = { DomainName => '192.0.2.7', AppName => 'live' };
good('CreateLiveCallbackRule', { %$rule, TemplateId => $callback });
bad('CreateLiveCallbackRule', { %$rule, TemplateId => $callback },
    'FailedOperation.RuleAlreadyExist');
bad('CreateLiveCallbackRule', @$_) for
    [ { TemplateId => $callback }, 'MissingParameter' ],
    [ { DomainName => 'a' }, 'MissingParameter' ],
    [ { DomainName => 'a/b', TemplateId => $callback },
      'InvalidParameter.DomainFormatError' ],
    [ { DomainName => 'a', TemplateId => 17 },
      'InvalidParameter.ConfNotFound' ],
    [ { DomainName => 'a', TemplateId => $notify }, 'UnsupportedOperation' ];
bad('DeleteLiveCallbackTemplate', { TemplateId => $callback },
    'FailedOperation.ConfInUsed');
($listed) = @{ good('DescribeLiveCallbackRules', {})->{Rules} };
like("$listed->{DomainName}/$listed->{AppName} $listed->{TemplateId} "
     . $listed->{CreateTime},
     qr{^192\.0\.2\.7/live $callback \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$},
     'a callback rule is told');
bad('DeleteLiveCallbackRule', { DomainName => '192.0.2.7' },
    'InternalError.RuleNotFound');
bad('DeleteLiveCallbackRule', {}, 'MissingParameter');
bad('DeleteLiveCallbackRule', { DomainName => '?' },
    'InvalidParameter.DomainFormatError');
good('DeleteLiveCallbackRule', $rule);
good('DeleteLiveCallbackTemplate', { TemplateId => $callback });

good('CreateLiveCallbackTemplate', { TemplateName => "n$_",
     RecordNotifyUrl => $url }) for 1 .. 50;
bad('CreateLiveCallbackTemplate', { TemplateName => 'n51',
    RecordNotifyUrl => $url }, 'InternalError.ConfOutLimit');
($callback) = map { $_->{TemplateId} } grep { !$_->{Configured} }
              @{ good('DescribeLiveCallbackTemplates', {})->{Templates} };
good('CreateLiveCallbackRule', { DomainName => "d$_",
     TemplateId => $callback }) for 1 .. 50;
bad('CreateLiveCallbackRule', { DomainName => 'd51',
    TemplateId => $callback }, 'InternalError.ConfOutLimit');
bad('CreateLiveCallbackRule', { DomainName => 'd50',
    TemplateId => $callback }, 'FailedOperation.RuleAlreadyExist');

# --- tasks

my $stream = { DomainName => 'push.example.com', AppName => 'live',
               StreamName => "\x{6d41}test" };
my $task = good('CreateRecordTask', { %$stream, EndTime => $now + 3600,
                TemplateId => 17016 })->{TaskId};
bad('CreateRecordTask', @$_) for
    [ { %$stream }, 'MissingParameter' ],
    [ { EndTime => $now + 60 }, 'MissingParameter' ],
    [ { %$stream, EndTime => $now - 1 }, $value ],
    [ { %$stream, StartTime => $now + 60, EndTime => $now + 60 }, $value ],
    [ { %$stream, StartTime => $now, EndTime => $now + 86402 }, $value ],
    [ { %$stream, StartTime => $now + 7 * 86400, EndTime => $now + 8 * 86400 },
      $value ],
    [ { %$stream, DomainName => 'a b', EndTime => $now + 60 },
      'InvalidParameter.DomainFormatError' ];
good('CreateRecordTask', { %$stream, EndTime => $now + 1800 }) for 1, 2;
bad('CreateRecordTask', { %$stream, EndTime => $now + 60 },
    'LimitExceeded.MaximumRunningTask');

my $span = { StartTime => $now - 60, EndTime => $now + 86400 };
is(scalar(@{ good('DescribeRecordTask', $span)->{TaskList} }), 3, 'three');
my ($one) = grep { $_->{TaskId} eq $task }
            @{ good('DescribeRecordTask', { %$span, %$stream })->{TaskList} };
is_deeply([ @$one{qw(StreamName EndTime TemplateId Stopped)} ],
          [ "\x{6d41}test", $now + 3600, 17016, 0 ], 'a task is told');
is(scalar(@{ good('DescribeRecordTask', { %$span, AppName => 'x' })
             ->{TaskList} }), 0, 'of another application');
bad('DescribeRecordTask', @$_) for
    [ {}, 'MissingParameter' ],
    [ { StartTime => $now, EndTime => $now + 7 * 86400 + 1 }, $value ],
    [ { StartTime => $now - 91 * 86400, EndTime => $now - 90 * 86400 },
      $value ],
    map { [ { %$span, ScrollToken => $_ }, $value ] }
        'x', "$now.1x", "$now.1 ", "-1.1";

good('StopRecordTask', { TaskId => $task });
good('DeleteRecordTask', { TaskId => $task });

for my $action ('StopRecordTask', 'DeleteRecordTask') {
    bad($action, {}, 'MissingParameter');
    bad($action, { TaskId => $task }, 'ResourceNotFound.TaskId');
    bad($action, { TaskId => 'nothing' }, 'ResourceNotFound.TaskId');
}

# --- pages of tasks

good('CreateRecordTask', { %$stream, StreamName => "p$_",
                           EndTime => $now + 3600 + $_ }) for 1 .. 101;
my ($n, $token, %seen) = (0, '');

do {
    my $page = good('DescribeRecordTask', { %$span, ScrollToken => $token });
    $seen{ $_->{TaskId} }++ for @{ $page->{TaskList} };
    $token = $page->{ScrollToken};
} while ($token ne '' && ++$n < 5);

is(join(' ', scalar keys %seen, $n), '103 1', 'each once, on two pages');

# --- tasks of all streams that there may be

my ($failed) = run('sqlite3', '-bail', '-cmd', '.timeout 5000', $t->db,
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE'
    . ' i < 3900) INSERT INTO record_tasks SELECT "x" || i, "a", "b",'
    . ' "s" || i, 0, ' . "$now, ($now + 3600) * 1000000, 0, 0 FROM n");
is($failed, 0, 'many tasks');
bad('CreateRecordTask', { %$stream, StreamName => 'more',
    EndTime => $now + 60 }, 'LimitExceeded.MaximumRunningTask');

# --- recordings

for my $action ('StopRecording', 'CutRecording') {
    bad($action, {}, 'MissingParameter');
    bad($action, { RecordingId => 'x' }, $value);
    bad($action, { RecordingId => '17' }, 'ResourceNotFound');
}

is($sdk->end, 0, 'the client');
$t->wait_log(qr/notice.*CreateLiveRecordTemplate of t_1-.*, without effect: ClassId RemoveWatermark by key "AKIDtest" from 127/);
$t->wait_log(qr/notice.*StopRecordTask of $task by key "AKIDtest"/);
$t->done;

sub good {
    my ($action, $params) = @_;
    my $got = $sdk->call($action, $params);
    ok($got->{answer}, $action) or diag explain $params, $got;
    return $got->{answer} || {};
}

sub bad {
    my ($action, $params, $code) = @_;
    my $got = $sdk->call($action, $params);
    is($got->{code}, $code, "$action: $code") or diag explain $params, $got;
}
