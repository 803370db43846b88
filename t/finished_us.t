#!/usr/bin/perl

# finished_us: when a file appeared in files/, or a playlist got its end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Clock;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for within);

# they wait until its clock says that their time is over
my $clock = Recording::Clock->new;
my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv resume=1m; format mp4 resume=1m; format aac resume=1m;
        format hls resume=1m segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 2, gop => 1, size => '160x120');
my $r = Recording::Rtmp->new(port => $t->port);
$r->connect(app => 'live');
$r->publish('one');
$r->send_flv($flv);

my @rows = $t->wait_growing(4);
is((grep { defined $_->{finished_us} } @rows), 0, 'none while they grow');

$r->delete_stream->close;
wait_for('pause', 20, sub {
    4 == (@rows = grep { $_->{state} eq 'paused' } $t->files) });
is((grep { defined $_->{finished_us} } @rows), 0, 'nor while they wait');
$clock->pass(100);

for my $row (@rows = $t->wait_files(4)) {
    my @stat = stat $t->path($row);

    # of a playlist the last change, of others the rename
    my $time = $stat[$row->{format} eq 'hls' ? 9 : 10];

    cmp_ok(abs($row->{finished_us} / 1e6 - $time - 100), '<', within(5),
           "$row->{format}: when it appeared");
    cmp_ok($row->{finished_us} - $row->{end_us}, '>', 90e6,
           "$row->{format}: which was later than its end");
}

# it is no fact of the catalogue alone
my %was = map { $_->{file_id} => $_->{finished_us} } @rows;
$t->stop;
unlink glob $t->db . '*';
$t->start;
$t->wait_log(qr/it was rebuilt: 4 finished files/);
is_deeply({ map { $_->{file_id} => $_->{finished_us} } $t->files }, \%was,
          'and is known when the catalogue is lost');

$t->done;
