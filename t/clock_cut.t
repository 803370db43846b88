#!/usr/bin/perl

# clock=on: files are cut at the first key frame at or after each multiple of
# the interval on the clock, so that those of all streams line up; the first
# one is short.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Exact;
use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(in_parallel slow wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_timezone +05:30;
    record_template clock {
        format mp4 interval=3s clock=on; format flv interval=3s clock=on;
        format aac interval=3s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule clock; }
    }
    server {
        listen 127.0.0.1:%%PORT_1%%;
        application other { live on; record_rule clock; }
    }
}
CONF

# frames at real time, and a key frame each 200 ms
my $media = media(duration => 11, gop => 0.2, size => '160x120');
my %delay = (live => 0, other => 0.7);

# one of an encoder whose clock is too fast is long enough before its time
my $rate = 1.04;

# when key frames were sent, and until when they had come, both of which a busy
# machine may have done late
my @apps = sort keys %delay;
my @sent = in_parallel(2, \&publish, @apps);
my %sent = map { $apps[$_] => $sent[$_] } 0 .. $#apps;

my %starts;

for my $app (@apps) {
    wait_for("the end of $app", 60, sub {
        grep { defined $_->{end_us} } $t->recordings(app => $app) });
    my @rows = sort { $a->{file_id} <=> $b->{file_id} }
               $t->wait_files(12, app => $app);

    for my $format ('mp4', 'flv') {
        my @mine = grep { $_->{format} eq $format } @rows;
        my ($first, @others) = map { $_->{start_us} / 1e6 } @mine;

        cmp_ok(@others, '>=', 3, "$app, $format: files");
        is(join(' ', grep { $_ - due($app, $_) > slow(0.6) } @others), '',
           "$app, $format: they begin where the clock says")
            or diag("sent at @{[ map { $_->[0] } @{ $sent{$app} } ]}");
        cmp_ok($others[0] - due($app, $first + 3), '<', slow(0.6),
               "$app, $format: the first is short");
        is(join('; ', Recording::Exact::compare(pushed => [$media],
               files => [ $t->paths(@mine) ])), '', "$app, $format: exact");

        $starts{$app} = [ map { int($_ / 3) } @others ] if $format eq 'mp4';
    }

    # without clock= an interval is the file's own
    my ($aac) = grep { $_->{format} eq 'aac' } @rows;
    cmp_ok(abs($aac->{duration_ms} - 3000), '<', 250, "$app: without it");
}

# one that was there before the other, or after it, has a file more
my ($from) = sort { $b <=> $a } map { $_->[0] } values %starts;
my ($to) = sort { $a <=> $b } map { $_->[-1] } values %starts;
my %common = map { my $app = $_; $app => join ' ', grep { $_ >= $from
                   && $_ <= $to && both_sent($_) } @{ $starts{$app} }
                 } keys %starts;

cmp_ok($to - $from, '>=', 1, 'they are there at the same time');

is($common{live}, $common{other}, 'streams line up');

$t->done;

# until when the first key frame had come that was sent from the last multiple
# on
sub due {
    my ($app, $time) = @_;

    my $multiple = 3 * int($time / 3);
    my ($due) = grep { $_->[0] >= $multiple } @{ $sent{$app} },
                [ $multiple, $multiple ];
    return $due->[1];
}

# whether neither was held up for all of that time
sub both_sent {
    my ($slot) = @_;
    return !grep { !grep { int($_->[0] / 3) == $slot
                           && int($_->[1] / 3) == $slot } @$_ } values %sent;
}

sub publish {
    my ($app) = @_;

    my @sent;

    select undef, undef, undef, $delay{$app};

    my $r = Recording::Rtmp->new(port => $t->port($app eq 'other'));
    $r->connect(app => $app);
    $r->publish('a');

    my ($due, $last) = (time, 0);

    for my $message (Recording::Rtmp::flv_messages($media)) {
        $due += ($message->[1] - $last) / 1000 / $rate;
        $last = $message->[1];

        # what is late makes all that follows late, and no faster
        my $now = time;
        $due > $now ? $r->serve($due - $now) : ($due = $now);

        my $begin = time;
        $r->send_flv([ $message ]);
        next if $message->[0] != 9 || $message->[2] !~ /^\x17\x01/;

        $r->ping;
        $r->wait_event(7);
        push @sent, [ $begin, time ];
    }

    $r->delete_stream;
    $r->close;

    return \@sent;
}
