#!/usr/bin/perl

# Pictures with a composition time below zero: no segment is shorter for that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template hls { format hls segment=2s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule hls; }
    }
}
CONF

my %small = (size => '160x120', duration => 12, gop => 1, rate => 32000);

sub is_header { return ord(substr $_[0][2], 1) == 0 }

# shown half a second before they are decoded
sub early {
    my ($m) = @_;

    return $m if $m->[0] != 9 || is_header($m);

    my $payload = $m->[2];
    substr $payload, 2, 3, substr pack('N', 0xffffffff & -500), 1;

    return [ $m->[0], $m->[1], $payload ];
}

subtest 'below zero' => sub {
    my $r = open_it('early');
    $r->send_flv([ map { early($_) }
                   Recording::Rtmp::flv_messages(media(%small)) ]);
    $r->delete_stream;
    $r->close;

    my $hls = check('early');
    cmp_ok(abs($hls->{segments}[0]{duration} - 2), '<', 0.01,
           'the first segment is whole');
};

$t->done;

sub open_it {
    my ($name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);

    return $r;
}

sub check {
    my ($name) = @_;

    my ($row) = $t->wait_files(1, stream => $name);
    my $hls = Recording::Hls->check($t->path($row), ended => 1);

    is("@{ $hls->{problems} }", '', 'the playlist is right');

    return $hls;
}
