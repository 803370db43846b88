#!/usr/bin/perl

# What grows, as any worker tells it: within a second, the same, and moving;
# by workers of before a reload and after it; not by a dead one; and by rows
# alone where the zone is full, or there is none.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for within);

my $media = media(duration => 8, fps => 10, size => '160x90');

my $conf = <<'CONF';
worker_processes 4;
rtmp {
    record_store %%STORE%% %%ZONE%%;
    record_template two { format mp4; format hls segment=1s; }
    record_template all { format mp4; format flv; format hls; format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule two; }
        application many { live on; record_rule all; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api; }
    }
}
CONF

my $t = Recording::Nginx->new;
$t->allow(qr/exited on signal 9/);
$t->conf($conf, ZONE => '')->start;

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

# --- all workers tell the same, a second later, and it moves

my $live = $t->publisher('live', 'one');
my (%before, %now, %rate);
my @moves = qw(FramesIn FramesWritten BytesWaiting Size Duration Bitrate
               LastFrameTimeUs);

for my $ms (1500, 3000, 4500) {
    my $begun = time;
    my $sent = sent($live, $ms);
    $live->wait_event(7);
    my $at = time;

    %rate = ();
    %now = settled($sent);
    is(join(' ', sort keys %now), 'hls mp4', "$ms ms: both files");
    is_deeply({ told('one') }, \%now, "$ms ms: as another answer has it")
        for 1 .. 12;

    for my $format (sort keys %now) {
        my $file = $now{$format};

        ok($file->{Live}, "$format is live");
        is($file->{FramesIn}, $sent, "$format: all frames came");
        is($file->{FramesWritten}, $sent, "$format: and are written");
        is_deeply($file->{Drops}, {}, "$format: none is dropped");
        is($file->{WaitsFor}, '', "$format: it waits for nothing");
        cmp_ok(abs($file->{Duration} * 1000 - $ms), '<', 250,
               "$format: duration");
        cmp_ok($file->{Size}, '>', $before{$format}{Size} // 0,
               "$format: it grows");
        cmp_ok($rate{$format}, '>', 0, "$format: a bit rate");
        my $last = $file->{LastFrameTimeUs} / 1e6;
        ok($last > $begun - within(1) && $last < $at + within(1),
           "$format: the last frame was the last one")
            or diag("$last, not from $begun to $at");
    }

    %before = %now;
}

# --- the job that writes a frame after a silence syncs, too: no other one follows

sleep 5;
my $sent = sent($live, 5200);
%now = settled($sent);
is($now{$_}{BytesWaiting}, 0, "$_: nothing waits") for sort keys %now;

# --- a reload: who shuts down still tells, and others read it

my %old = map { $_ => 1 } $t->worker_pids;
$t->reload;

$sent = sent($live, 6000);
%now = settled($sent);
is($now{mp4}{FramesIn}, $sent, 'after a reload it moves');
is_deeply({ told('one') }, \%now, 'by all new workers') for 1 .. 8;

# --- killed: it is told of no more, and what it had is taken

my ($shutting) = grep { $old{$_} } $t->worker_pids(all => 1);
ok($shutting, 'the worker of before has it');
$t->signal('KILL', $shutting);
wait_for('its end', 20, sub { !-e "/proc/$shutting" });

is(scalar(grep { $_->{Live} } values %{ { told('one') } }), 0,
   'a dead one tells nothing');
$live->close;
wait_for('its files', 30, sub {
    my %file = told('one', {});
    return 2 == grep { $_->{State} =~ /finished/ } values %file;
});

$t->stop;

# --- full, or none: rows answer

for my $zone ('zone=8k', 'zone=off') {
    $t->conf($conf, ZONE => $zone)->start;
    wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

    my @many = map { $t->publisher('many', "$zone-$_") }
               1 .. ($zone =~ /off/ ? 1 : 12);
    sent($_, 1500) for @many;
    $t->wait_growing(4 * @many, app => 'many', state => 'recording');

    # until it changes no more
    my ($alive, $row, $last, $since, @open) = (0, 0, '', time);

    wait_for('what grows', 30, sub {
        @open = map { @{ $_->{FileSet} } } @{ open_ones() };
        my $before = $last;
        my @live = grep { $_->{Live} } @open;

        $last = join ' ', map { "$_->{Size}" } @live;
        $since = time if $last ne $before || grep { !$_->{Size} } @live
            or $zone !~ /off/ && @live <= 8;
        return time - $since > 1.5;
    }, sub { " $last" });

    for my $file (@open) {
        $file->{Live} ? $alive++ : $row++;
        is($file->{Size} > 0 ? 1 : 0, $file->{Live} ? 1 : 0,
           "$zone: what is live has a size");
    }

    is($alive + $row, 4 * @many, "$zone: all are told of");
    cmp_ok($row, '>', 0, "$zone: some by their row");
    $zone =~ /off/ ? is($alive, 0, 'off: all are')
                   : cmp_ok($alive, '>', 8, 'full: others are live');

    $_->delete_stream->close for @many;
    $t->stop;
}

$t->done;

# sends what comes before a timestamp; frames that were sent so far, from the
# first key frame on
sub sent {
    my ($publisher, $ms) = @_;

    my $state = $publisher->{test} ||= {
        left => [ Recording::Rtmp::flv_messages($media) ], frames => 0 };

    while (@{ $state->{left} } && $state->{left}[0][1] < $ms) {
        my ($type, $timestamp, $payload) = @{ shift @{ $state->{left} } };
        $publisher->send($type, $timestamp, $payload);
        $state->{begun} ||= $type == 9 && frame($type, $payload);
        $state->{frames}++ if $state->{begun} && frame($type, $payload);
    }

    $publisher->ping;
    return $state->{frames};
}

# not a header, nor onMetaData
sub frame {
    my ($type, $payload) = @_;

    return $type != 18 && ord(substr $payload, 1, 1) != 0;
}

# what is told when all that was sent is written and forgotten, and has been told
# for longer than anything may be late; the highest bit rate meanwhile
sub settled {
    my ($sent) = @_;
    my ($last, $since) = ('', time);

    wait_for('what grows', 10, sub {
        my %file = told('one');
        my $before = $last;

        $rate{$_} = max($rate{$_} // 0, $file{$_}{Bitrate}) for keys %file;
        $last = join ' ', map { my $told = $file{$_};
                                ($_, map { $told->{$_} // '' } @moves)
                              } sort keys %file;
        $since = time if $last ne $before || !%file
            || grep { $_->{FramesWritten} != $sent || $_->{BytesWaiting} }
               values %file;
        return time - $since > 1.5;
    }, sub { "\n$last" });

    return told('one');
}

sub open_ones {
    my $set = $api->call('DescribeRecordings',
                         { State => 'open', Limit => 100 });
    return $set->{RecordingSet};
}

# the files of a stream by format
sub told {
    my ($name, $params) = @_;

    my $set = $api->call('DescribeRecordings', $params || { State => 'open' });
    return map { $_->{Format} => $_ } map { @{ $_->{FileSet} } }
           grep { $_->{StreamName} eq $name } @{ $set->{RecordingSet} };
}
