package Recording::Probe;

# What ffprobe and ffmpeg find in a file.  Stream is 'v' or 'a'.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use File::Temp ();
use JSON::XS ();
use Time::HiRes ();

use Recording::Util qw(run slurp);

our @EXPORT_OK = qw(packets tracks packet_hashes hashes_of_many
                    decode_problem decode_problems framemd5 duration streams
                    adts_frames adts_data nal_hashes raw_aac_hashes);

# packets($file, 'v'): each { pts, dts (seconds), flags, key, size, hash }.
# FLV and MP4 keep H.264 length-prefixed and AAC raw, so that hashes of both
# can be compared; those of an ADTS file are taken without its headers.
sub packets {
    my ($file, $stream, @options) = @_;

    return @{ tracks($file)->{$stream} } if !@options;

    my ($status, $out, $err) = run('ffprobe', '-v', 'error', @options,
        '-select_streams', $stream, '-show_data_hash', 'SHA256',
        '-show_entries',
        'packet=pts_time,dts_time,size,flags,data_hash',
        '-of', 'compact=p=0', $file);
    die "ffprobe $file: $err" if $status;

    # side data (a new sequence header) may add a dump of several lines, with
    # a hash of its own before the packet's
    return map { _packet($_) } grep { /data_hash=/ }
        split /^(?=pts_time=)/m, $out;
}

# { v => [packets], a => [packets] } of a file by one ffprobe
sub tracks {
    my ($file) = @_;
    return _once('tracks', $file, sub { _tracks($file) });
}

# What was found in a file that is as it was then: the same one is compared
# with many.
my %found;

sub _once {
    my ($what, $file, $code) = @_;

    my ($inode, $size, $time) = (Time::HiRes::stat($file))[1, 7, 9];
    return $code->() if !defined $size || $size > 16 * 1024 * 1024;

    my $state = "$inode $size $time";
    my $have = $found{$what}{$file};
    return $have->[1] if $have && $have->[0] eq $state;

    my $result = $code->();
    $found{$what}{$file} = [ $state, $result ];
    return $result;
}

sub _tracks {
    my ($file) = @_;

    my %tracks = (v => [], a => []);

    if ($file =~ /\.aac$/) {
        $tracks{a} = [ adts_frames($file) ];
        return \%tracks;
    }

    my ($status, $out, $err) = run('ffprobe', '-v', 'error',
        '-show_data_hash', 'SHA256', '-show_entries',
        'packet=codec_type,pts_time,dts_time,size,flags,data_hash',
        '-of', 'compact=p=0', $file);
    die "ffprobe $file: $err" if $status;

    for my $text (grep { /data_hash=/ } split /^(?=codec_type=)/m, $out) {
        my ($track) = $text =~ /^codec_type=([va])/ or next;
        $text =~ s/^\w+=\w+\|//;
        push @{ $tracks{$track} }, _packet($text);
    }

    return \%tracks;
}

sub _packet {
    my ($text) = @_;

    my %field;
    @field{qw(pts_time dts_time size flags)} = $text =~
        /^pts_time=([^|]*)\|dts_time=([^|]*)\|size=(\d+)\|flags=([^|\n]*)/;

    my ($hash) = $text =~ /.*\bdata_hash=SHA256:(\w+)/s;

    return { pts => $field{pts_time}, dts => $field{dts_time},
             flags => $field{flags}, key => $field{flags} =~ /K/ ? 1 : 0,
             size => $field{size}, hash => $hash };
}

sub packet_hashes { return map { $_->{hash} } packets(@_) }

# the hashes of several files, one list
sub hashes_of_many {
    my ($stream, @files) = @_;
    return map { packet_hashes($_, $stream) } @files;
}

# '' if every frame decodes without a message, else the message.  In the
# file's own time base: in that of the frame rate, which ffmpeg guesses, two
# frames may get one time.
sub decode_problem {
    my ($file) = @_;

    return '' if _too_short($file);

    my ($status, undef, $err) = run('ffmpeg', '-nostdin', '-v', 'error',
        '-threads', 1, '-xerror', '-i', $file, '-map', '0',
        '-enc_time_base:v', '-1', '-f', 'null', '-');

    return $err if length $err;
    return $status ? "ffmpeg ends with status $status" : '';
}

# ffmpeg does not know what an ADTS file of few frames is, whoever made it
sub _too_short {
    my ($file) = @_;
    return $file =~ /\.aac$/ && adts_frames($file) < 10;
}

