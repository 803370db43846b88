#!/usr/bin/perl

# A catalogue that hangs costs two threads, whoever is in it: the one that
# commits, and one of all others, who take turns.  What grows goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Told;
use Recording::Util qw(wait_for);

my $conf = <<'CONF';
thread_pool default threads=%%THREADS%%;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_sync off;
    record_template two { format flv; format mp4; %%NOTIFY%% }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule two; }
    }
}
CONF

my $flv = media(duration => 20, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);
my $rounds = 8;

subtest 'what the dispatch writes hangs' => \&told;
subtest 'and nginx stops at once' => \&stops;
subtest 'another program holds it' => \&held;

Recording::Nginx->done;

# then those wait, too, who commit, keep house, and look for tasks
sub told {
    my ($t, $disk, @grow) = told_hangs();

    my $late = publisher($t, 'late');
    $late->send_flv(\@all, to => 2000);
    $late->wait_delivered;
    grows($t, @grow);

    ok($disk->held, 'and the write is still held');
    is(scalar(() = $t->files(stream => 'late')), 0, 'the others wait');

    $disk->release;
    whole($t, $late, @grow);
    $t->stop;
}

# it does not come back: what was buffered is written beside it
sub stops {
    my ($t, $disk, @grow) = told_hangs();

    $_->send_flv(\@all, from => 1000, to => 3000) for @grow;

    # an answer to a ping comes after all that was sent before it
    $_->ping, $_->wait_event(7) for @grow;
    $t->terminate;
    ok($t->error_log !~ /signal 9/, 'no worker was killed');
    ok($t->error_log =~ /the catalogue does not answer, and nginx stops/,
       'it says why');
    $_->abort for @grow;

    $disk->release;
    $t->start;
    my @frames = grep { $_->[0] != 18 && ord substr $_->[2], 1, 1 } @all;
    my ($key) = map { $_->[1] } grep { $_->[0] == 9 } @frames;
    my $sent = grep { $_->[1] >= $key && $_->[1] < 3000 } @frames;

    is($_->{frames_written}, $sent, "$_->{stream}: $_->{format} is whole")
        for $t->wait_files(4, _timeout => 60);
    $t->stop;
}

# two streams that grow, while the dispatch hangs in the catalogue
sub told_hangs {
    my $disk = Recording::SlowDisk->new;
    my $t = Recording::Nginx->new(store => $disk->store);
    my $told = Recording::Told->new(port => $t->port(1))->set(hang => 1);

    $t->conf($conf, THREADS => 4,
             NOTIFY => 'notify http://127.0.0.1:' . $t->port(1)
                       . '/told events=file,status;')->start;

    my @grow = growing($t, 'a', 'b');
    wait_for('events', 30, sub { scalar $told->events });

    # nobody else writes now: it is the result of these
    $disk->set(armed => 1);
    $disk->hold(1, on => ['write'], skip => '/work/');
    $told->stop;
    wait_for('a write to be held', 30, sub { $disk->held });
    like($disk->held, qr/catalogue/, 'it is one of the catalogue');

    return ($t, $disk, @grow);
}

# those who commit wait for it, and the mutex of their connection has others
# wait for them
sub held {
    my $t = Recording::Nginx->new;
    $t->conf($conf, THREADS => 3, NOTIFY => '')->start;

    my @grow = growing($t, 'a', 'b');
    my $lock = $t->lock_catalogue;

    my $late = publisher($t, 'late');
    $late->send_flv(\@all, to => 2000);
    $late->wait_delivered;
    grows($t, @grow);

    $t->unlock_catalogue($lock);
    whole($t, $late, @grow);
    $t->stop;
}

sub growing {
    my ($t, @names) = @_;

    my @grow = map { publisher($t, $_) } @names;
    $_->send_flv(\@all, to => 1000) for @grow;
    $t->wait_growing(2 * @names);
    return @grow;
}

# until whoever commits would give up, and give back its thread
sub grows {
    my ($t, @grow) = @_;

    my @files = map { $t->store . "/work/$_->{file_id}.$_->{format}" }
                grep { $_->{stream} ne 'late' } $t->files;
    my $grew = 0;

    for my $round (1 .. $rounds) {
        my @size = map { -s } @files;

        $_->send_flv(\@all, from => 1000 + 1000 * ($round - 1),
                     to => 1000 + 1000 * $round) for @grow;

        wait_for('them to grow', 30, sub {
            return 1 if $t->error_log =~ /catalogue failed/;
            return !grep { -s $files[$_] == $size[$_] } 0 .. $#files;
        });

        last if $t->error_log =~ /catalogue failed/;
        $grew++;
    }

    is($grew, $rounds, 'files grow all the while');
}

sub whole {
    my ($t, $late, @grow) = @_;

    $_->send_flv(\@all, from => 1000 + 1000 * $rounds) for @grow;
    $late->send_flv(\@all, from => 2000);
    $_->delete_stream->close for $late, @grow;

    for my $row ($t->wait_files(6, _timeout => 60)) {
        is(join("\n", Recording::Exact::compare(pushed => [$flv],
                                                files => [ $t->path($row) ])),
           '', "$row->{stream}: $row->{format} is exact");
    }
}

sub publisher {
    my ($t, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($stream);
    return $r;
}
