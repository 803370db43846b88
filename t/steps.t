#!/usr/bin/perl

# Timestamps that go back a little, again and again, first frames from another
# world, and single ones: the recording is as long as what was sent, and one message
# tells of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem duration packets);
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4; format flv; format hls segment=2s; format aac;
        path '{StreamID}-{RandomID}';
    }
    record_template rotated {
        format mp4 interval=4s; format flv interval=4s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application rotated { live on; record_rule rotated; }
    }
}
CONF

my $seconds = 12;
my @plain = Recording::Rtmp::flv_messages(
    media(duration => $seconds, size => '160x120'));
my @bframes = Recording::Rtmp::flv_messages(
    media(duration => $seconds, size => '160x120', bframes => 3));

my $n = 0;
my $pause;

# a frame of each second is stamped 100 ms early
sub early {
    my ($m) = @_;
    return $m->[0] == 9 && $n++ % 25 == 5 ? -100 : 0;
}

# the presentation time is sent for the timestamp, without composition time
sub pts {
    my ($m) = @_;

    return $m if $m->[0] != 9 || ord(substr $m->[2], 1) != 1;

    my $composition = unpack 'N', "\0" . substr $m->[2], 2, 3;
    my $payload = $m->[2];
    substr($payload, 2, 3) = "\0\0\0";

    return [ 9, $m->[1] + $composition, $payload ];
}

# name, messages, what is added to a timestamp, messages of that kind
steps('early', \@plain, \&early, 1);
steps('pts', [ map { pts($_) } @bframes ], sub { 0 }, 1);
steps('jitter', \@plain,
      sub { $_[0][0] == 8 ? -24 * ($n++ % 2) : 0 }, 1);
steps('both', \@plain, sub { $_[0][1] % 1000 < 40 ? -150 : 0 }, undef);
steps('three', \@plain, sub { $_[0][1] >= 6000 ? -3000 : 0 }, undef);

# the first video frame, the first audio frame
my $seen = 0;

for my $type (9, 8) {
    $seen = 0;
    steps($type == 9 ? 'world' : 'audioworld', \@plain, sub {
        my ($m) = @_;
        return 0 if $m->[0] != $type || ord(substr $m->[2], 1) != 1;
        return $seen++ ? 0 : 100_000_000;
    }, 0);
}

# single frames of video or audio are hours away, either way
for my $type (9, 8) {
    for my $away (5_000_000, -5_000_000) {
        steps("alone$type$away", \@plain, sub {
            my ($m) = @_;
            return $m->[0] == $type && $n++ % 100 == 60 ? $away : 0;
        }, 1);
    }
}

# the same, and for a while nothing follows: it is not judged by itself
for my $type (9, 8) {
    for my $away (5_000_000, -5_000_000) {
        steps("last$type$away", \@plain, sub {
            my ($m) = @_;
            $pause = $m->[0] == $type && $n++ == 160;
            return $pause ? $away : 0;
        }, 1);
    }
}

# the headers are at 0, the frames begin at 1500
steps('header', \@plain,
      sub { ord(substr $_[0][2], 1) == 1 ? 1500 : 0 }, 0);

$t->done;

sub steps {
    my ($name, $messages, $add, $said) = @_;

    for my $app ('live', 'rotated') {
        subtest "$name, $app" => sub {
            my $stream = $name;

            # a pause that became a long one is another case
            for my $try (1 .. 5) {
                $seen = $n = 0;
                last if publish($stream, $app, $messages, $add);
                $stream = "$name-again$try";
            }

            check($stream, $app);

            my $steps = () = $t->error_log
                =~ m{exception -[89],.* stream: "$app/$stream"}g;

            is($steps, $said, 'said once, if at all') if defined $said;
            cmp_ok($steps, '<=', 2, 'once for a track and kind');
        };
    }
}

sub publish {
    my ($name, $app, $messages, $add) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    my ($since, $took) = (0, 0);

    $r->connect(app => $app);
    $r->publish($name);
    $r->send_flv($messages, map => sub {
        my ($m) = @_;

        # what followed is there
        if ($since) {
            $r->ping;
            $r->wait_event(7);
            ($since, $took) = (0, time - $since);
        }

        if ($pause) {
            $since = time;
            $r->serve(1);
        }

        return [ $m->[0], ($m->[1] + $add->($m)) % 2 ** 32, $m->[2] ];
    });
    $r->delete_stream;
    $r->close;
    return $took < 1.5;
}

sub check {
    my ($name, $app) = @_;

    my @formats = $app eq 'live' ? qw(mp4 flv hls aac) : qw(mp4 flv);
    my $each = $app eq 'live' ? 1 : $seconds / 4;

    # a file of a rotation ends with its last frame, to a part of a frame
    my $off = 0.2 + 0.04 * ($each - 1);
    my @rows = $t->wait_files($each * @formats, app => $app,
                              stream => $name);

    for my $format (@formats) {
        my @mine = grep { $_->{format} eq $format } @rows;
        is(scalar @mine, $each, "$format files") or next;

        my ($long, $said, $frames) = (0, 0, 0);

        for my $row (@mine) {
            my $file = $t->path($row);
            $long += duration($file);
            $said += $row->{duration_ms} / 1000;
            $frames += packets($file, 'v') if $format ne 'aac';
            is($row->{frames_dropped}, 0, "$format: nothing is dropped");
        }

        cmp_ok(abs($long - $seconds), '<', $off, "$format is as long")
            or diag($long);
        cmp_ok(abs($said - $seconds), '<', $off, "$format: so says its row")
            or diag($said);
        is($frames, $seconds * 25, "$format has every picture")
            if $format ne 'aac';
    }
}
