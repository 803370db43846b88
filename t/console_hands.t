#!/usr/bin/perl

# The console's hands in Chromium: cut, stop, tasks, keep until, delete, and why
# a stream is recorded twice; and what is not offered where nothing may be
# changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Console;
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $why = Recording::Console::missing();
plan skip_all => $why if $why;

my $t = Recording::Nginx->new;
my $servers = Recording::Console::server(1)
    . Recording::Console::server(2, api => 'record_api private=on;'
        . ' record_api_key off; allow 127.0.0.1; deny all;');

$t->conf(<<"CONF")->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=1m;
    record_template show { format mp4; notify http://127.0.0.1:9/x; }
    record_template radio { format aac; }
    record_rule radio;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule show; record_rule off stream=no; }
        application air { live on; }
    }
}
http { $servers }
CONF

my $api = Recording::Api->new(port => $t->port(2));
wait_for('the store', 30, sub { $api->code('DescribeStore') eq '' });

my $callback = $api->call('CreateLiveCallbackTemplate', {
    TemplateName => 'back-end', RecordNotifyUrl => 'http://127.0.0.1:9/y' });
is($api->code('CreateLiveCallbackRule', { DomainName => '127.0.0.1',
    TemplateId => $callback->{TemplateId} }), '', 'somebody is told');

my $media = media(duration => 60);
push_stream($media, $t->url('live/old'), length => 2)->wait;
my ($file) = $t->wait_files(1);
my $show = push_stream($media, $t->url('live/show'));
wait_for('a recording', 30, sub { $t->recordings(stream => 'show') });

Recording::Console::drive('hands.js', {
    base => 'http://127.0.0.1:' . $t->port(1),
    changes => 'http://127.0.0.1:' . $t->port(2),
    file => { RecordingId => "$file->{recording_id}",
              FileId => "$file->{file_id}" } });

my ($row) = $t->files(stream => 'old');
is($row->{state}, 'deleted', 'what was deleted by hand is deleted');
$t->wait_log(qr/notice.*CutRecording of \d+ by a request without a key/);
$t->wait_log(qr/notice.*StopRecordTask of \d+ by a request without a key/);

$show->stop;
$t->done;
