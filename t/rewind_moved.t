#!/usr/bin/perl

# A stream comes to another worker while a task still reads what was kept of it:
# it is not given away, and both workers record what they have.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rewind;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(slurp wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

# more in half a second than is read in that time, when each read takes as long
my $flv = media(duration => 6, fps => 20, gop => 0.5, size => '160x90',
                key_bytes => 500_000);
my $other = media(duration => 6, fps => 20, gop => 0.5, size => '160x90');

$t->conf(Recording::Rewind->conf('record_rule off rewind=1m;',
                                 workers => 2,
    main => 'record_template kept { format hls resume=30s; }'))->start;

my $w = Recording::Rewind->new($t);
my @workers = $t->worker_pids;
$disk->set(armed => 1, only => 'rewind.', call => 'read', delay => 500);

my $begin = time;
my $first = publisher(0);
$first->send_flv($flv, to => 3000);
$first->wait_delivered;
my $task = $w->task('s', template => 'kept', StartTime => $begin - 1);
wait_for('it has begun', 40, sub { $t->recordings });

# --- longer than a connection may be silent

$disk->set(delay => 2500);
my $second = publisher(1);
$second->send_flv($other);
wait_for('chunks of both', 20, sub {
    my %pid = map { /worker\.(\d+)\./ ? ($1 => 1) : () } $w->chunks;
    2 == keys %pid });
wait_for('a recording of each', 60, sub { 2 == $t->recordings });
$disk->set(delay => 0);
$first->send_flv([ grep { $_->[1] >= 3000 && $_->[0] != 18 }
                   Recording::Rtmp::flv_messages($flv) ]);
$_->delete_stream->close for $first, $second;

$w->files($task, 1);
my @rows = sort { $a->{start_us} <=> $b->{start_us} } $t->files;
is(scalar @rows, 2, 'a file of each');
is(join(' ', Recording::Exact::compare(pushed => [ ($flv, $other)[$_] ],
           files => [ $t->path($rows[$_]) ])), '', 'with each frame')
    for 0, 1;
unlike($t->error_log, qr/released, the stream is published to another worker/,
       'none is given away');

wait_for('the end of chunks', 20, sub { !$w->chunks });
$t->done;

# of the stream, at one of the workers
sub publisher {
    my ($n) = @_;

    my $pid = $workers[1 - $n];
    $t->signal('STOP', $pid);
    wait_for('stop', 20, sub { slurp("/proc/$pid/stat") =~ /\) T / });
    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live', tcUrl => 'rtmp://push.example.com/live');
    $r->publish('s');
    $t->signal('CONT', $pid);
    return $r;
}
