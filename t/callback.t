#!/usr/bin/perl

# Callback templates and rules by call: who is told of what, signed by which
# key, in whichever worker; what waits finds its URL and its key after a kill
# and goes where the template leads to by then; what waits for one that is
# deleted is dead.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(hmac_sha256_hex);
use Test::More;
use Time::HiRes qw(sleep);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Told;
use Recording::Util qw(run wait_for);

my $t = Recording::Nginx->new;
my $flv = media(duration => 2, size => '160x90');
my ($one, $two, $own) = map { Recording::Told->new(port => $t->port($_)) }
                        2 .. 4;
my $conf = <<'CONF';
worker_processes 2;
rtmp {
    record_store %%STORE%%%%STORE_ARGS%%;
    record_template default { format flv;
        notify http://127.0.0.1:%%PORT_4%%/own appid=77 events=%%EVENTS%%; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule default; }
        application bare { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api private=on; record_api_key off; }
        location /read/ { record_api; }
        location /strict/ { record_api; record_api_key off; }
    }
}
CONF
$t->conf($conf, STORE_ARGS => '', EVENTS => 'file')->start;

my $api = Recording::Api->new(port => $t->port(1));
ready();

# --- a template, which is told of and of which the key is no secret to those
# who may change it

my $key = 'adasda13';
my $told = create('back-end', CallbackKey => $key,
    RecordNotifyUrl => 'http://127.0.0.1:' . $t->port(2) . '/file?a=b',
    RecordStatusNotifyUrl => 'http://localhost:' . $t->port(2) . '/status',
    RecordExceptionNotifyUrl => 'http://127.0.0.1:' . $t->port(2) . '/wrong',
    RecordExceptionLevels => ['warning'],
    StreamBeginNotifyUrl => 'http://127.0.0.1/begin');
my $other = create('other',
    RecordNotifyUrl => 'http://127.0.0.1:' . $t->port(3) . '/other');

my $shown = template($told);
is($shown->{CallbackKey}, $key, 'the key is told');
is($shown->{StreamBeginNotifyUrl}, 'http://127.0.0.1/begin',
   'and what has no effect');
is_deeply($shown->{RecordExceptionLevels}, ['warning'], 'and the levels');
my $reads = Recording::Api->new(port => $t->port(1), path => '/read/');
is(template($told, $reads)->{CallbackKey}, '', 'not to those who only read');

my ($configured) = grep { $_->{Configured} }
                   @{ $api->call('DescribeLiveCallbackTemplates')->{Templates} };
is("$configured->{TemplateName} $configured->{RecordNotifyUrl}",
   'default http://127.0.0.1:' . $t->port(4) . '/own',
   'a notify of the configuration is listed');
is($api->code("${_}LiveCallbackTemplate",
              { TemplateId => $configured->{TemplateId} }),
   'UnsupportedOperation', "$_: it is read-only") for qw(Modify Delete);

# --- who is told

rule('push.example.com', '', $told);
rule('push.example.com', 'other', $other);
rule('d.example.com', 'live', $other);

publish('PUSH.example.com', 'live', 's1');
my @events = $one->wait_events(3, 30);
is(join(' ', sort map { what($_) } @events),
   '/file?a=b:100 /status:record_ended /status:record_start_succeeded',
   'a stream of the domain, each at its URL');
is(join(' ', map { $_->{json}{seq} } grep { $_->{path} eq '/status' }
             @events), '1 2', 'in the order of their numbers');

for my $event (@events) {
    my $json = $event->{json};
    my ($time, $v1) = $event->{headers}{'x-recording-signature'}
                      =~ /^t=(\d+),v1=(\w+)$/;

    is($json->{sign}, md5_hex($key . $json->{t}), what($event) . ': sign');
    is($v1, hmac_sha256_hex("$time.$event->{body}", $key), 'and the body');
    is($json->{appid}, 77, 'as template default has it');
    is($json->{stream_id}, 's1', 'its stream');
}

is(($own->wait_events(1, 30))[0]{json}{stream_id}, 's1',
   'the notify of the template is told as well');

publish('d.example.com', 'live', 's2');
is(what(($two->wait_events(1, 30))[0]), '/other:100', 'by the application');
is(($two->events)[0]{json}{sign}, undef, 'without a key it is not signed');
publish('e.example.com', 'live', 's3');
$own->wait_events(3, 30);
is(scalar($one->events) . scalar($two->events), '31', 'nobody else is told');

