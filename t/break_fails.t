#!/usr/bin/perl

# A playlist goes on after a discontinuity while other files begin.  If what
# it has to write fails just then, while the rows of those files are awaited,
# that costs frames of the playlist, and nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(ENOSPC);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(slurp wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template all { format mp4; format hls segment=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @small = Recording::Rtmp::flv_messages(
    media(duration => 4, gop => 1, size => '160x120'));
my @large = Recording::Rtmp::flv_messages(
    media(duration => 4, gop => 1, size => '320x180'));

my ($worker) = $t->worker_pids;
my $r = $t->publisher('live', 'changes');
$r->send_flv(\@small, to => 1500);
$t->wait_growing(2);
wait_for('a whole segment', 20, sub {
    return grep { slurp($_) =~ /\.ts$/m }
           glob $t->store . '/files/live/changes/*/index.m3u8' });

# frames for the open segment and the change are in one batch
$disk->match('.ts');
$disk->set(armed => 1, error => ENOSPC, call => 'write', where => 'files',
           times => 0, hits => 0);
my $mark = $t->log_mark;
$r->send_flv(\@small, from => 1500, to => 1900);
$r->send_flv(\@large, to => 1000, map => sub { later($_[0], 2000) });
$t->wait_log(qr/hls: .* failed, frames are dropped, exception -104/, undef,
             $mark);
$t->wait_log(qr/resolution changed/, undef, $mark);
$t->wait_growing(1, format => 'mp4', stream => 'changes');
$disk->set(armed => 0, error => 0);

$r->send_flv(\@large, from => 1000, map => sub { later($_[0], 2000) });
$t->wait_log(qr/hls is recorded again/, undef, $mark);
$r->delete_stream->close;

my @rows = $t->wait_files(4, stream => 'changes');
is(join(' ', sort map { "$_->{format} $_->{resolution}" } @rows),
   'hls 160x120 hls 320x180 mp4 160x120 mp4 320x180',
   'each format has a file before and one after');
is(join(' ', $t->worker_pids), $worker, 'the worker lives');

for my $row (@rows) {
    is(decode_problem($t->path($row)), '',
       "$row->{format} $row->{resolution} decodes");
    is($row->{frames_dropped}, 0, "mp4 $row->{resolution} has all")
        if $row->{format} eq 'mp4';
}

$t->done;

sub later {
    my ($message, $by) = @_;

    $message->[1] += $by;
    return $message;
}