# the same for many files, which one ffmpeg decodes faster than many; each
# problem names its file
sub decode_problems {
    my (@files) = @_;

    my @problems;

    @files = grep { !_too_short($_) } @files;

    while (my @some = splice @files, 0, 20) {
        my @inputs = map { ('-i', $_) } @some;
        my @maps = map { ('-map', $_) } 0 .. $#some;
        my ($status, undef, $err) = run('ffmpeg', '-nostdin', '-v', 'error',
            '-threads', 1, @inputs, @maps, '-f', 'null', '-');
        next if !$status && !length $err;

        my @found = map { my $problem = decode_problem($_);
                          length $problem ? "$_: $problem" : () } @some;
        push @problems, @found ? @found : "one of @some: $err";
    }

    return @problems;
}

# the hashes of the decoded frames, each as often as it is in the file
sub framemd5 {
    my ($file, $stream) = @_;
    return @{ _once("framemd5 $stream", $file, sub {
        [ _framemd5($file, $stream) ] }) };
}

sub _framemd5 {
    my ($file, $stream) = @_;

    my ($status, $out, $err) = run('ffmpeg', '-nostdin', '-v', 'error',
        '-threads', 1, '-i', $file, '-map', "0:$stream",
        '-fps_mode', 'passthrough', '-f', 'framemd5', '-');
    die "ffmpeg $file: $err" if $status;

    return map { /([0-9a-f]{32})\s*$/ ? $1 : () }
        grep { !/^#/ } split /\n/, $out;
}

sub _json {
    my ($file, @what) = @_;

    my ($status, $out, $err) = run('ffprobe', '-v', 'error', @what,
                                   '-of', 'json', $file);
    die "ffprobe $file: $err" if $status;
    return JSON::XS->new->latin1->decode($out);
}

# seconds
sub duration {
    my ($file) = @_;
    return _json($file, '-show_format')->{format}{duration};
}

# hashes as ffprobe -show_streams has them: codec_name, width, sample_rate
sub streams {
    my ($file) = @_;
    return @{ _json($file, '-show_streams')->{streams} };
}

# frames of an ADTS file: each { offset, size, rate, channels, profile,
# hash, pts, dts }; dies on a byte that belongs to no frame
sub adts_frames {
    my ($file) = @_;
    return adts_data(slurp($file), $file);
}

my @rates = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000,
             12000, 11025, 8000, 7350);

# the same of a string
sub adts_data {
    my ($data, $name) = @_;

    my ($at, $time) = (0, 0);
    my @frames;

    while ($at < length $data) {
        my @b = unpack 'C7', substr $data, $at, 7;
        die "$name: no ADTS frame at $at\n"
            if @b < 7 || $b[0] != 0xff || ($b[1] & 0xf6) != 0xf0;

        my $size = ($b[3] & 3) << 11 | $b[4] << 3 | $b[5] >> 5;
        my $header = $b[1] & 1 ? 7 : 9;
        die "$name: ADTS frame cut at $at\n"
            if $size < $header || $at + $size > length $data;

        my $rate = $rates[$b[2] >> 2 & 15] or die "$name: rate at $at\n";
        push @frames, {
            offset => $at, size => $size - $header, rate => $rate,
            profile => ($b[2] >> 6) + 1, pts => $time, dts => $time,
            channels => ($b[2] & 1) << 2 | $b[3] >> 6,
            hash => sha256_hex(substr $data, $at + $header,
                               $size - $header),
        };

        $time += 1024 / $rate;
        $at += $size;
    }

    return @frames;
}

# one stream of a file in the plainest form
sub _extract {
    my ($file, $stream, $form) = @_;

    my $temp = File::Temp->new;
    my ($status, undef, $err) = run('ffmpeg', '-nostdin', '-v', 'error',
        '-y', '-i', $file, '-map', "0:$stream", '-c', 'copy', '-f', $form,
        $temp->filename);
    die "ffmpeg $file: $err" if $status;

    return slurp($temp->filename);
}

# The AAC frames of any file (HLS playlists too) without ADTS headers: equal
# to the packet hashes of FLV and MP4.
sub raw_aac_hashes {
    my ($file) = @_;

    return @{ _once('raw_aac_hashes', $file, sub {
        [ map { $_->{hash} }
          adts_data(_extract($file, 'a', 'adts'), $file) ] }) };
}

# The slices and SEI of any H.264 file in order: what the conversion between
# length-prefixed and Annex B must leave alone.
sub nal_hashes {
    my ($file) = @_;
    return @{ _once('nal_hashes', $file, sub { [ _nal_hashes($file) ] }) };
}

sub _nal_hashes {
    my ($file) = @_;

    my $data = _extract($file, 'v', 'h264');
    my @hashes;

    for my $nal (split /\x00\x00\x01/, $data) {
        # the zero byte of a four byte start code belongs to no unit
        $nal =~ s/\x00+\z//;
        next if $nal eq '';

        my $type = ord($nal) & 31;
        push @hashes, sha256_hex($nal)
            if $type == 1 || $type == 5 || $type == 6;
    }

    return @hashes;
}

1;
