#!/usr/bin/perl

# How long files are kept by what calls say, and do not say: StorageTime, 0 for
# good; ExpireTime of what EditMedia makes, in a format that the template has or
# has not; a task that names no template.  And so after the catalogue was lost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Edit;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run wait_for);

use constant NEVER => '9999-12-31T23:59:59Z';

my $t = Recording::Nginx->new;
my $flv = media(duration => 3, gop => 1, fps => 10, size => '160x90');

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template default { format flv; expire 2h; }
    record_template one { format flv; expire 1d; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application one { live on; record_rule one; }
        application said { live on; }
        application never { live on; }
        application silent { live on; }
        application task { live on; }
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
my $edit = Recording::Edit->new(nginx => $t, api => $api);
$edit->ready;

# --- templates of calls

my %storage = (said => 3600, never => 0, silent => undef);

for my $name (sort keys %storage) {
    my $time = $storage{$name};
    my $id = $api->call('CreateLiveRecordTemplate', { TemplateName => $name,
        FlvParam => { Enable => 1, defined $time ? (StorageTime => $time) : () },
        $name eq 'said' ? (HlsParam => { Enable => 1, StorageTime => '0' }) : (),
    })->{TemplateId};
    is($api->code('CreateLiveRecordRule', { DomainName => '127.0.0.1',
                  AppName => $name, TemplateId => $id }), '', "rule $name");
}

my %told = map { $_->{TemplateName} => $_ }
           @{ $api->call('DescribeLiveRecordTemplates')->{Templates} };
is(join(' ', map { $told{$_}{FlvParam}{StorageTime} }
             qw(said never silent default one)), '3600 0 7200 7200 86400',
   'StorageTime as it holds is told');

ok($api->call('CreateRecordTask', { DomainName => '127.0.0.1', AppName => 'task',
    StreamName => 'a', EndTime => time + 600 })->{TaskId}, 'a task');

# --- what they record

for my $app (qw(one said never silent task)) {
    my $publisher = $t->publisher($app, 'a');
    $publisher->send_until($flv, 3000, "what grows of $app", sub {
        ($app eq 'said' ? 2 : 1) <= $t->files(app => $app) });
    $publisher->delete_stream->close;
}

$t->wait_files(6);
my %row = map { ("$_->{app}/$_->{format}" => $_) } $t->files;
my %kept = ('one/flv' => 86400, 'said/flv' => 3600, 'said/hls' => 'never',
            'never/flv' => 'never', 'silent/flv' => 7200,
            'task/hls' => 'never');
is_deeply({ map { ($_ => kept($row{$_})) } keys %row }, \%kept,
          'what is recorded');

# --- what is made of that

my $date = '2099-01-02T03:04:05Z';
my @made = (
    [ 'one/flv', 'mp4', undef, 86400, 'a format its template has not' ],
    [ 'one/flv', 'mp4', NEVER, 'never', 'for good' ],
    [ 'one/flv', 'hls', $date, 4071006245, 'a time' ],
    [ 'said/flv', 'hls', undef, 'never', 'as its template says of HLS' ],
    [ 'said/flv', 'mp4', undef, 3600, 'as its template says of the first one' ],
    [ 'said/hls', 'mp4', undef, 'never', 'the same, for good' ],
    [ 'said/flv', 'mp4', NEVER, 'never', 'for good' ],
    [ 'never/flv', 'mp4', undef, 'never', 'as the first one' ],
    [ 'silent/flv', 'mp4', undef, 7200, 'as the first one' ],
    [ 'task/hls', 'mp4', undef, 'never', 'of a task without a template' ],
);

for (@made) {
    my ($from, $type, $time, $seconds, $name) = @$_;
    my $task = $edit->make([ { FileId => $row{$from}{file_id} } ],
        { Type => $type, defined $time ? (ExpireTime => $time) : () });
    my $made = $edit->row($task);
    my $want = defined $time && $time eq $date ? "at $seconds" : $seconds;
    is(defined $time && $time eq $date ? 'at ' . $made->{expire_us} / 1e6
                                       : kept($made), $want,
       "$from to $type: $name");
}

# --- lost

my %before = map { $_->{file_id} => $_->{expire_us} } $t->files;
$t->stop;
unlink glob $t->db . '*';
$t->start;
$t->allow(qr/the catalogue was missing/);
$t->wait_files(scalar keys %before);
is_deeply({ map { $_->{file_id} => $_->{expire_us} } $t->files }, \%before,
          'all of it is known when the catalogue was lost');

$t->done;

# s from its end on
sub kept {
    my ($row) = @_;
    return defined $row->{expire_us}
           ? ($row->{expire_us} - $row->{end_us}) / 1e6 : 'never';
}
