#!/usr/bin/perl

# Paths: each placeholder, the three kinds of record_timezone, the default.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;

# a zone that no machine has by itself, so that it shows what reads it
$ENV{TZ} = 'XST-05:45';

my @units = qw(Year Month Day Hour Minute Second Millisecond);

my $conf = <<'CONF';
rtmp {
    record_store %%STORE%%;
    record_timezone %%ZONE%%;
    record_template all {
        format flv;
        format mp4;
        path '{AppName}/{StreamID}/%%WHO%%/%%START%%/%%END%%';
    }
    record_template start {
        format hls;
        format aac;
        path 'begun/{StreamID}/%%WHO%%/%%START%%';
    }
    record_template default { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all start default; }
    }
}
CONF

my $media = media(duration => 2, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;

my @zones = ([ utc => 0 ], [ local => 5 * 3600 + 45 * 60 ],
             [ '+08:00' => 8 * 3600 ], [ '-03:30' => -3.5 * 3600 ]);

for my $zone (@zones) {
    my ($name, $offset) = @$zone;

    $t->conf($conf, ZONE => $name,
        WHO => '{Domain}~{RecordId}~{RandomID}~{RecordSource}~{Format}',
        START => join('~', map { "{Start$_}" } @units),
        END => join('~', map { "{End$_}" } @units));
    $t->pid ? $t->reload : $t->start;

    subtest $name => sub { zone($name, $offset) };
}

domains();

$t->done;

sub zone {
    my ($stream, $offset) = @_;

    my $before = time;
    publish($stream, 'rtmp://Media.example.com:1935/live');

    my @rows = $t->wait_files(5, stream => $stream);
    my $after = time;
    my %random;

    for my $row (@rows) {
        my ($start, $end) = @$row{qw(start_us end_us)};

        # nginx's clock may be a turn of its loop old
        ok($start / 1e6 > $before - 1 && $start / 1e6 < $after,
           'the start is the time of the publish');
        is($end - $start, 1000 * $row->{duration_ms}, 'the end is after it');
        cmp_ok($end - $start, '>=', 1.9e6, 'by the duration');

        my $path = expected($row, moment($start, $offset),
                            moment($end, $offset));

        like($row->{path}, qr/^$path$/, "$row->{template} $row->{format}");
        ok(-s $t->path($row), 'the file is there');

        $random{$1}++ if $row->{path} =~ /\b([0-9a-f]{16})\b/;
    }

    is(scalar keys %random, 5, 'RandomID is new for each file');
}

# the time as the placeholders write it
sub moment {
    my ($us, $offset) = @_;

    return strftime('%Y~%m~%d~%H~%M~%S', gmtime int($us / 1e6) + $offset)
           . sprintf '~%03d', $us / 1000 % 1000;
}

sub expected {
    my ($row, $start, $end) = @_;

    my $random = '[0-9a-f]{16}';
    my $stream = quotemeta $row->{stream};
    my $name = $row->{format} eq 'hls' ? '/index.m3u8' : ".$row->{format}";
    my $who = "Media\\.example\\.com~$row->{recording_id}~$random~origin"
              . "~$row->{format}";

    # the default's time ends with the second
    (my $short = $start) =~ s/~\d+$//;
    $short =~ tr/~/-/;

    return $row->{template} eq 'all' ? "live/$stream/$who/$start/$end$name"
         : $row->{template} eq 'start' ? "begun/$stream/$who/$start$name"
         :                       "live/$stream/$short-$random\\.mp4";
}

# the host of tcUrl, whatever it looks like
sub domains {
    my @urls = ('rtmp://[2001:db8::1]:1935/live', '[2001:db8::1]',
                'rtmp://host?x=/live', 'host', 'rtmp://../live', '_',
                '', '_');

    for my $i (0 .. @urls / 2 - 1) {
        my ($url, $domain) = @urls[2 * $i, 2 * $i + 1];

        publish("d$i", $url);
        my ($got) = map { $_->{path} =~ m{d$i/([^~]*)~} }
                    $t->wait_files(5, stream => "d$i");
        is($got, $domain, "domain of \"$url\"");
    }
}

sub publish {
    my ($stream, $url) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live', tcUrl => $url);
    is($r->publish($stream), 'NetStream.Publish.Start', "publish $stream");
    $r->send_flv($media);
    $r->delete_stream;
    $r->close;
}
