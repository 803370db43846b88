#!/usr/bin/perl

# Calls while the catalogue cannot be written: on a full disk, on one that is
# read-only or fails.  A call that changes something has an error, in the log
# as well, and has changed nothing; those that ask are answered; and when the
# disk is well again each has its way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC EROFS);
use JSON::XS ();
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template default { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule default; }
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

# of each worker, as none can open the store later on
my $once = Recording::Api->new(port => $t->port(1), once => 1);
wait_for('both workers', 20, sub {
    !grep { $once->code('DescribeStore') } 1 .. 16 });

# --- what there is to be changed

my $flv = media(duration => 4, gop => 1, size => '160x90');

for my $name ('kept', 'deleted') {
    my $r = $t->publisher('live', $name);
    $r->send_flv($flv);
    $r->delete_stream->close;
}

my %file = map { $_->{stream} => $_->{file_id} } $t->wait_files(2);
my %asks = (DomainName => 'd.example.com', AppName => 'bare',
            StreamName => 's', EndTime => time + 3600);
my %template = (TemplateName => 'made', FlvParam => { Enable => 1 });
my $made = $api->call('CreateLiveRecordTemplate', \%template)->{TemplateId};
my ($stop, $delete) = map {
    $api->call('CreateRecordTask', { %asks, StreamName => $_ })->{TaskId}
} qw(stopped deleted);
my %told = (TemplateName => 'told', RecordNotifyUrl => 'http://127.0.0.1/');
my $told = $api->call('CreateLiveCallbackTemplate', \%told)->{TemplateId};

my @changes = (
    [ CreateLiveRecordTemplate => { %template, TemplateName => 'more' } ],
    [ ModifyLiveRecordTemplate => { %template, TemplateId => $made,
                                    Description => 'another' } ],
    [ CreateLiveRecordRule => { DomainName => 'd.example.com',
                                AppName => 'a', TemplateId => $made } ],
    [ CreateLiveCallbackTemplate => { %told, TemplateName => 'more' } ],
    [ CreateLiveCallbackRule => { DomainName => 'd.example.com',
                                  AppName => 'a', TemplateId => $told } ],
    [ CreateRecordTask => \%asks ],
    [ StopRecordTask => { TaskId => $stop } ],
    [ DeleteRecordTask => { TaskId => $delete } ],
    [ ModifyMediaInfo => { FileId => $file{kept},
                           ExpireTime => '2037-01-01T00:00:00Z' } ],
    [ DeleteMedia => { FileId => $file{deleted} } ],
    [ EditMedia => { InputType => 'File', OutputConfig => { },
                     FileInfos => [ { FileId => $file{kept},
                                      StartTimeOffset => 1,
                                      EndTimeOffset => 2 } ] } ],
);
my @asked = (
    [ 'DescribeLiveRecordTemplates' ], [ SearchMedia => {} ],
    [ DescribeRecordTask => { StartTime => time - 60, EndTime => time + 60 } ],
    [ DescribeMediaInfos => { FileIds => [ $file{kept} ] } ],
);

# --- while it cannot be written

for my $error ([ 'a full disk', ENOSPC ], [ 'a read-only one', EROFS ],
               [ 'one that fails', EIO ]) {
    my ($what, $errno) = @$error;
    my ($before, $mark) = (rows(), $t->log_mark);

    $disk->set(armed => 1, where => 'catalogue', error => $errno);
    is($api->code(@$_), 'InternalError', "$what: $_->[0]") for @changes;
    is($api->code(@$_), '', "$what: $_->[0]") for @asked;
    $disk->set(error => 0);

    my $log = substr $t->error_log, $mark;
    is(join(' ', grep { $log !~ /\[error\].*: $_ failed: catalogue failed: / }
                 map { $_->[0] } @changes), '', "$what: all are in the log");
    is(rows(), $before, "$what: nothing was changed");
}

is($api->code(@$_), '', "then: $_->[0]") for @changes;
wait_for('the file to go', 20, sub {
    ($t->files(file_id => $file{deleted}))[0]{state} eq 'deleted' });

$t->done;

# what calls change, as text
sub rows {
    return JSON::XS->new->canonical->encode({ map {
        $_ => [ $t->catalogue("SELECT * FROM $_ ORDER BY 1") ]
    } qw(files edits record_tasks record_templates record_rules
         callback_templates callback_rules) });
}
