#!/usr/bin/perl

# rtmp_auto_push brings a stream to all workers: it is recorded once, by the
# worker that its publisher came to.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(root slurp wait_for);

# nginx-rtmp as a dynamic module never serves the sockets between workers

if (!defined $ENV{TEST_RTMP_MODULE} || length $ENV{TEST_RTMP_MODULE}) {
    my $static = root() . '/build/static';

    plan skip_all => 'an nginx with nginx-rtmp linked statically is needed:'
                     . ' run "make static"' if !-x "$static/nginx";

    $ENV{TEST_NGINX_BINARY} = "$static/nginx";
    $ENV{TEST_RTMP_MODULE} = '';
}

my $flv = media(duration => 10, size => '160x90');

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
worker_processes 2;
rtmp_auto_push on;
rtmp_auto_push_reconnect 100ms;
rtmp_socket_dir %%DIR%%;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# each worker has its socket before the other one pushes to it
wait_for('sockets', 10, sub { (() = glob $t->dir . '/nginx-rtmp.*') == 2 });

my @workers = $t->worker_pids;

for my $worker (@workers) {
    my $name = "from$worker";
    my ($other) = grep { $_ != $worker } @workers;

    # the publisher and both players come to workers of our choice
    my $push = at($worker, sub {
        my $p = $t->publisher('live', $name);
        $t->wait_log(qr/ $worker#.*publish: name='$name'/, 10);
        return $p;
    });
    $push->send_flv($flv, to => 2000);
    my @players = map { my $w = $_; at($w, sub { play($w, $name) }) }
                  @workers;

    $t->wait_log(qr/ $other#.*publish: name='$name'/, 10);

    # most of it comes when they are there, however long that took
    $push->send_flv($flv, from => 2000, metadata => 0, rate => 4);
    cmp_ok($_->wait_messages(9, 50), '>=', 50, 'a player sees the stream')
        for @players;

    ok(!$push->closed, 'pushed');
    $push->delete_stream->close;
    $_->close for @players;
    $t->wait_files(2, stream => $name);
}

# graceful: whatever is recorded is in the catalogue afterwards
$t->stop;

for my $worker (@workers) {
    my @recordings = $t->recordings(stream => "from$worker");
    is(@recordings, 1, 'one recording');
    like($recordings[0]{owner}, qr/\b$worker\b/, 'by the first worker');

    my @rows = $t->files(stream => "from$worker");
    is(join(' ', sort map { $_->{format} } @rows), 'flv hls', 'its files');

    my ($path) = $t->paths(grep { $_->{format} eq 'flv' } @rows);
    is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => [$path])), '', 'exact');
}

is(() = $t->recordings, 2, 'no other recordings');

$t->done;

# while all others stand still, only one worker accepts
sub at {
    my ($worker, $what) = @_;

    my @others = grep { $_ != $worker } @workers;

    $t->signal('STOP', @others);
    wait_for('stop', 5, sub {
        !grep { slurp("/proc/$_/stat") !~ /\) T / } @others
    });

    my $result = $what->();
    $t->signal('CONT', @others);
    return $result;
}

sub play {
    my ($worker, $name) = @_;

    my $player = Recording::Rtmp->new(port => $t->port);
    $player->connect(app => 'live') or die "no connection to live";
    $player->play($name);
    $t->wait_log(qr/ $worker#.*play: name='$name'/, 10);
    return $player;
}
