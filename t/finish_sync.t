#!/usr/bin/perl

# Many streams that end at once, each with a directory of its own: a sync for
# each file, and a few for all directories together.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;

use constant STREAMS => 40;

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_sync off;
    record_template all { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @all = Recording::Rtmp::flv_messages(
    media(duration => 2, gop => 1, size => '160x90'));
my @live = map { publisher("s$_") } 1 .. STREAMS;
$_->send_flv(\@all) for @live;
$t->wait_growing(STREAMS, _timeout => 60);

# as long as all of them are open nothing is synced
$disk->set(armed => 1, delay => 50, call => 'sync', where => 'files');
# nor does a worker that is stopped see one end before the other
my @worker = $t->worker_pids;
$t->signal(STOP => @worker);
$_->delete_stream->wait_delivered->close for @live;
$t->signal(CONT => @worker);
my @rows = $t->wait_files(STREAMS, _timeout => 60);
my $syncs = $disk->get('hits');

is(scalar(grep { $_->{state} eq 'finished' } @rows), STREAMS, 'all finished');
cmp_ok($syncs, '>=', STREAMS, 'each file is synced');
cmp_ok($syncs, '<', STREAMS * 3 / 2, 'their directories together');

$disk->set(delay => 0);
$t->stop;
$t->done;

sub publisher {
    my ($stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($stream);
    return $r;
}
