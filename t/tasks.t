#!/usr/bin/perl

# Tasks: they reach their stream within a second, in whichever worker it and
# the call are; end when they are stopped or their time is over; outlive
# interruptions, a reload and a kill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for within);

my $t = Recording::Nginx->new;

# longer than anything here takes
my $flv = media(duration => 180, size => '160x90', fps => 20, gop => 0.1);

$t->conf(<<'CONF')->start;
worker_processes 4;
rtmp {
    record_store %%STORE%%;
    record_template both { format mp4 resume=30s; format hls resume=30s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; }
        application ruled { live on; record_rule both; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
ready();

my %pid;        # publishers
publish("s$_") for 0 .. 5;
publish('r', 'ruled');
wait_for('a recording of the rule', 20, sub { open_of('r') == 1 });

# --- created, stopped and described through whichever workers

my (%task, @late);

for my $i (0 .. 5) {
    $task{$i} = task("s$i");
    my $from = time;
    wait_for("task of s$i", 20, sub { running($task{$i}) });
    push @late, time - $from;
}

my @files = files('recording');
is(join(' ', sort map { "$_->{stream} $_->{format} $_->{template}" }
             grep { $_->{task_id} } @files),
   join(' ', map { "s$_ hls default" } 0 .. 5), 'each its stream, in HLS');
is(join(' ', sort map { $_->{stream_param} } grep { $_->{task_id} } @files),
   '     ', 'no query of a publisher');

is(join(' ', sort map { "$_->{StreamName}=$_->{TaskId}" }
             grep { $_->{TaskId} } opened()),
   join(' ', map { "s$_=$task{$_}" } 0 .. 5), 'recordings tell their tasks');

for my $i (0 .. 5) {
    my @list = grep { $_->{TaskId} eq $task{$i} } described();
    is("@{[ map { qq($_->{AppName}/$_->{StreamName} $_->{Stopped}) } @list ]}",
       "live/s$i 0", "s$i is described");
}

for my $i (0 .. 4) {
    is($api->code('StopRecordTask', { TaskId => $task{$i} }), '', "stop s$i");
    my $from = time;
    wait_for("its end", 20, sub { !running($task{$i}) });
    push @late, time - $from;
}

# a machine that does much else holds up some of them, but not half
@late = sort { $a <=> $b } @late;
cmp_ok($late[$#late / 2], '<', within(1), 'within a second');
cmp_ok($late[-1], '<', within(5), 'all of them soon');
note(join ' ', map { sprintf '%.2f', $_ } @late);
wait_for('the files', 20, sub {
    5 == grep { $_->{task_id} && $_->{state} eq 'finished' } $t->files });
is(open_of('s5'), 1, 'the one that was not stopped goes on');
ok((grep { $_->{TaskId} eq $task{0} && $_->{Stopped} } described()),
   'stopped is told');

# --- what is refused

my $now = int time;
is($api->code('StopRecordTask', { TaskId => '17' }), 'ResourceNotFound.TaskId',
   'stop of nothing');
is($api->code('DeleteRecordTask', { TaskId => '17' }),
   'ResourceNotFound.TaskId', 'deletion of nothing');
is($api->code('CreateRecordTask', { params('s0'), EndTime => $now - 1 }),
   'InvalidParameterValue', 'over already');
is($api->code('CreateRecordTask', { params('s0'), StartTime => $now,
              EndTime => $now + 86401 }), 'InvalidParameterValue',
   'more than 24 h');
is($api->code('CreateRecordTask', { params('s0'), EndTime => undef }),
   'MissingParameter', 'no end');

task('three') for 1 .. 3;
is($api->code('CreateRecordTask', { params('three') }),
   'LimitExceeded.MaximumRunningTask', 'more than three');
is($api->code('CreateRecordTask', { params('three'),
              StartTime => $now + 7200, EndTime => $now + 7300 }), '',
   'but at another time');

# --- later, and until its end

my $start = int(time) + 2;
my $later = task('s0', StartTime => $start, EndTime => $start + 3);
my $runs = running($later);
ok(!$runs || time >= $start, 'not before its time');
my ($begun) = @{ wait_for('its time', 20, sub {
    my @of = $t->recordings(task_id => $later);
    return @of && \@of }) };
cmp_ok($begun->{start_us} / 1e6, '>=', $start, 'nor are its frames');
wait_for('its end', 20, sub { !running($later) });
my ($file) = grep { $_->{task_id} eq $later } $t->files;
cmp_ok($file->{duration_ms}, '<', within(4000), 'no longer than it was to be');

# --- an interruption, a kill; one that was deleted goes on until then

my ($stays, $deleted) = (task('s1'), task('s1'));
wait_for('both', 20, sub { running($stays) && running($deleted) });
is($api->code('DeleteRecordTask', { TaskId => $deleted }), '', 'deleted');
sleep 1;
ok(running($deleted), 'and goes on');
unpublish('s1');
wait_for('the end of both', 20, sub { !running($stays) && !running($deleted) });
publish('s1');
wait_for('the other one', 20, sub { running($stays) });
ok(!running($deleted), 'it does not begin again');

unpublish($_) for keys %pid;
$t->kill9;
$t->start;
ready();
publish('s1');
wait_for('after a kill', 30, sub { running($stays) });
$t->reload;
publish('s5');
wait_for('after a reload', 30, sub { running($task{5}) });

# --- one that waits for its stream is finished when it is stopped

my $resumes = $api->call('CreateLiveRecordTemplate', { TemplateName => 'waits',
    HlsParam => { Enable => 1 },
    HlsSpecialParam => { FlowContinueDuration => 1800 } })->{TemplateId};
my $waits = task('s3', TemplateId => $resumes);
publish('s3');
wait_for('a task that can wait', 30, sub { running($waits) });
unpublish('s3');
wait_for('it waits', 30, sub {
    grep { $_->{task_id} eq $waits && $_->{state} eq 'paused' } $t->files });
publish('s3');
wait_for('it goes on', 30, sub {
    grep { $_->{task_id} eq $waits && $_->{state} eq 'recording' } $t->files });
unpublish('s3');
wait_for('it waits again', 30, sub {
    grep { $_->{task_id} eq $waits && $_->{state} eq 'paused' } $t->files });
is($api->code('StopRecordTask', { TaskId => $waits }), '', 'stopped');
wait_for('its end', 20, sub {
    grep { $_->{task_id} eq $waits && $_->{state} eq 'finished' } $t->files });
is((grep { $_->{task_id} eq $waits } $t->files), 1, 'in one file');

# --- a recording of a rule is cut and stopped

publish('r', 'ruled');
my $id;
wait_for('a recording of the rule', 30, sub {
    ($id) = map { $_->{RecordingId} }
            grep { $_->{StreamName} eq 'r' && $_->{State} eq 'recording' }
            opened() });
my $before = grep { $_->{recording_id} eq $id } $t->files;
is($api->code('CutRecording', { RecordingId => $id }), '', 'cut');
wait_for('other files', 20, sub {
    $before + 2 == grep { $_->{recording_id} eq $id } $t->files });
my $mark = $t->log_mark;
is($api->code('StopRecording', { RecordingId => $id }), '', 'stopped');
wait_for('its end', 20, sub { open_of('r') == 0 });
wait_for('its files', 60, sub {
    !grep { $_->{recording_id} eq $id && $_->{state} ne 'finished' }
          $t->files });
is(scalar(() = substr($t->error_log, $mark) =~ /recording $id paused/g), 0,
   'none of which waits');
is($api->code('StopRecording', { RecordingId => $id }), 'ResourceNotFound',
   'it is over');
is((grep { $_->{recording_id} eq $id } $t->files), $before + 2,
   'no other file');
ok(wait_for('the end of all orders', 20, sub {
    !$t->catalogue('SELECT recording_id FROM record_commands') }),
   'no order is left');

unpublish($_) for keys %pid;
$t->done;

sub ready {
    wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
}

sub params {
    my ($stream) = @_;
    return (DomainName => 'push.example.com', AppName => 'live',
            StreamName => $stream, EndTime => int(time) + 3600);
}

sub task {
    my ($stream, %more) = @_;
    my $answer = $api->call('CreateRecordTask', { params($stream), %more });
    ok($answer->{TaskId}, "task of $stream") or diag explain $answer;
    return $answer->{TaskId} || '';
}

sub described {
    my $answer = $api->call('DescribeRecordTask',
        { StartTime => int(time) - 86400, EndTime => int(time) + 86400 });
    return @{ $answer->{TaskList} };
}

sub opened {
    return @{ $api->call('DescribeRecordings',
                         { State => 'open', Limit => 100 })->{RecordingSet} };
}

sub open_of { return scalar grep { $_->{StreamName} eq $_[0] } opened() }

sub files { return grep { $_->{state} eq $_[0] } $t->files }

# its recording is under way
sub running {
    my ($task) = @_;
    return ($t->catalogue("SELECT count(*) AS n FROM recordings"
        . " WHERE task_id = '$task' AND end_us IS NULL"))[0]{n};
}

sub publish {
    my ($stream, $app) = @_;
    $app ||= 'live';

    defined($pid{$stream} = fork) or die "fork: $!";
    return if $pid{$stream};

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app, tcUrl => "rtmp://push.example.com/$app");
    $r->publish($stream);
    $r->send_flv($flv, rate => 1);
    POSIX::_exit(0);
}

sub unpublish {
    my ($stream) = @_;
    my $pid = delete $pid{$stream} or return;
    kill KILL => $pid;
    waitpid $pid, 0;
}
