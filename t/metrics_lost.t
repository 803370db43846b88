#!/usr/bin/perl

# Frames that are lost before there is a file for them: metrics count them while
# they are lost, and once, whatever fails again and again; and those of a stream
# that has no row at all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(ENOSPC);
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my @counts = qw(recording_frames_received_total recording_frames_written_total
                recording_frames_dropped_total{reason="disk"});

# a key frame each second: a file is tried ten times
my $media = media(duration => 10, fps => 10, gop => 10, size => '160x90');
my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

my $conf = <<'CONF';
rtmp {
    record_store %%STORE%% %%RESERVE%%;
    record_template two { format flv resume=0; format hls resume=0; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule two; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location = /metrics { record_metrics; }
    }
}
CONF

$t->conf($conf, RESERVE => '')->start;

# --- no file can be opened; no file can be written; then they can

for my $call ('open', 'write') {
    my @before = counts();

    $disk->set(error => ENOSPC, call => $call, where => 'files', armed => 1);

    my $live = $t->publisher('live', $call);
    $live->send_flv($media, rate => 10);
    $live->ping;

    my $lost;
    wait_for('frames that are lost', 20, sub {
        $lost = since(\@before);
        return $lost->[2] > 200 && $lost->[0] == $lost->[2];
    }, sub { "\n@$lost" });
    is($lost->[1], 0, "$call: none is written");

    $disk->set(armed => 0);
    $live->send_flv($media, rate => 10);
    $live->delete_stream->close;

    my @rows = $t->wait_files(2, stream => $call);
    is(scalar(@rows), 2, "$call: a file of each format");
    is_deeply(since(\@before), [ map { sum($_, @rows) }
                                 qw(frames_in frames_written frames_dropped) ],
              "$call: what is counted is what the rows have");
    cmp_ok(sum('frames_dropped', @rows), '>', 200, "$call: drops");
}

# --- nothing begins: there is no row that could have them

$t->stop;
$t->conf($conf, RESERVE => 'reserve=8000000g')->start;

my @before = counts();
my $live = $t->publisher('live', 'none');
$live->send_flv($media, rate => 10);
$live->ping;

my $lost;
wait_for('frames that are lost', 20, sub {
    $lost = since(\@before);
    return $lost->[2] > 200 && $lost->[0] == $lost->[2];
}, sub { "\n@$lost" });
is($lost->[1], 0, 'nothing begins: all are lost');

$live->delete_stream->close;
$t->stop;
$t->done;

sub counts {
    my $body;

    wait_for('metrics', 20, sub {
        (my $status, undef, $body) = Recording::Api->new(port => $t->port(1))
            ->raw("GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                  . "Connection: close\r\n\r\n");
        return $status == 200;
    });

    my %m = $body =~ /^(recording_\w+(?:\{.*\})?) (\S+)$/mg;
    return @m{@counts};
}

sub since {
    my ($before) = @_;

    my @now = counts();
    return [ map { $now[$_] - $before->[$_] } 0 .. $#now ];
}

sub sum {
    my ($column, @rows) = @_;

    my $sum = 0;
    $sum += $_->{$column} for @rows;
    return $sum;
}
