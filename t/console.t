#!/usr/bin/perl

# The console's views in Chromium, with real recordings: one that grows, one
# with a gap, one file of each format.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Recording::Console;
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $why = Recording::Console::missing();
plan skip_all => $why if $why;

my $t = Recording::Nginx->new;
my $servers = Recording::Console::server(1)
    . Recording::Console::server(2, api => 'record_api; record_api_key off;'
                                           . ' allow 127.0.0.1; deny all;');

$t->conf(<<"CONF")->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=1m;
    record_template show {
        format mp4 interval=6s resume=8s;
        format hls segment=1s resume=8s;
        notify http://127.0.0.1:9/x;
    }
    record_template radio { format mp4; format flv; format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule show; }
        application air { live on; record_rule radio; }
    }
}
http { $servers }
CONF

my $media = media(duration => 60);
my $show = push_stream($media, $t->url('live/show'), length => 3);
my $radio = push_stream($media, $t->url('air/radio'), length => 5);
my $news = push_stream($media, $t->url('live/news'), length => 3);

# a gap of more than two seconds; that all is finished the script waits for
$_->wait for $news, $show;
wait_for('a pause', 20, sub { 4 == $t->files(state => 'paused') });
sleep 2;
$show = push_stream($media, $t->url('live/show'));
$_->wait for $radio, push_stream($media, $t->url('live/news'), length => 5);

$t->catalogue("INSERT INTO outbox (event_id, recording_id, file_id, kind,"
    . " event, template, target, holds, event_us, facts, state, error) VALUES"
    . " ('e', 5, 55, 'file', 'file', 'show', 'http://x/', 0, 1, '{}', 'dead',"
    . " 'a reason')");
$t->catalogue('INSERT INTO exceptions (hour_us, domain, app, stream,'
    . ' exception, number) VALUES (' . int(time / 3600) * 3600 . "000000,"
    . " 'h', 'live', 'news', 'disk_full', 3)");

Recording::Console::drive('views.js', {
    base => 'http://127.0.0.1:' . $t->port(1),
    changes => 'http://127.0.0.1:' . $t->port(2) });

$show->stop;
$t->done;
