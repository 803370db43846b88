#!/usr/bin/perl

# Resumption over what happens to nginx: a stream goes on in its files after
# a reload, after an end of any kind, and after a kill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Clock;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Util qw(slow wait_for);

use constant RESUME => 60;      # s

# what waits does so for longer than anything here takes, and then no more
my $clock = Recording::Clock->new;
my $t = Recording::Nginx->new->allow(qr/exited on signal 9/);
$t->conf(<<'CONF', N => RESUME)->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 resume=%%N%%s; format flv resume=%%N%%s;
        format hls resume=%%N%%s segment=1s; format aac resume=%%N%%s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(size => '160x120', fps => 20, gop => 0.5, duration => 4);
my @streams;

# --- the publisher leaves the old worker, and returns to the new one

subtest 'reload' => sub {
    my ($s, $r) = publish('reload');
    my ($old) = $t->worker_pids;

    $t->reload;
    $s->close($r);
    $s->wait_state(paused => 4);
    wait_for('the old worker to leave', 20, sub {
        !grep { $_ == $old } $t->worker_pids(all => 1) });

    again($s);
};

# --- an end with all publishers gone

subtest 'QUIT' => sub {
    my ($s, $r) = publish('quit');

    $s->close($r);
    $s->wait_state(paused => 4);
    $t->stop;
    $s->wait_state(paused => 4);
    $t->start;

    again($s);
};

# --- and in mid-stream: what had come is in the files

subtest 'TERM' => sub {
    my ($s, $r, $taken) = publish('term');

    $t->terminate_workers;
    is((grep { $_->{owner} eq ''
               && $_->{resume_us} / 1e6 > $s->{parts}[0]{last} + RESUME - 0.3
               && $_->{resume_us} / 1e6 < $taken + RESUME + 0.3
             } $s->wait_state(paused => 4)), 4,
       'nobody owns them, and their time is known');
    $t->start;

    again($s);
};

# --- a kill costs at most the last second

subtest 'KILL of a worker' => sub {
    my ($s, $r) = publish('worker');
    my ($old) = $t->worker_pids;

    written($s);
    $r->serve(1.2);
    $t->signal('KILL', $old);
    wait_for('a new worker', 20, sub {
        my @now = $t->worker_pids;
        return @now == 1 && $now[0] != $old;
    });

    again($s, 1);
};

subtest 'KILL of everything' => sub {
    my ($s, $r) = publish('all');

    written($s);
    $r->serve(1.2);
    $t->kill9;
    is((grep { $_->{state} eq 'recording' } $s->rows), 4,
       'the catalogue knows nothing of it');
    $t->start;

    again($s, 1);
};

# --- the time runs out while nginx is down

subtest 'down' => sub {
    my ($s, $r) = publish('down');

    $s->close($r);
    $s->wait_state(paused => 4);
    $t->stop;
    $clock->pass(RESUME + 1);
    my $begin = time;
    $t->start;

    $s->wait_state(finished => 4);
    cmp_ok(time - $begin, '<', slow(15), 'at once');
    push @streams, [ $s, 0 ];
};

# --- at the end of all waiting

wait_for('the end of everything', 60, sub {
    return !grep { $_->{state} =~ /recording|paused|finishing/ } $t->files;
});

subtest "$_->[0]{name} at the end" => \&finished, @$_ for @streams;

wait_for('an empty work', 10, sub {
    return !grep { !m{/(?:worker\.[^/]+|catalogue\.lock)$} }
                 glob $t->store . '/work/*';
});

is(() = glob($t->store . '/work/worker.*'), 1, 'one worker, one lock');

$t->done;

sub publish {
    my ($name) = @_;

    my $s = Recording::Parts->new($t, "live/$name", $flv);
    my $r = $s->publish;

    $s->send($r, 2000);
    $s->taken($r);
    my $taken = time;
    $t->wait_growing(4, stream => $name);

    return ($s, $r, $taken);
}

# all frames are in its files
sub written {
    my ($s) = @_;

    my ($part) = $s->parts;
    my %bytes = (8 => 0, 9 => 0);
    $bytes{ $_->[0] } += length($_->[2]) - ($_->[0] == 9 ? 5 : 2)
        for grep { $_->[0] != 18 && $_->[2] !~ /^.\x00/s
                   && $_->[1] < $part->{to} } @{ $s->{messages} };
    my %least = (mp4 => $bytes{8} + $bytes{9}, flv => $bytes{8} + $bytes{9},
                 aac => $bytes{8});

    wait_for('all to be written', 30, sub {
        3 == grep { $least{ $_->{format} }
                    && (-s $t->store . "/work/$_->{file_id}.$_->{format}" || 0)
                       >= $least{ $_->{format} } } $s->rows });
}

# it is back
sub again {
    my ($s, $recovered) = @_;

    my %old = map { $_->{file_id} => 1 } $s->rows;
    my $r = $s->publish;

    $s->send($r, 2000);
    my @rows = $s->wait_state(recording => 4);
    is((grep { $old{ $_->{file_id} } } @rows), 4, 'the same files grow');
    is((grep { $_->{recovered} == ($recovered || 0) } @rows), 4,
       $recovered ? 'they are recovered' : 'nothing died');
    $s->close($r);

    push @streams, [ $s, $recovered || 0 ];
}

sub finished {
    my ($s, $recovered) = @_;

    my @rows = $s->rows;

    # when its last frame came a killed worker cannot say
    $s->{tolerance} = 1 if $recovered;

    is(@rows, 4, 'a file of each format');
    is(() = $t->recordings(stream => $s->{name}), 1, 'one recording');
    is((grep { $_->{recovered} == $recovered } @rows), 4, 'recovered');
    is(join("\n", $s->problems($_, $s->parts)), '', $_->{format}) for @rows;
}
