#!/usr/bin/perl

# What the repair of many files asks of a slow disk: they are synced together,
# not one after the other, before their streams go on.  One whose sync fails
# does not: it ends where it was durable.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use JSON::XS ();
use Test::More;

use Recording::Live;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

use constant STREAMS => 20;

my $flv = media(duration => 20, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);

together();
fails();
Recording::Nginx->done;

sub together {
    my $disk = Recording::SlowDisk->new;
    my $t = nginx($disk, 'off');

    my @live = map { publish($t, 'all', "s$_", 0) } 1 .. STREAMS;
    $t->wait_growing(4 * STREAMS, _timeout => 60);
    wait_for('frames in them', 60, sub {
        STREAMS == grep { -s > 20_000 } glob $t->store . '/work/*.flv' });

    $t->kill9;
    $_->close for @live;
    $disk->set(armed => 1, delay => 300, call => 'sync', where => 'files');
    my $before = $disk->get('hits');
    $t->start;

    @live = map { publish($t, 'all', "s$_", 2000) } 1 .. STREAMS;
    wait_for('all to go on', 100, sub {
        STREAMS * 4 == (() = $t->error_log =~ /goes on after a gap/g) });
    my $syncs = $disk->get('hits') - $before;
    $disk->set(delay => 0);

    # a segment of a playlist is durable before it is listed
    cmp_ok($syncs, '>=', STREAMS, 'each open segment is synced');
    cmp_ok($syncs, '<=', STREAMS * 2, 'and all the rest together');
    is(scalar(() = $t->recordings), STREAMS, 'all go on in their recordings');

    $_->close for @live;
    $t->stop(60);
}

# the sync of all, and that of one file
sub fails {
    my $disk = Recording::SlowDisk->new;
    my $t = nginx($disk, '2s');

    for my $app (qw(flv mp4 aac)) {
        my $live = Recording::Live->new(file => $flv, app => $app,
                                        name => 'fails', ports => [ $t->port ]);

        # its journal says what was synced, and more comes
        $disk->set(armed => 1, error => 0, call => 'sync', delay => 1,
                   most => 0);
        for my $synced (".$app", '.journal') {
            $disk->match($synced);
            my $hits = $disk->get('hits');
            $live->run(undef, sub { $disk->get('hits') > $hits });
        }
        $live->run(1000 + $live->run(0));
        $t->kill9;
        $disk->set(delay => 0);
        $disk->once(error => EIO, call => 'sync', where => 'files');
        $disk->set(most => $disk->get('hits') + 2);
        my $mark = $t->log_mark;
        $t->start;

        my ($row) = $t->wait_files(1, app => $app, _timeout => 30);
        ok($disk->hit, "$app: two syncs failed");
        is($row->{state}, 'finished', "$app: it does not go on");
        my ($cut) = substr($t->error_log, $mark)
                    =~ /\[error\].* (\d+) frames are cut off /;
        ok(defined $cut, "$app: what may not be on the disk is cut off");

        # none, if record_sync came just before
        is(JSON::XS::decode_json($row->{drops} || '{}')->{disk} || 0, $cut,
           "$app: and counted");
    }

    $t->stop;
}

sub nginx {
    my ($disk, $sync) = @_;

    $disk->use_next;
    my $t = Recording::Nginx->new(store => $disk->store);
    return $t->conf(<<"CONF")->start;
thread_pool default threads=4 max_queue=65536;
worker_processes 1;
worker_rlimit_nofile 4096;
rtmp {
    record_store %%STORE%%;
    record_sync $sync;
    record_template all {
        format flv resume=60s; format mp4 resume=60s;
        format aac resume=60s; format hls resume=60s segment=6s;
    }
    record_template flv { format flv resume=60s; }
    record_template mp4 { format mp4 resume=60s; }
    record_template aac { format aac resume=60s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application all { live on; record_rule all; }
        application flv { live on; record_rule flv; }
        application mp4 { live on; record_rule mp4; }
        application aac { live on; record_rule aac; }
    }
}
CONF
}

sub publish {
    my ($t, $app, $name, $from) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    $r->send_flv(\@all, from => $from, to => $from + 2000);

    return $r;
}
