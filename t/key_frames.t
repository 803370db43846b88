#!/usr/bin/perl

# A key frame is what decoding can begin with: by its flag, by an IDR without
# it, or, for want of both, by a recovery point.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use Test::More;

use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem tracks);
use Recording::Rtmp;
use Recording::Util qw(run);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv interval=1s; format mp4; format hls segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @plain = Recording::Rtmp::flv_messages(media(duration => 4, gop => 1,
                                                size => '160x90'));
my @refresh = Recording::Rtmp::flv_messages(refresh());

# the picture is refreshed bit by bit; its first frame, an IDR, is missing
my @recovery = map { unflagged($_) }
               grep { $_->[2] =~ /^.\x01/s && $_->[1] >= 500 } @refresh;
my @headers = grep { $_->[2] =~ /^[\x17\xaf]\0/ } @refresh;

# --- video alone has to wait for 10 s of the clock, beside the rest

my $slow = publish('slow', @headers);
my @slow = grep { $_->[0] == 9 && $_->[1] < 11_900 } @recovery;
my $pid = fork;
defined $pid or die "fork: $!\n";

# until the clock has told them, whoever is late
if (!$pid) {
    for my $n (0 .. 9) {
        $slow->send_flv(\@slow, rate => 1, map => sub {
            my ($m) = @_;
            $m->[1] += 11_400 * $n;
            return $m });
    }

    kill KILL => $$;
}

# --- no flag, and IDRs

push_all('flags', map { unflagged($_) } @plain);

my @idr = map { $_->[1] } grep { $_->[2] =~ /^\x17\x01/ } @plain;
my @rows = $t->wait_files(6, stream => 'flags');
my @flv = grep { $_->{format} eq 'flv' } @rows;

is(@flv, 4, 'flags: a file for each second');
same('flags', [ map { frames($_) } $t->paths(@flv) ],
     [ grep { $_->[2] =~ /^.\x01/s && $_->[1] >= $idr[0] }
       map { unflagged($_) } @plain ]);
is(join(' ', map { (frames($_))[0][3] } $t->paths(@flv)), '5 5 5 5',
   'each begins with an IDR');

for my $path ($t->paths(@rows)) {
    is(decode_problem($path), '', 'flags: it decodes');
    next if $path !~ /\.mp4$/;

    my @keys = grep { $_->{key} } @{ tracks($path)->{v} };
    is(join(' ', map { sprintf '%.2f', $_->{dts} - $keys[0]{dts} } @keys),
       join(' ', map { sprintf '%.2f', ($_ - $idr[0]) / 1000 } @idr),
       'mp4: its key frames');
}

my ($list) = $t->paths(grep { $_->{format} eq 'hls' } @rows);
is(() = Recording::Util::slurp($list) =~ /#EXTINF/g, 4, 'hls: segments');

# --- with audio: files begin with it, and change at the recovery point

push_all('refresh', @headers, @recovery);

@flv = grep { $_->{format} eq 'flv' } $t->wait_files(4, stream => 'refresh');
my @with = grep { grep { $_->[0] == 9 } frames($t->path($_)) } @flv;
my @first = grep { $_->[0] == 9 } frames($t->path($with[0]));

ok(recovery_point($first[0][2]), 'refresh: video begins at a recovery point');
my ($sent) = grep { $_->[2] eq $first[0][2] } @recovery;
cmp_ok($sent->[1], '>=', 12_500, 'after 10 s, and 2 s for audio');
cmp_ok($sent->[1], '<', 13_600, 'but not much more');

same('refresh', [ grep { $_->[0] == 8 } map { frames($_) } $t->paths(@flv) ],
     [ grep { $_->[0] == 8 } @recovery ]);
same('refresh', [ grep { $_->[0] == 9 } map { frames($_) } $t->paths(@with) ],
     [ grep { $_->[0] == 9 && $_->[1] >= $sent->[1] } @recovery ]);

# --- video alone

$t->wait_growing(3, stream => 'slow');
kill KILL => $pid;
waitpid $pid, 0;
$slow->{closed} = 1;
kill_connection($slow);

my ($file) = grep { $_->{format} eq 'flv' }
             $t->wait_files(3, stream => 'slow');
@first = frames($t->path($file));
ok(recovery_point($first[0][2]), 'slow: video begins at a recovery point');
like($t->error_log, qr/nothing is recorded .* video has no key frame, .*slow/,
     'and it was said that it is waited for');

$t->done;

sub publish {
    my ($name, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection";
    $r->publish($name) =~ /Publish\.Start/ or die "no publish of $name";
    $r->send_flv(\@messages);

    return $r;
}

sub push_all {
    my $r = publish(@_);

    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

sub kill_connection { CORE::close($_[0]{socket}) }

sub unflagged {
    my ($type, $ts, $payload) = @{ $_[0] };

    $payload =~ s/^\x17\x01/\x27\x01/;
    return [ $type, $ts, $payload ];
}

# frames of a file: [type, ms, payload, type of the last NAL unit]
sub frames {
    my ($path) = @_;

    my $flv = Recording::Flv->read($path, payload => 1);

    return map { [ @$_{qw(type ts payload)}, slice($_->{payload}) ] }
           grep { $_->{type} != 18 && !$_->{header} } @{ $flv->{tags} };
}

sub units {
    my ($payload) = @_;

    my @units;
    my $at = 5;

    while ($at + 4 < length $payload) {
        my $len = unpack 'N', substr $payload, $at, 4;
        push @units, substr $payload, $at + 4, $len;
        $at += 4 + $len;
    }

    return @units;
}

sub slice { my @units = units($_[0]); return ord($units[-1] || "\0") & 31 }

sub recovery_point { return grep { /^\x06\x06/ } units($_[0]) }

sub same {
    my ($name, $got, $wanted) = @_;

    for my $type (8, 9) {
        my ($g, $w) = map { join ' ', map { substr sha1_hex($_->[2]), 0, 6 }
                            grep { $_->[0] == $type } @$_ } ($got, $wanted);
        is($g, $w, "$name: frames of type $type");
    }
}

sub refresh {
    my $file = $t->dir . '/refresh.flv';

    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-y', '-nostdin',
        '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=15', '-f', 'lavfi', '-i',
        'aevalsrc=sin(2*PI*(300+20*t)*t)/4:s=44100', '-t', 15,
        '-c:v', 'libx264', '-preset', 'ultrafast', '-threads', 1,
        '-x264-params', 'intra-refresh=1:keyint=15', '-c:a', 'aac',
        '-bitexact', '-f', 'flv', $file);
    die "ffmpeg: $err" if $status;

    return $file;
}
