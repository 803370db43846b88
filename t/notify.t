#!/usr/bin/perl

# What is told of a recording's life, over HTTP: each event with each field,
# in order, signed; and over TLS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(hmac_sha256_hex);
use JSON::XS ();
use Test::More;

use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Told;
use Recording::Util qw(spew wait_for);

my $t = Recording::Nginx->new;
my $told = Recording::Told->new(port => $t->port(1));
my $plain = Recording::Told->new(port => $t->port(2));

spew($t->dir . '/key', "adasda13\n");
chmod 0600, $t->dir . '/key';

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% url=http://media.test/vod/;
    notify http://127.0.0.1:%%PORT_2%%/plain;
    record_template life {
        format mp4 interval=2s;
        format hls resume=10m segment=1s;
        notify http://127.0.0.1:%%PORT_1%%/told?a=b key=%%DIR%%/key
               events=file,status,exception,removed appid=1250000000;
    }
    record_template other { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule life; }
        application other { live on; record_rule other; }
        application default { live on; record_rule default; }
    }
}
CONF

my $flv = media(duration => 5, gop => 1);

for my $n (1, 2) {
    push_stream($flv, $t->url('live/one?token=1&x=y'), speed => 2)->wait;
    wait_for("pause $n", 40, sub {
        $n <= grep { name($_) eq 'record_paused-hls' } $told->events });
}

# it does not wait for a third one
$t->catalogue("UPDATE files SET resume_us = 1 WHERE state = 'paused'");

wait_for('the end', 40, sub {
    my @files = $t->files;
    return @files && !(grep { $_->{state} ne 'finished' } @files)
           && ($t->recordings)[0]{end_us} });

my @rows = $t->files;
my @mp4 = grep { $_->{format} eq 'mp4' } @rows;
my @events = $told->wait_events(@rows + 7, 20);

# --- all of them, in order

is(join(' ', sort map { name($_) } @events), join(' ', sort
   ('record_start_succeeded-mp4', 'record_start_succeeded-hls',
    ('file-mp4') x @mp4, 'record_paused-hls', 'record_resumed-hls',
    'record_paused-hls', 'file-hls', 'record_ended-mp4', 'record_ended-hls')),
   'all events of the life');

is(join(' ', map { $_->{json}{seq} } @events), join(' ', 1 .. @events),
   'told in the order of their numbers, without a gap');
my %ids = map { $_->{json}{event_id} => 1 } @events;
is(keys %ids, @events, 'each has an id of its own');

# --- each of them

my ($recording) = $t->recordings;

for my $event (@events) {
    my ($json, $what) = ($event->{json}, name($event));

    is("$event->{method} $event->{path}", 'POST /told?a=b', "$what: request");
    is($event->{headers}{'content-type'}, 'application/json',
       "$what: its type");
    is($event->{headers}{'x-recording-event'}, $json->{event_id},
       "$what: the id in a header");
    signed($event, $what);
    is($json->{appid}, 1250000000, "$what: appid");
    is($json->{stream_id}, 'one', "$what: stream");
    is($json->{appname}, 'live', "$what: application");

    like($event->{body}, qr/"appid":1250000000\b/, "$what: a number");
}

for my $event (grep { $_->{json}{event_type} == 100 } @events) {
    my $json = $event->{json};
    my ($row) = grep { $_->{file_id} eq $json->{file_id} } @rows;
    my $what = "file of $row->{format}";
    my $ext = JSON::XS->new->decode($json->{callback_ext});

    is($json->{app}, '127.0.0.1', "$what: domain");
    is($json->{channel_id}, 'one', "$what: channel_id");
    is($json->{record_file_id}, $row->{file_id}, "$what: record_file_id");
    is($json->{record_temp_id}, 'life', "$what: template");
    is($json->{file_format}, $row->{format}, "$what: format");
    is($json->{task_id}, '', "$what: task_id");
    is($json->{start_time}, int($row->{start_us} / 1e6), "$what: start");
    is($json->{start_time_usec}, $row->{start_us} % 1000000,
       "$what: its microseconds");
    is($json->{end_time}, int($row->{end_us} / 1e6), "$what: end");
    is($json->{end_time_usec}, $row->{end_us} % 1000000,
       "$what: its microseconds");
    is($json->{file_size}, $row->{size}, "$what: size");
    is($json->{stream_param}, 'token=1&x=y', "$what: stream_param");
    is($json->{video_url}, $row->{play_url}, "$what: URL");
    is($ext->{video_codec}, 'h264', "$what: codec");
    is($ext->{resolution}, '320x180', "$what: resolution");
    is($ext->{session_id}, $row->{recording_id}, "$what: session");
    cmp_ok(abs($json->{duration} - $row->{duration_ms} / 1000), '<=', 1,
           "$what: duration");
}

my %code = (flv => 1, hls => 2, mp4 => 3, aac => 4);

for my $event (grep { $_->{json}{event_type} == 332 } @events) {
    my ($json, $what) = ($event->{json}, name($event));
    my $detail = JSON::XS->new->decode($json->{record_detail});

    is($json->{domain}, '127.0.0.1', "$what: domain");
    is($json->{session_id}, $recording->{recording_id}, "$what: session");
    cmp_ok(abs($json->{event_time} - $event->{time}), '<', 20,
           "$what: time");
    is($detail->{start_model}, 1, "$what: by a rule");
    is($code{ (split /-/, $what)[1] }, $detail->{file_format},
       "$what: its format");
}

# --- the notify of rtmp{} is that of templates without any

push_stream($flv, $t->url('other/two'), speed => 5)->wait;
my @others = $plain->wait_events(1, 20);
push_stream($flv, $t->url('default/three'), speed => 5)->wait;

is($others[0]{json}{stream_id}, 'two', 'the default of a template');
is($others[0]{json}{event_type}, 100, 'files only');
is($others[0]{json}{sign}, undef, 'not signed without a key');
is($others[0]{headers}{'x-recording-signature'}, undef, 'nor in a header');
is($others[0]{json}{appid}, 0, 'appid');

@others = $plain->wait_events(2, 60);
is($others[1]{json}{stream_id}, 'three', 'the built-in template has it, too');

# which is written when the receiver has answered
ok(wait_for('all to be done', 20, sub {
    !grep { $_->{state} ne 'done' }
          $t->catalogue('SELECT state FROM outbox') }), 'all are done');
is(scalar(grep { !$_->{told} } $t->files), 0, 'files say that they were told');

$_->stop for $told, $plain;
$t->done;

sub name {
    my ($event) = @_;

    my $json = $event->{json};
    return "file-$json->{file_format}" if $json->{event_type} == 100;
    return ($json->{record_event} || $json->{event_type}) . "-$json->{format}";
}

sub signed {
    my ($event, $what) = @_;

    my $json = $event->{json};
    my ($t, $v1) = ($event->{headers}{'x-recording-signature'} || '')
                   =~ /^t=(\d+),v1=([0-9a-f]{64})$/;

    is($json->{sign}, md5_hex("adasda13$json->{t}"), "$what: sign");
    cmp_ok(abs($json->{t} - $event->{time} - 600), '<', 20, "$what: t");
    is($v1, hmac_sha256_hex("$t.$event->{body}", 'adasda13'),
       "$what: the signature of the body");
    return;
}
