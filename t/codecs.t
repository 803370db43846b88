#!/usr/bin/perl

# Codecs that change, come late or end, and those that only an FLV file
# takes: every file decodes, and no frame of H.264, AAC or MP3 is missing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Hls;
use Recording::Probe qw(decode_problem packets streams);
use Recording::Rtmp;
use Recording::Util qw(slurp);

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

my %small = (duration => 4, gop => 1, size => '160x120');
my @plain = messages(%small);
my @large = messages(%small, size => '320x240');
my @rate = messages(%small, rate => 48000);
my @other = messages(%small, rate => 44100);

# a change goes to a new file at the next key frame; HLS has a discontinuity

change('resolution', [ @plain, after(4020, @large) ],
       { flv => 2, mp4 => 2, aac => 2, hls => 1 }, qr/exception -100/, 1);

change('rate', [ @rate, after(4020, @other) ],
       { flv => 2, mp4 => 2, aac => 2, hls => 1 }, qr/exception -120/, 1);

change('audiorate', [ sound_changes(\@rate, \@other, 2500) ],
       { flv => 2, mp4 => 2, aac => 2, hls => 1 }, qr/exception -120/, 1);

# a header that is sent again and says the same changes nothing

change('again', [ @plain, after(4020, @plain) ],
       { flv => 1, mp4 => 1, aac => 1, hls => 1 }, undef, 0);

# headers of ADTS in front of frames of AAC: FLV has them as published

adts(map { with_adts($_) } @plain);

# a track that comes late, a track that ends

change('lateaudio', [ grep { $_->[0] != 8 || $_->[1] >= 2500 }
                      header_at(8, 2500, @plain) ],
       { flv => 2, mp4 => 2, aac => 1, hls => 1 }, qr/came late/, 1);

change('latevideo', [ grep { $_->[0] != 9 || $_->[1] >= 2500 }
                      header_at(9, 2500, @plain) ],
       { flv => 2, mp4 => 2, aac => 1, hls => 1 }, qr/came late/, 1);

change('audioends', [ grep { $_->[0] != 8 || $_->[1] < 2000 } @plain ],
       { flv => 1, mp4 => 1, aac => 1, hls => 1 }, undef, 0);

change('videoends', [ grep { $_->[0] != 9 || $_->[1] < 2000 } @plain ],
       { flv => 1, mp4 => 1, aac => 1, hls => 1 }, undef, 0);

# codecs that only FLV takes: the tags are those that were sent

only_flv('speex', 8, "\xb6", 'speex');
only_flv('alaw', 8, "\x7e", 'pcm_alaw');
only_flv('mulaw', 8, "\x8e", 'pcm_mulaw');
only_flv('screen', 9, "\x13", 'flashsv');
only_flv('vp6', 9, "\x14", 'vp6f');
only_flv('hevc', 9, "\x90hvc1", 'hevc');

$t->done;

sub adts {
    my (@messages) = @_;

    subtest adts => sub {
        publish('adts', @messages);

        for my $row ($t->wait_files(4, stream => 'adts')) {
            next if $row->{format} eq 'flv';
            is(decode_problem($t->path($row)), '', "$row->{format} decodes");
        }
    };
}

sub with_adts {
    my ($m) = @_;

    return $m if $m->[0] != 8 || is_header($m);

    my $length = 7 + length($m->[2]) - 2;
    my $head = pack 'C7', 0xff, 0xf1, 0x54, 0x80 | $length >> 11,
                    $length >> 3 & 255, ($length & 7) << 5 | 0x1f, 0xfc;

    return [ @$m[0, 1], substr($m->[2], 0, 2) . $head . substr $m->[2], 2 ];
}

sub messages { return Recording::Rtmp::flv_messages(media(@_)) }

# the same messages at a later time
sub after {
    my ($ms, @messages) = @_;

    return map { [ $_->[0], $_->[1] + $ms, $_->[2] ] }
           grep { $_->[0] != 18 } @messages;
}

sub is_header { my ($m) = @_; return $m->[0] != 18
                              && ord(substr $m->[2], 1, 1) == 0 }

# a track's header is sent when its first frame is due
sub header_at {
    my ($type, $ms, @messages) = @_;

    my ($header) = grep { $_->[0] == $type && is_header($_) } @messages;

    my ($first) = grep { $_->[0] == $type && $_ != $header && $_->[1] >= $ms }
                  @messages;

    return map { $_ == $header ? ()
               : $_ == $first ? ([ $type, $_->[1], $header->[2] ], $_) : $_ }
           @messages;
}

