#!/usr/bin/perl

# What a task records is known as the task's when the catalogue is lost while
# it grows, with all that calls have ordered: its files have the task's number,
# and those are told of them who would have been.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Told;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
my $told = Recording::Told->new(port => $t->port(2));
my $flv = media(duration => 4, gop => 1, size => '160x90');

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_sync 200ms;
    record_template default { format flv;
        notify http://127.0.0.1:%%PORT_2%%/told; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application bare { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api private=on; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the API', 20, sub {
    eval { !$api->code('DescribeLiveRecordTemplates') } });

my @formats = qw(Flv Mp4 Hls Aac);
my $made = $api->call('CreateLiveRecordTemplate', { TemplateName => 'made',
    map { $_ . 'Param' => { Enable => 1 } } @formats })->{TemplateId};
my $task = $api->call('CreateRecordTask', { DomainName => '127.0.0.1',
    AppName => 'bare', StreamName => 's', TemplateId => $made,
    EndTime => time + 600 })->{TaskId};

my $r = Recording::Rtmp->new(port => $t->port);
$r->connect(app => 'bare');
$r->publish('s');
$r->send_flv($flv);
$t->wait_growing(scalar @formats, stream => 's', task_id => $task);
wait_for('what is durable', 20, sub {
    @formats == grep { -s > 300 } glob $t->store . '/work/*.journal' });

$t->kill9;
unlink glob($t->db . '*'), $t->store . '/catalogue.copy';
$t->allow(qr/the catalogue was missing/);
$t->start;

my @rows = $t->wait_files(scalar @formats, stream => 's');
is(join(' ', map { "$_->{format} $_->{template} $_->{task_id}" }
             sort { $a->{format} cmp $b->{format} } @rows),
   join(' ', map { "$_ made $task" } sort map { lc } @formats),
   'each is known as of the task');
is((grep { $_->{recovered} } @rows), 4, 'and recovered');
is(join(' ', map { $_->{task_id} } $t->recordings), $task,
   'the recording, too');

my @events = $told->wait_events(scalar @formats, 30);
is(join(' ', sort map { "$_->{json}{file_format} $_->{json}{task_id}" }
             grep { $_->{json}{event_type} == 100 } @events),
   join(' ', map { "$_ $task" } sort map { lc } @formats),
   'it is told, by the template that a call may have no other for');

$told->stop;
$t->done;
