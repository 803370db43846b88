#!/usr/bin/perl

# make bench-early: prints how long it takes from the end of a recording until
# its object is complete in a bucket that gets it while it is recorded: files
# of a length and of a duration, FLV and MP4.
#
#   BENCH_EARLY=1024   MB of the large files
#   BENCH_HOURS=12     of the long ones, of some 50 KB a second
#
# What comes before the end is pushed as fast as it goes, and delivered; the
# last ten seconds come in real time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More ();
use Time::HiRes qw(time);

use Recording::Bulk;
use Recording::Gateway;
use Recording::Nginx;
use Recording::Util qw(wait_for);

use constant LAST => 10;

# the test library's checks are heard only when they fail
Test::More->builder->output('/dev/null');
Test::More->builder->no_ending(1);
$| = 1;

my $missing = Recording::Gateway->missing;
die "bench-early: $missing\n" if $missing;

my $gateway = Recording::Gateway->new;
my $s3 = $gateway->s3;
my $films = $gateway->bucket('films');
my $large = $ENV{BENCH_EARLY} // 1024;
my $hours = $ENV{BENCH_HOURS} // 12;

# 4 Mbit/s in the first ones
my @kinds = (
    $large ? { kind => 'large', video => 480_000, audio => 400, fps => 25,
               seconds => int $large * (1 << 20) / 500_000 } : (),
    $hours ? { kind => 'long', video => 32_000, audio => 370, fps => 30,
               seconds => $hours * 3600 } : (),
);

print "file        hours     MB   parts   finished s   complete s\n";

for my $kind (@kinds) {
    printf "%-10s %6.1f %6d %7d %12.2f %12.2f\n", @{ measured($kind, $_) }
        for qw(flv mp4);
}

$gateway->stop;
exit(Test::More->builder->is_passing ? 0 : 1);

sub measured {
    my ($kind, $format) = @_;

    my $t = Recording::Nginx->new;
    $t->conf(<<'CONF', URL => 'http://127.0.0.1:' . $gateway->port,
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_buffer 1g total=2g;
    record_bucket archive {
        endpoint %%URL%%;
        bucket films;
        credentials %%FILE%%;
    }
    record_template one {
        format %%FORMAT%%;
        path '{StreamID}';
        upload archive when=recording;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 8m;
        application live { live on; record_rule one; }
    }
}
CONF
        FORMAT => $format,
        FILE => $gateway->credentials($t->dir . '/credentials'))->start;

    my $name = "$kind->{kind}-$format";
    my $key = "$name.$format";
    my $s = Recording::Bulk->new($t, live => $name, %$kind);

    $s->publish->send($kind->{seconds} - LAST)->settle;
    delivered($s, $key);
    $s->send(LAST, rate => 1)->settle;

    my $parts = parts($key);
    my $end = time;
    $s->end;
    wait_for('the object', 600, sub { $s3->head($films, $key) });
    my $took = time - $end;

    my ($row) = $t->wait_files(1);
    $s3->request('GET', $films, $key, to => $t->dir . '/fetched');
    die "$key: it is not the file\n"
        if system 'cmp', '-s', $t->dir . '/fetched', $t->path($row);

    $t->stop;
    $s3->delete($films, $key);

    return [ "$kind->{kind} $format", $row->{duration_ms} / 3_600_000,
             $row->{size} >> 20, $parts, $row->{finished_us} / 1e6 - $end,
             $took ];
}

# until no part comes for some seconds
sub delivered {
    my ($s, $key) = @_;

    my ($n, $since) = (0, time);
    wait_for('parts', 600, sub {
        $s->poll;
        my $now = parts($key);
        ($n, $since) = ($now, time) if $now != $n;
        return $n && time - $since > 8;
    });
    return;
}

sub parts {
    my ($key) = @_;

    my ($upload) = grep { $_->{key} eq $key } $s3->uploads($films);
    return $upload ? scalar $s3->parts($films, $key, $upload->{id}) : 0;
}
