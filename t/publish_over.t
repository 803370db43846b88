#!/usr/bin/perl

# A stream that is over before it is known what calls ordered for it: it waits
# for that without its publisher, and is recorded as they say, as of when it came.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
my $flv = media(duration => 2, fps => 10, gop => 0.5, size => '160x90');
my @frames = grep { $_->[0] != 18 && ord(substr $_->[2], 1, 1) == 1 }
             Recording::Rtmp::flv_messages($flv);
my ($key) = map { $_->[1] } grep { $_->[0] == 9 } @frames;
my $sent = grep { $_->[1] >= $key } @frames;

$t->conf(<<'CONF')->start;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template conf { format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; }
        application both { live on; record_rule conf; }
        application kept { live on; record_rule off rewind=1m; }
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
wait_for('the store', 30, sub { eval { $api->code('DescribeStore') eq '' } });

my %of = (DomainName => 'push.example.com', AppName => 'live');
my $id = $api->call('CreateLiveRecordTemplate', { TemplateName => 'called',
    map { $_ => { Enable => 1 } } qw(FlvParam Mp4Param) })->{TemplateId};
is($api->code('CreateLiveRecordRule', { %of, StreamName => $_,
                                        TemplateId => $id }), '', "rule $_")
    for qw(rule twice);
my $task = ordered('live', 'task');
ok($task, 'a task');
ok(ordered('kept', 'twice'), 'and one of what rewind= keeps');
$t->stop;

# --- after a start, until the catalogue is open

hangs();
over('live', $_) for qw(rule task none);
unlike(said(), qr/has not told/, 'they wait');
$disk->release;
recorded('rule', '');
recorded('task', $task);

# --- while nothing hangs there is still a moment

for my $i (1 .. 10) {
    $task = ordered('live', "task$i");
    over('live', "task$i");
    recorded("task$i", $task);
}

unlike(said(), qr/has not told/, 'all was known');
is(scalar(my @none = $t->files(stream => 'none')), 0, 'what is ordered by nobody');
$t->stop;

# --- of two with one name each is of its time

for my $app (qw(live kept)) {
    hangs();
    my @times = (time);
    for (1, 2) {
        over($app, 'twice');
        push @times, time;
    }
    $disk->release;

    my @rows = sort { $a->{start_us} <=> $b->{start_us} }
               $t->wait_files(4, app => $app, stream => 'twice');
    for my $i (0 .. 3) {
        my ($from, $to) = @times[$i / 2, $i / 2 + 1];
        my $start = $rows[$i]{start_us} / 1e6;
        ok($from - 0.01 < $start && $start < $to + 0.01, "$app: file $i")
            or diag("it began at $start, and came from $from to $to");
    }
    $t->stop;
}

# --- a worker that ends stays for them

hangs();
over('live', 'rule');
$t->signal('QUIT');
$t->wait_log(qr/gracefully shutting down/, 30, $t->{mark});
$disk->release;
wait_for('its end', 30, sub { !$t->processes });
$t->start;
recorded('rule', '', 4);
$t->stop;

# --- and says what it could not wait for

hangs();
over($_, 'rule') for qw(live both);
$t->terminate_workers;
is(scalar(() = said() =~ /has not told in time.*"(?:live|both)\/rule"/g), 2,
   'a fast stop does not wait');
unlike(said(), qr/signal 9/, 'and ends');
$disk->release;

$t->done;

# nginx starts, and its worker waits for the catalogue
sub hangs {
    $t->{mark} = $t->log_mark;
    $disk->set(armed => 1, only => 'catalogue.db');
    $disk->hold(1, on => ['open']);
    $t->start;
    wait_for('the catalogue to hang', 30, sub { $disk->held });
}

sub ordered {
    my ($app, $stream) = @_;
    return $api->call('CreateRecordTask', { %of, AppName => $app,
        StreamName => $stream, TemplateId => $id,
        EndTime => int(time) + 3600 })->{TaskId};
}

sub said { return substr $t->error_log, $t->{mark} }

# a stream is published, and over
sub over {
    my ($app, $stream) = @_;
    my $mark = $t->log_mark;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app, tcUrl => "rtmp://push.example.com/$app");
    $r->publish($stream);
    $r->send_flv($flv);
    $r->delete_stream->close;
    $t->wait_log(qr/ disconnect, client: /, 30, $mark);
}

sub recorded {
    my ($stream, $task, $n) = @_;

    my @files = $t->wait_files($n || 2, stream => $stream, app => 'live');
    is(join(' ', sort map { join ' ', @{$_}{qw(format template task_id
                                               frames_written frames_dropped)} }
                      @files),
       join(' ', sort map { ("$_ called $task $sent 0") x (($n || 2) / 2) }
                      qw(flv mp4)),
       "$stream: all of it, as it was ordered");
}
