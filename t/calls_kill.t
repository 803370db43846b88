#!/usr/bin/perl

# Each call that changes something, and nginx killed right behind its answer:
# what was answered is so after the next start, with all that follows from it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Edit;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
my $flv = media(duration => 2, fps => 10, gop => 0.5, size => '160x90');

$t->conf(<<'CONF')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template one { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
        application none { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api private=on; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
my $edit = Recording::Edit->new(nginx => $t, api => $api);
my $later = 0;
my %id;
$edit->ready;

# --- templates and rules

%id = %{ killed('CreateLiveRecordTemplate', { TemplateName => 'called',
                                              FlvParam => { Enable => 1 } }) };
killed('CreateLiveRecordRule', { rule('s'), TemplateId => $id{TemplateId} });
is(formats('s', 1), 'flv', 'recorded as the rule says');

killed('ModifyLiveRecordTemplate',
       { TemplateId => $id{TemplateId}, FlvParam => { Enable => 0 },
         Mp4Param => { Enable => 1 } });
is(formats('s', 2), 'flv mp4', 'recorded as the template says now');

killed('DeleteLiveRecordRule', { rule('s') });
is(formats('s', 2), 'flv mp4', 'not recorded any more');
killed('DeleteLiveRecordTemplate', { TemplateId => $id{TemplateId} });
is($api->code('DescribeLiveRecordTemplate', { TemplateId => $id{TemplateId} }),
   'InternalError.ConfNotFound', 'the template is gone');

# --- who is told

%id = %{ killed('CreateLiveCallbackTemplate',
                { TemplateName => 'told',
                  RecordNotifyUrl => 'http://127.0.0.1:1/first' }) };
killed('CreateLiveCallbackRule', { DomainName => 'push.example.com',
                                   AppName => '', TemplateId => $id{TemplateId} });
publish('live', 't1');
finished('t1');
is(waiting(), 1, 'an event waits');
killed('ModifyLiveCallbackTemplate',
       { TemplateId => $id{TemplateId},
         RecordNotifyUrl => 'http://127.0.0.1:1/second' });
is(join(' ', map { $_->{url} }
             $t->catalogue('SELECT url FROM callback_targets')),
   'http://127.0.0.1:1/second', 'another URL');
is(waiting(), 1, 'the event waits for that');
killed('DeleteLiveCallbackRule', { DomainName => 'push.example.com',
                                   AppName => '' });
publish('live', 't2');
finished('t2');
is(waiting(), 1, 'no other event');
killed('DeleteLiveCallbackTemplate', { TemplateId => $id{TemplateId} });
wait_for('the event to be dead', 30, sub {
    events("= 'dead'") == 1 && waiting() == 0 });

my %url = (RecordNotifyUrl => 'http://127.0.0.1:1/second');
$api->call('CreateLiveCallbackTemplate', { TemplateName => 'told', %url });
killed('RetryDelivery', { DeliveryIds => [ map { "$_->{id}" }
    $t->catalogue("SELECT id FROM outbox WHERE state = 'dead'") ] });
is(waiting(), 1, 'it is told again');

# --- tasks

my $task = killed('CreateRecordTask',
                  { rule('task'), EndTime => int(time) + 3600 })->{TaskId};
publish('none', 'task');
finished('task');
my $files = recorded($task);
ok($files, 'recorded by its task');
killed('StopRecordTask', { TaskId => $task });
publish('none', 'task');
is(recorded($task), $files, 'not any more');
$task = killed('CreateRecordTask',
               { rule('task'), EndTime => int(time) + 3600 })->{TaskId};
killed('DeleteRecordTask', { TaskId => $task });
publish('none', 'task');
is(recorded($task), 0, 'nor by one that was deleted');

# --- files

my ($file) = $t->files(stream => 't1');
killed('ModifyMediaInfo', { FileId => $file->{file_id},
                            ExpireTime => '2099-01-02T03:04:05Z' });
($file) = $t->files(stream => 't1');
is($file->{expire_us}, 4071006245 * 1e6, 'it expires then');

my $made = killed('EditMedia', { InputType => 'File',
    FileInfos => [ { FileId => $file->{file_id} } ],
    OutputConfig => { Type => 'mp4' } })->{TaskId};
my $done = $edit->wait($made);
is("$done->{ErrCode} $done->{Message}", '0 ', 'another file is made of it');
ok(-s $edit->path($done), 'and is there');

my $path = $t->store . "/files/$file->{path}";
ok(-s $path, 'it is there');
killed('DeleteMedia', { FileId => $file->{file_id} });
wait_for('its end', 30, sub { !-e $path });
is(join(' ', map { $_->{state} } $t->files(file_id => $file->{file_id})),
   'deleted', 'it is deleted');

$t->done;

# calls, and nginx is killed when the answer is there
sub killed {
    my ($action, $params) = @_;

    my $answer = $api->call($action, $params);
    $t->kill9;
    is($answer->{Error} ? "$answer->{Error}{Code} $answer->{Error}{Message}"
                        : '', '', $action);
    $t->start;
    $edit->ready;

    return $answer;
}

sub rule {
    my ($stream) = @_;
    return (DomainName => 'push.example.com', AppName => 'none',
            StreamName => $stream);
}

sub publish {
    my ($app, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app, tcUrl => "rtmp://push.example.com/$app");
    $r->publish($stream);
    $r->send_flv($flv);
    $r->wait_delivered;

    # what was to be known of the stream is by now
    if ($app eq 'none') {
        publish('live', 'later' . ++$later);
        finished("later$later");
    }

    $r->delete_stream->close;
}

sub finished {
    my ($stream) = @_;

    wait_for("the file of $stream", 30, sub {
        my @files = $t->files(stream => $stream);
        @files && !grep { $_->{state} ne 'finished' } @files });
}

# of so many files of a stream that is published now
sub formats {
    my ($stream, $n) = @_;

    publish('none', $stream);
    return join ' ', sort map { $_->{format} }
                          $t->wait_files($n, stream => $stream);
}

# how many files are of a task
sub recorded {
    my ($task) = @_;
    return scalar grep { $_->{task_id} eq $task } $t->files;
}

# events that are not told: one is tried now, maybe
sub waiting { return events("NOT IN ('done', 'dead')") }

sub events {
    my ($state) = @_;
    return ($t->catalogue('SELECT count(*) AS n FROM outbox'
                          . " WHERE template LIKE 'callback%'"
                          . " AND state $state"))[0]{n};
}
