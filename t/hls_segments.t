#!/usr/bin/perl

# How long HLS segments are: as long as `segment` asks and no longer, unless
# a GOP is, so that players join a growing playlist three of them behind; and
# audio alone, or beside a codec that HLS does not take, is cut as well.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max);
use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slurp wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template hls { format hls segment=4s; path '{StreamID}'; }
    record_template two { format hls segment=2s; path '{StreamID}'; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule hls; }
        application two { live on; record_rule two; }
    }
}
CONF

my %small = (size => '160x120', duration => 24);

# GOP in seconds, other options, the longest segment, the shortest
segments('gop1', 4, 4, gop => 1);
segments('gop2', 4, 4, gop => 2);
segments('gop3', 3, 3, gop => 3);
segments('gop6', 6, 6, gop => 6);
segments('bframes', 4, 4, gop => 2, bframes => 3);
segments('sound', 4, 4, video => 0);

# the picture is enhanced RTMP's HEVC, which HLS does not take
other('hevc', Recording::Rtmp::flv_messages(media(%small)));

my @camera = Recording::Rtmp::flv_messages(media(%small, gop => 1));

# pictures that come late are no camera that is off, one that is off for long
# makes no segment longer, and neither is one that joins sound
sent('behind', late(0, 2100, @camera));
sent('falls', late(9000, 2100, @camera));
sent('off', grep { $_->[0] != 9 || $_->[1] < 9500 || $_->[1] > 19_000 }
                 @camera);

# it goes off and comes back within a GOP: its pause is no long GOP
back('within', grep { $_->[0] != 9 || $_->[1] < 4500 || $_->[1] > 11_500 }
                    @camera);

$t->done;

# video from a time on comes so many ms after its sound
sub late {
    my ($since, $by, @messages) = @_;

    my $i = 0;
    my @order = sort { $a->[1] <=> $b->[1] || $a->[2] <=> $b->[2] }
                map { my $late = $_->[0] == 9 && $_->[1] > $since ? $by : 0;
                      [ $_, $_->[1] + $late, $i++ ] } @messages;

    return map { $_->[0] } @order;
}

sub sent {
    my ($name, @messages) = @_;

    subtest $name => sub {
        publish_to('two', $name, @messages);

        my ($row) = $t->wait_files(1, stream => $name);
        my $hls = Recording::Hls->check($t->path($row), ended => 1);

        is("@{ $hls->{problems} }", '', 'valid');
        is(0 + $hls->{target}, 2, 'target duration');

        my @durations = map { $_->{duration} } @{ $hls->{segments} };
        is(scalar(grep { $_ < 0.01 } @durations), 0, 'none has no time');
    };
}

# segments are as long as asked after a pause, but for the first and the last
sub back {
    my ($name, @messages) = @_;

    subtest $name => sub {
        publish_to('two', $name, @messages);

        my ($row) = $t->wait_files(1, stream => $name);
        my $hls = Recording::Hls->check($t->path($row), ended => 1);
        my @durations = map { $_->{duration} } @{ $hls->{segments} };

        is("@{ $hls->{problems} }", '', 'valid');
        is(join(' ', map { sprintf '%.1f', $_ } @durations[-5 .. -2]),
           '2.0 2.0 2.0 2.0', 'segments after the pause')
            or diag("@durations");
    };
}

sub segments {
    my ($name, $longest, $shortest, %opt) = @_;

    subtest $name => sub {
        publish($name, Recording::Rtmp::flv_messages(media(%small, %opt)));

        my ($row) = $t->wait_files(1, stream => $name);
        check($t->path($row), $longest, $shortest);
    };
}

sub check {
    my ($file, $longest, $shortest) = @_;

    my $hls = Recording::Hls->check($file, ended => 1);
    is("@{ $hls->{problems} }", '', 'valid');

    my @durations = map { $_->{duration} } @{ $hls->{segments} };
    my $last = pop @durations;

    cmp_ok(max(@durations, $last), '<', $longest + 0.5, 'none is longer');
    is(scalar(grep { $_ < $shortest - 0.1 } @durations), 0,
       'none is shorter');
    is(0 + $hls->{target}, max(4, $longest), 'target duration');
}

sub publish { return publish_to('live', @_) }

sub publish_to {
    my ($app, $name, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->close;
}

sub other {
    my ($name, @messages) = @_;

    subtest $name => sub {
        my $r = Recording::Rtmp->new(port => $t->port);
        $r->connect(app => 'live');
        $r->publish($name);
        $r->send_flv([ map { hevc($_) } @messages ]);

        my $file = $t->store . "/files/$name/index.m3u8";
        wait_for('segments while it grows', 20, sub {
            return -e $file && 4 <= (() = slurp($file) =~ /^#EXTINF/mg);
        });

        $r->delete_stream;
        $r->close;
        $t->wait_files(1, stream => $name);
        check($file, 4, 4);
    };
}

# what a video message would be as hvc1
sub hevc {
    my ($m) = @_;
    my ($type, $ts, $payload) = @$m;

    return $m if $type != 9;

    my ($first, $packet) = unpack 'C C', $payload;
    my $kind = ($first >> 4) << 4;

    return [ $type, $ts, pack('C a4', 0x80 | $kind | $packet, 'hvc1')
             . substr $payload, $packet == 1 ? 2 : 5 ];
}
