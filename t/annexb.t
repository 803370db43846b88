#!/usr/bin/perl

# H.264 that is not in NAL units with lengths which fill the frame: start
# codes, zero bytes behind, short units, units without a picture in a message
# of their own.  FLV keeps what was published, MP4 and MPEG-TS have every
# picture at its time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Flv;
use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problems nal_hashes);
use Recording::Rtmp;
use Recording::Times;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 interval=2s; format flv interval=2s; format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $media = media(duration => 4, gop => 1, size => '160x120');
my @plain = Recording::Rtmp::flv_messages($media);
my @hashes = nal_hashes($media);

# what is made of a frame's units
my %frames = (
    'as it should be' => sub { lengths('N', @_) },
    'zero byte behind' => sub { lengths('N', @_) . "\0" },
    'five zero bytes behind' => sub { lengths('N', @_) . "\0" x 5 },
    # such a length begins as a start code does; the first frame of a file
    # would mislead ffmpeg
    'first unit of 300 bytes and a zero byte behind' =>
        sub { lengths('N', (ord($_[-1]) & 31) == 5 ? () : filler(), @_)
              . "\0" },
    'empty units' => sub { lengths('N', '', map { ($_, '') } @_) },
    'first unit of one byte' => sub { lengths('N', "\x09", @_) },
    'start codes of four bytes' => sub { codes("\0\0\0\1", @_) },
    'start codes of three bytes' => sub { codes("\0\0\1", @_) . "\0\0" },
    'start codes and a short unit' => sub { codes("\0\0\0\1", "\x09", @_) },
    'start codes behind one length' =>
        sub { lengths('N', codes("\0\0\0\1", @_)) },
    'lengths of two bytes' => sub { lengths('n', @_) . "\0" },
);

check($_, $frames{$_}, \&header) for sort keys %frames;
check('parameter sets with start codes', $frames{'start codes of four bytes'},
      \&header_codes);
check('no picture in a message', $frames{'as it should be'}, \&header);

unlike($t->error_log, qr/exception/, 'nothing is said');

$t->done;

sub lengths { my $n = shift; return join '', map { pack "$n/a*", $_ } @_ }
sub codes { my $code = shift; return join '', map { $code . $_ } @_ }

sub filler { return "\x0c" . "\xff" x 298 . "\x80" }

# the record as it is, but for the size of lengths
sub header {
    my ($payload, $name) = @_;

    substr($payload, 9, 1) = "\xfd" if $name =~ /lengths of two/;
    return $payload;
}

sub header_codes {
    my ($payload) = @_;

    my ($sps, $pps) = unpack 'x[11] n/a x n/a', $payload;
    return substr($payload, 0, 5) . codes("\0\0\0\1", $sps, $pps);
}

sub changed {
    my ($name, $frame, $header) = @_;
    my $pictures = 0;

    return map {
        my ($type, $ts, $payload) = @$_;
        my $kind = ord substr $payload, 1;

        $payload = $kind == 0 ? $header->($payload, $name)
                 : $kind == 1 ? substr($payload, 0, 5)
                   . $frame->(unpack '(N/a)*', substr $payload, 5)
                 : $payload if $type == 9;

        my @alone;

        # what the first key frame has before it is in no file
        @alone = [ $type, $ts, alone(\$payload) ]
            if $name =~ /no picture/ && $type == 9 && $kind == 1
               && $pictures++;

        (@alone, [ $type, $ts, $payload ]);
    } @plain;
}

# takes a frame's units before its slices, with a delimiter; a message of them
# that claims to be a key frame
sub alone {
    my ($payload) = @_;

    my @units = unpack '(N/a)*', substr $$payload, 5;
    my @slices = grep { (ord($_) & 31) <= 5 } @units;
    my @others = grep { (ord($_) & 31) > 5 } @units;

    $$payload = substr($$payload, 0, 5) . lengths('N', @slices);
    return "\x17\1\0\0\0" . lengths('N', "\x09\xf0", @others);
}

sub check {
    my ($name, $frame, $header) = @_;

    subtest $name => sub {
        my @messages = changed($name, $frame, $header);
        my $stream = $name =~ tr/ /_/r;

        my $r = Recording::Rtmp->new(port => $t->port);
        $r->connect(app => 'live');
        $r->publish($stream);
        $r->send_flv(\@messages);
        $r->delete_stream;
        $r->wait_status(qr/Unpublish/);
        $r->close;

        my @rows = $t->wait_files(5, stream => $stream);

        is((grep { $_->{frames_dropped} } @rows), 0, 'nothing dropped');
        is((grep { $_->{state} ne 'finished' } @rows), 0, 'all finished');

        for my $format (qw(mp4 hls)) {
            my @paths = $t->paths(grep { $_->{format} eq $format } @rows);

            is(join("\n", Recording::Times::problems(
                Recording::Times::of(@plain), 2, @paths)), '',
                "$format: times");
            is_deeply([ map { nal_hashes($_) } @paths ], \@hashes,
                      "$format: pictures");
            is(join("\n", decode_problems(@paths)), '', "$format decodes");
        }

        published($stream, \@messages, $t->paths(
            grep { $_->{format} eq 'flv' } @rows));
    };
}

# FLV: byte by byte, the header in front of each file
sub published {
    my ($stream, $messages, @paths) = @_;

    my @sent = map { $_->[2] } grep { $_->[0] == 9
                                      && ord(substr $_->[2], 1) < 2 } @$messages;
    my $header = shift @sent;
    my @have;

    for my $path (@paths) {
        my @tags = grep { $_->{type} == 9 }
                   @{ Recording::Flv->read($path, payload => 1)->{tags} };
        is((shift @tags)->{payload}, $header, 'flv: the header');
        push @have, map { $_->{payload} } @tags;
    }

    ok(@have == @sent && !(grep { $have[$_] ne $sent[$_] } 0 .. $#sent),
       'flv: as published');
}
