#!/usr/bin/perl

# Reload: the old worker records its publisher to the end, finishes the
# files and leaves; the new one records what comes to it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format hls segment=2s; format flv; format mp4; format aac;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 8, gop => 1, size => '160x120');
my $first = push_stream($flv, $t->url('live/first'), speed => 1);
$t->wait_growing(4);

my %old = map { $_ => 1 } $t->worker_pids;
$t->reload;
my $second = push_stream($flv, $t->url('live/second'), speed => 1);

is($_->wait, 0, 'pushed') for $first, $second;

for my $row ($t->wait_files(8)) {
    is($row->{frames_dropped}, 0, "$row->{stream} $row->{format}: no drop");
    is(join("\n", Recording::Exact::compare(pushed => [$flv],
            files => [$t->path($row)])), '',
       "$row->{stream} $row->{format} exact");
}

wait_for('the old workers to leave', 20, sub {
    !grep { $old{$_} } $t->worker_pids(all => 1) });

my @left = glob $t->store . '/work/*';
is(scalar(grep { !m{/worker\.} } @left), 0, 'nothing is left in work');
ok(wait_for('the locks', 20, sub {
    2 == grep { m{/worker\.} } glob $t->store . '/work/*' }),
   'and a lock for each worker');

$t->done;
