#!/usr/bin/perl

# A clock that is set makes the week in which an event is tried, and the time
# between its attempts, neither shorter nor longer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Clock;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Told;
use Recording::Util qw(wait_for within);

my $clock = Recording::Clock->new;
my $media = media(duration => 1, fps => 10, size => '160x90');
my $n = 0;

subtest 'the clock is set forward' => \&forward;
subtest 'the clock is set back' => \&back;

Recording::Nginx->done;

sub forward {
    my ($t, $told) = refused();

    $clock->set(30 * 86_400);
    $t->catalogue('UPDATE outbox SET next_us = 0');
    wait_for('another attempt', 10, sub { count($t, 'attempts = 2') });
    is(count($t, "state = 'waiting'"), 1, 'is not given up');

    $told->set;
    $t->catalogue('UPDATE outbox SET next_us = 0');
    $told->wait_events(1, 10);
    $clock->set(0);
    $t->stop;
    $told->stop;
    return;
}

# while nginx runs, and while it does not, nor the machine
sub back {
    my ($t, $told) = refused();

    $t->catalogue('UPDATE outbox SET next_us = next_us - 57000000');
    my $begun = time;
    $clock->set(-3000);
    wait_for('another attempt', 30, sub { count($t, 'attempts = 2') });
    cmp_ok(time - $begun, '<', within(10), 'is tried when it is time');

    $t->stop;
    unlink $t->store . '/clock';
    $told->set;
    $t->start;
    $told->wait_events(1, 10);
    pass('and by the next start');
    $clock->set(0);
    $t->stop;
    $told->stop;
    return;
}

# one event that was refused
sub refused {
    my $t = Recording::Nginx->new;
    my $told = Recording::Told->new(port => $t->port(1))->set(status => 404);

    configured($t)->start;
    publish($t);
    wait_for('an attempt', 20, sub {
        count($t, "attempts = 1 AND state = 'waiting'") });
    return ($t, $told);
}

sub configured {
    my ($t) = @_;

    return $t->conf('thread_pool default threads=4;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template told { format flv; notify http://127.0.0.1:%%PORT_1%%/; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule told; }
    }
}
');
}

sub publish {
    my ($t) = @_;

    my $r = $t->publisher('live', 's' . ++$n);
    $r->send_flv($media);
    $r->delete_stream->close;
    return;
}

sub count {
    my ($t, $where) = @_;
    return (($t->catalogue("SELECT count(*) AS n FROM outbox WHERE $where"))
            [0] || { n => 0 })->{n};
}
