#!/usr/bin/perl

# The wall clock is set, back or forward by ten minutes, while nginx does not
# run: files wait for their streams as long as they are to, by the clock that
# goes on while the machine runs.  If that was started, too, they wait from
# nginx's start on, and no longer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Clock;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(slow slurp spew);

my $clock = Recording::Clock->new;
my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template short { format flv resume=4s; }
    record_template long { format flv resume=60s; format hls resume=60s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application short { live on; record_rule short; }
        application long { live on; record_rule long; }
    }
}
CONF

my $flv = media(duration => 2, gop => 1, size => '160x90');
my $kept = $t->store . '/clock';
my $boot = qr/^[\da-f-]{36}/;

like(slurp($kept), qr/$boot -?\d+\n\z/, 'the store has its clock');
my $before = slurp($kept);

pause('short', 'back');
pause('long', 'back');
restart(-600);
is(slurp($kept), $before, 'set back: the clock is kept');
finished('back', 'set back');
goes_on('back', 'set back');

pause('short', 'forward');
pause('long', 'forward');
restart(600);
finished('forward', 'set forward');
is(scalar(() = $t->files(app => 'long', stream => 'forward',
                         state => 'paused')), 2, 'set forward: they wait');
goes_on('forward', 'set forward');

# another nginx in the place of this one has the same
$clock->set(0);
$t->reload;
is(slurp($kept), $before, 'after a reload, too');

# as far as can be seen from here
pause('short', 'boot');
pause('long', 'boot');
restart(-1200, sub {
    my $other = slurp($kept);
    $other =~ s/$boot/00000000-0000-4000-8000-000000000000/;
    spew($kept, $other);
});
isnt(slurp($kept), $before, 'the machine was started: a new clock');
finished('boot', 'started and set back');
goes_on('boot', 'started and set back');

# what is not one
restart(0, sub { spew($kept, "x\n" x 3) });
like(slurp($kept), qr/$boot -?\d+\n\z/, 'a clock that was damaged');

$t->done;

sub pause {
    my ($app, $name) = @_;

    my $mark = $t->log_mark;
    my $r = $t->publisher($app, $name);
    $r->send_flv($flv);
    $r->delete_stream->close;
    $t->wait_log(qr{paused.*stream: "$app/$name"}, 20, $mark);
}

sub restart {
    my ($by, $more) = @_;

    $t->stop;
    $clock->set($by);
    $more->() if $more;
    $t->start;
}

sub finished {
    my ($name, $what) = @_;

    my $start = time;
    $t->wait_files(1, app => 'short', stream => $name, _timeout => 60);
    cmp_ok(time - $start, '<', slow(25), "$what: finished in time");
}

sub goes_on {
    my ($name, $what) = @_;

    my ($id) = map { $_->{recording_id} } $t->recordings(app => 'long',
                                                         stream => $name);
    my $mark = $t->log_mark;
    pause('long', $name);
    like(substr($t->error_log, $mark), qr/recording $id resumed/,
         "$what: it goes on");
}
