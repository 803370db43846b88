#!/usr/bin/perl

# nginx is killed just before it opens one of the parts of a file that begins:
# of what has no frames yet nothing is left, and nothing is taken for damaged.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(basename);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store)
                        ->allow(qr/exited on signal 9/);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template all { format mp4; format flv; format aac; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @all = Recording::Rtmp::flv_messages(
    media(duration => 4, gop => 1, size => '160x120'));
for my $part (qw(.journal .mp4 .index .flv .aac .ts .m3u8)) {
    killed($part);
    my $mark = $t->log_mark;
    $t->start;

    wait_for("the end, killed at $part", 60, sub {
        !grep { $_->{state} !~ /^(?:finished|lost)$/ } $t->files });
    wait_for("an empty work/, killed at $part", 30, sub { !left() });
    unlike(substr($t->error_log, $mark), qr/cannot be finished/,
           "killed as it opened $part");
}

$t->done;

# as the first file whose path has this is opened
sub killed {
    my ($part) = @_;

    $disk->set(armed => 1, only => $part);
    $disk->hold(1, on => ['open']);

    my ($name) = $part =~ /(\w+)/;
    my $r = $t->publisher('live', $name);
    $r->send_flv(\@all, to => 100);
    wait_for("the open of $part", 20, sub { $disk->held });
    note $disk->held;

    $t->kill9;
    $disk->release;
    $disk->set(armed => 0);
}

sub left { return grep { !/^worker\./ } map { basename($_) }
                  glob $t->store . '/work/*' }
