#!/usr/bin/perl

# The times in an MP4: each frame is shown when it was published, counted
# from the file's first picture or sound, to 1 ms.  Sound lies in whole
# frames, so that its table of times has a handful of entries, and the tables
# agree with each other.  The last frame is shown, and the row says how long
# the file plays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max min);
use Test::More;

use Recording::Media qw(media);
use Recording::Mp4;
use Recording::Nginx;
use Recording::Probe qw(decode_problem duration packets);
use Recording::Rtmp;
use Recording::Util qw(run);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template file { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule file; }
    }
}
CONF

my %small = (size => '160x90', gop => 1, channels => 1);

# name, messages, samples of a frame of sound, entries of its stts
check('cfr', [ messages(duration => 60, fps => 30, rate => 44100) ],
      1024, 2);
check('b-frames', [ messages(duration => 10, bframes => 3) ], 1024, 2);
check('ends in the middle', [ cut(9, messages(duration => 4, gop => 4,
                                              bframes => 3)) ], 1024, 2);
check('no sound', [ messages(audio => 0, bframes => 2, duration => 4) ]);
check('no pictures', [ messages(video => 0, duration => 120,
                                rate => 44100) ], 1024, 2);
check('mp3', [ messages(duration => 20, rate => 44100, audio => 'mp3') ],
      1152, 2);
check('mp3 of MPEG-2', [ messages(duration => 20, rate => 22050,
                                  audio => 'mp3') ], 576, 2);
check('explicit SBR', [ sbr(messages(video => 0, duration => 20,
                                     rate => 44100)) ], 1024, 2);

# sound that is off for 3 s, and one whose clock goes 100 ppm too fast
check('hole', [ grep { $_->[0] == 9 || $_->[1] < 2000 || $_->[1] > 5000 }
                messages(duration => 8) ], 1024, 4);
check('drift', [ map { [ $_->[0], int $_->[1] * 1.0001, $_->[2] ] }
                 messages(video => 0, duration => 120, rate => 44100) ],
      1024, 24, 2);

$t->done;

sub messages { return Recording::Rtmp::flv_messages(media(%small, @_)) }

# without its last pictures
sub cut {
    my ($n, @messages) = @_;

    my @video = grep { $_->[0] == 9 } @messages;
    my %gone = map { $_ => 1 } splice @video, -$n;

    return grep { !$gone{$_} } @messages;
}

# HE-AAC: of 22.05 kHz, and each frame lasts twice as long
sub sbr {
    my (@messages) = @_;

    # AOT 5, 22050 Hz, mono, 44100 Hz, AOT 2
    my $config = pack 'B*', '00101' . '0111' . '0001' . '0100' . '00010'
                            . '000' . '0' x 7;

    my $n = 0;

    for (@messages) {
        next if $_->[0] != 8;

        if (ord(substr $_->[2], 1)) {
            $_->[1] = int $n++ * 1024 * 1000 / 22050;

        } else {
            $_->[2] = substr($_->[2], 0, 2) . $config;
        }
    }

    return @messages;
}

sub check {
    my ($name, $messages, $samples, $entries, $bound) = @_;

    subtest $name => sub {
        publish($name, $messages);

        my ($row) = $t->wait_files(1, stream => $name);
        my $file = $t->path($row);
        my $mp4 = Recording::Mp4->read($file);

        is(join("\n", $mp4->time_problems), '', 'tables');
        sound($mp4, $samples, $entries) if $samples;

        my %sent = sent($messages);
        my %seen = map { $_ => [ packets($file, $_) ] } keys %sent;
        my $start = min(map { $sent{$_}[0] } keys %sent);

        for my $track (sort keys %sent) {
            my @have = map { $_->{pts} * 1000 } @{ $seen{$track} };
            my @want = map { $_ - $start } @{ $sent{$track} };

            is(scalar @have, scalar @want, "frames of $track") or next;
            my @off = map { abs($have[$_] - $want[$_]) } 0 .. $#have;
            cmp_ok(max(@off), '<', ($bound || 1) + 0.03,
                   "$track as it was published");
            is(scalar(grep { $_->{flags} =~ /D/ } @{ $seen{$track} }), 0,
               "all of $track is shown");
        }

        ends($row, $file, \%seen);
        is(decode_problem($file), '', 'decodes') if $name ne 'explicit SBR';
    };
}

# PTS in ms of the frames that are to be recorded
sub sent {
    my ($messages) = @_;

    my (%sent, $begun);
    my $video = grep { $_->[0] == 9 } @$messages;

    for (@$messages) {
        my ($type, $ts, $payload) = @$_;
        my $packet = ord substr $payload, 1;

        $begun = $ts if !defined $begun && (!$video
            || $type == 9 && $packet == 1 && ord($payload) >> 4 == 1);
        next if !defined $begun || $ts < $begun;

        push @{ $sent{v} }, $ts + unpack 'N', "\0" . substr $payload, 2, 3
            if $type == 9 && $packet == 1;
        push @{ $sent{a} }, $ts
            if $type == 8 && (ord($payload) >> 4 == 2 || $packet == 1);
    }

    return %sent;
}

sub sound {
    my ($mp4, $samples, $entries) = @_;

    my ($track) = grep { $_->{type} eq 'soun' } @{ $mp4->{tracks} };
    my @stts = @{ $track->{stts} };
    my ($most) = sort { $b->[0] <=> $a->[0] } @stts;

    is($most->[1], $samples, "a frame of sound lasts $samples ticks");
    cmp_ok(scalar @stts, '<=', $entries, 'entries of its stts')
        or diag(join ' ', map { "$_->[0]x$_->[1]" } @stts[0 .. 9]);
}

# where the file ends: in its row, and as players have it
sub ends {
    my ($row, $file, $seen) = @_;

    my @ends;

    for my $track (keys %$seen) {
        my @pts = sort { $a <=> $b } map { $_->{pts} } @{ $seen->{$track} };
        push @ends, $pts[-1] + $pts[-1] - $pts[-2];
    }

    cmp_ok(abs(duration($file) - max(@ends)), '<', 0.003,
           'the last frame lasts as long as the one before');
    cmp_ok(abs($row->{duration_ms} / 1000 - duration($file)), '<', 0.003,
           'duration in its row');

    my ($status, $out) = run('ffprobe', '-v', 'error', '-show_entries',
        'format=start_time', '-of', 'csv=p=0', $file);
    cmp_ok($out, '==', 0, 'it begins at 0');
}

sub publish {
    my ($name, $messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection to live";
    $r->publish($name);
    $r->send_flv($messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}
