#!/usr/bin/perl

# The camera goes off while a cut is due, and nginx is killed: sound that
# came is in the files, whether more of it comes or the connection is silent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(tracks);
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template cut {
        format mp4 interval=2s; format flv interval=2s; format aac interval=2s;
        format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule cut; }
    }
}
CONF

my @formats = ('flv', 'mp4', 'hls', 'aac');

my @messages = grep { $_->[1] <= ($_->[0] == 9 ? 1900 : 6500) }
               Recording::Rtmp::flv_messages(
                   media(duration => 8, gop => 1, size => '160x120',
                         rate => 32000));
my @sound = grep { $_->[0] == 8 && ord(substr($_->[2], 1)) } @messages;

# without a pause at the end more than a second may be lost where the machine
# is slow: two of the four and a half that a cut was due
for my $case ([ 'sounds', 0, 2000 ], [ 'silent', 4, 0 ]) {
    my ($name, $pause, $lost) = @$case;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv(\@messages, rate => 1);

    sleep $pause;

    $t->kill9;
    $r->close;
    $t->start;

    my @rows = $t->wait_files(scalar @formats, app => 'live',
                              stream => $name);

    for my $format (@formats) {
        my $have = 0;
        $have += @{tracks($t->path($_))->{a}}
            for grep { $_->{format} eq $format } @rows;

        my $from = $sound[$have] ? $sound[$have][1] : $sound[-1][1];

        cmp_ok($sound[-1][1] - $from, '<=', $lost, "$name: sound in $format")
            or diag("$have frames of " . @sound);
    }
}

$t->done;
