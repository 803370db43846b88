#!/usr/bin/perl

# A track that a format's muxer refuses is left out of it, with one message
# that says why, and costs the other track nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem packets);
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
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @plain = Recording::Rtmp::flv_messages(
    media(duration => 4, gop => 1, size => '160x120'));
my $pictures = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 } @plain;

# AAC by its AudioSpecificConfig: bits, and why ADTS has no place for it
for my $aac (
    [ '960', '00010 0011 0010 100', qr/1024 samples/ ],
    [ 'ld', '10111 0011 0010 000 0', qr/types/ ],
    [ 'eld', '11111 000111 0011 0010 0 0 0 0 0 0 0000', qr/types/ ],
    [ 'usac', '11111 001010 0011 0010 00011 001 00000', qr/types/ ],
    [ 'rate', '00010 1111 ' . sprintf('%024b', 47000) . ' 0010 000',
      qr/sample rate/ ],
    [ 'channels', '00010 0011 1100 000', qr/channels/ ],
    [ 'main', '00001 0011 0010 000' ],
    [ 'he', '00101 0110 0010 0011 00010 000' ],
    [ 'ps', '11101 0110 0001 0011 00010 000' ],
    # channels by a program config element: two of a pair
    [ 'program', '00010 0011 0000 000 0000 01 0011 0001 0000 0000 00 000 0000'
      . ' 0 0 0 1 0000 0000 0000 00000000' ],
) {
    my ($name, $bits, $why) = @$aac;

    subtest "AAC: $name" => sub { aac($name, $bits =~ tr/ //dr, $why) };
}

# MPEG-2.5 has its place in MP4, and in MPEG-TS
subtest 'MP3 of 11.025 kHz' => sub {
    my @mp3 = Recording::Rtmp::flv_messages(
        media(duration => 4, gop => 1, audio => 'mp3', rate => 11025,
              size => '160x120'));
    my $sound = grep { $_->[0] == 8 } @mp3;

    my %rows = publish('mp3', 3, @mp3);

    for my $format (qw(mp4 hls)) {
        my $path = $t->path($rows{$format});
        is($rows{$format}{audio_codec}, 'mp3', "$format has it");
        cmp_ok(abs(packets($path, 'a') - $sound), '<=', 4,
               "$format: all of it from the key frame on");
        is(decode_problem($path), '', "$format decodes");
    }
};

# an avcC that promises more than it has: MPEG-TS needs what is in it
subtest 'H.264 with a broken record' => sub {
    my @messages = map { [ @$_ ] } @plain;
    my ($header) = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 0 }
                   @messages;
    my $sps = unpack 'x[11] n', $header->[2];
    substr($header->[2], 5 + 8 + $sps + 1, 2) = "\xff\xff";

    my %rows = publish('record', 4, @messages);
    left('record', 'hls', -18, qr/libavformat/);
    is($rows{hls}{video_codec}, '', 'hls: no video');
    whole('hls', $rows{hls}, grep { $_->[0] == 8 } @messages);
    counted('hls', $rows{hls}, grep { $_->[0] == 9 } @messages);
};

# no track is left that it takes: the playlist ends, nothing is lost
subtest 'nothing that HLS takes' => sub {
    my @messages = grep { $_->[1] < 3000 } @plain;
    push @messages, [ 9, 3000, "\x90hvc1" . "\1" . "\0" x 22 ],
        [ 8, 3000, "\x90Opus" . 'OpusHead' ],
        map { ([ 9, 3000 + 40 * $_, ($_ % 25 ? "\xa1" : "\x91")
                 . "hvc1\0\0\0" . pack 'N/a*', ($_ % 25 ? "\2\1" : "\x26\1")
                 . "frame $_" ],
               [ 8, 3000 + 40 * $_, "\x91Opusframe $_" ]) } 0 .. 74;

    my %rows = publish('none', 5, @messages);
    whole('hls', $rows{hls}, grep { $_->[1] < 3000 } @messages);
    is(join("\n", @{ Recording::Hls->check($t->path($rows{hls}),
                                           ended => 1)->{problems} }), '',
       'the playlist ends');
    unlike($t->error_log, qr/\[error\](?!.* does not take )/,
           'no other error');
};

# a header of a codec of which no frame comes changes nothing
subtest 'stray headers' => sub {
    my @messages = map { ($_, $_->[0] == 8 && $_->[1] > 1500 && $_->[1] < 1600
                              ? [ 8, $_->[1], "\x90OpusOpusHead" ] : ()) }
                   @plain;

    my $mark = $t->log_mark;
    my %rows = publish('stray', 4, @messages);
    whole($_, $rows{$_}, @plain) for qw(mp4 flv hls);
    unlike(substr($t->error_log, $mark), qr/exception/, 'nothing is said');
};

$t->done;

sub publish {
    my ($name, $n, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    my %rows;
    $rows{ $_->{format} } ||= $_ for $t->wait_files($n, stream => $name);
    return %rows;
}

# one error of a stream and format
sub left {
    my ($name, $format, $exception, $why) = @_;

    my $end = qq(, stream: "live/$name", template: "all");
    my @said = grep { /\[error\].*: $format does not take .*\Q$end\E/ }
               split /\n/, $t->error_log;
    is(@said, 1, "$format: said once");
    like($said[0], qr/exception $exception\b/, "$format: the exception");
    like($said[0], $why, "$format: why");
}

# every frame that came from the key frame on, and none dropped of these
sub whole {
    my ($format, $row, @messages) = @_;

    is($row->{state}, 'finished', "$format: finished");
    is($row->{frames_written}, frames(@messages), "$format: frames");
    is($row->{frames_in}, $row->{frames_written} + $row->{frames_dropped},
       "$format: all are counted");
    like($row->{drops}, qr/^\{("track":\d+)?\}$/, "$format: nothing dropped");
}

# and those of the other track, which was left out
sub counted {
    my ($format, $row, @messages) = @_;

    my $n = frames(@messages);
    is("$row->{drops} $row->{frames_dropped}", qq({"track":$n} $n),
       "$format: frames of the track that was left out");
}

# frames that came from the key frame on
sub frames {
    my ($key) = map { $_->[1] } grep { $_->[0] == 9
                                       && ord(substr $_->[2], 1) == 1 } @plain;

    return scalar grep { $_->[0] != 18 && ord(substr $_->[2], 1) == 1
                         && ($_->[0] == 9 || $_->[1] >= $key) } @_;
}

sub aac {
    my ($name, $bits, $why) = @_;

    my $header = "\xaf\0" . pack 'B*', $bits;
    my @messages = map { $_->[0] == 8 && ord(substr $_->[2], 1) == 0
                         ? [ 8, $_->[1], $header ] : $_ } @plain;
    my %rows = publish($name, $why ? 3 : 4, @messages);

    whole($_, $rows{$_}, @messages) for qw(mp4 flv);
    is($rows{mp4}{audio_codec}, 'aac', 'mp4 has it');

    if ($why) {
        whole('hls', $rows{hls}, grep { $_->[0] != 8 } @messages);
        counted('hls', $rows{hls}, grep { $_->[0] == 8 } @messages);
        is($rows{hls}{audio_codec}, '', 'hls has it not');
        left($name, $_, -17, $why) for qw(hls aac);

    } else {
        whole('hls', $rows{hls}, @messages);
        is($rows{hls}{audio_codec}, 'aac', 'hls has it');
        is($rows{aac}{frames_dropped}, 0, 'aac has all of it');
    }

    is(scalar packets($t->path($rows{hls}), 'v'), $pictures,
       'hls: every picture');
}
