#!/usr/bin/perl

# Two encoders send to one stream, so that the sound's header changes again
# and again: files are begun for the first changes only, each frame is in a
# file with its own header, and what is dropped is counted and said.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use List::Util qw(sum0);
use Test::More;

use Recording::Flv;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(adts_frames packets raw_aac_hashes streams);
use Recording::Rtmp;
use Recording::Util qw(slurp);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format flv interval=5s; format mp4; format hls segment=2s; format aac;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my @rates = (48000, 44100);
my %small = (duration => 24, gop => 1, size => '160x90');
my @media = map { [ Recording::Rtmp::flv_messages(media(%small,
                                                        rate => $_)) ] }
            @rates;
my @header = map { grep { $_->[0] == 8 && ord(substr $_->[2], 1) == 0 }
                   @$_ } @media;

# which encoder a frame is of
my %of;

for my $i (0, 1) {
    $of{ sha256_hex(substr $_->[2], 2) } .= $i
        for grep { $_->[0] == 8 } @{ $media[$i] };
}

# it changes after so many ms, and the video comes so many ms late
often('second', 1000, 0);
often('quick', 300, 300);
often('slow', 6000, 300);

$t->done;

sub often {
    my ($name, $each, $late) = @_;

    subtest $name => sub {
        my @messages = changing($each, $late);
        my @audio = grep { frame($_) && $_->[0] == 8 } @messages;
        my $changes = 24_000 / $each;

        my $r = Recording::Rtmp->new(port => $t->port);
        $r->connect(app => 'live');
        $r->publish($name);
        $r->send_flv(\@messages);
        $r->delete_stream;
        $r->wait_status(qr/Unpublish/);
        $r->close;

        my @rows = $t->wait_files(4, stream => $name);
        my %files;
        push @{ $files{ $_->{format} } }, $_ for @rows;

        for my $format (qw(mp4 aac)) {
            my $n = @{ $files{$format} };
            cmp_ok($n, '<=', 21, "$format: files");
            is($n, $changes + 1, "$format: one for each change")
                if $changes < 20;
        }

        is(@{ $files{hls} }, 1, 'one playlist');
        cmp_ok(@{ $files{flv} }, '<=', 21 + 5, 'flv: and those of intervals');

        for my $format (sort keys %files) {
            my @own = map { own($_, $format) } map { parts($_) }
                      $t->paths(@{ $files{$format} });
            is(join(' ', grep { $_ ne '' } @own), '',
               "$format: frames with their header");
        }

        my $in = sum0(map { $_->{frames_in} } @{ $files{aac} });
        my $out = sum0(map { $_->{frames_written} + $_->{frames_dropped} }
                       @{ $files{aac} });
        is($out, $in, 'all are counted');
        cmp_ok(@audio - $in, '<=', 20, 'those from the first picture on');

        my $dropped = sum0(map { $_->{frames_dropped} } @{ $files{flv} });
        $name eq 'slow' ? is($dropped, 0, 'none is dropped')
                        : cmp_ok($dropped, '>', 0, 'some are dropped');

        my @said = $t->error_log
            =~ /\[error\].*audio frames are dropped,.*"live\/$name"/g;
        is(@said, $name eq 'slow' ? 0 : $name eq 'quick' ? 2 : 1,
           'said, for each reason');
    };
}

sub frame { return $_[0][0] != 18 && ord(substr $_[0][2], 1) == 1 }

# the pictures of one, the sound of one after the other; the change is in
# the middle between key frames
sub changing {
    my ($each, $late) = @_;

    my @all = grep { $_->[0] != 8 } @{ $media[0] };

    for my $i (0, 1) {
        push @all, grep { $_->[0] == 8 && frame($_)
                          && int(($_->[1] + $each / 2) / $each) % 2 == $i }
                   @{ $media[$i] };
    }

    my %at = map { $_ => $_->[1] + ($_->[0] == 9 && frame($_) ? $late : 0) }
             @all;
    my @sorted = sort { $at{$a} <=> $at{$b} || $b->[0] <=> $a->[0] } @all;
    my $now = -1;

    return map {
        my $i = $_->[0] == 8
                ? int(($_->[1] + $each / 2) / $each) % 2 : $now;
        my @before = $i == $now ? () : [ 8, $_->[1], $header[$i][2] ];
        $now = $i;
        (@before, $_);
    } @sorted;
}

# the file, or the segments of a playlist
sub parts {
    my ($path) = @_;

    my ($dir) = $path =~ m{(.*)/};
    return $path if $path !~ /\.m3u8$/;
    return map { "$dir/$_" } slurp($path) =~ /^([^#\n].*)/mg;
}

# '' or what is wrong: all sound of a file is of the encoder of its header
sub own {
    my ($path, $format) = @_;

    my ($rate, @hashes);

    if ($format eq 'flv') {
        my @tags = grep { $_->{type} == 8 }
                   @{ Recording::Flv->read($path, payload => 1)->{tags} };
        my %headers = map { $_->{payload} => 1 } grep { $_->{header} } @tags;
        return "$path has several headers" if keys %headers > 1;

        my ($i) = grep { $headers{ $header[$_][2] } } 0, 1;
        $rate = $rates[$i] if defined $i;
        @hashes = map { sha256_hex(substr $_->{payload}, 2) }
                  grep { !$_->{header} } @tags;

    } elsif ($format eq 'aac') {
        my @frames = adts_frames($path);
        $rate = $frames[0]{rate};
        @hashes = map { $_->{hash} } @frames;

    } else {
        my ($audio) = grep { $_->{codec_type} eq 'audio' } streams($path);
        return '' if !$audio;
        $rate = $audio->{sample_rate};
        @hashes = $format eq 'hls' ? raw_aac_hashes($path)
                  : map { $_->{hash} } packets($path, 'a');
    }

    my @foreign = grep { my $i = $rate == $rates[0] ? 0 : 1;
                         ($of{$_} // '') !~ /$i/ } @hashes;
    return @foreign ? "$path of $rate Hz has " . @foreign . ' of ' . @hashes
                      . ' frames of the other' : '';
}
