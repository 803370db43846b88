#!/usr/bin/perl

# Makes the picture of the documentation from the real page, with real streams:
# two that are recorded, one of which broke off and came back.
# Usage: perl -I t/lib t/console/screenshots.pl FILE

use strict;
use warnings;

use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep);

use Recording::Console;
use Recording::Media qw(media push_stream);
use Recording::Nginx;

my ($path) = @ARGV;
my $why = Recording::Console::missing();
die "no picture: $why\n" if $why || !$path;

my $t = Recording::Nginx->new;
my $server = Recording::Console::server(1);

$t->conf(<<"CONF")->start;
rtmp {
    record_store %%STORE%%;
    record_template evening {
        format mp4 interval=8s resume=20s;
        format hls segment=2s resume=20s;
        format aac resume=20s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule evening; }
    }
}
http { $server }
CONF

my $media = media(duration => 60);
my $other = push_stream($media, $t->url('live/news'));
push_stream($media, $t->url('live/evening'), length => 20)->wait;
sleep 4;
my $evening = push_stream($media, $t->url('live/evening'));
sleep 14;

Recording::Console::drive('screenshots.js', {
    base => 'http://127.0.0.1:' . $t->port(1), path => "$path.new.png",
    day => strftime('%Y-%m-%d', gmtime) });
$_->stop for $evening, $other;

cmp_ok(-s "$path.new.png", '<', 200_000, 'the picture is small');
rename "$path.new.png", $path or die "rename $path.new.png: $!\n";
$t->done;
