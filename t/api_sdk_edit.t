#!/usr/bin/perl

# The cloud's own client for Node.js trims and splices: EditMedia,
# DescribeTaskDetail and DescribeTasks, with success and with each error code.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Sdk qw(client);
use Recording::Util qw(spew wait_for);

my $why = client();

plan skip_all => $why if $why;

my $t = Recording::Nginx->new;
my $media = media(duration => 3, gop => 1, fps => 10, size => '160x90');
spew($t->dir . '/key', "secretkeysecretkeysecretkeysecre\n");
chmod 0600, $t->dir . '/key';

$t->conf(<<'CONF', KEY => $t->dir . '/key')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0 url=http://media.example.com/;
    record_template one { format mp4 resume=30m; format flv; }
    record_template two { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
        application other { live on; record_rule two; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api { record_api; record_api_key AKIDtest %%KEY%%; }
    }
}
CONF

my $sdk = Recording::Sdk->new('127.0.0.1:' . $t->port(1) . '/api',
    id => 'AKIDtest', key => 'secretkeysecretkeysecretkeysecre',
    version => '2018-07-17');
$t->allow(qr/a file of others cannot be made/);
wait_for('the store', 20, sub { $sdk->call('DescribeStore', {})->{answer} });

publish('live', "\xe6\xb5\x81");
publish('other', 'b');
wait_for('the files', 30, sub {
    'finished finished paused' eq join ' ', sort map { $_->{state} } $t->files;
});

my ($id) = map { $_->{file_id} } $t->files(state => 'finished',
                                           app => 'live');
my ($paused) = map { $_->{file_id} } $t->files(state => 'paused');
my $name = "\x{65b0}\x{95fb}";

# --- done

my $task = good('EditMedia', { InputType => 'File', FileInfos => [
    { FileId => $id, StartTimeOffset => 1.5, EndTimeOffset => 2.5 },
    { FileId => $id, EndTimeOffset => '1' } ],
    OutputConfig => { MediaName => $name, Type => 'mp4', ClassId => 7,
                      ExpireTime => '9999-12-31T23:59:59Z' },
    SessionId => 'one', SessionContext => 'x' })->{TaskId};

my $told = done($task);
my $edited = $told->{EditMediaTask};
is("$told->{TaskType} $edited->{Status} $edited->{ErrCode}"
   . " $edited->{Progress}", 'EditMedia FINISH 0 100', 'it is told');
is($edited->{TaskId}, $task, 'by its id');
is($edited->{Input}{FileInfoSet}[0]{StartTimeOffset}, 1.5,
   'what was asked for');
is($edited->{Output}{FileUrl}, 'http://media.example.com/live/%E6%B5%81/'
   . '%E6%96%B0%E9%97%BB.mp4', 'where it plays');
is(scalar @{ $edited->{TakenSet} }, 2, 'what was taken');

my ($info) = @{ good('DescribeMediaInfos', { FileIds =>
                     [ $edited->{Output}{FileId} ] })->{MediaInfoSet} };
is($info->{BasicInfo}{SourceInfo}{SourceType}, 'VideoProcessing',
   'it is known as a file');

$told = done(good('EditMedia', stream('b'))->{TaskId});
is($told->{EditMediaTask}{Message}, '', 'what a stream was');
is(scalar @{ $told->{EditMediaTask}{Input}{FileInfoSet} }, 1, 'of its file');

# --- and not

my @value = ('InvalidParameterValue', 'InvalidParameterValue.FileId');
bad('EditMedia', @$_) for
    [ {}, 'MissingParameter' ],
    [ file($id, InputType => 'x'), $value[0] ],
    [ file($id, Nothing => 1), 'UnknownParameter' ],
    [ file($id, FileInfos => 'x'), 'InvalidParameter' ],
    [ file($id, SessionId => 'one'), 'InvalidParameterValue.SessionId' ],
    [ file('17'), $value[1] ],
    [ stream("\x{6d41}"), 'ResourceInUse' ],
    [ stream('c'), 'ResourceNotFound' ],
    [ { InputType => 'Stream' }, 'MissingParameter' ],
    [ file($paused), 'ResourceInUse' ];
# --- all tasks

my $all = good('DescribeTasks', { Limit => 100, SubAppId => 0 })->{TaskSet};
is(scalar @$all, 2, 'tasks are listed');
is($all->[0]{TaskId}, $told->{EditMediaTask}{TaskId}, 'the newest first');
is($all->[0]{$_}, $told->{$_}, "$_ as of one")
    for qw(TaskType Status CreateTime FinishTime);
is_deeply($all->[0]{EditMediaTask}, $told->{EditMediaTask}, 'and all of it');

my @paged;
for (my $token = ''; defined $token;) {
    my $page = good('DescribeTasks', { Limit => 1, ScrollToken => $token }, 1);
    push @paged, map { $_->{TaskId} } @{ $page->{TaskSet} };
    $token = $page->{ScrollToken} || undef;
}
is("@paged", join(' ', map { $_->{TaskId} } @$all), 'page after page');

my %of = map {
    $_ => good('DescribeTasks', { Status => $_, Limit => 100 }, 1)->{TaskSet}
} qw(WAITING PROCESSING FINISH);
is(scalar @{ $of{FINISH} }, scalar @$all, 'those that are over');
is(scalar @{ $of{$_} }, 0, "none is $_") for qw(WAITING PROCESSING);

bad('DescribeTasks', @$_) for
    [ { Status => 'DONE' }, $value[0] ], [ { Limit => 0 }, $value[0] ],
    [ { Limit => 101 }, $value[0] ], [ { ScrollToken => 'x' }, $value[0] ],
    [ { FileId => $id }, $value[0] ];
bad('DescribeTaskDetail', {}, 'MissingParameter');
bad('DescribeTaskDetail', { TaskId => 'edit-17' }, 'ResourceNotFound.TaskId');

is($sdk->end, 0, 'the client');
$t->wait_log(qr/notice.*EditMedia of $task by key "AKIDtest"/);
$t->done;

sub publish {
    my $publisher = $t->publisher(@_);
    $publisher->send_flv($media);
    $publisher->delete_stream->close;
}

sub done {
    my ($id) = @_;

    my $detail;
    wait_for('it to be done', 30, sub {
        $detail = good('DescribeTaskDetail', { TaskId => $id }, 1);
        $detail->{Status} eq 'FINISH';
    });

    return $detail;
}

sub stream {
    my ($name) = @_;
    return { InputType => 'Stream', StreamInfos => [ { StreamId => $name,
             StartTime => '2020-01-01T00:00:00Z',
             EndTime => '2099-01-01T00:00:00+08:00' } ] };
}

sub file {
    my ($file, %more) = @_;
    return { InputType => 'File', FileInfos => [ { FileId => $file } ],
             %more };
}

sub good {
    my ($action, $params, $quiet) = @_;

    my $got = $sdk->call($action, $params);
    ok($got->{answer}, $action) if !$quiet || !$got->{answer};
    diag("$got->{code} $got->{message}") if !$got->{answer};

    return $got->{answer};
}

sub bad {
    my ($action, $params, $code) = @_;

    is($sdk->call($action, $params)->{code}, $code, "$action: $code");
}
