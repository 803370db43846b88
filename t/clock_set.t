#!/usr/bin/perl

# The wall clock is set while streams are recorded, back and forward by ten
# minutes and more: files are synced, wait for their streams, go on and are
# finished as if it had not been, and what comes with timestamps that jump is
# no silence.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Clock;
use Recording::Live;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slow within);

my $clock = Recording::Clock->new;
my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_sync 1s;
    record_template back { format flv resume=8s; format hls resume=8s; }
    record_template cut { format flv interval=4s clock=on; }
    record_template plain { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application back { live on; record_rule back; }
        application cut { live on; record_rule cut; }
        application plain { live on; record_rule plain; }
    }
}
CONF

my $flv = media(duration => 40, gop => 1, size => '160x90');

returns(back => -600, 'set back');
returns(forward => 1200, 'set forward');
restarted();
cuts();
jumps();

$t->done;

# by so many seconds from what it is
sub publish {
    my ($app, $name) = @_;
    return Recording::Live->new(file => $flv, app => $app, name => $name,
                                ports => [ $t->port ]);
}

sub returns {
    my ($name, $by, $what) = @_;

    my $live = publish('back', $name);
    $live->run(2500);
    $clock->set($by);

    # what is synced is noted in the journals
    my $before = journals();
    my $at = $live->run(12_000, sub { journals() > $before + 500 });
    cmp_ok($at, '<', 12_000, "$what: files are still synced");

    my $paused = qr{recording \d+ paused.*stream: "back/$name"};
    $live->end;
    $t->wait_log($paused);

    # and while it waits
    my $mark = $t->log_mark;
    $clock->set(0);
    my $again = publish('back', $name);
    $again->run(2000);
    my $end = time;
    $again->end;

    $t->wait_log($paused, undef, $mark);
    like(substr($t->error_log, $mark), qr/recording \d+ resumed/,
         "$what: it goes on");
    is(scalar(() = $t->recordings(stream => $name)), 1,
       "$what: in the same recording");

    $clock->set($by);
    my @rows = $t->wait_files(2, stream => $name, _timeout => 30);
    my $took = time - $end;

    cmp_ok($took, '<', within(14), "$what: it is finished in time");
    cmp_ok($took, '>', 4, "$what: and not at once");
    my ($gap) = $rows[0]{gaps} =~ /"gap_ms":(\d+)/;
    cmp_ok($gap, '<', 20_000, "$what: a short gap");
    $clock->set(0);
}

sub journals {
    my $size = 0;
    $size += -s $_ || 0 for glob $t->store . '/work/*.journal';
    return $size;
}

# a row that says more than any file may wait was written by another clock
sub restarted {
    $clock->set(7200);
    $t->stop;
    $t->start;
    my $live = publish('back', 'restarted');
    $live->run(1500);
    $live->end;
    $t->wait_log(qr{paused.*stream: "back/restarted"});
    $t->stop;
    $clock->set(0);
    $t->start;
    my $start = time;
    my @rows = $t->wait_files(2, stream => 'restarted', _timeout => 40);
    cmp_ok(time - $start, '<', slow(25), 'another clock after a restart');
}

# a clock that is set back does not make files longer
sub cuts {
    my $live = publish('cut', 'cut');
    $live->run(2000);
    $clock->set(-600);
    $live->run(9000);
    $live->end;
    my @rows = $t->wait_files(2, stream => 'cut', _timeout => 30);
    is(scalar(grep { $_->{duration_ms} > 5500 } @rows), 0,
       'files are not longer than the interval');
    $clock->set(0);
}

# timestamps that jump while the clock is set: no time has passed
sub jumps {
    my @messages = Recording::Rtmp::flv_messages($flv);
    my $r = Recording::Rtmp->new(port => $t->port);

    $r->connect(app => 'plain') or die "no connection\n";
    $r->publish('jumps') eq 'NetStream.Publish.Start' or die "no publish\n";

    my $send = sub {
        my ($from, $to, $add) = @_;
        for my $m (grep { $_->[1] >= $from && $_->[1] < $to } @messages) {
            $r->send_flv([ [ $m->[0], $m->[1] + $add, $m->[2] ] ]);
            select undef, undef, undef, 0.008;
        }
    };

    $send->(0, 3000, 0);
    $clock->set(600);
    $send->(3000, 5000, 30_000);
    $r->close;

    my @rows = $t->wait_files(2, stream => 'jumps', _timeout => 30);
    like($t->error_log, qr/timestamp jumped by \d+ ms/, 'a jump is a jump');
    is(scalar(grep { $_->{duration_ms} > 10_000 } @rows), 0,
       'and leaves no hole');
    $clock->set(0);
}
