#!/usr/bin/perl

# Sound that waited for video which did not come, or came later: files begin
# with the first of it, go on with it after an interruption, and their
# interval counts from it.  Files of sound alone do not promise video.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template again {
        format mp4 resume=10m; format flv resume=10m;
        format hls resume=10m segment=2s; path '{StreamID}-{RandomID}';
    }
    record_template cut {
        format mp4 interval=4s; format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    record_template camera {
        format mp4 interval=4s; format flv interval=4s; format hls segment=2s;
        format aac; path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application again { live on; record_rule again; }
        application cut { live on; record_rule cut; }
        application off { live on; record_rule camera; }
    }
}
CONF

my @all = Recording::Rtmp::flv_messages(
    media(duration => 24, gop => 1, size => '160x120', rate => 32000));

sub is_header { return ord(substr $_[0][2], 1) == 0 }

# video is announced, and comes from some time on
sub since {
    my ($ms, $end) = @_;

    return [ grep { is_header($_)
                    || $_->[1] < $end && ($_->[0] == 8 || $_->[1] >= $ms) }
             @all ];
}

sub publish {
    my ($app, $name, $messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    $r->send_flv($messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

my $phone = since(1e9, 5000);
my $frames = grep { $_->[0] == 8 && !is_header($_) } @$phone;

for my $part (1, 2) {
    publish('again', 'phone', $phone);
    wait_for("part $part to wait", 30, sub {
        3 == grep { $_->{frames_in} == $part * $frames }
             $t->files(app => 'again', state => 'paused') });
}

# for no third one
$t->catalogue("UPDATE files SET resume_us = 1 WHERE state = 'paused'");

publish('cut', 'phone', since(1e9, 14_000));
publish('cut', 'late', since(4000, 10_000));

resumed($_) for $t->wait_files(3, app => 'again');
interval($t->wait_files(5, app => 'cut', stream => 'phone'));
playlist($_) for grep { $_->{format} eq 'hls' }
                      $t->wait_files(3, app => 'cut', stream => 'late');

# the camera is off for so long that files begin without it
publish('off', 'camera', [ grep { is_header($_) || $_->[0] != 9
                                  || $_->[1] < 3000 || $_->[1] > 20_000 }
                           @all ]);
off($t->wait_files(10, app => 'off'));

$t->done;

sub off {
    my (@rows) = @_;

    for my $row (@rows) {
        is(Recording::Probe::decode_problem($t->path($row)), '',
           "$row->{format} decodes");
    }

    for my $format ('mp4', 'flv') {
        my @video = map { $_->{video_codec} ? 'both' : 'sound' }
                    sort { $a->{file_id} <=> $b->{file_id} }
                    grep { $_->{format} eq $format } @rows;
        like("@video", qr/^both( sound)+ both$/, "$format: video, if there is");
    }

    # what has no interval has no part in this
    is(scalar(grep { $_->{format} eq 'hls' } @rows), 1, 'one playlist');
    playlist($_) for grep { $_->{format} eq 'hls' } @rows;
}

sub resumed {
    my ($row) = @_;

    my $sound = Recording::Probe::tracks($t->path($row))->{a};
    my @pts = map { 1000 * $_->{pts} } @$sound;
    my @short = grep { $pts[$_] - $pts[$_ - 1] < 25 } 1 .. $#pts;

    is(@pts, 2 * $frames, "$row->{format}: every frame");
    is(@short, 0, "$row->{format}: the second part follows the first one");
    cmp_ok(abs($row->{duration_ms} - 2 * 32 * $frames), '<', 100,
           "$row->{format}: the row has the time of both");

    playlist($row) if $row->{format} eq 'hls';
}

sub interval {
    my @files = sort { $a->{file_id} <=> $b->{file_id} }
                grep { $_->{format} eq 'mp4' } @_;

    cmp_ok(abs($_->{duration_ms} - 4000), '<', 50, 'as long as the interval')
        for @files[0 .. 2];
    playlist($_) for grep { $_->{format} eq 'hls' } @_;
}

sub playlist {
    my ($row) = @_;

    my $hls = Recording::Hls->check($t->path($row), ended => 1);

    is("@{ $hls->{problems} }", '', 'the playlist is right');
    is(scalar(grep { $_->{duration} < 0.1 } @{ $hls->{segments} }), 0,
       'no segment of no time');
}
