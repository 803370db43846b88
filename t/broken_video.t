#!/usr/bin/perl

# Video without whole NAL units: FLV keeps it, other formats count it from
# the first frame on, and what remains is cut as if it were there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Flv;
use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem packets);
use Recording::Rtmp;

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

my @plain = Recording::Rtmp::flv_messages(
    media(duration => 6, gop => 1, size => '160x120'));
my ($key) = map { $_->[1] } grep { frame(9, $_) } @plain;
my $video = grep { frame(9, $_) } @plain;
my $audio = grep { frame(8, $_) && $_->[1] >= $key } @plain;

# all of it, the first two seconds, two in the middle
for my $case ([ 'all', 0, 1e9 ], [ 'first', 0, $key + 2000 ],
              [ 'middle', $key + 2000, $key + 4000 ]) {
    my ($name, $from, $to) = @$case;
    subtest $name => sub { check($name, $from, $to) };
}

$t->done;

sub frame {
    my ($type, $m) = @_;
    return $m->[0] == $type && ord(substr $m->[2], 1, 1) == 1;
}

sub sum {
    my ($field, @rows) = @_;

    my $n = 0;
    $n += $_->{$field} for @rows;
    return $n;
}

sub check {
    my ($name, $from, $to) = @_;

    my $broken = 0;
    my @messages = map {
        frame(9, $_) && $_->[1] >= $from && $_->[1] < $to && ++$broken
        ? [ 9, $_->[1], substr($_->[2], 0, 5) . "\x7f" . substr $_->[2], 6 ]
        : $_ } @plain;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    my @rows = $t->wait_files(7, stream => $name);
    my %rows = map { my $f = $_;
                     $f => [ grep { $_->{format} eq $f } @rows ] }
               qw(mp4 flv hls);

    is(scalar @{ $rows{$_} }, 3, "$_ is rotated") for qw(mp4 flv);
    is((grep { $_->{state} ne 'finished' } @rows), 0, 'all finished');

    for my $format (qw(mp4 hls)) {
        my @paths = $t->paths(@{ $rows{$format} });
        my @have = map { packets($_, 'v') } @paths;

        is(@have, $video - $broken, "$format: pictures");
        is((map { packets($_, 'a') } @paths), $audio, "$format: sound");
        is(sum('frames_dropped', @{ $rows{$format} }), $broken,
           "$format counts the broken");
        is((grep { $_->{drops} !~ /^\{("broken":\d+)?\}$/ }
            @{ $rows{$format} }), 0, "$format: the reason");
    }

    my ($list) = $t->paths(@{ $rows{hls} });
    my $hls = Recording::Hls->check($list, ended => 1);
    cmp_ok(@{ $hls->{segments} }, '>=', 3, 'segments are cut');
    # a key frame may come just before two seconds since the audio that cut

    my $most = $name eq 'middle' ? 3.1 : 2.2;
    is(join(' ', grep { $_ > $most } map { $_->{duration} }
            @{ $hls->{segments} }), '', 'none is longer');

    # as published, byte by byte
    my @have = map { $_->{payload} }
        grep { $_->{type} == 9 && ord(substr $_->{payload}, 1) == 1 }
        map { @{ Recording::Flv->read($_, payload => 1)->{tags} } }
        $t->paths(@{ $rows{flv} });
    my @sent = map { $_->[2] } grep { frame(9, $_) } @messages;

    ok(@have == @sent && !(grep { $have[$_] ne $sent[$_] } 0 .. $#sent),
       'flv: as published');
    is(sum('frames_dropped', @{ $rows{flv} }), 0, 'flv: nothing dropped');

    like($t->error_log, qr/broken video frame at \d+ left to FLV, .*-130/,
         'it is said');
}
