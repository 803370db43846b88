#!/usr/bin/perl

# Files of templates that calls made, of which nobody could be told yet, and that
# are in no bucket, when the catalogue is lost: they are told of and delivered as
# files of the configuration's templates are, with the task that ordered them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Delivery;
use Recording::Media qw(media);
use Recording::Port qw(free_port);
use Recording::Told;
use Recording::Util qw(not_tested wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $port = free_port();
my $told = Recording::Told->new(port => free_port());
my $d = Recording::Delivery->new(
    templates => 'record_template default { format flv; upload archive;'
               . " expire 2h; notify http://127.0.0.1:$told->{port}/told; }",
    applications => 'application own { live on; record_rule default; }'
                  . ' application called { live on; }'
                  . ' application task { live on; }',
    main => "http { server { listen 127.0.0.1:$port;"
          . ' location /api/ { record_api private=on; record_api_key off; }'
          . ' } }');
my ($t, $s3, $films) = ($d->nginx, $d->s3, $d->films);
my $api = Recording::Api->new(port => $port);
my $media = media(duration => 2, gop => 1, fps => 10, size => '160x90');

wait_for('the API', 20, sub {
    eval { !$api->code('DescribeLiveRecordTemplates') } });
my $made = $api->call('CreateLiveRecordTemplate', { TemplateName => 'made',
    FlvParam => { Enable => 1, StorageTime => 86400 } })->{TemplateId};
is($api->code('CreateLiveRecordRule', { DomainName => '127.0.0.1', AppName => 'called',
              StreamName => '', TemplateId => $made }), '', 'a rule');
my $task = $api->call('CreateRecordTask', { DomainName => '127.0.0.1',
    AppName => 'task', StreamName => 'a', TemplateId => $made,
    EndTime => time + 600 })->{TaskId};
ok($task, 'a task');

# --- finished, and neither is done

$told->set(status => 500);
$d->fault->on('PUT', '', status => 403, code => 'AccessDenied', times => 0);
my @apps = qw(called own task);

for my $app (@apps) {
    my $publisher = $t->publisher($app, 'a');
    $publisher->send_flv($media);
    $t->wait_growing(1, app => $app);
    $publisher->delete_stream->close;
}

my %before = map { ($_->{app} => $_) } $t->wait_files(scalar @apps);
is(join(' ', map { "$_ $before{$_}{template} $before{$_}{delivers}" } @apps),
   'called made default own default  task made default', 'whose they are');

# --- lost

$t->stop;
unlink glob($t->db . '*'), $t->store . '/catalogue.copy';
$told->set(status => 200);
$d->fault->clear;
$t->start;
$t->allow(qr/the catalogue was missing|403|cannot|refus|given up/);

my %after = map { ($_->{app} => $_) } $t->wait_files(scalar @apps);
my @columns = qw(file_id template delivers task_id lives_us expire_us);

for my $app (@apps) {
    is_deeply({ map { $_ => $after{$app}{$_} } @columns },
              { map { $_ => $before{$app}{$_} } @columns }, "$app: its row");
    is(join(' ', map { $_->{delivers} } $t->recordings(app => $app)),
       $before{$app}{delivers}, "$app: its recording");
}

for my $app (@apps) {
    wait_for("$app: a bucket has it", 60, sub {
        (grep { $_->{objects} ne '[]' } $t->files(app => $app))[0] });
}

wait_for('all to be told', 60, sub {
    my @events = $told->events(100);
    return @apps == grep { my $app = $_; grep { $_->{json}{appname} eq $app } @events }
                    @apps;
});
my ($event) = grep { $_->{json}{appname} eq 'task' } $told->events(100);
is($event->{json}{task_id}, $task, 'with the task');
is(scalar(grep { /\.flv\z/ } $s3->keys($films)), scalar @apps, 'each once');

$told->stop;
$d->done;
