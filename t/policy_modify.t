#!/usr/bin/perl

# Templates that are changed by calls: null changes nothing, and of calls that
# change the same one at a time, in several workers, none is lost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Nginx;
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

$t->done;

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
