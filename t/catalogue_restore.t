#!/usr/bin/perl

# A catalogue that was lost gets back from catalogue.copy what calls have ordered,
# as soon as that can be read: a descriptor that is missing, a disk that fails and
# a catalogue that somebody else locks are waited for.  A copy that is damaged is
# set aside.  What a call has removed meanwhile does not come back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Open2;
use POSIX qw(EIO EMFILE);
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(run slurp spew wait_for);

my $WHOLE = 1919250531;

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

$t->conf(<<'CONF')->start;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template t { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule t; }
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
my $copy = $t->store . '/catalogue.copy';
my %ordered = (record_templates => 1, record_rules => 2, record_tasks => 1);
ready();

my $publisher = $t->publisher('live', 's');
$publisher->send_flv(media(duration => 2, fps => 10, size => '160x90'));
$publisher->delete_stream->close;
$t->wait_files(1);

my $template = $api->call('CreateLiveRecordTemplate',
    { TemplateName => 'called', FlvParam => { Enable => 1 } })->{TemplateId};
is($api->code('CreateLiveRecordRule', { rule($_), TemplateId => $template }),
   '', "rule $_") for qw(stays goes);
ok($api->call('CreateRecordTask',
              { rule('task'), EndTime => int(time) + 3600 })->{TaskId}, 'task');
copied();
is_deeply(ordered(), \%ordered, 'all is ordered');

# --- what passes is waited for

my @faults = ([ 'Too many open files' => 'open', EMFILE ],
              [ 'Input/output error' => 'read', EIO ]);

for my $fault (@faults) {
    my ($name, $call, $errno) = @$fault;

    my $made = (stat $copy)[9];
    lose(sub {
        $disk->set(armed => 1, only => 'catalogue.copy', call => $call,
                   error => $errno, hits => 0);
    });
    wait_for("$name: tries", 30, sub { $disk->get('hits') >= 3 });
    is(mark(), 0, "$name: the catalogue is not whole");
    is((stat $copy)[9], $made, "$name: the copy is what it was");
    $disk->set(armed => 0);
    whole($name);
}

is(said(), @faults, 'said once each');

# --- somebody else has the catalogue

lose(sub {
    $disk->set(armed => 1, only => 'catalogue.copy', error => 0);
    $disk->hold(1, on => ['open']);
});
wait_for('the copy', 30, sub { $disk->held });

my $pid = open2(my $out, my $in, 'sqlite3', '-cmd', '.timeout 10000', $t->db);
print $in "BEGIN IMMEDIATE;\nSELECT 'begun';\n";
$in->flush;
is(<$out>, "begun\n", 'it is locked');
$disk->release;
$t->wait_log(qr/restore catalogue\.copy: database is locked, it is tried again/);
is(mark(), 0, 'locked: the catalogue is not whole');
print $in "ROLLBACK;\n";
close $in;
waitpid $pid, 0;
$disk->set(armed => 0);
whole('locked');

# --- what is damaged is not overwritten

my $bytes = slurp($copy);

for my $damaged ('x' x 8192, substr($bytes, 0, 8192) . "\xff" x 16384) {
    lose(sub { spew($copy, $damaged) });
    $t->allow(qr/what catalogue\.copy has is not restored: /);
    wait_for('files', 30, sub { mark() == $WHOLE });
    is(scalar $t->files, 1, 'damaged: the file is found');
    my ($aside) = glob "$copy.damaged.*";
    ok($aside, 'set aside') or next;
    is(slurp($aside), $damaged, 'as it was');
    my ($name) = $aside =~ m{([^/]+)$};
    like($t->error_log, qr/not restored: .*, it is set aside as \Q$name\E/,
         'which is said');
    unlink $aside;
}

spew($copy, $bytes);
lose();
whole('sound again');

# --- nor is a file taken for one without a label

my @rows = rows();
lose(sub {
    $disk->set(armed => 1, only => '.flv', call => 'read', error => EIO,
               hits => 0);
});
wait_for('tries', 30, sub { $disk->get('hits') >= 3 });
isnt(mark(), $WHOLE, 'a label: the catalogue is not whole');
$disk->set(armed => 0);
whole('a label');
is_deeply([ rows() ], \@rows, 'a label: the row is what it was');

# --- all has to be done again, and a call comes in between

