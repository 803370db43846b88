#!/usr/bin/perl

# Silence is no jump: a microphone that is off, a camera that is off, slides,
# an encoder that paused.  What came afterwards is where it was sent, in one
# file of each format.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Times;
use Recording::Util qw(in_parallel);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template once {
        format mp4; format flv; format aac; format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    record_template again {
        format mp4 resume=5s; format flv resume=5s; format aac resume=5s;
        format hls segment=2s resume=5s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application once { live on; record_rule once; }
        application again { live on; record_rule again; }
    }
}
CONF

my @plain = Recording::Rtmp::flv_messages(
    media(duration => 24, gop => 1, size => '160x120', rate => 32000));
my @video = grep { $_->[0] != 8 } @plain;
my @audio = grep { $_->[0] != 9 } @plain;

sub off { my ($ts) = @_; return $ts >= 5000 && $ts < 17500 }

# key frames only, some 12 s apart, among ordinary sound
sub slide {
    my ($m) = @_;
    return $m->[0] != 9 || $m->[1] % 12000 < 40 || is_header($m);
}

sub is_header { return ord(substr $_[0][2], 1) == 0 }

my %cases = (
    mute    => [ grep { $_->[0] != 8 || !off($_->[1]) } @plain ],
    camera  => [ grep { $_->[0] != 9 || !off($_->[1]) || is_header($_) }
                 @plain ],
    slides  => [ grep { slide($_) } @plain ],
    paused  => [ grep { is_header($_) || !off($_->[1]) } @plain ],
    picture => [ grep { is_header($_) || !off($_->[1]) } @video ],
    sound   => [ grep { is_header($_) || !off($_->[1]) } @audio ],
);

# as it is made, and faster: a publisher's rate is known after a second of it
my @pushes = map { my $name = $_;
                   map { [ $name, @$_ ] } [ 1, 'once' ], [ 1, 'again' ],
                                          [ 4, 'once' ] } sort keys %cases;

in_parallel(scalar @pushes, sub { publish(@{ $_[0] }) }, @pushes);

# and as fast as it goes
my @fast = map { [ $_, 0, 'once' ] } 'paused', 'picture', 'sound';

publish(@$_) for @fast;
check(@$_) for @pushes, @fast;

$t->done;

sub publish {
    my ($name, $rate, $app) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish("$name-$rate");
    $r->send_flv($cases{$name}, rate => $rate);
    $r->delete_stream;
    $r->close;

    return 1;
}

sub check {
    my ($name, $rate, $app) = @_;

    subtest "$name, $rate times real time, $app" => sub {
        my $sent = Recording::Times::of(@{ $cases{$name} });
        my $audible = @{ $sent->{a} };
        my @rows = $t->wait_files($audible ? 4 : 3, app => $app,
                                  stream => "$name-$rate");

        for my $format ('mp4', 'flv', 'hls', $audible ? 'aac' : ()) {
            my @files = grep { $_->{format} eq $format } @rows;
            is(scalar @files, 1, "one $format file") or next;

            is($files[0]{gaps}, '[]', "$format has no gap");
            is($files[0]{frames_dropped}, 0, "$format lost nothing");
            is(join('; ', Recording::Times::problems($sent, 50,
                                                    $t->paths(@files))),
               '', "$format has its times");
        }

        playlist($_) for $t->paths(grep { $_->{format} eq 'hls' } @rows);
    };
}

sub playlist {
    my ($file) = @_;

    my $hls = Recording::Hls->check($file, ended => 1);
    is("@{ $hls->{problems} }", '', 'the playlist is right');
}
