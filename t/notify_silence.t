#!/usr/bin/perl

# The week in which an event is tried is one of trying: it goes on after a
# silence of more than that, of nginx or of a notify that was not configured.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Told;
use Recording::Util qw(wait_for);

use constant DAY => 86_400_000_000;

my $media = media(duration => 1, fps => 10, size => '160x90');
my $n = 0;

subtest 'nginx did not run' => sub {
    silence(sub { $_[0]->stop }, sub { configured($_[0])->start });
};
subtest 'nobody was configured' => sub {
    silence(sub { configured($_[0], '')->reload },
            sub { configured($_[0])->reload });
};

Recording::Nginx->done;

sub silence {
    my ($ends, $begins) = @_;

    my $t = Recording::Nginx->new;
    my $told = Recording::Told->new(port => $t->port(1))->stop;

    configured($t)->start;
    publish($t) for 1 .. 6;
    $t->wait_files(6);
    wait_for('all to wait', 20, sub {
        6 == count($t, "first_us > 0 AND state = 'waiting'") });
    $ends->($t);
    $t->catalogue('UPDATE outbox SET first_us = first_us - ' . 8 * DAY
        . ", next_us = max(next_us - @{[ 8 * DAY ]}, 0)");

    my $mark = $t->log_mark;
    my $from = time;
    $begins->($t);
    $t->wait_log(qr/"127\S+ cannot be told/, 10, $mark);
    is(count($t, "state = 'dead'"), 0, 'none is given up');
    is(count($t, "first_us > " . (time * 1e6 - DAY)), 6,
       'the silence does not count');
    cmp_ok(count($t, "first_us > " . int($from * 1e6)), '<', 6,
           'but what was before');

    $told->start;
    $t->catalogue('UPDATE outbox SET next_us = 0');
    $told->wait_events(6, 30);
    pass('all are told');
    $t->stop;
    $told->stop;
    return;
}

sub configured {
    my ($t, $notify) = @_;

    $notify //= 'notify http://127.0.0.1:%%PORT_1%%/;';
    return $t->conf("thread_pool default threads=4;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template told { format flv; $notify }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule told; }
    }
}
");
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
