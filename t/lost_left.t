#!/usr/bin/perl

# What is left in work/ of files that are lost: its bytes are in the row and in
# the metrics, not in the sum of max=, it stays as long as rows= says, and then
# it goes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use List::Util qw(sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Port qw(free_port);
use Recording::SlowDisk;
use Recording::Util qw(run wait_for);

my $port = free_port();
my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<"CONF")->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0 rows=1h;
    record_template flv { format flv; }
    record_template mp4 { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application flv { live on; record_rule flv; }
        application mp4 { live on; record_rule mp4; }
    }
}
http { server { listen 127.0.0.1:$port; location /metrics { record_metrics; } } }
CONF

my $flv = media(duration => 3, gop => 1, size => '160x90');
my $work = $t->store . '/work';

# no part of it is known to be there
$disk->set(armed => 1, error => EIO, call => 'sync', only => '/work/');
publish($_)->delete_stream->close for qw(flv mp4);
wait_for('lost files', 40, sub { 2 == $t->files(state => 'lost') });
$disk->set(armed => 0);

# and one without a journal
my $r = publish('flv');
wait_for('frames on the disk', 20, sub { grep { (-s || 0) > 5000
    && !-e s/flv\z/journal.lost/r } glob "$work/*.flv" });
$t->kill9;
$r->close;
unlink glob "$work/*.journal";
$t->start;
wait_for('the third', 40, sub { 3 == $t->files(state => 'lost') });

my @rows = $t->files(state => 'lost');

for my $row (@rows) {
    my @left = glob "$work/$row->{file_id}.*";

    cmp_ok(scalar @left, '>=', 2, "$row->{format}: something is left");
    ok(-e "$work/$row->{file_id}.journal.lost", "$row->{format}: and marked");
    is($row->{size}, sum0(map { -s } @left), "$row->{format}: its bytes");
    cmp_ok($row->{size}, '>', 5000, "$row->{format}: which are some");
}

my $metrics = metrics();

for my $format ('flv', 'mp4') {
    my ($bytes) = $metrics =~ /^recording_files_bytes
        \{state="lost",format="$format"\}\ (\d+)$/mx;
    is($bytes, sum0(map { $_->{size} } grep { $_->{format} eq $format } @rows),
       "$format: the metric");
}

is($t->totals->[0], 0, 'not in the sum of max=');

# --- one was lost long ago

my ($old) = grep { $_->{format} eq 'mp4' } @rows;
my $mark = $t->log_mark;
$t->stop;
utime 0, 0, "$work/$old->{file_id}.journal.lost" or die "utime: $!";
$t->start;
$t->wait_log(qr{left of lost file "$old->{file_id}" in work/ removed,}
             . " $old->{size} bytes", 30, $mark);
is(join(' ', glob "$work/$old->{file_id}.*"), '', 'nothing is left of it');
is(scalar(grep { !-e "$work/$_->{file_id}.flv" }
          grep { $_->{format} eq 'flv' } @rows), 0, 'the others stay');

$t->done;

sub metrics {
    my ($status, $out) = run('curl', '-sS', "http://127.0.0.1:$port/metrics");
    return $out;
}

sub publish {
    my ($app) = @_;

    my $r = $t->publisher($app, 'a');
    $r->send_flv($flv);
    return $r;
}
