#!/usr/bin/perl

# A stream has ended, and the catalogue does not answer: its files are left as
# they are until it does.  Their rows may be written before their worker knows
# it, and then they are another one's.

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

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    record_sync 100ms;
    record_template all {
        format flv resume=10m;
        format mp4 resume=10m;
        format hls resume=10m;
        format aac resume=10m;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $rtmp = Recording::Rtmp->new(port => $t->port);
$rtmp->connect(app => 'live');
$rtmp->publish('show');
$rtmp->send_flv(media(duration => 2), to => 1500);
$t->wait_growing(4);

# what opens a journal is counted
$disk->set(armed => 1, delay => 1, call => 'open', only => '.journal');
my $lock = $t->lock_catalogue;
my $before = $disk->get('hits');
$rtmp->delete_stream->close;
wait_for('journals that say that the files wait', 30, sub {
    $disk->get('hits') >= $before + 4 });

# the rows are asked for when all journals say so, and once more a second after
# that has failed
$t->wait_log(qr/catalogue failed: .*stream: "live\/show"/, 60);
my $opened = $disk->get('hits');
sleep 3;
is($disk->get('hits'), $opened, 'the files are not touched any more');

$t->unlock_catalogue($lock);
wait_for('files that wait', 30, sub { 4 == $t->files(state => 'paused') });

$t->stop->done;
