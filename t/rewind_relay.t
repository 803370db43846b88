#!/usr/bin/perl

# rewind= of relays: a stream that is pulled is kept from each begin of its
# source on, and one that is pushed on is kept as any other.

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
use Recording::Util qw(wait_for);

my $flv = media(duration => 6, size => '160x90');
my $other = media(duration => 6, size => '192x108', fps => 30);

my $source = Recording::Nginx->new(recording => 0);

$source->conf(<<'CONF')->start;
rtmp {
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application src { live on; }
        application sink { live on; }
    }
}
CONF

my $t = Recording::Nginx->new;
my $edge = '127.0.0.1:' . $source->port;

$t->conf(Recording::Rewind->conf("push rtmp://$edge/sink;"
                                 . ' record_rule off rewind=1m;',
                                 main => <<"CONF"))->start;
    server {
        listen 127.0.0.1:%%PORT_2%%;
        application edge {
            live on;
            record_rule off rewind=1m;
            pull rtmp://$edge/src/feed name=pulled static;
            pull_reconnect 100ms;
        }
    }
CONF

my $w = Recording::Rewind->new($t);

# --- pulled, twice

$source->wait_log(qr/play: name='feed'/, 10);
my ($task, $n);
my $begin = time;

for my $pushed ($flv, $other) {
    my $r = Recording::Rtmp->new(port => $source->port);
    $r->connect(app => 'src');
    $r->publish('feed');
    $r->send_flv($pushed, rate => 2, to => 3000);
    wait_for('what is kept of it', 20, sub { $w->bytes > 10_000 });
    $task ||= $w->task('pulled', AppName => 'edge', StartTime => $begin,
                       template => 'flv');
    $n++;
    wait_for('its recording', 20, sub {
        $n == $t->recordings(task_id => $task) });
    $r->send_flv([ grep { $_->[1] >= 3000 && $_->[0] != 18 }
                   Recording::Rtmp::flv_messages($pushed) ], rate => 2);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
    wait_for('its end', 20, sub { !$w->chunks });
}

my %file = $w->files($task, 2);
my @rows = sort { $a->{start_us} <=> $b->{start_us} }
           grep { $_->{task_id} eq $task } $t->files;
is(scalar @rows, 2, 'a recording of each');
is(join(' ', Recording::Exact::compare(pushed => [ ($flv, $other)[$_] ],
           files => [ $t->path($rows[$_]) ])), '', 'each frame')
    for 0, 1;

# --- pushed on

$begin = time;
$w->publish('pushed', $flv, rate => 2, $w->waits(5000));
$w->wait_bytes(10_000);
$task = $w->task('pushed', template => 'flv', StartTime => $begin);
wait_for('its recording', 20, sub { $t->recordings(task_id => $task) });
$w->told;
$w->unpublish('pushed');
%file = $w->files($task, 1);
is(join(' ', Recording::Exact::compare(pushed => [$flv],
                                       files => [ $t->path($file{flv}) ])),
   '', 'pushed on: each frame');

wait_for('the end of chunks', 20, sub { !$w->chunks });

# a relay does not end by itself, so neither does a graceful stop
$_->terminate for $t, $source;
$t->done;

