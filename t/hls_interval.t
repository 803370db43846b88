#!/usr/bin/perl

# format hls interval=: a playlist of that length ends, and the next one, with
# a path of its own, begins at the next key frame; every frame is in one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Times;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template cut {
        format hls interval=1m segment=4s resume=10m;
        format flv interval=1m resume=10m;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule cut; }
    }
}
CONF

my @frames = Recording::Rtmp::flv_messages(
    media(duration => 150, gop => 2, fps => 10, size => '64x48'));

# the stream is interrupted before a key frame of its second minute
my ($split) = map { $_->[1] }
    grep { $_->[1] >= 100_000 && $_->[2] =~ /^\x17\x01/ } @frames;

sub header { return $_[0][0] == 18 || ord(substr $_[0][2], 1) == 0 }

my @parts = ([ grep { $_->[1] < $split || header($_) } @frames ],
             [ grep { $_->[1] >= $split || header($_) } @frames ]);

publish('whole', \@frames);
publish('parts', @parts);

# the last ones of both wait for more
wait_for('files that wait', 30, sub {
    12 == $t->files && 4 == $t->files(state => 'paused') });
$t->catalogue("UPDATE files SET resume_us = 1 WHERE state = 'paused'");

for my $name ('whole', 'parts') {
    my @rows = sort { $a->{file_id} <=> $b->{file_id} }
               $t->wait_files(6, stream => $name);

    for my $format ('hls', 'flv') {
        my @mine = grep { $_->{format} eq $format } @rows;
        my @files = $t->paths(@mine);

        is(scalar @files, 3, "$name: $format files") or next;
        is(join('; ', Recording::Times::problems(
               Recording::Times::of(@frames), $name eq 'whole' ? 20 : 150,
               @files)), '', "$name: $format is the push");
        is(join(' ', map { int($_->{duration_ms} / 1000 + 0.5) } @mine),
           '60 60 30', "$name: $format durations");
    }

    for my $file ($t->paths(grep { $_->{format} eq 'hls' } @rows)) {
        my $hls = Recording::Hls->check($file, ended => 1);
        is("@{ $hls->{problems} }", '', "$name: a playlist of its own");
    }
}

$t->done;

sub publish {
    my ($name, @parts) = @_;

    for my $part (@parts) {
        my $r = Recording::Rtmp->new(port => $t->port);
        $r->connect(app => 'live');
        $r->publish($name);
        $r->send_flv($part);
        $r->delete_stream;
        $r->wait_status(qr/Unpublish/);
        $r->close;
    }
}
