#!/usr/bin/perl

# Time: RTMP timestamps that wrap, jump, step back, stand still.  Durations
# stay true and sound stays with the picture, to 50 ms, in every format.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem duration packets);
use Recording::Rtmp;
use Recording::Sync;
use Recording::Util qw(slurp);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4; format flv; format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    record_template cut {
        format mp4 interval=2s; format flv interval=2s; format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            live on;
            record_rule all;
            record_rule cut stream=cut;
        }
    }
}
CONF

my $seconds = 8;
my %flash = (duration => $seconds, flash => 1, gop => 1, size => '160x120');
my @plain = Recording::Rtmp::flv_messages(media(%flash));
my @bframes = Recording::Rtmp::flv_messages(media(%flash, bframes => 2));

sub later { my ($add) = @_; sub { $_[0][1] >= 4000 ? $add : 0 } }

my $hour = 3600_000;

# what the streams themselves are off by: two pictures at one time, and the
# time by which B-frames are late
my %slack = (map({ $_ => 0 } qw(wrap forward back2s backhour interleave
                                videolate cut)),
             equal => 0.04, bframes => 0.08, negative => 0.08);

# name, messages, how a timestamp changes, files, exception
check('wrap', \@plain, sub { 2 ** 32 - 3000 }, 1);
check('forward', \@plain, later($hour), 2, qr/exception -[89]/);
check('back2s', \@plain, later(-2000), 1, qr/exception -[89]/);
check('backhour', \@plain, sub { $_[0][1] >= 4000 ? 0 : $hour }, 2,
      qr/exception -[89]/);
check('equal', \@plain,
      sub { $_[0][0] == 9 ? -($_[0][1] % 80) : 0 }, 1);
check('interleave', [ late(1000, 8, @plain) ], sub { 0 }, 1);
check('videolate', [ late(1000, 9, @plain) ], sub { 0 }, 1);
check('bframes', \@bframes, sub { 0 }, 1);
check('negative', [ map { composition($_, -100) } @bframes ],
      sub { $_[0][0] == 9 ? 100 : 0 }, 1);
check('cut', [ late(300, 8, @plain) ], sub { 0 }, 4);

$t->done;

sub check {
    my ($name, $messages, $move, $n, $exception) = @_;

    subtest $name => sub {
        my $mark = $t->log_mark;
        publish($name, $messages, $move);

        my @rows = $t->wait_files(2 * $n + 1, stream => $name);
        is(sum0(map { $_->{frames_dropped} } @rows), 0, 'nothing dropped');

        for my $format (qw(mp4 flv hls)) {
            my @files = $t->paths(grep { $_->{format} eq $format } @rows);
            is(scalar @files, $format eq 'hls' ? 1 : $n, "$format files");

            my @said = map { $_->{duration_ms} / 1000 }
                       grep { $_->{format} eq $format } @rows;

            cmp_ok(abs(sum0(map { duration($_) } @files) - $seconds), '<',
                   0.05 * $n + $slack{$name}, "$format duration")
                if $name ne 'equal';
            cmp_ok(abs(sum0(@said) - $seconds), '<',
                   0.05 * $n + $slack{$name}, "$format duration in its row");

            file($name, $_, $format) for @files;
        }

        like(substr($t->error_log, $mark), $exception, 'exception')
            if $exception;
        unlike(substr($t->error_log, $mark), qr/exception/, 'no exception')
            if !$exception;

        my ($hls) = $t->paths(grep { $_->{format} eq 'hls' } @rows);
        my $breaks = () = slurp($hls) =~ /^#EXT-X-DISCONTINUITY$/mg;
        is($breaks, $exception && $n > 1 ? 1 : 0, 'discontinuities');
    };
}

sub file {
    my ($name, $file, $format) = @_;

    # ffmpeg's null muxer itself wants pictures at different times
    my $problem = decode_problem($file);
    $problem =~ s/^.*non monotonically increasing dts to muxer.*\n?//mg
        if $name eq 'equal';
    is($problem, '', "$format decodes");

    my @off = Recording::Sync::offsets($file);
    cmp_ok(max(map { abs } @off, 0), '<', 0.05 + $slack{$name},
           "$format in step")
        or diag("@off");
    cmp_ok(scalar @off, '>=', $name eq 'cut' ? 0 : 2, 'flashes were seen');

    return if $format eq 'flv';

    for my $stream ('v', 'a') {
        my @dts = map { $_->{dts} } packets($file, $stream);
        is(scalar(grep { $dts[$_] <= $dts[$_ - 1] } 1 .. $#dts), 0,
           "$format $stream DTS grow");
    }
}

sub publish {
    my ($name, $messages, $move) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv($messages, map => sub {
        my ($m) = @_;
        my $add = $move->($m);
        $m->[1] = ($m->[1] + $add) % 2 ** 32;
        return $m;
    });
    $r->delete_stream;
    $r->close;
}

# messages of a type arrive later than they were made
sub late {
    my ($by, $type, @messages) = @_;

    my %key = map { $_ => $_->[1] + ($_->[0] == $type && $_->[1] ? $by : 0) }
              @messages;

    return sort { $key{$a} <=> $key{$b} } @messages;
}

# another composition time, with the PTS as it was if the DTS moves, too
sub composition {
    my ($m, $add) = @_;

    my ($type, $ts, $payload) = @$m;

    return $m if $type != 9 || ord(substr $payload, 1, 1) != 1;

    my $time = unpack 'N', "\0" . substr $payload, 2, 3;
    $time -= 0x1000000 if $time & 0x800000;

    substr($payload, 2, 3) = substr pack('N', ($time + $add) & 0xffffff), 1;

    return [ $type, $ts, $payload ];
}
