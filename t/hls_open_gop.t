#!/usr/bin/perl

# HLS says that segments can be decoded alone only if all can, and takes it
# back; and it waits for the key frames of which that is true.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Hls;
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(run slurp wait_for);

my $t = Recording::Nginx->new->allow(qr/exited on signal 9/);

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template hls {
        format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule hls; }
    }
}
CONF

my $gop = 'keyint=24:min-keyint=24:scenecut=0:open-gop=1:bframes=3:b-adapt=0';

# an IDR each so many pictures, key frames of open GOPs each second between
my $open = made('open', 1000);
my $mixed = made('mixed', 72);

subtest 'open GOPs' => sub {
    my $hls = finished('open', messages($open));

    is(said($hls->{file}), 0, 'it is not said');
    is(lengths($hls), '2 2 2 2 2 2', 'segments');
};

subtest 'IDR frames between them' => sub {
    my $hls = finished('mixed', messages($mixed));

    # the first one ends before it is known that more of them come
    is(lengths($hls), '2 4 3 3', 'segments end there');
    is(join(' ', map { $_->{ts}{closed} ? 1 : 0 } @{ $hls->{segments} }),
       '1 0 1 1', 'and begin so');
};

# the same encoder, whose key frames are closed for a while
subtest 'taken back' => sub {
    my @closed = grep { $_->[1] < 5800 } messages(made('closed', 24));
    my $r = publish('taken');
    $r->send_flv(\@closed);
    my ($file, $text) = growing('taken', 2);
    is(said($file), 1, 'it is said at first');

    $r->send_flv([ behind_open(5800) ], metadata => 0);
    leave($r);
    my ($row) = $t->wait_files(1, stream => 'taken');
    valid($t->path($row));
    is(said($file), 0, 'and not later');

    my $now = substr slurp($file), 0, length $text;
    $now =~ s/^## .*$/#EXT-X-INDEPENDENT-SEGMENTS/m;
    is($now, $text, 'in place');
};

# what a kill left open is listed by another worker, as what it is
subtest 'killed in the first segment' => sub {
    my @first = grep { $_->[1] < 2500 } behind_open(1000);
    my $r = publish('killed');

    $r->send_flv([ headers(), @first ]);
    my $file = wait_for('a segment', 20, sub {
        my ($row) = grep { $_->{stream} eq 'killed' } $t->files or return;
        my ($ts) = glob $t->store . '/files/' . $row->{path} =~
            s{index\.m3u8$}{00000.ts}r or return;
        return -s $ts ? $t->path($row) : undef;
    });

    my ($old) = $t->worker_pids;
    $t->signal('KILL', $old);
    wait_for('a new worker', 30, sub {
        my ($new) = $t->worker_pids;
        return $new && $new != $old;
    });
    $r->close;

    my ($row) = $t->wait_files(1, stream => 'killed');
    valid($t->path($row));
    is(said($t->path($row)), 0, 'it is not said');
};

$t->done;

sub made {
    my ($name, $idr) = @_;

    my $file = $t->dir . "/$name.flv";
    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-nostdin',
        '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=24:d=12',
        '-f', 'lavfi', '-i', 'anoisesrc=r=44100:a=0.1:d=12',
        '-c:v', 'libx264', '-preset', 'medium', '-x264-params', $gop,
        '-force_key_frames', "expr:not(mod(n,$idr))", '-forced-idr', 1,
        '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-bitexact', $file);
    die "ffmpeg: $err" if $status;

    return $file;
}

sub publish {
    my ($name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    return $r;
}

sub leave {
    my ($r) = @_;

    $r->delete_stream;
    $r->close;
}

sub messages { return Recording::Rtmp::flv_messages($_[0]) }

sub headers {
    return grep { $_->[0] != 18 && !ord substr $_->[2], 1 } messages($open);
}

# what follows such a time, from a key frame on that is no IDR
sub behind_open {
    my ($ms) = @_;

    my @messages = messages($open);
    shift @messages while $messages[0][1] < $ms || !is_key($messages[0]);
    return @messages;
}

sub is_key { return $_[0][0] == 9 && ord($_[0][2]) >> 4 == 1 }

sub finished {
    my ($name, @messages) = @_;

    my $r = publish($name);
    $r->send_flv(\@messages);
    leave($r);

    return valid($t->path($t->wait_files(1, stream => $name)));
}

sub valid {
    my ($file) = @_;

    my $hls = Recording::Hls->check($file, ended => 1);
    is("@{ $hls->{problems} }", '', 'the playlist is right');
    return $hls;
}

sub growing {
    my ($name, $n) = @_;

    my ($file) = $t->paths($t->wait_growing(1, stream => $name));

    wait_for("$n segments", 20, sub {
        return -e $file && $n <= (() = slurp($file) =~ /^#EXTINF/mg);
    });

    return ($file, slurp($file));
}

sub said { return slurp($_[0]) =~ /^#EXT-X-INDEPENDENT-SEGMENTS$/m ? 1 : 0 }

sub lengths {
    my ($hls) = @_;
    return join ' ', map { int $_->{duration} + 0.5 } @{ $hls->{segments} };
}
