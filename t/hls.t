#!/usr/bin/perl

# HLS: a playlist that grows by appending, is valid and plays at any time,
# and says of its segments what is true.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(dirname);
use File::Copy qw(copy);
use Test::More;

use Recording::Exact;
use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem nal_hashes);
use Recording::Rtmp;
use Recording::Util qw(slurp spew wait_for);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template hls { format hls segment=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule hls; }
    }
}
CONF

my @small = (size => '160x90');

subtest 'many segments' => sub {
    my $flv = media(@small, duration => 60);
    my $r = publish('many');
    my @parts = split_at(30000, Recording::Rtmp::flv_messages($flv));

    # the last one is open as long as its end is not known
    $r->send_flv($parts[0]);
    my ($file, $text) = growing('many', 29);
    my $hls = Recording::Hls->check($file, ended => 0);
    is(problems($hls), '', 'valid while it grows');
    is(decode_problem(snapshot($file)), '', 'plays while it grows');

    $r->send_flv($parts[1]);
    my $row = finish($r, 'many');

    $hls = Recording::Hls->check($file, ended => 1);
    is(problems($hls), '', 'valid at the end');
    is(@{ $hls->{segments} }, 60, 'segments');
    cmp_ok($hls->{target}, '==', 1, 'target duration');
    is(index(slurp($file), $text), 0, 'it was appended to');

    # the wall clock of the first frame
    cmp_ok(abs($hls->{segments}[0]{pdt} - $row->{start_us} / 1e6), '<', 0.01,
           'program date');

    my $size = -s $file;
    $size += -s $_->{file} for @{ $hls->{segments} };
    is($row->{size}, $size, 'size in the row');
    cmp_ok(abs($row->{duration_ms} - 60000), '<', 100, 'duration in it');

    is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => [$file])), '', 'exact');
    is(decode_problem($file), '', 'decodes');
};

subtest 'a longer GOP' => sub {
    my $r = publish('gop');

    $r->send_flv(media(@small, duration => 4));
    my ($file, $before) = growing('gop', 3);
    like($before, qr/^#EXT-X-TARGETDURATION:0*1$/m, 'target duration');

    # the same codec, but key frames are 5 s apart
    $r->send_flv(media(@small, duration => 10, gop => 5), metadata => 0,
                 map => sub { $_[0][1] += 4000; $_[0] });
    finish($r, 'gop');

    my $hls = Recording::Hls->check($file, ended => 1);
    is(problems($hls), '', 'valid');
    is(join(' ', map { int $_->{duration} + 0.5 } @{ $hls->{segments} }),
       '1 1 1 1 5 5', 'segments');

    # the longest one, rounded to the nearest second
    my ($longest) = sort { $b <=> $a }
                    map { $_->{duration} } @{ $hls->{segments} };
    cmp_ok($hls->{target}, '==', int($longest + 0.5),
           'target duration is raised');

    # nothing else changed, and nothing moved
    my $after = substr slurp($file), 0, length $before;
    $after =~ s/^(#EXT-X-TARGETDURATION:0*)5$/${1}1/m;
    is($after, $before, 'in place');
    is(decode_problem($file), '', 'decodes');
};

# the new muxer goes on with the counters of the old one
subtest 'another resolution' => sub {
    my @flv = (media(@small, duration => 4),
               media(size => '192x108', duration => 4));
    my $r = publish('change');

    $r->send_flv($flv[0]);
    $r->send_flv($flv[1], map => sub { $_[0][1] += 4000; $_[0] });
    finish($r, 'change');

    my ($file) = $t->paths($t->files(stream => 'change'));
    my $hls = Recording::Hls->check($file, ended => 1);

    is(problems($hls), '', 'valid');
    is(join(' ', map { $_->{discontinuity} ? 'new' : 'same' }
                 @{ $hls->{segments} }),
       'same same same same new same same same', 'discontinuity');
    is(join(' ', nal_hashes($file)),
       join(' ', map { nal_hashes($_) } @flv), 'every slice');
};

subtest 'audio only' => sub {
    my $flv = media(duration => 20, video => 0, rate => 44100);
    my $r = publish('audio');

    $r->send_flv($flv);
    finish($r, 'audio');

    my ($file) = $t->paths($t->files(stream => 'audio'));
    my $hls = Recording::Hls->check($file, ended => 1);

    is(problems($hls), '', 'valid');
    cmp_ok(@{ $hls->{segments} }, '>', 15, 'segments');
    is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => [$file])), '', 'exact');
    is(decode_problem($file), '', 'decodes');
};

$t->done;

sub publish {
    my ($name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection to live";
    $r->publish($name) =~ /Publish\.Start/ or die "no publish of $name";
    return $r;
}

sub finish {
    my ($r, $name) = @_;

    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    return ($t->wait_files(1, stream => $name))[0];
}

sub split_at {
    my ($ms, @messages) = @_;

    return ([ grep { $_->[1] < $ms } @messages ],
            [ grep { $_->[1] >= $ms } @messages ]);
}

# the playlist and its text once so many segments are listed
sub growing {
    my ($name, $n) = @_;

    my ($file) = $t->paths($t->wait_growing(1, stream => $name));
    my $text;

    wait_for("$n segments", 20, sub {
        $text = -e $file ? slurp($file) : '';
        return (() = $text =~ /^#EXTINF/mg) >= $n;
    });

    is((() = $text =~ /^#EXTINF/mg), $n, 'segments are listed at once');
    return ($file, $text);
}

# ffmpeg would wait for the end of a growing playlist
sub snapshot {
    my ($file) = @_;

    my $dir = $t->dir . '/snapshot';
    mkdir $dir or die "$dir: $!\n";

    my $text = slurp($file);
    copy(dirname($file) . "/$_", $dir) for $text =~ /^([^#\n]+)$/mg;

    return spew("$dir/index.m3u8", "$text#EXT-X-ENDLIST\n");
}

sub problems {
    my ($hls) = @_;
    return join "\n", @{ $hls->{problems} };
}
