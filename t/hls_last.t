#!/usr/bin/perl

# The durations of a playlist at a constant frame rate are exact, and so is
# the last one, which no frame follows: as many frames as the segment has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(packets);
use Recording::Rtmp;
use Recording::Util qw(slurp);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template hls { format hls segment=1s; path '{StreamID}'; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule hls; }
    }
}
CONF

# frames a second and of what length in ms; the last segment is a part of one
for my $case ([ fps25 => 40, fps => 25 ], [ fps20 => 50, fps => 20 ],
              [ fps10 => 100, fps => 10 ],
              [ bframes => 40, fps => 25, bframes => 2 ]) {
    my ($name, $long, @opt) = @$case;

    subtest $name => sub {
        my @messages = Recording::Rtmp::flv_messages(media(@opt, gop => 1,
            duration => 4, audio => 0, size => '160x120'));
        my @video = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 }
                    @messages;

        # it ends in the middle of a GOP
        check($name, $long, grep { $_->[1] < $video[0][1] + 3400 } @messages);
    };
}

$t->done;

sub check {
    my ($name, $long, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    my ($row) = $t->wait_files(1, stream => $name);
    my $list = $t->path($row);
    my $dir = $list =~ s{/[^/]+$}{}r;
    my @extinf = slurp($list) =~ /#EXTINF:([\d.]+),\n(\S+)/g;
    my @problems;
    my ($n, $ms) = (0, 0);

    while (my ($duration, $file) = splice @extinf, 0, 2) {
        my $frames = packets("$dir/$file", 'v');
        my $want = sprintf '%.3f', $frames * $long / 1000;
        my $have = sprintf '%.3f', $duration;

        # with B-frames a picture of the next segment may be shown earlier
        push @problems, "$file: $have, not $want of $frames frames"
            if $have ne $want && !($name eq 'bframes' && @extinf);
        $n += $frames;
        $ms += 1000 * $duration;
    }

    is(join("\n", @problems), '', 'each is as long as its frames');
    is(sprintf('%.0f', $ms), $n * $long, 'and so is their sum');
    is($row->{duration_ms}, $n * $long, 'which is what the row says');
    is(scalar(grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 } @messages),
       $n, 'of all frames');
}
