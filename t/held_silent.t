#!/usr/bin/perl

# Audio that has changed waits for a key frame of its video, on a connection
# that then sends nothing at all: after a minute it is in a file, and what
# comes later goes on there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slow wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; path '{StreamID}-{RandomID}'; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @all = Recording::Rtmp::flv_messages(
    media(duration => 4, gop => 1, size => '160x120'));
my ($header) = grep { $_->[0] == 8 && $_->[2] =~ /^.\0/s } @all;
my @audio = grep { $_->[0] == 8 && $_->[2] =~ /^.\x01/s } @all;

my $r = Recording::Rtmp->new(port => $t->port);
$r->connect(app => 'live');
$r->publish('s');
$r->send_flv([ grep { $_->[1] < 2000 } @all ]);

# LC becomes Main, and no picture comes with it
my $other = $header->[2];
substr $other, 2, 1, chr(ord(substr $other, 2, 1) & 0x07 | 1 << 3);

my @held = grep { $_->[1] >= 2000 && $_->[1] < 3000 } @audio;
my $sent = time;
$r->send_flv([ [ 8, 2000, $other ], @held ]);

wait_for('the file before', 10, sub { $t->files(state => 'recording') });
wait_for('another file', 60 + slow(15), sub { 2 == $t->files });
cmp_ok(time - $sent, '>', 55, 'they wait for a minute');

# the connection stands
my @later = grep { $_->[1] >= 3000 } @audio;
$r->send_flv([ map { [ 8, $_->[1] + 62_000, $_->[2] ] } @later ]);
$r->delete_stream->close;

my @rows = sort { $a->{file_id} <=> $b->{file_id} } $t->wait_files(2);
my @have = map { $_->{payload} } grep { $_->{type} == 8
           && $_->{payload} =~ /^.\x01/s }
           map { @{ Recording::Flv->read($_, payload => 1)->{tags} } }
           $t->paths(@rows);

# what was before the first key frame is in no file
my ($key) = map { $_->[1] } grep { $_->[2] =~ /^\x17\x01/ } @all;
my @want = grep { $_->[1] >= $key } @audio;
is(scalar @have, @want, 'all of the audio is there');
is((grep { $have[$_] ne $want[$_][2] } 0 .. $#have), 0, 'in its order');
is((grep { $_->{frames_dropped} } @rows), 0, 'nothing is dropped');

$t->done;
