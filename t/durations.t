#!/usr/bin/perl

# How long a file plays, by its row and by what players find: the last
# picture counts, whether pictures are 25 a second or one in two seconds, and
# a hole before it is not taken for its length.  An AAC file has no times and
# plays as long as its frames.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max min sum0);
use Test::More;

use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(adts_frames duration framemd5 packets);
use Recording::Rtmp;
use Recording::Util qw(slurp wait_for);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_sync 1s;
    record_template whole { format mp4; format flv; format hls segment=2s;
                            format aac; }
    record_template cut { format mp4 interval=3s; format flv interval=3s; }
    record_template each { format mp4 interval=1s; format flv interval=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule whole; }
        application cut { live on; record_rule cut; }
        application each { live on; record_rule each; }
    }
}
CONF

my %small = (size => '160x90', channels => 1);
my @plain = messages(duration => 4);
my @pictures = messages(duration => 1, gop => 0.04, audio => 0);
my @slow = map { [ $_->[0], $_->[1] * 50, $_->[2] ] } @pictures[0 .. 11];

# 10 pictures, one in 2 s
subtest 'half a picture a second' => sub {
    publish('live', 'slow', \@slow);
    rows('slow', mp4 => 20_000, flv => 20_000, hls => 20_000);
};

subtest 'in files of two' => sub {
    publish('cut', 'two', \@slow);
    rows('two', map { ($_ => [ (4000) x 5 ]) } qw(mp4 flv));
};

subtest 'in files of one' => sub {
    publish('each', 'one', \@slow);
    rows('one', map { ($_ => [ (2000) x 10 ]) } qw(mp4 flv));
};

subtest 'one picture' => sub {
    publish('live', 'single', [ @pictures[0 .. 2] ]);
    rows('single', mp4 => 40, flv => 40, hls => 40);
};

subtest 'a hole before the last picture' => sub {
    my @video = grep { $_->[0] != 8 } @plain;
    my ($last) = grep { ord(substr $_->[2], 1) == 1 } reverse @video;

    publish('live', 'hole', [ map { [ $_->[0], $_->[1] + ($_ == $last
                                      ? 3000 : 0), $_->[2] ] }
                              grep { $_->[1] <= $last->[1] } @video ]);
    rows('hole', mp4 => 7000, flv => 7000);
};

subtest 'sound with a hole' => sub {
    my @sound = grep { $_->[0] == 8 && ($_->[1] < 1000 || $_->[1] > 3000) }
                @plain;
    publish('live', 'sound', \@sound);

    my $frames = (@sound - 1) * 1024 / 48;
    my $last = $sound[-1][1] + 1024 / 48;

    rows('sound', aac => $frames, mp4 => $last, flv => $last);
};

subtest 'killed' => \&killed;

$t->done;

sub messages { return Recording::Rtmp::flv_messages(media(%small, @_)) }

sub publish {
    my ($app, $name, $messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app) or die "no connection to $app";
    $r->publish($name);
    $r->send_flv($messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

# the durations of the files of each format
sub rows {
    my ($name, %want) = @_;

    $want{$_} = [ $want{$_} ] for grep { !ref $want{$_} } keys %want;

    wait_for('all rows', 20, sub { !$t->recordings(end_us => undef) });

    for my $format (sort keys %want) {
        my @rows = $t->wait_files(scalar @{ $want{$format} },
                                  stream => $name, format => $format);
        my @off = grep { abs($rows[$_]{duration_ms} - $want{$format}[$_]) > 2 }
                  0 .. $#rows;

        is(join(' ', map { $rows[$_]{duration_ms} } @off), '',
           "$format: durations in the rows");
        is(join("\n", map { shown($t->path($_), $_) } @rows), '',
           "$format: what players find");
    }
}

# what players find that the row does not say
sub shown {
    my ($file, $row) = @_;

    my @problems;
    my $found = $row->{format} eq 'hls' ? listed($file)
              : $row->{format} eq 'aac' ? adts_frames($file) * 1024 / 48000
              : duration($file);

    push @problems, "$file: $found s, in its row $row->{duration_ms} ms"
        if abs($found - $row->{duration_ms} / 1000) > 0.003;

    if ($row->{video_codec} && $row->{format} ne 'hls') {
        my $decoded = framemd5($file, 'v');
        my $there = packets($file, 'v');

        push @problems, "$file: $decoded of $there pictures shown"
            if $decoded != $there;
    }

    push @problems, "$file: duration in its onMetaData"
        if $row->{format} eq 'flv'
           && abs(Recording::Flv->read($file)->{meta}{duration}
                  - $row->{duration_ms} / 1000) > 0.0005;

    return @problems;
}

sub listed { return sum0(slurp($_[0]) =~ /^#EXTINF:([\d.]+)/mg) }

# B-frames: the last picture in a file need not be the one that is shown last
sub killed {
    my @messages = messages(duration => 5, gop => 5, bframes => 3);
    splice @messages, -4;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection to live";
    $r->publish('killed');
    $r->send_flv(\@messages);

    my @frames = grep { $_->[0] != 18 && ord(substr $_->[2], 1) == 1 }
                 @messages;
    my ($key) = map { $_->[1] } grep { $_->[0] == 9 } @frames;
    my @sent = grep { $_->[0] >= 0 }
               map { [ $_->[1] - $key + ($_->[0] == 9
                       ? unpack 'N', "\0" . substr $_->[2], 2, 3 : 0),
                       $_->[0] == 9 ? 40 : 21 ] }
               grep { $_->[1] >= $key } @frames;

    my %work = map { $_->{format} => $t->store . "/work/$_->{file_id}" }
               $t->wait_growing(4, stream => 'killed');
    wait_for('all frames on the disk', 20, sub {
        -e "$work{flv}.flv"
        && index(slurp("$work{flv}.flv"), $frames[-1][2]) >= 0
        && (-s "$work{mp4}.index" || 0) == 32 * @sent });

    $t->kill9;
    $t->start;

    my @rows = $t->wait_files(4, stream => 'killed');
    my %want = (flv => max(map { $_->[0] + $_->[1] } @sent));
    $want{mp4} = $want{flv} - min(map { $_->[0] } @sent);

    for (@rows) {
        next if $_->{format} !~ /^(flv|mp4)$/;

        is($_->{recovered}, 1, "$_->{format} recovered");
        is(join("\n", shown($t->path($_), $_)), '', 'what players find');
        cmp_ok(abs($_->{duration_ms} - $want{ $_->{format} }), '<', 2,
               'its duration');
    }
}
