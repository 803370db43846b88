#!/usr/bin/perl

# A stream is back, and the disk takes half a minute to open the first of its
# files: they are its recording's all the time, and none of them is taken for
# one that was forgotten.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

use constant PASSES => 26;      # s: the keeper looks twice for what is forgotten

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv resume=60s; format mp4 resume=60s;
        format aac resume=60s; format hls resume=60s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 6, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);

publish(0, 3000);
wait_for('all to wait', 20, sub { $t->files(state => 'paused') == 4 });

$disk->set(armed => 1, only => '.journal');
$disk->hold(1, on => ['open']);
my $live = publish(3000, 6000, 1);
like(wait_for('it', 20, sub { $disk->held }), qr/\.journal$/, 'it is held');
sleep PASSES;
unlike($t->error_log, qr/file finished|it waits for its stream/,
       'nothing is taken');
$disk->release;

wait_for('all to go on', 20, sub {
    4 == (() = $t->error_log =~ /goes on after a gap/g) });
is(scalar(() = $t->wait_growing(4)), 4, 'and are recorded');
$live->delete_stream->close;
wait_for('all to wait again', 20, sub { $t->files(state => 'paused') == 4 });
is(scalar(() = $t->recordings), 1, 'it is one recording');
is(scalar(() = $t->files), 4, 'of the same files');

$t->stop;
$t->done;

sub publish {
    my ($from, $to, $stay) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish('a');
    $r->send_flv(\@all, from => $from, to => $to);

    return $stay ? $r : $r->delete_stream->close;
}
