#!/usr/bin/perl

# A wall clock that is set forward expires nothing, nor is a row forgotten by it,
# before it has been so for an hour, whatever workers look; one that was wrong
# and is set back has done no harm.  A file in whose time the clock was set right
# stays as long as it is to, from when it was finished.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Clock;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(wait_for);

use constant DAY => 86400;

my $conf = <<'CONF';
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0 rows=1d;
    record_template half { format flv; expire 30m; }
    record_template whole { format flv; expire 1h; }
    record_template long { format flv; format hls; expire 3h; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application half { live on; record_rule half; }
        application whole { live on; record_rule whole; }
        application long { live on; record_rule long; }
    }
}
CONF

my $flv = media(duration => 2, gop => 1, size => '160x90');
my $doubted = qr/the wall clock was set forward by (\d+) s: files expire by it in an hour, unless it is set back/;
my $believed = qr/the wall clock that was set forward by (\d+) s an hour ago is believed/;

wrong();
boots();

# --- it is days ahead, twice: for a moment, and for good

sub wrong {
    my $clock = Recording::Clock->new;
    my $t = Recording::Nginx->new;
    $t->conf($conf)->start;
    publish($t, $_) for qw(half whole long);
    all($t, 'half=finished long=finished long=finished whole=finished',
        'four files');

    my $mark = $t->log_mark;
    $clock->set(3 * DAY);
    $t->wait_log($doubted, 30, $mark);
    $clock->set(0);
    $t->wait_log(qr/the wall clock was set back: files expire by it/, 30,
                 $mark);
    $clock->pass(1900);
    all($t, 'half=expired long=finished long=finished whole=finished',
        'set forward, and back: what is over by the right clock expires');
    ok(!-e $t->store . '/clock.believed.new', 'nothing is left');

    $mark = $t->log_mark;
    $clock->set(3 * DAY);
    $t->wait_log($doubted, 30, $mark);
    $t->reload;
    $clock->pass(1900);
    all($t, 'half=expired long=finished long=finished whole=expired',
        'forward, and a reload: what is over all the same expires');
    $t->stop;
    $t->start;
    publish($t, 'half');
    all($t, 'half=expired half=finished long=finished long=finished'
        . ' whole=expired', 'after a restart, too, and no row is forgotten');
    is(scalar(() = substr($t->error_log, $mark) =~ /$doubted/g), 1,
       'it is said once');
    like(substr($t->error_log, $mark), qr/by 259200 s|by 259199 s/,
         'by how much');

    $clock->pass(1800);
    $t->wait_log($believed, 30, $mark);
    all($t, 'half=expired long=expired long=expired whole=expired',
        'an hour later it is believed, and what is old is forgotten');
    is(scalar(() = substr($t->error_log, $mark) =~ /$believed/g), 1,
       'said once, too');
    $t->stop;
}

# --- a machine that starts a month behind

sub boots {
    my $clock = Recording::Clock->new;
    $clock->set(-30 * DAY);
    my $t = Recording::Nginx->new;
    $t->conf($conf)->start;
    publish($t, 'long');
    all($t, 'long=finished long=finished', 'a file of before');

    my $live = $t->publisher('long', 'live');
    $live->send_flv($flv);
    wait_for('it to grow', 30, sub {
        2 == grep { $_->{state} eq 'recording' } $t->files(stream => 'live');
    });
    $clock->set(0);
    $t->wait_log($doubted);
    $live->delete_stream->close;
    wait_for('it to finish', 30, sub {
        2 == grep { $_->{state} eq 'finished' } $t->files(stream => 'live');
    });

    $clock->pass(3700);
    wait_for('what was recorded before to expire', 30, sub {
        2 == grep { $_->{state} eq 'expired' } $t->files(stream => 'a');
    });

    for my $file ($t->files(stream => 'live')) {
        is($file->{state}, 'finished', "$file->{format}: it stays");
        cmp_ok($file->{finished_us} - $file->{end_us}, '>', 29e6 * DAY,
               'though by its end it is old');
        is($file->{expire_us}, $file->{finished_us} + 3 * 3600e6,
           'three hours from when it was finished');
    }
    like($t->error_log, $believed, 'by the clock that is right');
    $t->done;
}

sub publish {
    my ($t, $app) = @_;

    my $p = $t->publisher($app, 'a');
    $p->send_flv($flv);
    $p->delete_stream->close;
}

sub all {
    my ($t, $wanted, $what) = @_;

    my $is = '';
    eval {
        wait_for($what, 30, sub {
            $is = join ' ', sort map { "$_->{app}=$_->{state}" } $t->files;
            return $is eq $wanted;
        });
    };
    is($is, $wanted, $what);
}
