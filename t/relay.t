#!/usr/bin/perl

# A relay that pulls its stream: the source stops and returns while the
# relay's session stays, and each time is a recording of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;

my $flv = media(duration => 4, size => '160x90');
my $other = media(duration => 4, size => '192x108', fps => 30);

my $source = Recording::Nginx->new(recording => 0);

$source->conf(<<'CONF')->start;
rtmp {
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application src { live on; }
    }
}
CONF

my $t = Recording::Nginx->new;

$t->conf(<<'CONF', SOURCE => $source->port)->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format mp4; }
    record_rule all;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application edge {
            live on;
            pull rtmp://127.0.0.1:%%SOURCE%%/src/feed name=always static;
            pull rtmp://127.0.0.1:%%SOURCE%%/src/origin name=asked;
            pull_reconnect 100ms;
        }
    }
}
CONF

# --- a static pull

pulled('feed', 0);
feed('feed', $flv);
recorded('always', 1, $flv);

feed('feed', $other);
recorded('always', 2, $flv, $other);

# it is back at once, while the end of the recording is still written
my @quick = map { my $r = client($source, 'src'); $r } 1, 2;
$quick[0]->publish('feed');
$quick[0]->send_flv($flv, rate => 8);
$quick[0]->delete_stream;
$quick[0]->wait_status(qr/Unpublish/);
$quick[1]->publish('feed');
$quick[1]->send_flv($other, rate => 8);
$_->close for @quick;
recorded('always', 4, $flv, $other, $flv, $other);

# nothing but a header and a pause in between leaves nothing
feed('feed', [ grep { $_->[0] == 18 || $_->[2] =~ /^[\x17\xaf]\0/ }
               Recording::Rtmp::flv_messages($flv) ]);

# the connection of the relay is lost, and it connects again
my $mark = $source->log_mark;
$source->terminate;
$source->start;
pulled('feed', $mark);
feed('feed', $flv);
recorded('always', 5, $flv, $other, $flv, $other, $flv);

# --- a pull that lasts as long as it has a player

$mark = $source->log_mark;
my $player = play('asked');
pulled('origin', $mark);
feed('origin', $flv, $player);
recorded('asked', 1, $flv);
feed('origin', $other, $player);
recorded('asked', 2, $flv, $other);

# the player goes in the middle, and the relay with it
my $r = client($source, 'src');
my @messages = Recording::Rtmp::flv_messages($flv);
$r->publish('origin');
$r->send_flv([ grep { $_->[1] < 2000 } @messages ], rate => 4);
$t->wait_growing(2, stream => 'asked');
$player->close;
my @rows = $t->wait_files(6, stream => 'asked');
is(@rows, 6, 'the third recording ends with the player');
$r->send_flv([ grep { $_->[1] >= 2000 } @messages ], rate => 4);
$r->close;

# a relay does not end by itself, so neither does a graceful stop
$_->terminate for $t, $source;

is(() = $t->recordings, 8, 'as many recordings');
is((grep { $_->{stream} !~ /^(?:always|asked)$/ } $t->files), 0,
   'under the names of the relay');
is((grep { decode_problem($_) ne '' } $t->paths($t->files)), 0,
   'all decode');

$t->done;

sub client {
    my ($nginx, $app) = @_;

    my $r = Recording::Rtmp->new(port => $nginx->port);
    $r->connect(app => $app) or die "no connection to $app";
    return $r;
}

# the relay has joined the source's stream
sub pulled {
    my ($name, $mark) = @_;
    $source->wait_log(qr/play: name='$name'/, 10, $mark);
}

# slow enough for the relay, which gets only what its queue holds
sub feed {
    my ($name, $what, $viewer) = @_;

    my $r = client($source, 'src');
    $r->publish($name) =~ /Publish\.Start/ or die "no publish of $name";
    my $before = $viewer ? $viewer->{count}{9} || 0 : 0;

    $r->send_flv($what, rate => 4);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    cmp_ok($viewer->wait_messages(9, $before + 90), '>=', 90,
           'the player sees it') if $viewer;
}

sub play {
    my ($name) = @_;

    my $player = client($t, 'edge');
    $player->play($name);
    return $player;
}

sub recorded {
    my ($stream, $n, @pushed) = @_;

    my @rows = $t->wait_files(2 * $n, stream => $stream);
    is(@rows, 2 * $n, "$stream is recorded $n times");

    my %ids = map { $_->{recording_id} => 1 } @rows;
    my @ids = sort keys %ids;
    is(@ids, $n, 'recordings');

    for my $row (grep { $_->{recording_id} eq $ids[-1] } @rows) {
        is(join("\n", Recording::Exact::compare(pushed => [ $pushed[-1] ],
            files => [ $t->path($row) ])), '', "$row->{format} exact");
    }
}
