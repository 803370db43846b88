#!/usr/bin/perl

# Frames with a composition time of hours: they are shown at the time at which
# they are decoded, and nothing else changes, also if the stream comes back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(duration);
use Recording::Rtmp;
use Recording::Util qw(slurp wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 resume=30m; format flv resume=30m;
        format hls resume=30m;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $seconds = 3;
my @plain = Recording::Rtmp::flv_messages(
    media(duration => $seconds, flash => 1, gop => 1, size => '160x120'));

my $wild = "\x7f\xff\xff";
my $n = 0;
my @wild = map { spoilt($_) } @plain;

for my $messages (\@wild, \@plain) {
    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish('wild');
    $r->send_flv($messages);
    $r->delete_stream;
    $r->close;
}

# and nobody waits for a third part
$t->wait_log(qr/recording \d+ paused.*recording \d+ paused/s);
wait_for('three files that wait', 30, sub {
    3 == $t->files(state => 'paused') });
$t->catalogue('UPDATE files SET resume_us = 1');

for my $row ($t->wait_files(3, app => 'live', stream => 'wild')) {
    my $format = $row->{format};
    my $file = $t->path($row);

    cmp_ok(abs($row->{duration_ms} - 2000 * $seconds), '<', 200,
           "$format: duration of the row");

    if ($format eq 'flv') {
        isnt(index(slurp($file), $wild), -1, 'flv: as published');
        next;
    }

    cmp_ok(abs(duration($file) - 2 * $seconds), '<', 0.2,
           "$format: duration of the file");
}

my @said = $t->error_log =~ /composition time of the video frame/g;
is(scalar @said, 1, 'said once');

$t->done;

# two frames with the greatest and the least one
sub spoilt {
    my ($m) = @_;

    my ($type, $ts, $payload) = @$m;

    return $m if $type != 9 || ord(substr $payload, 1, 1) != 1;

    $n++;
    substr($payload, 2, 3) = $wild if $n == 31;
    substr($payload, 2, 3) = "\x80\0\0" if $n == 41;

    return [ $type, $ts, $payload ];
}
