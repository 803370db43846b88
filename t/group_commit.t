#!/usr/bin/perl

# Rows of many streams while the catalogue is slow: what changes them waits,
# together, and holds no thread.  Files that grow go on, and what waited is
# committed at a time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template one { format flv; }
    record_template all {
        format flv; format mp4 resume=2s; format aac;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
        application all { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 6, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);

$disk->set(armed => 1);

# --- begin: more streams than threads ask for their rows

my $grows = publisher('live', 'grows');
$grows->send_flv(\@all, to => 1000);
my ($row) = $t->wait_growing(1);
my $file = "work/$row->{file_id}.flv";

my $first = publisher('all', 'first');
held(sub { $first->send_flv(\@all, to => 3000) });
my @begin = map { publisher('all', "begin$_") } 1 .. 8;
$_->send_flv(\@all, to => 3000) for @begin;
$_->wait_delivered for @begin;

grows(1000, 3000, 'a file grows while others wait for their rows');
is(scalar(() = $t->files(stream => 'begin1')), 0, 'they wait');
$disk->release;
$t->wait_growing(1 + 3 * 9);

# --- end: and to say that they are over, and finished

held(sub { $first->send_flv(\@all, from => 3000); end($first) });
$_->send_flv(\@all, from => 3000) for @begin;
end($_) for @begin;

grows(3000, 60_000, 'a file grows while others end');
$disk->release;
end($grows);

my @rows = $t->wait_files(3 * 9 + 1);
is(scalar @rows, 3 * 9 + 1, 'all files');

for my $row (@rows) {
    my $problem = join "\n", Recording::Exact::compare(pushed => [$flv],
        files => [ $t->path($row) ]);
    is($problem, '', "$row->{stream}: $row->{format} is exact") if $problem;
}

$t->stop;
$t->done;

# holds the next write of the catalogue
sub held {
    my ($what) = @_;

    $disk->hold(1, on => ['write'], skip => '/work/');
    $what->();
    wait_for('a write to be held', 20, sub { $disk->held });
    like($disk->held, qr/catalogue/, 'it is one of the catalogue');
}

sub grows {
    my ($from, $to, $what) = @_;

    my $size = -s $t->store . "/$file";
    $grows->send_flv(\@all, from => $from, to => $to);
    ok(eval { wait_for('it to grow', 20, sub {
        -s $t->store . "/$file" > $size + 1000 }) }, $what);
    ok($disk->held, 'and the write is held');
}

sub publisher {
    my ($app, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($stream);
    return $r;
}

sub end { $_[0]->delete_stream->close }
