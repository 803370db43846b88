package Recording::Exact;

# Whether recorded files hold the frames that were pushed: each once, in
# order, bit for bit, with their times.
#
#     my @problems = Recording::Exact::compare(
#         pushed => [$flv], files => [ $t->paths(@rows) ]);
#     is("@problems", '', 'exact');
#
# pushed: the FLV files in the order of their pushes; each counts from its
# first video key frame, its audio from that frame's DTS (without video: all
# of it).  files: the files of one format of one recording, in order.
# streams => 'v', 'a' or 'va' (the default: what was pushed); times => 0:
# the frames only, as after a gap that was closed inside a file;
# all_audio => 1: audio from before the key frame must be there too.

use strict;
use warnings;

use Recording::Probe qw(packets packet_hashes framemd5 nal_hashes
                        raw_aac_hashes);

sub compare {
    my (%opt) = @_;

    my @files = @{ $opt{files} };
    my @pushed = map { pushed_packets($_, $opt{all_audio}) }
        @{ $opt{pushed} };
    my $streams = defined $opt{streams} ? $opt{streams}
                  : join '', grep { my $s = $_;
                                    grep { @{ $_->{$s} } } @pushed } 'v', 'a';

    return ('no files') if !@files;
    return hls(%opt, streams => $streams) if $files[0] =~ /\.m3u8$/;

    $streams =~ s/v// if $files[0] =~ /\.aac$/;

    my (@problems, %recorded);

    for my $s (split //, $streams) {
        $recorded{$s} = [ map { [ packets($_, $s) ] } @files ];
        my @want = map { $_->{hash} } map { @{ $_->{$s} } } @pushed;
        my @have = map { $_->{hash} } map { @$_ } @{ $recorded{$s} };

        push @problems, _difference($s, \@want, \@have);
    }

    return @problems if @problems || $files[0] =~ /\.aac$/;
    return () if defined $opt{times} && !$opt{times};
    return _times(\@pushed, \%recorded, \@files, $streams);
}

# { v => [packets], a => [packets] } as a recording must have them
sub pushed_packets {
    my ($file, $all_audio) = @_;

    my @video = packets($file, 'v');
    my @audio = packets($file, 'a');

    shift @video while @video && !$video[0]{key};

    if (@video && !$all_audio) {
        my $start = $video[0]{dts};
        @audio = grep { $_->{dts} >= $start - 0.0005 } @audio;
    }

    return { v => \@video, a => \@audio };
}

# The difference of two lists in one line, or nothing.
sub _difference {
    my ($name, $want, $have) = @_;

    my $i = 0;
    $i++ while $i < @$want && $i < @$have && $want->[$i] eq $have->[$i];
    return () if $i == @$want && $i == @$have;

    my (%count, $lost, $more);
    $count{$_}++ for @$want;
    $count{$_}-- for @$have;

    for (values %count) {
        $lost += $_ if $_ > 0;
        $more -= $_ if $_ < 0;
    }

    return sprintf '%s: %d pushed, %d recorded; they differ from frame %d'
        . ' on; %d are lost, %d are twice or strange', $name,
        scalar @$want, scalar @$have, $i, $lost || 0, $more || 0;
}

# In each file all times differ from the pushed ones by the same: audio and
# video stay in step.  MP4 and TS have finer clocks than RTMP's, none a
# coarser one.
sub _times {
    my ($pushed, $recorded, $files, $streams) = @_;

    my (%queue, @problems);

    for my $s (split //, $streams) {
        $queue{$s} = [ map { @{ $_->{$s} } } @$pushed ];
    }

    for my $file (@$files) {
        my ($offset, $worst);

        for my $s (split //, $streams) {
            for my $packet (@{ shift @{ $recorded->{$s} } }) {
                my $off = $packet->{pts} - (shift @{ $queue{$s} })->{pts};
                $offset = $off if !defined $offset;
                $off -= $offset;

                $worst = [ $s, $packet->{pts}, $off ]
                    if abs $off > abs($worst ? $worst->[2] : 0.0015);
            }
        }

        push @problems, sprintf '%s: %s at %s s is %.4f s off', $file,
            @$worst if $worst;
    }

    return @problems;
}

# HLS: the slices and the raw audio frames are the same, and so is what they
# decode to.
sub hls {
    my (%opt) = @_;

    my @problems;
    my ($pushed, $files) = @opt{qw(pushed files)};
    my $streams = defined $opt{streams} ? $opt{streams} : 'va';

    if ($streams =~ /v/) {
        push @problems, _difference('NAL units',
            _all(\&nal_hashes, $pushed), _all(\&nal_hashes, $files));
        push @problems, _difference('pictures', map {
            _all(sub { framemd5($_[0], 'v') }, $_) } $pushed, $files);
    }

    if ($streams =~ /a/) {
        my $frames = _is_aac($pushed->[0])
            ? \&raw_aac_hashes : sub { packet_hashes($_[0], 'a') };
        my @early = map { $opt{all_audio} ? 0 : _early($_) } @$pushed;
        my @sent = map { my @h = $frames->($pushed->[$_]);
                         splice @h, 0, $early[$_]; @h } 0 .. $#$pushed;

        push @problems, _difference('audio frames', \@sent,
            _all($frames, $files));

        # a decoder's overlap does not survive a second push's start, nor one
        # in the middle
        push @problems, _difference('sound', map {
            _all(sub { framemd5($_[0], 'a') }, $_) } $pushed, $files)
            if @$pushed == 1 && !$early[0];
    }

    return @problems;
}

# how many audio frames of a pushed file lie before its first key frame
sub _early {
    my ($file) = @_;

    return scalar(packets($file, 'a'))
           - scalar @{ pushed_packets($file, 0)->{a} };
}

sub _is_aac {
    my ($file) = @_;

    my ($audio) = grep { $_->{codec_type} eq 'audio' }
                  Recording::Probe::streams($file);
    return $audio && $audio->{codec_name} eq 'aac';
}

sub _all {
    my ($function, $files) = @_;
    return [ map { $function->($_) } @$files ];
}

1;