# --- what by a template of a call is recorded, and its tasks

my $made = $api->call('CreateLiveRecordTemplate',
    { TemplateName => 'made', AacParam => { Enable => 1 } })->{TemplateId};
is($api->code('CreateRecordTask', { DomainName => 'push.example.com',
    AppName => 'bare', StreamName => 's4', TemplateId => $made,
    EndTime => time + 600 }), '', 'a task');
publish('push.example.com', 'bare', 's4');
@events = grep { $_->{json}{stream_id} eq 's4' } $one->wait_events(6, 30);
is(join(' ', sort map { what($_) } @events),
   '/file?a=b:100 /status:record_ended /status:record_start_succeeded',
   'a task by a template of a call');
my ($file) = grep { $_->{path} =~ /file/ } @events;
is($file->{json}{record_temp_id}, 'made', 'its template');
like($file->{json}{task_id}, qr/^\d+$/, 'its task');
ok((grep { $_->{json}{stream_id} eq 's4' } $own->wait_events(4, 30)),
   'told to whom default tells, too');

# --- an exception, by its level: timestamps that jump

publish('push.example.com', 'live', 's5', jump => 1);
ok(wait_for('an exception', 30, sub {
    grep { $_->{path} eq '/wrong' } $one->events(341) }), 'is told');
my ($wrong) = $one->events(341);
is("$wrong->{json}{exception_level} $wrong->{json}{stream_id}", 'warning s5',
   'at its URL');
is($api->code('ModifyLiveCallbackTemplate', { TemplateId => $told,
    RecordExceptionLevels => ['error'] }), '', 'other levels');
my $n = () = $one->events(341);
publish('push.example.com', 'live', 's6', jump => 1);
wait_for('its file', 30, sub {
    grep { $_->{json}{stream_id} eq 's6' && $_->{path} =~ /file/ }
    $one->events });
is(scalar(() = $one->events(341)), $n, 'of others nobody is told');

# --- what waits is told after a kill

$one->stop;
publish('push.example.com', 'live', 's7');
wait_for('events that wait', 30, sub { waiting('s7') == 3 });
$t->kill9;
$t->allow(qr/exited on signal 9/);
$t->start;
ready();
$one->start;
now();
ok(wait_for('them', 60, sub {
    3 == grep { $_->{status} == 200 && $_->{json}{stream_id} eq 's7' }
         $one->events }), 'they are told');
my ($signed) = grep { $_->{json}{stream_id} eq 's7' } $one->events;
is($signed->{json}{sign}, md5_hex($key . $signed->{json}{t}),
   'and signed, with the same key');

# --- and goes where the template leads to by then

$one->set(status => 403);
publish('push.example.com', 'live', 's8');
wait_for('events that wait', 30, sub { waiting('s8') == 3 });
is($api->code('ModifyLiveCallbackTemplate', { TemplateId => $told,
    RecordNotifyUrl => 'http://127.0.0.1:' . $t->port(3) . '/new',
    CallbackKey => 'another' }), '', 'the URL is another one');
ok(wait_for('it', 30, sub {
    grep { $_->{path} eq '/new' && $_->{json}{stream_id} eq 's8' }
    $two->events }), 'what waited goes there');
my ($new) = grep { $_->{path} eq '/new' } $two->events;
is($new->{json}{sign}, md5_hex('another' . $new->{json}{t}),
   'with the key of now');

# --- what waits for one that is gone is dead, and says so

put_off('s8', 2);
is($api->code('ModifyLiveCallbackTemplate', { TemplateId => $told,
    RecordStatusNotifyUrl => '' }), '', 'one URL less');
ok(wait_for('the end', 30, sub { dead('s8') == 2 }), 'what was for it is dead');
is(waiting('s8'), 0, 'and nothing waits for it');
$t->wait_log(qr/notice.*ModifyLiveCallbackTemplate of back-end, without effect: StreamBeginNotifyUrl, 2 events that waited/);
$two->set(status => 403);
publish('d.example.com', 'live', 's9');
put_off('s9', 1);
is($api->code('DeleteLiveCallbackTemplate', { TemplateId => $other }),
   'FailedOperation.ConfInUsed', 'a rule has it');
is($api->code('DeleteLiveCallbackRule', { DomainName => 'd.example.com',
    AppName => 'live' }), '', 'a rule less');
is($api->code('DeleteLiveCallbackRule', { DomainName => 'push.example.com',
    AppName => 'other' }), '', 'and another one');
