#!/usr/bin/perl

# What is committed is moved into catalogue.db, so that the write-ahead log
# does not grow with each file; and a program that reads without end is told
# of while it holds that back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Open2 qw(open2);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format mp4; format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $media = media(duration => 1, fps => 10, size => '160x90');
my $n = 0;

cmp_ok(-s $t->db, '<', 200_000, 'catalogue.db is small');

# --- a thousand pages, and again

publish(20) until wal() > 4.5 * 2 ** 20 || $n >= 200;
wait_for('a checkpoint', 30, sub { publish(1); -s $t->db > 100_000 });

my $most = wal();

for (1 .. 4) {
    publish(20);
    $most = wal() if wal() > $most;
}

cmp_ok($most, '<', 12 * 2 ** 20, 'catalogue.db-wal stays as it is')
    or diag("$n recordings");

# --- a reader

my $pid = open2(my $out, my $in, 'sqlite3', $t->db);
print $in "BEGIN; SELECT count(*) FROM files;\n";
$in->flush;
<$out>;

my $held = qr/\[warn\].*catalogue\.db-wal has grown to \d+ MB/;
publish(20) until $t->error_log =~ $held || $n > 1000;
like($t->error_log, $held, 'a reader that holds it is told of');

print $in "COMMIT;\n.quit\n";
close $in;
waitpid $pid, 0;

wait_for('all to be finished', 60, sub {
    3 * $n == $t->files(state => 'finished') });

$t->done;

sub wal { return -s $t->db . '-wal' || 0 }

sub publish {
    my ($times) = @_;

    for (1 .. $times) {
        my $r = Recording::Rtmp->new(port => $t->port);
        $r->connect(app => 'live');
        $r->publish('s' . ++$n);
        $r->send_flv($media);
        $r->delete_stream->close;
    }
}
