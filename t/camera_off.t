#!/usr/bin/perl

# The camera goes off while a cut is due, and nginx is killed: sound that
# came is in the files, whether more of it comes or the connection is silent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(tracks);
use Recording::Rtmp;
use Recording::Util qw(wait_for);

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

my @all = grep { $_->[0] != 9 || $_->[1] <= 1900 }
          Recording::Rtmp::flv_messages(
              media(duration => 30, gop => 1, size => '160x120',
                    rate => 32000));

# without a pause at the end more than a second may be lost where the machine
# is slow: two of the four and a half that a cut was due
for my $case ([ 'sounds', 2000 ], [ 'silent', 0 ]) {
    my ($name, $lost) = @$case;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);

    my $to = 6500;
    $r->send_flv(\@all, to => $to, rate => 1);

    # it is written soon after it came, whenever that was
    my $begin = time;
    wait_for("$name: sound that is written", 30, sub {
        return 1 if written($name) >= sound($to - $lost / 2);
        return 0 if !$lost;

        my $now = 6500 + (time - $begin) * 1000;
        die "$name: it waits for silence\n" if $now > 29_000;
        $r->send_flv([ grep { $_->[1] >= $to && $_->[1] < $now } @all ]);
        $to = $now;
        return 0;
    });

    # all formats are written at a time, one after the other
    sleep 0.5;

    $t->kill9;
    $r->close;
    $t->start;

    my @rows = $t->wait_files(scalar @formats, app => 'live',
                              stream => $name);

    my @sound = sound($to);

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

# frames that are sent before a timestamp, from the first key frame on
sub sound {
    my ($to) = @_;

    my ($key) = map { $_->[1] } grep { $_->[0] == 9 && is_frame($_) } @all;
    my @sound = grep { $_->[0] == 8 && is_frame($_)
                       && $_->[1] >= $key && $_->[1] < $to } @all;
    return @sound;
}

sub is_frame { return ord(substr $_[0][2], 1) == 1 }

# how many frames of sound FLV files have, also one that grows
sub written {
    my ($name) = @_;

    my @files = map { ($t->path($_), $t->store . "/work/$_->{file_id}.flv") }
                $t->files(stream => $name, format => 'flv');
    return scalar map { grep { $_->{type} == 8 && !$_->{header} }
                        @{ Recording::Flv->read($_)->{tags} } }
                  grep { -s } @files;
}
