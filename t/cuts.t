#!/usr/bin/perl

# A publisher whose timestamps jump at each key frame asks for a file each
# time: the files that wait to be finished stay few, descriptors too, and
# every file that there is decodes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;
use Recording::Util;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template all { format mp4; format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# every frame is a key frame
my @all = Recording::Rtmp::flv_messages(media(duration => 20, fps => 25,
    gop => 0.04, size => '64x48', audio => 0));
my ($worker) = $t->worker_pids;
my $before = () = glob "/proc/$worker/fd/*";
my $frames = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 } @all;

my $r = Recording::Rtmp->new(port => $t->port);
$r->connect(app => 'live');
$r->publish('cuts');

# faster than files can be synced
my ($turn, $most) = (0, 0);
$r->send_flv(\@all, map => sub {
    my $m = $_[0];
    # two at a time: a single one would be a mistake, and no jump
    $m->[1] += 3600_000 if $m->[0] == 9 && int($turn++ / 2) % 2;
    return $m;
});
$r->delete_stream->close;


Recording::Util::wait_for('the first file', 30, sub {
    $most = max($most, scalar(() = glob "/proc/$worker/fd/*"));
    return $t->error_log =~ /finished: .*(?:\n.*)*finished: .*(?:\n.*)*file finished/;
});

# between two files there may be none that grows
Recording::Util::wait_for('the end of all', 60, sub {
    grep { defined $_->{end_us} } $t->recordings });
my @rows = $t->wait_files(10, _timeout => 60);

cmp_ok($most - $before, '<', 300, 'descriptors');
note('at most ' . ($most - $before) . ' more descriptors');
cmp_ok(scalar @rows, '>', 20, 'files');

for my $format (qw(mp4 flv)) {
    my @rows = grep { $_->{format} eq $format } @rows;
    my $in = sum0(map { $_->{frames_in} } @rows);

    is($in, sum0(map { $_->{frames_written} + $_->{frames_dropped} } @rows),
       "$format: came in is written and dropped");
    cmp_ok($in, '<=', $frames, "$format: no frame twice");
    is(decode_problem($t->path($rows[$_])), '', "$format decodes")
        for 0, $#rows;
}

$t->done;