# the audio of another stream from a time on, in the middle of a GOP
sub sound_changes {
    my ($first, $second, $ms) = @_;

    my ($header) = grep { $_->[0] == 8 && is_header($_) } @$second;

    return sort { $a->[1] <=> $b->[1] }
        (grep { $_->[0] != 8 || $_->[1] < $ms } @$first),
        [ 8, $ms, $header->[2] ],
        (grep { $_->[0] == 8 && !is_header($_) && $_->[1] > $ms } @$second);
}

sub publish {
    my ($name, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->close;
}

sub change {
    my ($name, $messages, $files, $said, $breaks) = @_;

    subtest $name => sub {
        my $mark = $t->log_mark;
        publish($name, @$messages);

        my $n = 0;
        $n += $_ for values %$files;
        my @rows = $t->wait_files($n, stream => $name);

        for my $format (sort keys %$files) {
            my @rows = grep { $_->{format} eq $format } @rows;
            is(scalar @rows, $files->{$format}, "$format files");

            frames($format, $messages, \@rows);
            is(decode_problem($_), '', "$format decodes") for $t->paths(@rows);
        }

        my $log = substr $t->error_log, $mark;
        like($log, $said, 'it is said') if $said;
        unlike($log, qr/exception/, 'nothing is said') if !$said;

        my ($hls) = $t->paths(grep { $_->{format} eq 'hls' } @rows);
        is(scalar(() = slurp($hls) =~ /DISCONTINUITY$/mg), $breaks, 'breaks');
        is(join("\n", @{ Recording::Hls->check($hls, ended => 1)
                ->{problems} }), '', 'playlist') if $name !~ /late/;
    };
}

# every frame that came after the start is in one file
sub frames {
    my ($format, $messages, $rows) = @_;

    my @media = grep { !is_header($_) && $_->[0] != 18
                       && !($_->[0] == 9 && ord(substr $_->[2], 1) == 2) }
                @$messages;
    my ($written, $dropped) = (0, 0);

    $written += $_->{frames_written} for @$rows;
    $dropped += $_->{frames_dropped} for @$rows;

    my $want = $format eq 'aac' ? grep { $_->[0] == 8 } @media : @media;
    my $early = grep { $_->[0] == 8 && $_->[1] < first_key(@media) } @media;

    # what comes of late video before its key frame is missing in files that
    # grow by then
    my $key = 0;
    my $keyless = grep { $_->[0] == 9 && !($key ||= ord($_->[2]) >> 4 == 1) }
                  @media;
    $keyless = 0 if $format eq 'aac';

    is($written + $dropped, $want - $early, "$format frames");
    is($dropped, $keyless, "$format dropped nothing else");
}

# audio of a stream that has video counts from its first key frame on
sub first_key {
    my @messages = @_;

    my ($key) = grep { $_->[0] == 9 && ord($_->[2]) >> 4 == 1 } @messages;
    return $key && $key->[1] < 2000 ? $key->[1] : 0;
}

sub only_flv {
    my ($name, $type, $head, $codec) = @_;

    subtest $name => sub {
        my $mark = $t->log_mark;
        my @keep = grep { $_->[0] != $type && $_->[0] != 18 } @plain;
        my @odd = map { [ $type, 20 * $_ + 20, $head . "\x01frame$_" ] } 1 .. 100;

        # enhanced RTMP: the first is a sequence header, then coded frames
        $odd[$_][2] = "\x91hvc1\0\0\0frame$_" for $name eq 'hevc' ? 1 .. 99
                                                                  : ();

        publish($name, sort { $a->[1] <=> $b->[1] } @keep, @odd);

        my $n = $type == 8 ? 3 : 4;
        my @rows = $t->wait_files($n, stream => $name);
        my ($flv) = grep { $_->{format} eq 'flv' } @rows;
        my ($mp4) = grep { $_->{format} eq 'mp4' } @rows;
        my $column = $type == 8 ? 'audio_codec' : 'video_codec';

        is($flv->{$column}, $codec, 'flv has it');
        is($mp4->{$column}, '', 'mp4 has not');
        is($flv->{frames_dropped}, 0, 'nothing dropped');
        is(decode_problem($t->path($mp4)), '', 'mp4 decodes');

        my @said = substr($t->error_log, $mark) =~ /does not take/g;
        is(scalar @said, $type == 8 ? 3 : 2, 'said once for a format');

        my $read = Recording::Flv->read($t->path($flv), payload => 1);
        my @sent = map { $_->[2] } @odd;
        my @have = map { $_->{payload} } grep { $_->{type} == $type }
                   @{ $read->{tags} };
        is_deeply(\@have, \@sent, 'the tags are those that were sent');
    };
}
