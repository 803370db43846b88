#!/usr/bin/perl

# Templates that are changed by calls: null changes nothing, and of calls that
# change the same one at a time, in several workers, none is lost; how long files
# of a recording are kept is what held when it began.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $n = 0;
my @formats = qw(FlvParam HlsParam Mp4Param AacParam);
my @urls = qw(RecordNotifyUrl RecordStatusNotifyUrl RecordExceptionNotifyUrl
              StreamBeginNotifyUrl);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
worker_processes 4;
rtmp {
    record_store %%STORE%%;
    server { listen 127.0.0.1:%%PORT_0%%; application live { live on; } }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api private=on; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

# --- null is as good as absent

my $id = create('Record', FlvParam => { Enable => 1, RecordInterval => 70 });
my $callback = create('Callback', RecordNotifyUrl => 'http://127.0.0.1:9/a',
                      CallbackKey => 'secret');

modify('Record', $id, FlvParam => undef, Description => 'd');
is_deeply([ @{ template('Record', $id)->{FlvParam} }{qw(Enable
                                                         RecordInterval)} ],
          [ 1, 70 ], 'a format stays with null');

modify('Callback', $callback, CallbackKey => undef, RecordNotifyUrl => undef,
       Description => 'd');
is_deeply([ @{ template('Callback', $callback) }{qw(CallbackKey RecordNotifyUrl
                                                    Description)} ],
          [ 'secret', 'http://127.0.0.1:9/a', 'd' ], 'so do a URL and its key');

# --- several at once

my ($formats, $urls) = ('', '');

for my $i (1 .. 10) {
    $id = create('Record');
    at_once('Record', $id, map { { $_ => { Enable => 1 } } } @formats);
    $formats .= join('', map { $_->{Enable} }
                     @{ template('Record', $id) }{@formats}) . ' ';
    drop('Record', $id);

    $callback = create('Callback',
                       SnapshotNotifyUrl => 'http://127.0.0.1:9/');
    at_once('Callback', $callback,
            map { { $_ => "http://127.0.0.1:9/$_" } } @urls);
    $urls .= grep { $_ ne '' } @{ template('Callback', $callback) }{@urls};
    drop('Callback', $callback);
}

is($formats, '1111 ' x 10, 'each format is there');
is($urls, '4' x 10, 'and each URL');

# --- it is deleted meanwhile: either comes first

for my $i (1 .. 10) {
    $id = create('Record');
    my @codes = answers(request('ModifyLiveRecordTemplate', $id,
                                Mp4Param => { Enable => 1 }),
                        request('DeleteLiveRecordTemplate', $id));
    ok($codes[0] =~ /^(?:|InternalError\.ConfNotFound)$/ && $codes[1] eq ''
       && $api->code('DescribeLiveRecordTemplate', { TemplateId => $id })
          eq 'InternalError.ConfNotFound', "it is gone: $codes[0]");
}

# --- while it is recorded by: its files, also those that begin later

my $flv = media(duration => 3, size => '160x90');
my $kept = create('Record', FlvParam => { Enable => 1, StorageTime => 3600 });
is($api->code('CreateLiveRecordRule', { DomainName => 'd.example.com',
                                        TemplateId => $kept }), '', 'a rule');
my $r = published('s');
wait_for('its file', 20, sub { $t->files });
modify('Record', $kept, FlvParam => { Enable => 1, StorageTime => 7200 });
is($api->code('CutRecording',
              { RecordingId => ($t->recordings)[0]{recording_id} }), '', 'cut');
wait_for('the next file', 20, sub {
    $r->send_flv($flv);
    1 < $t->files });
$r->delete_stream;
$r->close;
$r = published('next');
wait_for('its file', 20, sub { grep { $_->{stream} eq 'next' } $t->files });
$r->delete_stream;
$r->close;
wait_for('the end of all', 20, sub {
    my @open = grep { $_->{state} ne 'finished' } $t->files;
    !@open && grep { $_->{stream} eq 'next' } $t->files });
my %kept;
$kept{ $_->{stream} }{ ($_->{expire_us} - $_->{end_us}) / 1e6 }++ for $t->files;
cmp_ok(delete $kept{s}{3600}, '>', 1, 'what it held when that began');
is_deeply(\%kept, { s => {}, next => { 7200 => 1 } }, 'and then the new one');

$t->done;

sub published {
    my ($stream) = @_;

    my $client = Recording::Rtmp->new(port => $t->port);
    $client->connect(app => 'live', tcUrl => 'rtmp://d.example.com/live');
    $client->publish($stream);
    $client->send_flv($flv);
    return $client;
}

sub create {
    my ($kind, %what) = @_;

    $n++;
    my $answer = $api->call("CreateLive${kind}Template",
                            { TemplateName => "t$n", %what });
    die "$answer->{Error}{Message}\n" if $answer->{Error};
    return $answer->{TemplateId};
}

sub modify {
    my ($kind, $id, %what) = @_;
    is($api->code("ModifyLive${kind}Template", { TemplateId => $id, %what }),
       '', "$kind: " . join ' ', sort keys %what);
}

sub template {
    my ($kind, $id) = @_;
    return $api->call("DescribeLive${kind}Template",
                      { TemplateId => $id })->{Template};
}

sub drop {
    my ($kind, $id) = @_;
    $api->call("DeleteLive${kind}Template", { TemplateId => $id });
}

sub request {
    my ($action, $id, %what) = @_;
    return $api->request($action, { TemplateId => $id, %what });
}

# each over a connection of its own, that are all made before
sub answers {
    my @requests = @_;

    my @sockets = map { $api->connection } @requests;
    print { $sockets[$_] } $requests[$_] for 0 .. $#requests;

    return map {
        my $socket = $_;
        my $answer = do { local $/; <$socket> };
        die "no answer\n" if $answer !~ /"RequestId"/;
        $answer =~ /"Code": ?"([^"]+)"/ ? $1 : '';
    } @sockets;
}

sub at_once {
    my ($kind, $id, @changes) = @_;

    my $wrong = join ' ', answers(map {
        request("ModifyLive${kind}Template", $id, %$_)
    } @changes);
    die "$kind: $wrong\n" if $wrong =~ /\S/;
}
