#!/usr/bin/perl

# HEVC under codec id 12 and enhanced RTMP: single tracks are recorded as they
# were published, with their header in each file; what is not is counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Flv;
use Recording::Nginx;
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv interval=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# HEVC: an IDR_W_RADL each second, of which only the first one has the flag,
# a composition time, and a TRAIL_R between them

my $record = "\1" . "\0" x 20 . "\xff\0";
my @hevc = map {
    my $key = $_ % 10 == 0;
    [ 9, 100 * $_, ($_ == 0 ? "\x1c" : "\x2c") . "\1\0\0\x28"
      . pack('N/a*', ($key ? "\x26\1" : "\2\1") . "frame $_") ];
} 0 .. 29;

push_all('hevc', [ 9, 0, "\x1c\0\0\0\0$record" ], @hevc,
         [ 9, 3000, "\x1c\2\0\0\0" ]);
recorded('hevc', 3, 'hevc', '', [ 9, 0, "\x1c\0\0\0\0$record" ], @hevc);

# the same as enhanced RTMP has it, behind an extension of nanoseconds

my @nano = map { [ 9, $_->[1], ($_->[2] =~ /^\x1c/ ? "\x97" : "\xa7")
                   . "\2\0\1\2\1hvc1" . substr $_->[2], 2 ] } @hevc;

push_all('nano', [ 9, 0, "\x90hvc1$record" ], @nano);
recorded('nano', 3, 'hevc', '', [ 9, 0, "\x90hvc1$record" ], @nano);

# audio with a sequence header and without one

for my $kind ([ flac => 'fLaC', "\x90fLaC" . 'f' x 38 ], [ ac3 => 'ac-3' ],
              [ eac3 => 'ec-3' ], [ opus => 'Opus', "\x90OpusOpusHead" ]) {
    my ($codec, $fourcc, $head) = @$kind;
    my @head = $head ? [ 8, 0, $head ] : ();
    my @frames = map { [ 8, 20 * $_, "\x91$fourcc" . "frame $_" ] } 0 .. 125;

    push_all($codec, @head, @frames);
    recorded($codec, 3, '', $codec, @head, @frames);
}

# what is not taken costs nothing else: further tracks, a channel order, a
# sequence start that has no codec

my @aac = ([ 8, 0, "\xaf\0\x11\x90" ],
           map { [ 8, 20 * $_, "\xaf\1" . "frame $_" ] } 0 .. 125);
my @stray = map { ([ 8, 1000, "\x95\0Opus\1track $_" ],
                   [ 8, 1000, "\x94Opus\1\2" ],
                   [ 9, 1000, "\x96\0avc1\1track $_" ]) } 1 .. 7;

push_all('stray', @aac[0 .. 60], @stray, [ 8, 1200, "\x90.mp3\0" ],
         [ 9, 1200, "\xa7\xff\1\0" . 'x' x 300 ], @aac[61 .. $#aac]);
recorded('stray', 3, '', 'aac', @aac);

my $log = $t->error_log;

# what has frames is missing, what only tells about them is not
for my $stray ([ 'multitrack audio', 7, 'error' ],
               [ 'channel order audio', 7, 'warn' ],
               [ 'multitrack video', 7, 'error' ],
               [ 'unknown audio', 1, 'error' ],
               [ 'extended video', 1, 'error' ]) {
    my ($what, $n, $level) = @$stray;

    is(() = $log =~ /\[$level\].*: $what messages of enhanced RTMP are not/g, 1,
       "$what is said once");
    like($log, qr/\[notice\].*: $n $what messages were not recorded/,
         'and counted');
}

unlike($log, qr/exception -120/, 'nothing was taken for another codec');

$t->done;

sub push_all {
    my ($name, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection";
    $r->publish($name) =~ /Publish\.Start/ or die "no publish of $name";
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

# files begin with the header, if there is one, and have all frames between
# them, byte by byte and in step
sub recorded {
    my ($name, $n, $video, $audio, @sent) = @_;

    my @rows = $t->wait_files($n, stream => $name);
    is(@rows, $n, "$name: files");
    is(join(' ', map { $_ || '-' } @{ $rows[0] }{qw(video_codec audio_codec)}),
       join(' ', map { $_ || '-' } $video, $audio), "$name: codecs");

    my $head = $sent[0][2] =~ /^[\x90\xaf\x1c](?:\0|hvc1|fLaC|Opus)/
               ? shift(@sent)->[2] : undef;
    my (@got, @heads);

    for my $path ($t->paths(@rows)) {
        my @tags = grep { $_->{type} != 18 }
                   @{ Recording::Flv->read($path, payload => 1)->{tags} };

        push @heads, shift(@tags)->{payload} if defined $head;
        push @got, [ map { [ @$_{qw(ts payload)} ] } @tags ];
    }

    is(join(' ', map { unpack 'H*', $_ } @heads),
       join(' ', (unpack 'H*', $head) x $n), "$name: headers")
        if defined $head;

    is(join("\n", map { unpack 'H*', $_->[1] } map { @$_ } @got),
       join("\n", map { unpack 'H*', $_->[2] } @sent), "$name: frames");

    my ($at, $wrong) = (0, 0);

    for my $file (@got) {
        my $start = $sent[$at][1];
        $wrong += $_->[0] != $sent[$at++][1] - $start for @$file;
    }

    is($wrong, 0, "$name: times");
}
