#!/usr/bin/perl

# MP4 files of a rotation, played one after the other, are the push: at a
# join pictures and sound go on as before, also with B-frames, whose first
# picture is shown later than it is decoded, and nothing adds up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max sum0);
use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(duration packets);
use Recording::Rtmp;

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template cut { format mp4 interval=2s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule cut; }
    }
}
CONF

for my $bframes (0, 3) {
    subtest "$bframes B-frames" => sub {
        check("b$bframes", media(duration => 10, gop => 2, channels => 1,
                                 size => '160x90', rate => 44100,
                                 bframes => $bframes));
    };
}

$t->done;

sub check {
    my ($name, $flv) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection to live";
    $r->publish($name);
    $r->send_flv($flv);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    my @rows = $t->wait_files(5, stream => $name);
    my @files = $t->paths(@rows);
    my $sent = Recording::Exact::pushed_packets($flv);

    is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => \@files)), '', 'every frame once');

    for my $track (sort keys %$sent) {
        my @want = pts(@{ $sent->{$track} });
        my $at = 0;
        my @have;

        for my $file (@files) {
            push @have, map { $_ + $at } pts(packets($file, $track));
            $at += 1000 * duration($file);
        }

        # from the first one of the track on; the ends of pictures and of
        # sound are up to a frame of sound from each other at each join
        my @off = map { abs($have[$_] - $have[0] - $want[$_] + $want[0]) }
                  0 .. $#have;
        cmp_ok(max(@off), '<', 24 * $#files, "$track: nothing adds up");

        my @steps = map { $have[$_] - $have[$_ - 1] } 1 .. $#have;
        my ($usual) = $track eq 'v' ? 40 : 24;
        cmp_ok(max(@steps), '<', $usual + 24, "$track: the longest step");
    }

    my $long = sum0(map { $_->{duration_ms} } @rows);
    cmp_ok(abs($long - 10_000), '<', 100, 'all rows are the push');
}

sub pts { return sort { $a <=> $b } map { $_->{pts} * 1000 } @_ }
