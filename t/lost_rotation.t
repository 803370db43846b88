#!/usr/bin/perl

# The catalogue is lost while nginx runs, and a task's recording begins another
# file before its worker has looked through the store: that one is the task's,
# too, is told of, and stays as long as the template says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use Test::More;
use Time::HiRes ();

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Told;
use Recording::Util qw(run wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
my $told = Recording::Told->new(port => $t->port(2));

$t->conf(<<'CONF')->start;
thread_pool default threads=8;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_sync off;
    record_template default { format flv; expire 2h;
        notify http://127.0.0.1:%%PORT_2%%/told; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application bare { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api private=on; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the API', 20, sub {
    eval { !$api->code('DescribeLiveRecordTemplates') } });
my $made = $api->call('CreateLiveRecordTemplate', { TemplateName => 'made',
    FlvParam => { Enable => 1, RecordInterval => 60, StorageTime => 86400 },
})->{TemplateId};
my $copy = $t->store . '/catalogue.copy';
unlink $copy;
wait_for('a copy that has it', 30, sub {
    return 0 if !-e $copy;

    my (undef, $n) = run('sqlite3', "file:$copy?immutable=1",
        "SELECT count(*) FROM record_templates WHERE name = 'made'");
    return 1 if $n eq "1\n";

    # it had been begun before
    unlink $copy;
    return 0;
});
my $task = $api->call('CreateRecordTask', { DomainName => '127.0.0.1',
    AppName => 'bare', StreamName => 'a', TemplateId => $made,
    EndTime => time + 600 })->{TaskId};

my $flv = media(duration => 90, fps => 10, gop => 2, size => '160x90');
my $publisher = $t->publisher('bare', 'a');

# frames that come before the catalogue has answered may be gone
my ($late, $next) = (0, 0);
my $later = sub { $_[0][1] += $late; $_[0] };
wait_for('what grows', 30, sub {
    return 1 if $t->files(task_id => $task);
    return 0 if time < $next;

    $late += 2000 if $next;
    $publisher->send_flv($flv, to => 2000, map => $later);
    $next = time + 1;
    return 0;
});
$publisher->send_flv($flv, from => 2000, to => 30_000, map => $later);
my ($grows) = $t->wait_growing(1, task_id => $task);

# when all is written, and the journal has been told of it, nobody else opens
# that
my $bytes = sum0(map { length $_->[2] }
                 grep { $_->[1] >= 2000 && $_->[1] < 30_000 }
                 Recording::Rtmp::flv_messages($flv));
wait_for('a journal at rest', 30, sub {
    my ($media, $journal) = map { [ Time::HiRes::stat($_) ] }
        map { $t->store . "/work/$grows->{file_id}.$_" } qw(flv journal);
    return @$journal && ($media->[7] // 0) > $bytes
        && $journal->[9] >= $media->[9];
});

# who looks through the store is held at the first journal
$disk->set(armed => 1, only => '.journal');
$disk->hold(1, on => ['open']);
unlink $t->db, map { $t->db . $_ } '-wal', '-shm';
$t->allow(qr/the catalogue was missing/);
wait_for('it to be looked through', 30, sub { $disk->held });
like($disk->held, qr/open/, 'before any row is made');

$publisher->send_flv($flv, from => 30_000, map => $later);
my ($row) = wait_for('the next file', 30, sub {
    (grep { $_->{state} eq 'recording' } eval { $t->files })[0] });
is(scalar(() = $t->recordings), 0, 'of a recording that is not known');
is("$row->{task_id} $row->{delivers}", "$task default", 'it is the task\'s');

$disk->release;
$publisher->delete_stream->close;
my @rows = $t->wait_files(2, stream => 'a');
is(join(' ', map { "$_->{task_id} $_->{delivers}" } @rows),
   "$task default $task default", 'both are');
is(join(' ', map { "$_->{task_id} $_->{delivers}" } $t->recordings),
   "$task default", 'and their recording');
is((grep { $_->{expire_us} >= $_->{end_us} + 86400e6 } @rows), 2,
   'neither expires sooner than their template says')
    or diag(join ' ', map { ($_->{expire_us} - $_->{end_us}) / 1e6 } @rows);

wait_for('both to be told', 30, sub {
    2 == grep { $_->{json}{task_id} eq $task } $told->events(100) });

$told->stop;
$t->done;
