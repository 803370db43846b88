#!/usr/bin/perl

# What is told of files that are delivered, and what becomes of their local
# copies: the event of a file waits for its delivery and has the bucket's URL; a
# copy goes when all has arrived and was told; a bucket that fails has a backup.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;

use Recording::Fault;
use Recording::Storage;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Told;
use Recording::Util qw(not_tested slurp wait_for);

my $missing = Recording::Storage->kind->missing;
plan skip_all => not_tested($missing) if $missing;

my $gateway = Recording::Storage->kind->new;
my $fault = Recording::Fault->new(to => $gateway->port);
my $s3 = $gateway->s3;
$gateway->bucket($_) for qw(films spare);
my $media = media(duration => 2, gop => 1, size => '160x90');
my $told;

my $t = Recording::Nginx->new;
$told = Recording::Told->new(port => $t->port(1));
$t->conf(<<'CONF', PORT => $fault->port, GATEWAY => $gateway->port,
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0 url=http://store.test/;
    record_bucket archive {
        endpoint http://127.0.0.1:%%PORT%%;
        bucket films;
        credentials %%FILE%%;
        url https://cdn.test/films/;
    }
    record_bucket spare {
        endpoint http://127.0.0.1:%%GATEWAY%%;
        bucket spare;
        prefix spare/;
        credentials %%FILE%%;
        url https://spare.test/;
    }
    notify http://127.0.0.1:%%PORT_1%%/ events=file,delivered;

    record_template stays { format mp4; upload archive; }
    record_template goes {
        format mp4; format hls; upload archive local=remove;
    }
    record_template twice {
        format mp4; upload archive local=remove; upload spare;
    }
    record_template backed {
        format mp4; upload archive local=remove backup=spare;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application stays { live on; record_rule stays; }
        application goes { live on; record_rule goes; }
        application twice { live on; record_rule twice; }
        application backed { live on; record_rule backed; }
    }
}
CONF
    FILE => $gateway->credentials($t->dir . '/credentials'))->start;

subtest 'the event waits, and has the URL of the bucket' => sub {
    $fault->on(PUT => '', status => 500, times => 0);
    my $row = published('stays');
    wait_for('an answer', 30, sub {
        grep { $_->{did} } $fault->requests(qr/^PUT/) });
    sleep 1;
    is(scalar(events($row)), 0, 'nothing is told before');
    $fault->clear;
    my ($event) = wait_events($row, 1);
    is($event->{json}{event_type}, 100, 'the event of a file');
    is($event->{json}{video_url}, "https://cdn.test/films/$row->{path}",
       'where it plays');
    ok(-e $t->path($row), 'the local copy stays');
};

subtest 'the local copy goes' => sub {
    my @rows = published('goes');
    is(scalar(@rows), 2, 'two files');

    for my $row (@rows) {
        my ($event) = wait_events($row, 1);
        wait_for("$row->{format}: no local copy", 90,
                 sub { !-e $t->path($row) });
        my ($dir) = $t->path($row) =~ m{(.*)/index\.m3u8$};
        ok(!$dir || !-e $dir, "$row->{format}: nothing of it is left");
        ok($s3->head('films', $row->{path}), "$row->{format}: delivered");

        my $now;
        wait_for('its row', 20, sub {
            ($now) = $t->files(file_id => $row->{file_id});
            return !$now->{local};
        });
        is($now->{state}, 'finished', "$row->{format}: it is not evicted");
    }
};

subtest 'not before both buckets have it' => sub {
    my $mark = $t->log_mark;
    $fault->on('', '', status => 403, code => 'AccessDenied', times => 0);
    my $row = published('twice');
    wait_for('the other one', 30,
             sub { $s3->head('spare', "spare/$row->{path}") });
    $t->wait_log(qr/bucket "archive" cannot be used/, undef, $mark);
    sleep 3;
    ok(-e $t->path($row), 'the local copy stays');
    is(scalar(events($row)), 0, 'the event waits for both');
    $fault->clear;
    my ($event) = wait_events($row, 1);
    is($event->{json}{video_url}, "https://cdn.test/films/$row->{path}",
       'the first one counts');
    wait_for('no local copy', 90, sub { !-e $t->path($row) });
};

subtest 'a backup' => sub {
    $fault->on('', '', status => 403, code => 'AccessDenied', times => 0);
    my $row = published('backed');
    wait_for('the backup', 60,
             sub { $s3->head('spare', "spare/$row->{path}") });
    sleep 1;
    ok(-e $t->path($row), 'the local copy stays until the first one has it');
    is(scalar(events($row)), 0, 'the event waits');

    # its time is over
    $t->catalogue("UPDATE outbox SET next_us = 1 WHERE state = 'held'");
    my ($event) = wait_events($row, 1);
    is($event->{json}{video_url}, "https://spare.test/$row->{path}",
       'it plays from the backup');
    $fault->clear;
    my @events = wait_events($row, 2);
    is($events[1]{json}{event_type}, 10002, 'an event of the delivery');
    is($events[1]{json}{bucket}, 'archive', 'its bucket');
    is($events[1]{json}{video_url}, "https://cdn.test/films/$row->{path}",
       'its URL');
    wait_for('no local copy', 90, sub { !-e $t->path($row) });
};

subtest 'a local file that others have removed' => sub {
    my $mark = $t->log_mark;
    $fault->down;
    my $row = published('stays');
    $t->wait_log(qr/bucket "archive" cannot be used/, undef, $mark);
    unlink $t->path($row);
    $fault->up;
    my $dead;
    wait_for('a dead letter', 60, sub {
        ($dead) = $t->catalogue("SELECT * FROM outbox WHERE state = 'dead'") });
    like($dead->{error}, qr/is not there any more/, 'says so');
    my ($event) = wait_events($row, 1);
    is($event->{json}{event_type}, 100, 'its event goes all the same');
    $t->catalogue("DELETE FROM outbox WHERE state = 'dead'");
};

subtest 'a catalogue that is made anew' => sub {
    my ($row) = $t->files(template => 'stays', local => 1);
    my $puts = $fault->requests(qr/^PUT/);
    my $mark = $t->log_mark;
    $t->stop;
    unlink glob $t->db . '*';
    $t->start;
    $t->wait_log(qr/file delivered: "\Q$row->{path}\E"/, undef, $mark);
    is(scalar($fault->requests(qr/^PUT/)), $puts, 'it is seen to be there');
    my ($now) = $t->files(file_id => $row->{file_id});
    like($now->{objects}, qr{films/}, 'its row has it');
};

$fault->stop;
$gateway->stop;
$told->stop;
Recording::Nginx->done;

my $n;

sub published {
    my ($app) = @_;

    my $name = 's' . ++$n;
    my $r = $t->publisher($app, $name);
    $r->send_flv($media);
    $r->delete_stream->close;
    my @rows = $t->wait_files(1, stream => $name);
    return wantarray ? @rows : $rows[0];
}

sub events {
    my ($row) = @_;
    return grep { $_->{json}{file_id} eq $row->{file_id} } $told->events;
}

sub wait_events {
    my ($row, $many) = @_;

    my @events;
    wait_for("$many events", 90,
             sub { (@events = events($row)) >= $many });
    return @events;
}
