#!/usr/bin/perl

# Which publishes are recorded: those that the whole chain accepted, under
# the names that it gave them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find ();
use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;

my $flv = media(duration => 3, size => '160x90');
my @messages = Recording::Rtmp::flv_messages($flv);
my @first = grep { $_->[1] < 1500 } @messages;
my @rest = grep { $_->[1] >= 1500 } @messages;

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template all { format flv; format hls; }
    record_rule all;
    notify_method get;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; }
        application shut { live on; deny publish all; }
        application gate {
            live on;
            on_publish http://127.0.0.1:%%PORT_1%%/publish;
        }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /publish {
            if ($arg_name = refused) { return 403; }
            if ($arg_name ~ ^secret_(.+)) { return 302 $1; }
            return 204;
        }
    }
}
CONF

# --- refused: frames are on their way before the answer is

for my $name (qw(gate/refused shut/denied)) {
    my ($app, $stream) = split m{/}, $name;

    my $r = client($app);
    $r->create_stream;
    $r->command('publish', $r->{sid}, undef,
                Recording::Amf0::string($stream),
                Recording::Amf0::string('live'));
    $r->send_flv(\@messages);
    ok($r->wait_closed, "$name is refused");
}

# --- accepted, under another name

accepted('gate', 'plain');
accepted('gate', 'secret_renamed');

# --- a second publisher, by its own name or by the one it is given

for my $second (qw(taken secret_taken)) {
    my ($one, $two) = (client('gate'), client('gate'));

    is($one->publish('taken'), 'NetStream.Publish.Start', 'live');
    $one->send_flv(\@first);

    is($two->publish($second), 'NetStream.Publish.BadName',
       "$second is taken");
    $two->send_flv(\@messages);

    # its end must not be that of the other
    finish($two, 0);
    $one->send_flv(\@rest);
    finish($one, 1);

    $t->wait_files(2, app => 'gate', stream => 'taken');
}

# --- a player is none, although it has a stream

my $player = client('live');
$player->play('watched', no_wait => 1);
$player->command('publish', $player->{sid}, undef,
                 Recording::Amf0::string('watched'));
$player->send_flv(\@messages);
finish($player, 0);

# --- nothing to record

my $silent = client('live');
$silent->publish('silent');
finish($silent, 1);

my $bare = client('live');
$bare->publish('bare');
$bare->send_flv([ grep { $_->[0] == 18 || $_->[2] =~ /^[\x17\xaf]\0/ }
                  @messages ]);
finish($bare, 1);

# --- one connection after the other

my $r = client('gate');

is($r->publish('secret_one'), 'NetStream.Publish.Start', 'first publish');
$r->send_flv(\@messages);
$r->close_stream;
is($r->wait_status, 'NetStream.Unpublish.Success', 'closed');
$r->close_stream;

is($r->publish('two'), 'NetStream.Publish.Start', 'second publish');
$r->send_flv(\@messages);
$r->delete_stream;
is($r->wait_status(qr/Unpublish/), 'NetStream.Unpublish.Success',
   'deleted');

# the headers that the connection brought before stay in force
is($r->publish('secret_three'), 'NetStream.Publish.Start', 'third publish');
$r->send_flv([ grep { $_->[2] !~ /^[\x17\xaf]\0/ } @messages ]);
finish($r, 1);

# --- a publish without a close before changes nothing, nor does a StreamEOF,
# which is for relays

$r = client('live');
$r->publish('kept?first=1');
$r->send_flv(\@first);
$r->send(4, 0, pack('n N', 1, 1), 0);
$r->publish('other?second=1');
$r->send_flv(\@rest);
finish($r, 1);

# graceful: whatever is recorded is in the catalogue afterwards
$t->stop;

exact('gate', 'plain');
exact('gate', 'renamed');
exact('gate', 'taken', 2);
exact('gate', $_) for qw(one two three);
exact('live', 'kept');

my %streams = map { ("$_->{app}/$_->{stream}" => 1) } $t->files;
is(join(' ', sort keys %streams), 'gate/one gate/plain gate/renamed'
   . ' gate/taken gate/three gate/two live/kept', 'nothing else');
is(() = $t->recordings, 8, 'recordings');

my @texts = map { values %$_ } $t->files, $t->recordings;
is((grep { defined && /secret/ } @texts), 0, 'no name from before');

my ($param) = map { $_->{stream_param} } $t->files(stream => 'kept');
is($param, 'first=1', 'the first query');

# --- nor does anything lie about

my (@found, %known);
$known{$_} = 1 for $t->paths($t->files);

File::Find::find(sub { push @found, $File::Find::name if -f },
                 $t->store . '/files', $t->store . '/work');
is(join("\n", grep { !$known{$_} && !/\.ts$/ } @found), '',
   'no file without a row');

my %dirs = map { m{/files/(gate|live|shut)/([^/]+)/} ? ("$1/$2" => 1) : () }
           @found;
is_deeply(\%dirs, \%streams, 'directories');

$t->done;

sub client {
    my ($app) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app) or die "no connection to $app";
    return $r;
}

sub finish {
    my ($r, $live) = @_;

    $r->delete_stream;
    $r->wait_status(qr/Unpublish/) if $live;
    $r->create_stream if !$live;
    $r->close;
}

sub accepted {
    my ($app, $name) = @_;

    my $r = client($app);
    is($r->publish($name), 'NetStream.Publish.Start', "$name is accepted");
    $r->send_flv(\@messages);
    finish($r, 1);
}

sub exact {
    my ($app, $stream, $times) = @_;

    for my $format (qw(flv hls)) {
        my @rows = $t->files(app => $app, stream => $stream,
                             format => $format);
        is(@rows, $times || 1, "$app/$stream $format");
        is(decode_problem($_), '', 'it decodes') for $t->paths(@rows);

        next if $format eq 'hls';
        is(join("\n", Recording::Exact::compare(pushed => [$flv],
            files => [$_])), '', 'it is exact') for $t->paths(@rows);
    }
}
