#!/usr/bin/perl

# reserve= of record_store: with less room growing files end at their next
# key frame, none begins, and what is not recorded is counted; with a tenth
# more than the reserve recording goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use List::Util qw(sum0);
use Test::More;
use Time::HiRes qw(sleep);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem packet_hashes);
use Recording::Rtmp;
use Recording::SmallDisk;
use Recording::Util qw(slow wait_for);

my $MB = 1024 * 1024;
my $small = Recording::SmallDisk->new;
plan skip_all => $small->missing if $small->missing;

my $t = Recording::Nginx->new(store => $small->path . '/store');
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=32m;
    record_template all {
        format flv; format mp4; format aac; format hls segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 20, gop => 1, size => '320x180');
my @all = Recording::Rtmp::flv_messages($flv);

# the key frames' times are this one and each second after it
my ($key) = map { $_->[1] }
            grep { $_->[0] == 9 && $_->[2] =~ /^\x17\x01/ } @all;

# four seconds with room enough
my $one = publisher('one');
my $ends = publisher('ends');
$one->send_flv(\@all, to => $key + 4000);
$ends->send_flv(\@all, to => $key + 4000);
$t->wait_growing(8);

leave($MB * 31);
$t->wait_log(qr/\[error\].*has (\d+) bytes left, less than reserve=/);

# files end at the key frame at 4 s, and there are no others
$_->send_flv(\@all, from => $key + 4000, to => $key + 8000) for $one, $ends;
my @rows = $t->wait_files(8);
is(scalar @rows, 8, 'the files ended');

for my $row (grep { $_->{stream} eq 'one' } @rows) {
    is(decode_problem($t->path($row)), '', "$row->{format} decodes");
    is($row->{frames_dropped}, 0, 'nothing is missing in it');
    is($row->{frames_in}, sent($row->{format}, 0, 4000),
       'it ends before the key frame');
    next if $row->{format} eq 'hls';

    my @want = hashes($flv, $row->{format});
    my @have = hashes($t->path($row), $row->{format});

    # the audio from before the first key frame is in no file
    shift @want if $row->{format} eq 'aac';
    is_deeply(\@have, [ @want[0 .. $#have] ], 'it is exact');
}

# what begins meanwhile, in the middle of a group of pictures
my $two = publisher('two');
$two->send_flv(\@all, from => 3300, to => $key + 8000);

# a stream that ends meanwhile leaves its count; it has no file to be in
$ends->delete_stream->close;
wait_for('the end of a recording', 20, sub {
    grep { $_->{stream} eq 'ends' && $_->{end_us} } $t->recordings });
my @ends = $t->files(stream => 'ends');

for my $format (qw(flv mp4 aac hls)) {
    my @of = grep { $_->{format} eq $format } @ends;
    is(join(' ', sort map { $_->{state} } @of), 'finished lost',
       "$format: one file, and a row for what is lost");
    is(sum0(map { $_->{frames_in} } @of), sent($format, 0, 8000),
       'all that came is counted');
    is(disk(@of), sent($format, 4000, 8000), 'as dropped by the disk');
}

# just above the reserve is not enough
leave($MB * 33.5);
$_->send_flv(\@all, from => $key + 8000, to => $key + 12000) for $one, $two;

# the worker has taken them
for ($one, $two) {
    $_->ping;
    $_->wait_event(7);
}

sleep slow(1);
is(scalar(grep { $_->{state} eq 'recording' } $t->files), 0,
   'nothing begins with less than a tenth more');
unlike($t->error_log, qr/has room again/, 'nor is it said');

leave($MB * 48);
$t->wait_log(qr/\[notice\].*has room again, recording goes on/);
$_->send_flv(\@all, from => $key + 12000) for $one, $two;
$t->wait_growing(8);
$_->delete_stream->close for $one, $two;
@rows = $t->wait_files(16);

for my $format (qw(flv mp4 aac hls)) {
    for my $stream (qw(one two)) {
        my @of = grep { $_->{format} eq $format
                        && $_->{stream} eq $stream } @rows;
        my $name = "$stream, $format";
        my $last = $of[-1];

        is(scalar @of, $stream eq 'one' ? 2 : 1, "$name: files");
        is(sum0(map { $_->{frames_in} } @of),
           sent($format, $stream eq 'one' ? 0 : 4000, 20000),
           'all frames are counted');
        is(disk($last), sent($format, 4000, 12000),
           'in the new file those that had no room');
        is($last->{frames_dropped}, disk($last), 'and no others');
        is($last->{frames_in},
           $last->{frames_written} + $last->{frames_dropped}, 'the sum');
        is(decode_problem($t->path($last)), '', 'it decodes');
        cmp_ok(abs($last->{duration_ms} - 8000), '<', 100, 'its length');
        next if $format eq 'hls';

        my @want = hashes($flv, $format);
        my @have = hashes($t->path($last), $format);
        is_deeply(\@have, [ @want[-@have .. -1] ], 'it is exact');
    }
}

my @said = $t->error_log =~ /bytes left, less than reserve=/g;
is(scalar @said, 1, 'too little room is said once');

for my $stream ([ one => 'files end and frames are dropped' ],
                [ ends => 'files end and frames are dropped' ],
                [ two => 'nothing is recorded' ]) {
    my ($name, $what) = @$stream;

    is(() = $t->error_log =~ m{\[error\]\ .*recording:\ less\ than\ reserve=
        \ is\ left,\ \Q$what\E,\ exception\ -104,\ stream:\ "live/$name",
        \ template:\ "all"}xg, 1, "$name says so once");
}

like($t->error_log, qr/there is room again, recording goes on, .*live.one"/,
     'and that it goes on');
like($t->error_log, qr/there is room again, recording begins, .*live.two"/,
     'or begins');
@said = $t->error_log =~ /has room again/g;
is(scalar @said, 1, 'room, too');

$t->done;

sub publisher {
    my ($name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    return $r;
}

sub leave {
    my ($want, $is) = $small->leave(@_);
    cmp_ok($is, '==', $want, 'ballast');
}

# how many frames of a format the publisher sent in a time, from the first
# key frame on
sub sent {
    my ($format, $from, $to) = @_;

    return scalar grep {
        my ($type, $ts, $data) = @$_;
        my $frame = $type == 9 ? $format ne 'aac' : $type == 8;
        $frame && ord(substr $data, 1, 1) == 1 && $ts >= $key + $from
            && $ts < $key + $to;
    } @all;
}

sub hashes {
    my ($file, $format) = @_;

    return packet_hashes($file, $format eq 'aac' ? 'a' : 'v');
}

sub disk {
    return sum0(map { JSON::XS::decode_json($_->{drops})->{disk} || 0 } @_);
}
