#!/usr/bin/perl

# record_metrics: what Prometheus reads; as its own tool takes it, by numbers
# that fit what was recorded, and go on after a reload and a kill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(not_tested run spew wait_for);

my $media = media(duration => 2, fps => 10, size => '160x90');
my ($begun, $frames) = (0, 0);

# from the first key frame on; neither headers nor onMetaData
for my $message (Recording::Rtmp::flv_messages($media)) {
    my ($type, $timestamp, $payload) = @$message;
    next if $type == 18 || ord(substr $payload, 1, 1) != 1;

    $begun ||= $type == 9;
    $frames++ if $begun;
}

my $t = Recording::Nginx->new;
my $conf = <<'CONF';
worker_processes 2;
rtmp {
    record_store %%STORE%% %%ZONE%%;
    record_sync 100ms;
    record_template two { format mp4; format flv;
                          notify http://127.0.0.1:1/ events=file;
                          notify "exec:/bin/true" events=file; }
    record_template "%%ONE%%" { format mp4; notify http://127.0.0.1:1/; }
    record_template "%%OTHER%%" { format mp4; notify http://127.0.0.1:1/; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule two; }
        application one { live on; record_rule "%%ONE%%"; }
        application other { live on; record_rule "%%OTHER%%"; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location = /metrics { record_metrics; }
        location = /closed { record_metrics; deny all; }
        location = /filtered {
            record_metrics;
            gzip            on;
            gzip_types      text/plain;
            gzip_min_length 1;
            charset         utf-8;
            charset_types   *;
        }
        location /api/ { record_api; }
    }
}
CONF

# names that are no UTF-8, and differ in that alone
my %names = (ONE => "caf\xe9", OTHER => "caf\xe8");

$t->allow(qr/exited on signal 9/);
$t->conf($conf, %names, ZONE => '')->start;

# --- before anything is recorded

my %m = metrics();
is($m{recording_workers}, 2, 'two workers');
is($m{recording_frames_received_total}, 0, 'no frame');
is($m{recording_recordings}, 0, 'no recording');
cmp_ok($m{recording_buffer_limit_bytes}, '==', 2 * 256 * 1024 ** 2,
       'memory of both');

# --- one grows

my $live = $t->publisher('live', 'one');
$live->send_flv($media, rate => 1);
$t->wait_growing(2);
wait_for('all frames', 20, sub {
    %m = metrics();
    return $m{recording_frames_received_total} == 2 * $frames
           && $m{recording_frames_written_total} >= 2 * $frames
           && $m{recording_disk_sync_duration_seconds_count} > 0
           && $m{recording_recordings} == 1
           && $m{recording_descriptors_used} == 2;
}, sub { join "\n", '', map { "$_ $m{$_}" } grep { !/bucket/ } sort keys %m });

is($m{'recording_files{state="recording",format="mp4"}'}, 1, 'its mp4');
is($m{recording_frames_written_total}, 2 * $frames, 'they are written');
is($m{recording_recordings_started_total}, 1, 'one has begun');
cmp_ok($m{recording_written_bytes_total}, '>', -s $media, 'bytes');
cmp_ok($m{recording_descriptors_left}, '>', 100, 'descriptors are left');
cmp_ok($m{"recording_$_"}, '>', 0, $_)
    for qw(disk_write_duration_seconds_count
           disk_sync_duration_seconds_count
           catalogue_commit_duration_seconds_count store_free_bytes);
is($m{"recording_frames_dropped_total{reason=\"$_\"}"}, 0, "none by $_")
    for qw(buffer disk broken header key track);

# --- it ends, and is told of

my $grows = $m{recording_catalogue_commit_duration_seconds_count};

$live->delete_stream->close;
wait_for('programs', 20, sub {
    %m = metrics();
    return 2 == $m{'recording_attempts_total{kind="program",result="done"}'}
           && $m{'recording_attempts_total{kind="notify",result="failed"}'};
});

is($m{'recording_files{state="finished",format="flv"}'}, 1, 'finished');

# its end, its files, and what was told of them; what reads is none
my $commits = 'recording_catalogue_commit_duration_seconds_count';
cmp_ok($m{$commits}, '>=', $grows + 4, 'commits');
ok(eval { wait_for('no commits', 30, sub {
    my %one = metrics();
    sleep 2;
    my %other = metrics();
    return $one{$commits} == $other{$commits};
}) }, 'none of those who look');
cmp_ok($m{'recording_files_bytes{state="finished",format="flv"}'}, '>', 0,
       'its size');
my ($target) = grep { /^recording_outbox_waiting\{template="two".*127/ }
               keys %m;
like($target // '', qr/template="two",target="http:/, 'whose it is');
is($m{$target}, 2, 'events that wait');
cmp_ok($m{$target =~ s/waiting/oldest_seconds/r}, '<', 60, 'for so long');
is($m{'recording_attempt_duration_seconds_count{kind="program"}'}, 2,
   'programs took their time');

# --- a reload and a kill: counters go on

my $before = $m{recording_frames_written_total};
$t->reload;
is(+{ metrics() }->{recording_frames_written_total}, $before,
   'counters stay after a reload');

my @workers = $t->worker_pids;
$t->signal('KILL', $workers[0]);
wait_for('a new worker', 20, sub {
    my @now = $t->worker_pids;
    return 2 == @now && "@now" ne "@workers" });
is(+{ metrics() }->{recording_frames_written_total}, $before,
   'and when a worker is killed');

# --- the format

my ($status, $head, $body) = answer();
like($head, qr{^Content-Type: text/plain; version=0\.0\.4}m, 'type');
is(problem($body), '', 'as Prometheus wants it');
like($body, qr/^recording_outbox_dead\{template="caf\\\\x$_",/m,
     "a byte that is no UTF-8, $_") for 'e8', 'e9';

SKIP: {
    my ($tool) = grep { -x } map { "$_/promtool" }
                 split /:/, "$ENV{PATH}:" . ($ENV{TEST_PROMTOOL} // '');
    skip not_tested('promtool is not installed'), 1 if !$tool;

    spew($t->dir . '/metrics', $body);
    my ($rc, $out, $err) = run('sh', '-c',
        "$tool check metrics < " . $t->dir . '/metrics');
    is("$rc $out$err", '0 ', 'promtool check metrics');
}

($status, $head, $body) = answer('/filtered', 'GET',
                                'Accept-Encoding: gzip');
like($head, qr{^Content-Type: text/plain; version=0\.0\.4; charset=utf-8\r?$}m,
     'the type has its charset once');
like($head, qr/^Content-Encoding: gzip\r?$/mi, 'it is compressed');

is((get('/closed'))[0], 403, 'access is for the modules of nginx');
is((get('/metrics', 'POST'))[0], 405, 'it only reads');
is((answer('/metrics', 'HEAD'))[2] // '', '', 'HEAD has no body');

# --- without a zone: what the catalogue knows

$t->stop;
$t->conf($conf, %names, ZONE => 'zone=off')->start;
%m = metrics();
ok(!exists $m{recording_frames_written_total}, 'nothing is counted');
is($m{'recording_files{state="finished",format="flv"}'}, 1, 'rows are');

$t->stop;
$t->done;

sub get {
    my ($path, $method, @headers) = @_;

    return Recording::Api->new(port => $t->port(1))
           ->raw(join "\r\n", ($method || 'GET') . " $path HTTP/1.1",
                 'Host: localhost', 'Content-Length: 0', 'Connection: close',
                 @headers, '', '');
}

sub metrics {
    my ($status, $head, $body) = answer();

    return $body =~ /^(recording_\w+(?:\{.*\})?) (\S+)$/mg;
}

# of a worker that has opened the store
sub answer {
    my @asked = @_ ? @_ : '/metrics';
    my @answer;

    wait_for('metrics', 20, sub {
        @answer = get(@asked);
        return $answer[0] == 200;
    });

    return @answer;
}

# what is wrong with a text: families in one piece with HELP and TYPE, each
# sample once, histograms that rise
sub problem {
    my ($text) = @_;

    my (%type, %seen, %help, $family, %last);

    return 'no newline at the end' if $text !~ /\n\z/;

    for my $line (split /\n/, $text) {
        next if $line eq '';

        if ($line =~ /^# HELP (\w+) \S.*$/) {
            return "again: $1" if $help{$1}++;
            next;
        }

        if ($line =~ /^# TYPE (\w+) (counter|gauge|histogram)$/) {
            return "again: $1" if $type{$1} || !$help{$1};
            ($family, $type{$1}) = ($1, $2);
            return "name of $1" if ($2 eq 'counter') != ($1 =~ /_total$/);
            next;
        }

        my ($name, $labels, $value) = $line
            =~ /^(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)$/
            or return "line: $line";
        my $base = ($type{$family} || '') eq 'histogram'
                   ? $name =~ s/_(?:bucket|sum|count)$//r : $name;

        return "not of $family: $line" if $base ne $family;
        return "twice: $line" if $seen{"$name " . ($labels // '')}++;
        return "value: $line" if $value !~ /^\d+(?:\.\d+)?$/;

        if ($name =~ /_bucket$/) {
            my $key = $name . ($labels =~ s/,?le="[^"]*"//r);
            return "falls: $line" if $value < ($last{$key} // 0);
            $last{$key} = $value;
        }
    }

    return '';
}
