#!/usr/bin/perl

# Live first: every disk call of the store takes a second, then ten.  No
# call comes from the event loop, a stream that is not recorded does not
# feel it, and nothing is lost.  nginx-rtmp's own recorder is the comparison.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max);
use Test::More;

use Recording::Exact;
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Ping;
use Recording::Probe qw(decode_problem);
use Recording::SlowDisk;
use Recording::Util qw(within);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4; format flv; format hls segment=2s; format aac;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application own { live on; record all; record_path %%STORE%%; }
        application plain { live on; }
    }
}
CONF

my $flv = media(duration => 30, size => '320x240');
my $ping = Recording::Ping->new($t, 'plain');

# the store was opened
$disk->set(armed => 1);

my $push = push_stream($flv, $t->url('live/slow'), speed => 1);
$t->wait_growing(4);

my (@quick, @slow);

# more of them if others use the machine, as long as the stream lasts
for my $n (1 .. 8) {
    $disk->set(delay => 0);
    push @quick, $ping->rounds(1);

    $disk->set(delay => 1000);
    push @slow, $ping->rounds(1);

    last if $n >= 5 && Recording::Ping::grown(\@quick, \@slow) < 0.005;
}

cmp_ok(Recording::Ping::grown(\@quick, \@slow), '<', within(0.005),
       'p99 of the ping grows by less than 5 ms');
note(sprintf 'p99 of the ping: %s ms, then %s ms',
     map { Recording::Ping::milliseconds(@$_) } \@quick, \@slow);

# which would be felt for nearly ten seconds
$disk->set(delay => 10_000);
cmp_ok(($ping->rounds(1))[0], '<', 5,
       'a disk that stands still is not felt either');

$disk->set(delay => 0);
is($push->wait(90), 0, 'pushed');

my @rows = $t->wait_files(4);
is($disk->get('main'), 0, 'no call from the event loop')
    or diag('the last was ' . $disk->name);
cmp_ok($disk->get('calls'), '>', 50, 'calls were seen');

for my $row (@rows) {
    my $file = $t->path($row);

    is($row->{frames_dropped}, 0, "$row->{format} dropped nothing");
    is(join("\n", Recording::Exact::compare(pushed => [$flv],
            files => [$file])), '', "$row->{format} exact");
}

# the same for nginx-rtmp's recorder: its calls are in the loop

$push = push_stream($flv, $t->url('own/slow'), speed => 1);
Recording::Util::wait_for('a file of record all', 20,
                          sub { grep { -s > 50_000 } glob $disk->store . '/slow*.flv' });
my $hits = $disk->get('hits');
$disk->set(delay => 1000);
my $own = eval {
    my $most = 0;

    # until one meets a write
    for (1 .. 100) {
        $most = max($most, $ping->once(3));
        last if $most > 0.3;
    }

    $most;
};
my $why = $@;
$disk->set(delay => 0, armed => 0);

# no answer in three seconds is an answer, anything else is none: the stream
# must still be pushed, and its recorder must have met the disk
ok(defined $own || $why =~ /no event 7 within/, 'the ping could be measured')
    or diag $why;
cmp_ok($own // 3, '>', 0.3, 'record all is felt');
ok($push->alive, 'while it is pushed');
cmp_ok($disk->get('hits'), '>', $hits, 'and its disk is slow');
note(sprintf 'ping with record all on that disk: %.1f s or more', $own // 3);
$push->stop;
$ping->close;

$t->done;
