#!/usr/bin/perl

# More is to be told of a file than the file system takes as an attribute: a
# catalogue that is made anew has all of it but the gaps.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template gaps { format flv interval=8s resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule gaps; }
    }
}
CONF

# every frame is a key frame, and after each the timestamps jump
my @keys = Recording::Rtmp::flv_messages(media(duration => 20, fps => 25,
    gop => 0.04, size => '64x48', audio => 0));
my $r = $t->publisher('live', 'gaps');
my $by = 0;
$r->send_flv(\@keys, map => sub {
    my $m = $_[0];
    $by += 11_000 if $m->[0] == 9 && ord(substr $m->[2], 1) == 1;
    $m->[1] += $by;
    return $m;
});
$r->delete_stream->close;
wait_for('a file and one that waits', 30, sub {
    1 == $t->files(state => 'finished')
        && 1 == $t->files(state => 'paused') });

my @before = $t->files(state => 'finished');
cmp_ok(length $before[0]{gaps}, '>', 4096, 'gaps');

$t->stop;
unlink $t->db;
$t->start;
$t->wait_log(qr/was missing, it was rebuilt/);
is_deeply([ $t->files(state => 'finished') ],
          [ map { { %$_, gaps => '[]' } } @before ],
          'rows without too many gaps');

$t->done;
