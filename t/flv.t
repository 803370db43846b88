#!/usr/bin/perl

# FLV: onMetaData with what is known at the end and what the publisher told,
# an index of key frames that never outgrows its place, and the codecs that
# no other format takes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Amf0;
use Recording::Exact;
use Recording::Flv;
use Recording::Hls;
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Probe qw(decode_problem duration streams);
use Recording::Rtmp;

# entries of the index: 64 KB at two numbers each
use constant KEYS => 3640;

my @small = (size => '160x90');

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template flv { format flv; }
    record_template all {
        format flv interval=1s;
        format mp4 interval=1s;
        format hls segment=1s;
        format aac interval=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule flv; }
        application codecs { live on; record_rule all; }
    }
}
CONF

subtest 'metadata' => sub {
    my $media = media(@small, duration => 4, bframes => 2);
    my @messages = grep { $_->[0] != 18 } Recording::Rtmp::flv_messages(
        $media);

    # what a publisher says is kept, unless it is known better here
    my $told = Recording::Amf0::encode(
        Recording::Amf0::string('onMetaData'), {
            encoder => 'an encoder', videodatarate => 1234.5,
            own => { nested => [ [ a => 1 ] ] }, yes => \1, nothing => undef,
            duration => 99, filesize => 1, width => 1, height => 2,
            audiosamplerate => 8000, hasVideo => \0, lasttimestamp => 77,
            keyframes => { times => 5 },
        });

    # and what is sent later and is no onMetaData does not replace it
    my ($row, $flv) = recorded('metadata', [ 18, 0, $told ], @messages[0 .. 9],
        (map { [ 18, $messages[9][1], $_ ] } others()),
        @messages[10 .. $#messages]);
    my $meta = $flv->{meta};

    is($meta->{encoder}, 'an encoder', 'encoder');
    is($meta->{videodatarate}, 1234.5, 'a number');
    is_deeply($meta->{own}, { nested => { a => 1 } }, 'an object');
    is($meta->{yes}, 1, 'a boolean');
    ok(exists $meta->{nothing}, 'a null');

    # players take numbers without a word, and not nulls
    my ($filler, @more) = grep { /^filler_*$/ } keys %$meta;
    is("@more", '', 'one filler');
    is(scalar(grep { !defined || $_ ne '0' } @{ $meta->{$filler} }), 0,
       'of numbers');
    cmp_ok(scalar @{ $meta->{$filler} }, '>', 1000, 'that fill the room');

    is($meta->{filesize}, -s $t->path($row), 'filesize');
    is($meta->{filesize}, $row->{size}, 'as in the row');
    is($meta->{duration}, $row->{duration_ms} / 1000, 'duration');
    cmp_ok(abs($meta->{duration} - duration($media)), '<', 0.05,
           'it is true');
    is($meta->{lasttimestamp}, $flv->{tags}[-1]{ts} / 1000, 'last timestamp');

    is("$meta->{width}x$meta->{height}", '160x90', 'size');
    is("$meta->{videocodecid} $meta->{audiocodecid}", '7 10', 'codecs');
    is($meta->{audiosamplerate}, 48000, 'sample rate');
    is(join(' ', map { $meta->{$_} } qw(hasVideo hasAudio hasKeyframes)),
       '1 1 1', 'what there is');

    my @keys = grep { $_->{key} } $flv->frames(9);
    is_deeply($meta->{keyframes}{filepositions},
              [ map { $_->{offset} } @keys ], 'the index is complete');
    is(decode_problem($t->path($row)), '', 'decodes');
};

# --- full once, twice and just not

for my $n (KEYS, KEYS + 1, 8000) {
    subtest "$n key frames" => sub {
        my @messages = Recording::Rtmp::flv_messages(
            media(@small, duration => 1, audio => 0));
        my ($header, $key) = map { $_->[2] } grep { $_->[0] == 9 } @messages;

        my ($row, $flv) = recorded("keys$n", [ 9, 0, $header ],
            map { [ 9, 40 * $_, $key ] } 0 .. $n - 1);

        my @times = @{ $flv->{meta}{keyframes}{times} };
        my %step = map { sprintf('%.3f', $times[$_] - $times[$_ - 1]) => 1 }
                   1 .. $#times;
        my $stride = $n > 2 * KEYS ? 4 : $n > KEYS ? 2 : 1;

        is($flv->frames(9), $n, 'frames');
        is(@times, int(($n + $stride - 1) / $stride), 'entries');
        is(join(' ', keys %step), sprintf('%.3f', 0.04 * $stride),
           'evenly spaced');
        is($times[0], 0, 'from the first on');
    };
}

# --- Sorenson and MP3

subtest 'flv1 and mp3' => sub {
    my $media = media(@small, video => 'flv1', audio => 'mp3', rate => 44100,
                      duration => 4);
    my %files = codecs('flv1', $media);

    is(join(' ', sort keys %files), 'flv hls mp4', 'no aac file');
    is_deeply(kinds($files{flv}[0]), [ 'flv1', 'mp3' ], 'flv has both');
    is_deeply(kinds($files{$_}[0]), ['mp3'], "$_ has the sound")
        for qw(mp4 hls);

    is(exact($media, 'va', $files{flv}), '', 'flv exact');
    is(exact($media, 'a', $files{$_}), '', "$_ exact") for qw(mp4 hls);

    # once, although each has several files
    cmp_ok(@{ $files{mp4} }, '>', 1, 'several files');
    warned('flv1', 'aac does not take mp3', 'hls does not take flv1',
           'mp4 does not take flv1');
};

subtest 'h264 and mp3' => sub {
    my $media = media(@small, audio => 'mp3', rate => 44100, duration => 4);
    my %files = codecs('mp3', $media);

    is(join(' ', sort keys %files), 'flv hls mp4', 'no aac file');

    for my $format (qw(flv mp4 hls)) {
        is_deeply(kinds($files{$format}[0]), [ 'h264', 'mp3' ],
                  "$format has both");
        is(exact($media, 'va', $files{$format}), '', "$format exact");
    }

    my $hls = Recording::Hls->check($files{hls}[0], ended => 1);
    is(join("\n", @{ $hls->{problems} }), '', 'the playlist is valid');
    warned('mp3', 'aac does not take mp3');
};

$t->done;

# data messages of other kinds
sub others {
    my $string = sub { Recording::Amf0::string($_[0]) };

    return (
        Recording::Amf0::encode($string->('onCuePoint'), { name => 'a' }),
        Recording::Amf0::encode($string->('onTextData'), { text => 'a' }),
        Recording::Amf0::encode($string->('@setDataFrame'),
                                $string->('onCuePoint'), { name => 'b' }),
        Recording::Amf0::encode($string->('onMetaData')),
        Recording::Amf0::encode($string->('onMetaData'), 'a'),
    );
}

# the row and the file of these messages
sub recorded {
    my ($name, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection to live";
    $r->publish($name) =~ /Publish\.Start/ or die "no publish of $name";
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    my @rows = $t->wait_files(1, stream => $name);
    is(@rows, 1, 'one file');

    my $flv = Recording::Flv->read($t->path($rows[0]));
    is(join("\n", @{ $flv->{problems} }, $flv->keyframe_problems), '',
       'structure and index');

    return ($rows[0], $flv);
}

# the files of each format
sub codecs {
    my ($name, $media) = @_;

    my $push = push_stream($media, $t->url("codecs/$name"), speed => 0);
    is($push->wait, 0, 'pushed') or diag $push->stderr;

    my %files;
    push @{ $files{ $_->{format} } }, $t->path($_)
        for $t->wait_files(3, stream => $name);

    is((grep { decode_problem($_) ne '' } map { @$_ } values %files), 0,
       'all decode');
    return %files;
}

sub kinds {
    my ($file) = @_;
    return [ sort map { $_->{codec_name} } streams($file) ];
}

sub exact {
    my ($media, $kinds, $files) = @_;
    return join "\n", Recording::Exact::compare(pushed => [$media],
        files => $files, streams => $kinds);
}

sub warned {
    my ($stream, @want) = @_;

    my @lines = $t->error_log =~
        /\[error\] .*recording: (\w+ does not take \w+).*"codecs\/$stream"/g;
    is(join(', ', sort @lines), join(', ', @want), 'one message each');
}