lose(sub {
    $disk->set(armed => 1, only => 'files/live', call => 'open',
               error => EIO, hits => 0);
});
wait_for('what was ordered', 30, sub { eval { ordered()->{record_rules} == 2 } });
wait_for('tries', 30, sub { $disk->get('hits') >= 1 });
is($api->code('DeleteLiveRecordRule', { rule('goes') }), '', 'a rule is deleted');
my $hits = $disk->get('hits');
wait_for('tries', 30, sub { $disk->get('hits') >= $hits + 2 });
$disk->set(armed => 0);
$ordered{record_rules} = 1;
whole('in between');

# --- what is published before that is back waits for it

my $mark;
lose(\&copy_hangs);
wait_for('the copy', 30, sub { $disk->held });
published();
unlike(substr($t->error_log, $mark), qr/has not told/, 'a stream waits');
not_known('before that is back');
$disk->release;
is(join(' ', map { $_->{template} } $t->wait_files(1, stream => 'stays')),
   'called', 'and is recorded as calls say');

# the catalogue is lost while nginx runs
copied();
copy_hangs();
unlink glob $t->db . '*';
wait_for('the copy', 30, sub { $disk->held });
published();
is(join(' ', map { $_->{template} } $t->wait_files(1, frames_written => 114)),
   'called', 'what was known before holds until then');
not_known('lost while nginx runs');
ok($disk->held, 'which is still to come');
$disk->release;
wait_for('all of it', 30, sub { mark() == $WHOLE });

my @rules = @{ $api->call('DescribeLiveRecordRules', {})->{Rules} };
is(join(' ', grep { /^(?:stays|new)$/ } map { $_->{StreamName} } @rules),
   'stays', 'what a call was not told to have removed is there');

$t->done;

# no call is told that there is nothing, nor that it has changed something
sub not_known {
    my ($when) = @_;

    my $once = Recording::Api->new(port => $t->port(1), once => 1);
    wait_for('the store', 30, sub { $once->code('DescribeStore') eq '' });
    my %one = (TemplateId => $template);
    for (['DescribeLiveRecordRules', {}], ['DescribeLiveRecordTemplates', {}],
         ['DescribeRecordTask', { rule('task') }],
         ['DescribeLiveCallbackTemplates', {}],
         ['DescribeLiveCallbackRules', {}], ['DescribeTasks', {}],
         ['DeleteLiveRecordRule', { rule('stays') }],
         ['CreateLiveRecordRule', { rule('new'), %one }],
         ['DeleteLiveRecordTemplate', \%one])
    {
        is($once->code(@$_), 'ResourceUnavailable.InvalidVodStatus',
           "$when: $_->[0]");
    }
}

sub copy_hangs {
    $mark = $t->log_mark;
    $disk->set(armed => 1, only => 'catalogue.copy', error => 0);
    $disk->hold(1, on => ['open']);
}

sub published {
    my $from = $t->log_mark;
    my $r = Recording::Rtmp->new(port => $t->port);

    $r->connect(app => 'live', tcUrl => 'rtmp://push.example.com/live');
    $r->publish('stays');
    $r->send_flv(media(duration => 2, fps => 10, gop => 0.5, size => '160x90'));
    $r->delete_stream->close;
    $t->wait_log(qr/ disconnect, client: /, 30, $from);
}

# nginx ends, and its catalogue is lost
sub lose {
    my ($meanwhile) = @_;

    $t->stop;
    unlink glob $t->db . '*';
    $meanwhile->() if $meanwhile;
    $t->allow(qr/the catalogue was missing|looking through the store failed/);
    $t->start;
}

sub whole {
    my ($when) = @_;

    wait_for("$when: the catalogue", 30, sub { mark() == $WHOLE });
    is_deeply(ordered(), \%ordered, "$when: what was ordered is there");
    is(scalar $t->files, 1, "$when: and the file");
}

# the next copy has all that is there now
sub copied {
    unlink $copy;
    wait_for('a copy', 30, sub { -s $copy });
}

sub ordered {
    my %n = map { $_ => ($t->catalogue("SELECT count(*) AS n FROM $_"))[0]{n} }
                keys %ordered;
    return \%n;
}

sub rows {
    return $t->catalogue('SELECT file_id, recording_id, template, start_us,'
                         . ' end_us, frames_written FROM files');
}

sub mark {
    my ($status, $out) = run('sqlite3', $t->db, 'PRAGMA application_id');
    return $status ? 0 : 0 + $out;
}

sub said { return scalar(() = $t->error_log
                         =~ /looking through the store failed: restore catal/g) }

sub rule {
    my ($stream) = @_;
    return (DomainName => 'push.example.com', AppName => 'live',
            StreamName => $stream);
}

sub ready {
    wait_for('the store', 30, sub {
        eval { $api->code('DescribeStore') eq '' } });
}
