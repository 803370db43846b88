#!/usr/bin/perl

# Two server{} blocks have applications and streams of the same names.  They
# are different streams: each goes on in its own recording after an
# interruption, a reload and the loss of the catalogue, and relays of one
# are recorded on both.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use Recording::Clock;
use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Rtmp;
use Recording::Util qw(slurp spew wait_for);

use constant RESUME => 60;      # s, longer than anything here takes

my @small = (size => '160x120', fps => 20, gop => 0.5);
my @media = map { media(@small, duration => 6, rate => $_) } 48000, 44100;

my $clock = Recording::Clock->new;
my $source = Recording::Nginx->new(recording => 0);
$source->conf(<<'CONF')->start;
rtmp {
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application src { live on; }
    }
}
CONF

my $t = Recording::Nginx->new;
$t->conf(<<'CONF', N => RESUME, SOURCE => $source->port)->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template waits {
        format mp4 resume=%%N%%s; format flv resume=%%N%%s;
    }
    record_template plain { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen %%PORT_1%%;
        application live { live on; record_rule waits; }
        application edge {
            live on;
            record_rule plain;
            pull rtmp://127.0.0.1:%%SOURCE%%/src/feed name=feed;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_2%% so_keepalive=on;
        application live { live on; record_rule waits; }
        application edge {
            live on;
            record_rule plain;
            pull rtmp://127.0.0.1:%%SOURCE%%/src/feed name=feed;
        }
    }
}
CONF

my @server = ('127.0.0.1:' . $t->port(0) . ' ' . $t->port(1),
              '127.0.0.1:' . $t->port(2));
my @s = map { Recording::Parts->new($t, 'live/cam', $_) } @media;
my %had;

# --- both at once, and both are interrupted

my @r = publishers(0, 2);
my @id = part(2000, [ 0, 1 ]);

isnt($id[0], $id[1], 'two recordings');

# a reload; they return in the other order, and by the other address
$t->reload;
@r[1, 0] = publishers(2, 1);
is_deeply([ part(1000, [ 1, 0 ]) ], \@id, 'each goes on in its own');

# what the catalogue knew is in the journals
$t->terminate;
unlink glob $t->db . '*';
$t->start;
# it may have no tables yet
wait_for('paused files', 20, sub {
    my @rows = eval { $t->files(state => 'paused') };
    return @rows == 4;
});
is_deeply([ part(2000, [ 1, 0 ], sub { @r[1, 0] = publishers(2, 0) }) ],
          \@id, 'without its catalogue, too');

$clock->pass(RESUME + 1);
$_->wait_over for @s;

for my $i (0, 1) {
    my @rows = $t->files(server => $server[$i], app => 'live');

    is(@rows, 2, "$server[$i]: two files");
    is($_->{recording_id}, $id[$i], "$_->{format}: of one recording")
        for @rows;

    # a row that was made anew does not know when it began
    is(join("\n", $s[$i]->file_problems($_, $s[$i]->parts)), '',
       "$_->{format} is whole") for @rows;
}

# and of finished files, in their attributes
my @before = $t->files(state => 'finished');
my @recordings = named($t->recordings);
$t->stop;
unlink $t->db;
$t->start;
$t->wait_log(qr/it was rebuilt: 4 finished files/);
is_deeply([ $t->files(state => 'finished') ], \@before, 'rows, made anew');
is_deeply([ named($t->recordings) ], \@recordings, 'recordings, too');

# --- a relay of one source on each, in two workers

my $pid = feed(media(duration => 20, size => '160x90'));
my @players = play(0);
$t->wait_growing(1, app => 'edge');

my ($owner) = ($t->recordings(app => 'edge'))[0]{owner} =~ /(\d+)/;
push @players, elsewhere($owner, sub { play(2) });

spew($t->dir . '/told', '');
ok($_->wait_messages(9, 20), 'a player sees the stream') for @players;
waitpid $pid, 0;
is($?, 0, 'pushed');

my @rows = $t->wait_files(2, app => 'edge');
is(join(', ', sort map { $_->{server} } @rows),
   join(', ', sort @server), 'a file of each server');
unlike($t->error_log, qr/not recorded, another worker/, 'and no refusal');
$_->close for @players;

$t->done;

# connections that publish live/cam at these ports
sub publishers {
    return map {
        my $r = Recording::Rtmp->new(port => $t->port($_));
        $r->connect(app => 'live') or die "no connection\n";
        my $code = $r->publish('cam');
        die "publish: $code\n" if $code ne 'NetStream.Publish.Start';
        $r;
    } @_;
}

# The next part on both, in this order, and its end; the recordings of the
# two servers.
sub part {
    my ($ms, $order, $before) = @_;

    $before->() if $before;

    for my $i (@$order) {
        $s[$i]->send($r[$i], $ms, rate => 0);
        $s[$i]->taken($r[$i]);
    }

    $s[$_]->close($r[$_]) for @$order;
    my @rows;
    wait_for('the pause of both', 20, sub {
        @rows = grep { $_->{frames_in} > ($had{ $_->{file_id} } || 0) }
                $t->files(state => 'paused');
        return @rows == 4;
    });
    $had{ $_->{file_id} } = $_->{frames_in} for @rows;

    return map {
        join ' ', map { $_->{recording_id} }
                  $t->recordings(server => $_, app => 'live')
    } @server;
}

# in a process of its own: as it is made until it is told that all are there,
# and faster then
sub feed {
    my ($flv) = @_;

    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    my $good = eval {
        my $r = Recording::Rtmp->new(port => $source->port);
        my ($due, $at, $told) = (time, 0);
        $r->connect(app => 'src');
        $r->publish('feed');

        for my $message (Recording::Rtmp::flv_messages($flv)) {
            $told ||= -e $t->dir . '/told';
            $due += ($message->[1] - $at) / ($told ? 8000 : 1000);
            $at = $message->[1];
            $r->serve($due - time) if $due > time;
            $r->send_flv([$message]);
        }

        $r->delete_stream->close;
        1;
    };
    POSIX::_exit(!$good);
}

# a player, and so a relay
sub play {
    my ($n) = @_;

    my $r = Recording::Rtmp->new(port => $t->port($n));
    $r->connect(app => 'edge') or die "no connection\n";
    $r->play('feed');
    return $r;
}

# rows of recordings, without what files do not tell
sub named {
    return map { { %$_, owner => '', end_us => 0 } } @_;
}

# what is done while this worker sleeps is done by the other one
sub elsewhere {
    my ($pid, $do) = @_;

    $t->signal('STOP', $pid);
    wait_for('stop', 5, sub { slurp("/proc/$pid/stat") =~ /\) T / });
    my $result = eval { $do->() };
    my $error = $@;
    $t->signal('CONT', $pid);

    die $error if !$result;
    return $result;
}
