#!/usr/bin/perl

# What a task records is known as the task's when the catalogue is lost while
# it grows, with all that calls have ordered: its files have the task's number,
# those are told of them who would have been, and none expires sooner than the
# template says, which comes back with the hourly copy, or does not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Told;
use Recording::Util qw(wait_for);

use constant DAYS => 90 * 86400;

my $t = Recording::Nginx->new;
my $told = Recording::Told->new(port => $t->port(2));
my $flv = media(duration => 4, gop => 1, size => '160x90');

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_sync 200ms;
    record_template default { format flv; expire 2h;
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
my @formats = qw(Aac Flv Hls Mp4);
my $copy = $t->store . '/catalogue.copy';

ready();
my $made = $api->call('CreateLiveRecordTemplate', { TemplateName => 'made',
    map { $_ . 'Param' => { Enable => 1, StorageTime => DAYS } } @formats,
})->{TemplateId};

# one that knows the template
wait_for('the first copy', 30, sub { -e $copy });
unlink $copy;
wait_for('the next one', 30, sub { -e $copy });

lost('copied', DAYS);
unlink $copy;
lost('gone', 50 * 365 * 86400);

$told->stop;
$t->done;

sub ready {
    wait_for('the API', 20, sub {
        eval { !$api->code('DescribeLiveRecordTemplates') } });
}

# while a task grows; how long its files are kept from then on, in seconds, at
# least: one that is finished before the copy came back is kept for good
sub lost {
    my ($name, $kept) = @_;

    my $task = $api->call('CreateRecordTask', { DomainName => '127.0.0.1',
        AppName => 'bare', StreamName => $name, TemplateId => $made,
        EndTime => time + 600 })->{TaskId};
    my $r = $t->publisher('bare', $name);
    $r->send_until($flv, 4000, 'what grows', sub {
        @formats == $t->files(state => 'recording', stream => $name,
                              task_id => $task) });
    wait_for('what is durable', 20, sub {
        @formats == grep { -s > 300 } glob $t->store . '/work/*.journal' });

    my $before = () = $told->events;
    $t->kill9;
    unlink glob $t->db . '*';
    $t->allow(qr/the catalogue was missing/);
    $t->start;

    my @rows = sort { $a->{format} cmp $b->{format} }
               $t->wait_files(scalar @formats, stream => $name);
    is(join(' ', map { "$_->{format} $_->{template} $_->{task_id}" } @rows),
       join(' ', map { lc() . " made $task" } @formats),
       "$name: each is known as of the task");
    is((grep { $_->{recovered} } @rows), 4, "$name: and recovered");
    is(join(' ', map { $_->{task_id} } $t->recordings(stream => $name)), $task,
       "$name: the recording, too");

    for my $row (@rows) {
        my $for = ($row->{expire_us} - $row->{end_us}) / 1e6;
        cmp_ok($for, '>=', $kept, "$name: $row->{format} is kept");
        note sprintf '%s: %s for %.0f days', $name, $row->{format},
            $for / 86400;
    }

    my @events = $told->wait_events($before + @formats, 30);
    is(join(' ', sort map { "$_->{json}{file_format} $_->{json}{task_id}" }
                 grep { $_->{json}{stream_id} eq $name } @events),
       join(' ', map { lc() . " $task" } @formats),
       "$name: it is told, by template default");

    ready();
}
