#!/usr/bin/perl

# What a publisher may cost before anything of it is recorded: others have
# room in record_buffer, and sequence headers are small.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 12m total=12m;
    record_template all { format flv; }
    record_template segments { format hls segment=1s; }
    max_message 32m;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application hls { live on; record_rule segments; }
    }
}
CONF

my $flv = media(duration => 4, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);
my @headers = grep { $_->[2] =~ /^[\x17\xaf]\0/ } @all;
my ($inter) = grep { $_->[2] =~ /^\x27\x01/ } @all;
my @audio = grep { $_->[0] == 8 && $_->[2] =~ /^.\x01/s } @all;

# --- audio that waits for video: of each a little, however it comes.  After
# some seconds it waits no longer, so the other one follows at once.

my @waiting = publish('live', 'huge', @headers, $inter,
                      [ 8, 40, "\xaf\1" . 'x' x 11_900_000 ]);

push @waiting, publish('live', 'much', @headers, $inter,
                       map { [ 8, 40 + $_, "\xaf\1" . 'x' x 60_000 ] } 1 .. 30);

my $other = publish('live', 'other', @all);
end($other);
end($_) for @waiting;

my ($row) = $t->wait_files(1, stream => 'other');
is(join(' ', @$row{qw(frames_in frames_written)}),
   "$row->{frames_in} $row->{frames_in}", 'another stream loses nothing');
is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => [ $t->path($row) ])), '', 'it is exact');
unlike($t->error_log, qr/record_buffer is full/, 'there is room');

# --- audio that the writer holds: the codec has changed, and video goes on
# without a key frame, so that no file can take it.  With the half of the
# buffer there is room however slow the disk is.

my @other = Recording::Rtmp::flv_messages(media(duration => 4, gop => 1,
    size => '160x90', rate => 32000));
my ($changed) = grep { $_->[2] =~ /^\xaf\0/ } @other;
my @much = map { [ 8, 1500 + 20 * $_, "\xaf\1" . chr(65 + $_ % 26)
                                      . 'y' x 99_990 ] } 0 .. 59;
my @still = map { [ 9, 1500 + 20 * $_, $inter->[2] ] } 0 .. 59;

my $held = publish('live', 'held', @headers,
                   grep({ $_->[1] < 1000 && $_->[2] =~ /^.\x01/s } @all),
                   $changed, map { ($still[$_], $much[$_]) } 0 .. 59);
end($held);

my @rows = $t->wait_files(2, stream => 'held');
my @sound = map { sound($_) } $t->paths(@rows);

is(scalar(grep { length > 90_000 } @sound), 60, 'all of it is recorded');
is($rows[0]{frames_in} + $rows[1]{frames_in},
   $rows[0]{frames_written} + $rows[1]{frames_written}, 'nothing is dropped');

# it counts: of five that hold a quarter of the buffer one finds no room

my @pinned = map {
    publish('live', "pinned$_", @headers,
            grep({ $_->[1] < 1000 && $_->[2] =~ /^.\x01/s } @all), $changed,
            map { ($still[$_], $much[$_]) } 0 .. 27)
} 1 .. 5;

ok($t->wait_log(qr/record_buffer is full.*"live.pinned5"/), 'held audio counts');
end($_) for @pinned;

# --- a sequence header of 900 KB

my ($small) = grep { $_->[0] == 9 } @headers;
my $large = [ 9, 0, $small->[2] . 'z' x 900_000 ];

my $hls = publish('hls', 'large', $large, grep { $_->[2] !~ /^\x17\0/ } @all);
$hls->close_stream;
$hls->wait_status(qr/Unpublish/);

ok($t->wait_log(qr/\[error\].* video sequence header of \d+ bytes refused/),
   'a large header is refused');

# what the connection brought before is no way around
is($hls->publish('seeded'), 'NetStream.Publish.Start', 'published again');
$hls->send_flv([ grep { $_->[2] !~ /^\x17\0/ } @all ]);
end($hls);

# and the small one is still taken
end(publish('hls', 'both', $small, $large,
            grep { $_->[2] !~ /^\x17\0/ } @all));

$t->stop;

for my $name (qw(large seeded both)) {
    my ($hls_row) = $t->files(stream => $name);

    is($hls_row->{video_codec} || '', $name eq 'both' ? 'h264' : '',
       "$name: video");
    cmp_ok($hls_row->{size}, '<', 400_000, "$name: no header is repeated");
}

$t->done;

sub publish {
    my ($app, $name, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app) or die "no connection";
    $r->publish($name) =~ /Publish\.Start/ or die "no publish of $name";
    $r->send_flv(\@messages);

    return $r;
}

sub end {
    my ($r) = @_;

    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

sub sound {
    my ($path) = @_;

    my $file = Recording::Flv->read($path, payload => 1);
    return map { $_->{payload} }
           grep { $_->{type} == 8 && !$_->{header} } @{ $file->{tags} };
}
