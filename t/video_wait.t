#!/usr/bin/perl

# Only a frame is video: a header, an empty message, a command or frames that
# nothing can begin with do not take the audio away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use Test::More;

use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem streams);
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format mp4; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @all = Recording::Rtmp::flv_messages(media(duration => 6, gop => 1,
                                              size => '160x90'));
my @headers = grep { $_->[2] =~ /^[\x17\xaf]\0/ } @all;
my @audio = grep { $_->[0] == 8 && $_->[2] !~ /^.\0/s } @all;
my @video = grep { $_->[0] == 9 && $_->[2] =~ /^.\x01/s } @all;

# --- what takes its time runs beside the rest

my $headers = publish('headers', @headers);
my $trickle = publish('trickle', @headers, @audio[0 .. 3]);
my $silent = publish('silent');
my $pictures = publish('pictures', @headers, inter(0, 3000));

# --- all of the audio, whatever there was of video

my @none = ([ 9, 0, '' ], [ 9, 0, "\x57\0" ], [ 9, 0, "\x17\2\0\0\0" ],
            [ 9, 0, "\x96\0hvc1\0" . 'x' x 50 ]);

push_all('header', @headers, @audio);
push_all('nothing', @headers, @none, @audio);
push_all('inter', @headers, sorted(@audio, inter(0, 6000)));
push_all('short', @headers, sorted(grep { $_->[1] < 1500 } @audio,
                                   inter(0, 1500)));

# a first timestamp of another world
push_all('world', @headers, [ 8, 100_000_000, $audio[0][2] ],
         @audio[1 .. $#audio]);

# timestamps that stand still: the clock counts
my $still = publish('still', @headers);
my $n = 0;

until ($t->files(stream => 'still') || $n == 99) {
    $still->audio(0, $audio[$n++][2]);
    $still->serve(0.04);
}

ok(wait_for('its rows', 30, sub { $t->files(stream => 'still') }),
   'recorded while timestamps stand still');
end($still);

# video joins at its key frame
push_all('late', @headers,
         sorted(@audio, inter(0, 3900), grep { $_->[1] >= 3990 } @video));

# --- and a line about what is not recorded

for my $line ([ headers => 'there are only sequence headers' ],
              [ pictures => 'video has no key frame' ],
              [ silent => 'there are no frames' ]) {
    my ($name, $why) = @$line;

    ok($t->wait_log(qr/\[error\].* recorded for \d+ ms, $why, .*"live.$name"/), $name);
}

is(() = $t->error_log =~ /nothing is recorded/g, 3, 'once each');
like($t->error_log, qr/\[error\].*recorded alone, video has no key.*"live.$_"/,
     "$_: audio alone") for qw(inter late short);
unlike($t->error_log, qr/recorded alone.*"live.(?:header|nothing)"/,
       'there was no video');

is(() = $t->files(stream => $_), 0, "$_: no row")
    for qw(headers pictures silent);

# frames that came and then no more
$t->wait_growing(3, stream => 'trickle');

$pictures->send_flv([ grep { $_->[1] >= 3990 } @video ]);
ok($t->wait_log(qr/\[notice\].*recording begins.*"live\/pictures"/),
   'it begins after all');
end($_) for $headers, $trickle, $silent, $pictures;

$t->stop;

# --- what was recorded

for my $name (qw(header nothing inter world short trickle)) {
    my %sent = (short => [ grep { $_->[1] < 1500 } @audio ],
                trickle => [ @audio[0 .. 3] ]);

    alone($name, @{ $sent{$name} || \@audio });
}

is($t->error_log =~ /multitrack video messages of enhanced RTMP are/g, 1,
   'multitrack is said');
like($t->error_log, qr/1 multitrack video messages were not/, 'and counted');

my @late = map { [ flv_frames($_) ] } $t->paths($t->files(stream => 'late',
                                                          format => 'flv'));
is(@late, 2, 'late: two files');
is((grep { $_->[0] == 9 } @{ $late[0] }), 0, 'the first has no video');
is(names(8, map { @$_ } @late), names(8, @audio), 'all audio, once');
is(names(9, @{ $late[1] }), names(9, grep { $_->[1] >= 3990 } @video),
   'all video from the key frame on');
is(decode_problem($_), '', 'late decodes')
    for $t->paths($t->files(stream => 'late'));

my ($file) = $t->paths($t->files(stream => 'pictures', format => 'flv'));
is(names(9, flv_frames($file)),
   names(9, grep { $_->[1] >= 3990 } @video), 'video alone');

$t->done;

# video without anything to begin with
sub inter {
    my ($from, $to) = @_;

    return grep { $_->[1] >= $from && $_->[1] < $to && $_->[2] =~ /^\x27/ }
           @video;
}

sub sorted { return sort { $a->[1] <=> $b->[1] } @_ }

sub publish {
    my ($name, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection";
    $r->publish($name) =~ /Publish\.Start/ or die "no publish of $name";
    $r->send_flv(\@messages) if @messages;

    return $r;
}

sub end {
    my ($r) = @_;

    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

sub push_all { end(publish(@_)) }

# frames of a file: [type, ms, payload]
sub flv_frames {
    my ($path) = @_;

    my $flv = Recording::Flv->read($path, payload => 1);
    return map { [ @$_{qw(type ts payload)} ] }
           grep { $_->{type} != 18 && !$_->{header} } @{ $flv->{tags} };
}

sub names {
    my ($type, @frames) = @_;
    return join " ", map { substr sha1_hex($_->[2]), 0, 6 }
                      grep { $_->[0] == $type } @frames;
}

# one file of a format, with the audio that was sent and nothing else
sub alone {
    my ($name, @sent) = @_;

    my @rows = $t->files(stream => $name);
    is(join(' ', sort map { "$_->{format}/$_->{state}" } @rows),
       'flv/finished hls/finished mp4/finished', "$name: files");

    for my $path ($t->paths(@rows)) {
        is(join(' ', map { $_->{codec_type} } streams($path)), 'audio',
           "$name: only audio");
        next if $path !~ /\.flv$/;

        my @frames = flv_frames($path);
        is(names(8, @frames), names(8, @sent), "$name: all of it");

        # the first one of another world has no time of its own
        shift @frames, shift @sent if $name eq 'world';
        is(join(' ', map { $_->[1] - $frames[0][1] } @frames),
           join(' ', map { $_->[1] - $sent[0][1] } @sent), "$name: times");
    }
}
