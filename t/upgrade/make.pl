#!/usr/bin/perl

# Makes the store that t/upgrade_store.t opens: of a version of the module that
# was built elsewhere, with files of all formats that are finished, that wait
# for their stream, and that grew when nginx was killed.
#
#     t/upgrade/make.pl MODULE.so ARCHIVE.tar.xz
#
# Streams come to a port that no other test has: a stream is known by the
# addresses of its server, too.  An archive is not made again when the module
# changes: it is what a version has left behind.
#
# journal_1.tar.xz was made by commit 53b714e, the last one with journals of
# version 1, catalogue_5.tar.xz by 31854ac, the last one with catalogues of
# version 5: that has events, which wait, as nobody listens where they go to;
# catalogue_6.tar.xz by 989b8e9, the last one with a catalogue of version 6.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Copy qw(copy);
use Time::HiRes qw(sleep);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(run slow spew wait_for);

my ($module, $archive) = @ARGV;
die "usage: make.pl MODULE.so ARCHIVE.tar.xz\n" if !$archive;

$ENV{TEST_RECORDING_MODULE} = $module;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    notify http://127.0.0.1:9136/;
    record_template all {
        format flv; format mp4; format aac; format hls segment=1s;
    }
    record_template waits {
        format flv resume=30m; format mp4 resume=30m; format aac resume=30m;
        format hls resume=30m segment=1s;
    }
    server {
        listen 127.0.0.1:9135;
        application live { live on; record_rule all; }
        application waits { live on; record_rule waits; }
    }
}
CONF

# as small as it may be
my $flv = media(duration => 4, gop => 1, size => '32x32', fps => 5,
                rate => 8000, channels => 1);
my @all = Recording::Rtmp::flv_messages($flv);

# a pause between two groups of pictures
my ($key) = map { $_->[1] } grep { $_->[0] == 9 && $_->[1] > 2000
                                   && $_->[2] =~ /^\x17\x01/ } @all;

my $finished = publisher('live', 'finished');
$finished->send_flv(\@all);
$finished->delete_stream->close;
$t->wait_files(4, stream => 'finished');

my $waits = publisher('waits', 'waits');
$waits->send_flv(\@all, to => $key);
$waits->delete_stream->close;
wait_for('pause', 20, sub { 4 == $t->files(state => 'paused') });

# more than the journal tells is in these files
my $grows = publisher('live', 'grows');
$grows->send_flv(\@all, to => 1000);
$t->wait_growing(4, stream => 'grows');
sleep slow(3);
$grows->send_flv(\@all, from => 1000, to => 3000);
sleep slow(0.8);
$t->kill9;

copy($flv, $t->dir . '/media.flv') or die "copy: $!\n";
spew($t->dir . '/time', time . "\n");

my ($status, undef, $err) = run('tar', '-cJSf', $archive, '-C', $t->dir,
                                'store', 'media.flv', 'time');
die "tar: $err" if $status;

sub publisher {
    my ($app, $name) = @_;

    my $r = Recording::Rtmp->new(port => 9135);
    $r->connect(app => $app);
    $r->publish($name);
    return $r;
}
