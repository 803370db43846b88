#!/usr/bin/perl

# total= of record_buffer: two recordings that are each far from its size are
# more than the total together, and one of them drops frames; with a larger
# total neither does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use List::Util qw(sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_buffer 8m total=%%TOTAL%%;
    record_template all { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 4m;
        application live { live on; record_rule all; }
    }
}
CONF

my @messages = Recording::Rtmp::flv_messages(media(duration => 4, gop => 1,
    size => '160x120', audio => 0));
my ($header) = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 0 } @messages;
my ($key) = grep { $_->[0] == 9 && ord($_->[2]) == 0x17
                   && ord(substr $_->[2], 1) == 1 } @messages;

is(dropped('8m'), 1, 'one stream finds the total used up by the other');
is(dropped('32m'), 0, 'there is room for both');

Recording::Nginx->done;

# how many of two streams drop, of 5 megabytes each that wait for the disk
sub dropped {
    my ($total) = @_;

    my $disk = Recording::SlowDisk->new;
    my $t = Recording::Nginx->new(store => $disk->store);
    $t->conf($conf, TOTAL => $total)->start;

    my @r = map { publish($t, $_) } 'a', 'b';
    $t->wait_growing(2);

    # a job of each waits for its first write
    $disk->set(armed => 1, call => 'write', where => 'files',
               delay => 60_000);
    megabytes($_, 1) for @r;
    wait_for('both wait', 20, sub { $disk->get('hits') >= 2 });

    megabytes($_, 5) for @r;
    is(() = $t->error_log =~ /record_buffer is full/g, $total eq '8m' ? 1 : 0,
       "total=$total: what is said");

    # what waits in a call goes on when its delay is over
    $t->kill9;
    $_->close for @r;
    $t->{checked} = 1;
    return scalar(() = $t->error_log =~ /record_buffer is full.*"all"/g);
}

sub publish {
    my ($t, $name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send(@$header);
    $r->send(@$key);
    $r->{at} = $key->[1];
    return $r;
}

# key frames of 100 KB, and all of them have arrived
sub megabytes {
    my ($r, $n) = @_;

    for (1 .. 10 * $n) {
        $r->send(9, $r->{at} += 40, "\x17\1\0\0\0"
                 . pack('N/a*', "\x65" . "\x88" x 100_000));
    }

    $r->ping;
    $r->wait_event(7);
}
