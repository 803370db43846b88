#!/usr/bin/perl

# Timestamps that go back right behind a cut: the file begins with its key frame
# all the same, not as far before as the step goes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template both { format flv interval=2s; format mp4 interval=2s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule both; }
    }
}
CONF

for my $audio ('aac', 0) {
    my $name = $audio || 'none';
    my $flv = media(duration => 8, fps => 10, gop => 1, audio => $audio,
                    size => '160x90');
    my $publisher = $t->publisher('live', $name);
    for (Recording::Rtmp::flv_messages($flv)) {
        my ($type, $timestamp, $bytes) = @$_;
        $publisher->send($type, $timestamp - ($timestamp < 2100 ? 0 : 2000),
                         $bytes);
    }
    $publisher->delete_stream->close;

    my @files;
    wait_for("files of $name", 30, sub {
        my @all = $t->files(stream => $name);
        @files = grep { $_->{state} eq 'finished' } @all;
        my %sum;
        $sum{ $_->{format} } += $_->{frames_written} for @files;
        return @files == @all
               && 2 == grep { $_ >= ($audio ? 400 : 80) } values %sum;
    });

    for my $file (@files) {
        cmp_ok($file->{duration_ms}, '<', 2300,
               "sound $name: $file->{format} of $file->{frames_written}");
    }
}

$t->done;
