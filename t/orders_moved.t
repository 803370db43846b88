#!/usr/bin/perl

# A recording is told to stop while the worker that has it hangs, and its stream
# comes to another one meanwhile: whether the first one wakes up or dies, that
# recording is finished, and the one that has begun since goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(run slurp wait_for);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template one { format flv resume=10m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
my @all = Recording::Rtmp::flv_messages(media(duration => 4, gop => 1,
                                              size => '160x90'));
ready();

for my $how (qw(wakes dies)) {
    my ($first, $second) = $t->worker_pids;

    stopped($second);
    my $s = publish($how);
    kill CONT => $second;
    my $id = wait_for("$how: a recording", 30, sub {
        my ($row) = $t->files(stream => $how, state => 'recording');
        my $size = $row && -s $t->store . "/work/$row->{file_id}.flv";

        # so that there is a file when it dies
        return ($size || 0) > 5000 && one($how, 'recording') });

    # not while it writes the catalogue
    wait_for('a moment', 30, sub {
        stopped($first);
        my ($status) = run('sqlite3', '-bail', $t->db, 'BEGIN IMMEDIATE',
                           'ROLLBACK');
        return 1 if $status == 0;

        kill CONT => $first;
        return 0;
    });
    is($api->code('StopRecording', { RecordingId => $id }), '', "$how: stopped");
    my $n = publish($how);
    my $next = wait_for("$how: another recording", 60, sub {
        my ($of) = grep { $_->{recording_id} ne $id }
                   $t->files(stream => $how, state => 'recording');
        return $of && $of->{recording_id};
    });

    if ($how eq 'wakes') {
        kill CONT => $first;

    } else {
        $t->allow(qr/worker process \d+ exited on signal 9/);
        $t->signal('KILL', $first);
    }

    wait_for("$how: its file", 30, sub { one($how, 'finished') eq $id });
    wait_for("$how: its end", 30, sub {
        !$t->catalogue('SELECT 1 FROM record_commands') });
    is((grep { $_->{stream} eq $how && $_->{end_us} } $t->recordings), 1,
       "$how: one has ended");

    $n->send_flv(\@all, from => 1500, to => 4000);
    $n->delete_stream->close;
    is(wait_for("$how: the other one", 30, sub { one($how, 'paused') }), $next,
       "$how: the other one waits for its stream");
    is((my @of = $t->files(stream => $how)), 2, "$how: there are two");
    $s->close;
}

$t->done;

sub publish {
    my ($stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live', tcUrl => 'rtmp://push.example.com/live');
    $r->publish($stream);
    $r->send_flv(\@all, from => 0, to => 1500);
    return $r;
}

# the recording of the one file of a stream that is in a state
sub one {
    my ($stream, $state) = @_;

    my @of = $t->files(stream => $stream, state => $state);
    return @of == 1 ? $of[0]{recording_id} : '';
}

sub stopped {
    my ($pid) = @_;

    kill STOP => $pid;
    wait_for('a worker that hangs', 20, sub {
        slurp("/proc/$pid/stat") =~ /\) T / });
}

sub ready {
    wait_for('the store', 30, sub {
        eval { $api->code('DescribeStore') eq '' } });
}