is($api->code('DeleteLiveCallbackTemplate', { TemplateId => $other }), '',
   'and the template');
$t->wait_log(qr/notice.*DeleteLiveCallbackTemplate of other, 1 events that waited for it are not told any more/);
my ($dead) = grep { $_->{RecordingId} eq recording('s9') }
             @{ $api->call('DescribeStore')->{DeadLetters} };
is("$dead->{State}: $dead->{Error}",
   'dead: a call has removed this URL, or its callback template',
   'what waited is a dead letter');

# --- a recording that cannot begin has no row: it is told from memory

$t->stop;
$_->set for $one, $two, $own;
$t->conf($conf, STORE_ARGS => ' reserve=900000g', EVENTS => 'status');
$t->allow(qr/less than .* is free|no room|reserve/);
$t->start;
ready();
is($api->code('ModifyLiveCallbackTemplate', { TemplateId => $told,
    RecordStatusNotifyUrl => 'http://127.0.0.1:' . $t->port(2) . '/status' }),
   '', 'told of states');
is($api->code('CreateLiveRecordRule', { DomainName => 'push.example.com',
    AppName => 'bare', TemplateId => $made }), '', 'a rule');

# a worker that has no row to write looks four times a second whom to tell
for my $to ($one, $own) {
    my $event;
    wait_for('record_start_failed', 40, sub {
        publish('push.example.com', 'bare', 'full');
        sleep 0.3;
        ($event) = grep { $_->{json}{stream_id} eq 'full'
                          && $_->{json}{record_event} eq 'record_start_failed' }
                   $to->events(332) });
    is("$event->{json}{format} $event->{json}{seq}", 'aac 0',
       'by a template of a call, at ' . ($to == $one ? 'the URL' : 'default'));
}

$_->stop for $one, $two, $own;
$t->done;

sub ready {
    wait_for('the store', 30, sub { $api->code('DescribeStore') eq '' });
}

sub create {
    my ($name, %params) = @_;

    my $answer = $api->call('CreateLiveCallbackTemplate',
                            { TemplateName => $name, %params });
    ok($answer->{TemplateId}, "callback template $name")
        or diag explain $answer;
    return $answer->{TemplateId};
}

sub template {
    my ($id, $by) = @_;
    return ($by || $api)->call('DescribeLiveCallbackTemplate',
                               { TemplateId => $id })->{Template};
}

sub rule {
    my ($domain, $app, $id) = @_;

    is($api->code('CreateLiveCallbackRule', { DomainName => $domain,
                  AppName => $app, TemplateId => $id }), '',
       "callback rule $domain/$app");
}

# how a stream is told of
sub what {
    my ($event) = @_;
    return "$event->{path}:" . ($event->{json}{record_event}
                                || $event->{json}{event_type});
}

# events of a stream that wait for URLs of calls, and those that are dead
sub waiting { return events('waiting', @_) }
sub dead { return events('dead', @_) }

sub events {
    my ($state, $stream, $and) = @_;

    $and //= 'true';
    return scalar(() = $t->catalogue(qq{SELECT id FROM outbox WHERE state
        = '$state' AND template LIKE 'callback=%'
        AND facts ->> 'stream' = '$stream' AND $and}));
}

# what waits is tried now, and not in a minute
sub now { change("next_us = 0 WHERE state = 'waiting'") }

# so many events of a stream wait, and none of them is tried for an hour
sub put_off {
    my ($stream, $n) = @_;

    my $late = (time + 3600) . '000000';
    wait_for("$n events that wait", 30, sub {
        change("next_us = $late WHERE state = 'waiting' AND template LIKE"
               . " 'callback=%' AND facts ->> 'stream' = '$stream'");
        waiting($stream, "next_us = $late") == $n });
}

sub change {
    my ($what) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
        '.timeout 5000', $t->db, "UPDATE outbox SET $what");
    die "sqlite3: $err\n" if $status || length $err;
}

sub recording {
    my ($stream) = @_;
    return ($t->recordings(stream => $stream))[0]{recording_id};
}

sub publish {
    my ($domain, $app, $stream, %opt) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app, tcUrl => "rtmp://$domain/$app");
    $r->publish($stream);
    $r->send_flv($flv);
    $r->send_flv($flv, map => sub { $_[0][1] += 90_000; $_[0] }) if $opt{jump};
    $r->delete_stream;
    $r->close;
}
