#!/usr/bin/perl

# StopRecording, CutRecording and what ends a task, with kills and interruptions
# in between: what was answered is done, though nobody lived to obey it, and
# holds for that recording, not for the next one of its stream.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(run wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

$t->conf(<<'CONF')->start;
worker_processes 1;
thread_pool default threads=8;
rtmp {
    record_store %%STORE%%;
    record_template one { format flv resume=10m; }
    record_template two { format flv resume=10m; format mp4 resume=10m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application one { live on; record_rule one; }
        application two { live on; record_rule two; }
        application none { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
my @all = Recording::Rtmp::flv_messages(media(duration => 6, gop => 1,
                                              size => '160x90'));
my ($probe, %at);
ready();

# --- it was obeyed, and the worker killed before anything of that was written

my $s = publish('one/obeyed', 0, 1500);
my $id = recorded('obeyed');
$disk->set(armed => 1, only => '.flv');
$disk->hold(1, on => ['write']);
$s->send_flv(\@all, from => 1500, to => 1800);
wait_for('a write', 30, sub { $disk->held });
is($api->code('StopRecording', { RecordingId => $id }), '', 'stopped');
looked();
killed();
over('obeyed', $id, 1);

# --- it was not seen by anybody

$s = publish('one/unseen', 0, 1500);
$id = recorded('unseen');
killed(sub { sql("INSERT INTO record_commands (recording_id, command)"
             . " VALUES ($id, 'stop')") });
over('unseen', $id, 1);

# --- one file waits already, the other one is not repaired yet

$s = publish('two/half', 0, 1500);
$id = recorded('half', 2);
killed(sub {
    $disk->set(armed => 1, only => '.journal');
    $disk->hold(1, on => ['open']);
});
wait_for('a journal', 30, sub { $disk->held });
wait_for('the other one', 30, sub {
    $t->files(recording_id => $id, state => 'paused') == 1 });
is($api->code('StopRecording', { RecordingId => $id }), '', 'stopped');
$disk->release;
over('half', $id, 2);

# --- its recording has ended, the file was not touched

$s = publish('one/ended', 0, 1500);
$id = recorded('ended');
killed(sub { sql("UPDATE recordings SET end_us = start_us"
                 . " WHERE recording_id = $id") });
over('ended', $id, 1);

# --- its stream comes back meanwhile: the recording is not known by its number

for my $order (qw(Stop Cut)) {
    my $name = lc "back$order";
    publish("one/$name", 0, 1500)->close;
    wait_for('a file that waits', 30, sub { state_of($name) eq 'paused' });
    ($id) = map { $_->{recording_id} } $t->files(stream => $name);

    $disk->set(armed => 1, only => '.journal');
    $disk->hold(1, on => ['open']);
    $s = publish("one/$name", 0, 1500);
    wait_for('a journal', 30, sub { $disk->held });
    is($api->code($order . 'Recording', { RecordingId => $id }), '', $order);
    looked();
    $disk->release;
    wait_for('it goes on', 30, sub {
        $t->error_log =~ m{recording $id resumed, .*one/$name} });

    if ($order eq 'Stop') {
        over($name, $id, 1, $s);
        next;
    }

    wait_for('another file', 30, sub {
        more($s);
        2 == $t->files(recording_id => $id) });
    $s->close;
}

# --- it is moved on to the next file, and the worker killed before that began

$s = publish('one/cut', 0, 1500);
$id = recorded('cut');
is($api->code('CutRecording', { RecordingId => $id }), '', 'cut');
looked();
killed();
over('cut', $id, 1);

# --- one cut right behind the other

$s = publish('one/cuts', 0, 500);
$id = recorded('cuts');
for my $n (1 .. 4) {
    is($api->code('CutRecording', { RecordingId => $id }), '', "cut $n");
    wait_for('another file', 30, sub {
        more($s);
        $n + 1 == $t->files(recording_id => $id) });
}

wait_for('no order is left', 30, sub { !commands() });
$s->close;

# --- tasks that are deleted do not wait for their stream

my $template = $api->call('CreateLiveRecordTemplate', { TemplateName => 'waits',
    HlsParam => { Enable => 1 },
    HlsSpecialParam => { FlowContinueDuration => 1800 } })->{TemplateId};

for my $how (qw(before after)) {
    my $task = task("task$how", TemplateId => $template);
    $s = publish("none/task$how", 0, 1500);
    recorded("task$how");

    if ($how eq 'after') {
        $s->close;
        wait_for('it waits', 30, sub { state_of("task$how") eq 'paused' });
    }

    is($api->code('DeleteRecordTask', { TaskId => $task }), '', 'deleted');

    if ($how eq 'before') {
        looked();
        is(state_of("task$how"), 'recording', 'goes on with its stream');
        $s->close;
    }

    wait_for('its file', 30, sub { state_of("task$how") eq 'finished' });
}

# --- the worker that has the stream has begun to exit

$s = publish('one/reload', 0, 1500);
$id = recorded('reload');
$t->reload;
ready();
is($api->code('StopRecording', { RecordingId => $id }), '', 'stopped');
over('reload', $id, 1, $s);

$probe->close if $probe;
wait_for('no order is left', 30, sub { !commands() });
$t->done;

# the order was carried out: files are finished, and the next publish has a
# recording of its own
sub over {
    my ($stream, $id, $n, $s) = @_;

    my @of = $t->files(recording_id => $id);
    wait_for("$stream: its files", 30, sub {
        $n == $t->files(recording_id => $id, state => 'finished') },
        sub { join ' ', map { "$_->{format} $_->{state}" }
                        $t->files(recording_id => $id) });
    wait_for("$stream: its end", 30, sub {
        grep { $_->{recording_id} eq $id && $_->{end_us} } $t->recordings });

    if ($s) {
        $s->send_flv(\@all, from => 1500, to => 3500);
        looked();
        is((grep { $_->{stream} eq $stream } $t->recordings), 1,
           "$stream: not recorded any more");
        $s->close;
    }

    my $app = $of[0]{app};
    my $next = publish("$app/$stream", 0, 1500);
    my $other = recorded($stream, $n);
    isnt($other, $id, "$stream: recorded again");
    looked();
    is((grep { $_->{recording_id} eq $other && !$_->{end_us} } $t->recordings),
       1, "$stream: and goes on");
    $next->close;
}

sub publish {
    my ($path, $from, $to) = @_;

    my ($app, $name) = split m{/}, $path;
    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app, tcUrl => "rtmp://push.example.com/$app");
    $r->publish($name);
    $r->send_flv(\@all, from => $from, to => $to);
    $at{$r} = $to;
    return $r;
}

# another second of it, with a key frame
sub more {
    my ($r) = @_;

    my $behind = $at{$r} - 1000;
    $r->send_flv(\@all, from => 1000, to => 2000, map => sub {
        my ($message) = @_;
        $message->[1] += $behind;
        return $message;
    });
    $at{$r} += 1000;
}

# a stream's open recording, when so many files of it have frames, which a
# worker that is killed leaves
sub recorded {
    my ($stream, $n) = @_;

    my @of;
    wait_for("files of $stream", 30, sub {
        @of = $t->files(stream => $stream, state => 'recording');
        @of == ($n || 1) && @of == grep { written($_) } @of });
    return $of[0]{recording_id};
}

sub written {
    my ($row) = @_;

    my %parts = (flv => ['.flv'], mp4 => [ '.mp4', '.index' ], hls => []);
    my $work = $t->store . "/work/$row->{file_id}";
    return !grep { !-s "$work$_" } @{ $parts{ $row->{format} } };
}

sub state_of {
    my ($stream) = @_;
    return join ' ', map { $_->{state} } $t->files(stream => $stream);
}

# nginx dies, and starts again
sub killed {
    my ($meanwhile) = @_;

    undef $probe;
    $t->kill9;
    $disk->set(armed => 0);
    $disk->release;
    $meanwhile->() if $meanwhile;
    $t->start;
    ready();
}

sub ready {
    wait_for('the store', 30, sub {
        eval { $api->code('DescribeStore') eq '' } });
}

# an order that came later is carried out: those before it were met
sub looked {
    my $task = task('probe');

    $probe ||= publish('none/probe', 0, 100);
    wait_for('a look', 30, sub {
        more($probe);
        grep { $_->{task_id} eq $task } $t->recordings;
    });
    is($api->code('StopRecordTask', { TaskId => $task }), '', 'looked');
}

sub task {
    my ($stream, %more) = @_;

    my $answer = $api->call('CreateRecordTask',
        { DomainName => 'push.example.com', AppName => 'none',
          StreamName => $stream, EndTime => int(time) + 3600, %more });
    ok($answer->{TaskId}, "task of $stream") or diag explain $answer;
    return $answer->{TaskId} || '';
}

sub commands { return ($t->catalogue('SELECT count(*) AS n FROM'
                                     . ' record_commands'))[0]{n} }

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', $t->db, $sql);
    die "sqlite3: $err\n" if $status;
}
