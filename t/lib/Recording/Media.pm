package Recording::Media;

# Test media, made by ffmpeg once and kept (TEST_MEDIA, or build/media), and
# pushes of them.
#
#     my $flv = media(fps => 60, gop => 2, bframes => 2, duration => 10);
#     my $push = push_stream($flv, $t->url('live/name'), speed => 4);
#     is($push->wait, 0, 'pushed');

use strict;
use warnings;

use Digest::SHA qw(sha1_hex);
use Exporter 'import';
use Fcntl qw(:flock);
use File::Path qw(make_path);

use Recording::Process;
use Recording::Util qw(root run);

our @EXPORT_OK = qw(media push_stream);

my %defaults = (
    duration => 10,         # seconds
    video => 'h264',        # h264, flv1 (Sorenson), 0: none
    audio => 'aac',         # aac, mp3, 0: none
    fps => 25,
    gop => 1,               # seconds between key frames
    bframes => 0,
    size => '320x180',
    rate => 48000,          # of the audio
    channels => 2,
    key_bytes => 0,         # about the size of each key frame; 0: any
    flash => 0,             # a white flash and a beep each second
    format => 'flv',
);

sub _dir {
    my $dir = $ENV{TEST_MEDIA} || root() . '/build/media';
    make_path($dir);
    return $dir;
}

# media(option => value, ...): the file's path
sub media {
    my (%opt) = @_;

    for (sort keys %opt) {
        die "media: no option $_\n" if !exists $defaults{$_};
    }

    %opt = (%defaults, %opt);
    ($opt{size}, $opt{key_bytes}) = _size_for(%opt) if $opt{key_bytes};

    my $id = join ' ', map { "$_=$opt{$_}" } sort keys %opt;
    my $name = join '-', $opt{video} || 'novideo', $opt{audio} || 'noaudio',
        $opt{fps}, $opt{duration}, substr sha1_hex("1 $id"), 0, 10;
    my $file = _dir() . "/$name.$opt{format}";

    return -s $file ? $file : _once($file, \%opt);
}

# one test file makes it, the others wait
sub _once {
    my ($file, $opt) = @_;

    open my $lock, '>>', "$file.lock" or die "$file.lock: $!\n";
    flock $lock, LOCK_EX or die "flock: $!\n";
    return $file if -s $file;

    my $temp = $file;
    $temp =~ s/(\.\w+)$/.$$.tmp$1/;

    _make($temp, $opt, $opt->{key_bytes} ? _fit_qp($temp, $opt) : ());
    rename $temp, $file or die "rename $temp: $!\n";
    unlink "$file.lock";

    return $file;
}

sub _make {
    my ($file, $opt, @codec) = @_;

    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-y',
        '-nostdin', _sources($opt), '-t', $opt->{duration},
        $opt->{video} ? _video($opt, @codec) : (),
        $opt->{audio} ? _audio($opt) : (),
        '-bitexact', '-f', $opt->{format}, $file);

    die "ffmpeg: $err" if $status;
}

sub _sources {
    my ($opt) = @_;

    my @inputs;

    push @inputs, '-f', 'lavfi', '-i', _picture($opt) if $opt->{video};
    push @inputs, '-f', 'lavfi', '-i', _sound($opt) if $opt->{audio};

    return @inputs;
}

sub _picture {
    my ($opt) = @_;

    my $form = "s=$opt->{size}:r=$opt->{fps}";
    my $on = "lt(mod(t+0.0005,1),0.1)";

    # still noise: large key frames and next to nothing between them
    return "nullsrc=$form,format=yuv420p,trim=end_frame=1,"
        . 'noise=alls=100:all_seed=7,loop=loop=-1:size=1:start=0'
        if $opt->{key_bytes};

    return "color=black:$form,drawbox=c=white:t=fill:enable='$on'"
        if $opt->{flash};

    return "testsrc2=$form";
}

sub _sound {
    my ($opt) = @_;

    my $form = "s=$opt->{rate}";
    my $layout = $opt->{channels} == 1 ? 'mono' : 'stereo';
    my $wave = $opt->{flash} ? 'lt(mod(t,1),0.1)*sin(2*PI*1000*t)/2'
                             : 'sin(2*PI*(300+20*t)*t)/4';

    # the commas of an expression end a filter unless escaped
    $wave =~ s/,/\\,/g;
    return "aevalsrc=" . join('|', ($wave) x $opt->{channels})
           . ":$form:c=$layout";
}

sub _video {
    my ($opt, @codec) = @_;

    my $gop = int $opt->{gop} * $opt->{fps} + 0.5;
    my @common = ('-g', $gop, '-pix_fmt', 'yuv420p');

    return ('-c:v', $opt->{video}, @common, '-b:v', '500k')
        if $opt->{video} ne 'h264';

    return ('-c:v', 'libx264', '-preset', 'ultrafast', @common,
            '-keyint_min', $gop, '-sc_threshold', 0, '-threads', 1,
            '-bf', $opt->{bframes}, $opt->{bframes} ? ('-b_strategy', 0) : (),
            @codec ? @codec : ('-crf', 26));
}

sub _audio {
    my ($opt) = @_;

    my $codec = $opt->{audio} eq 'mp3' ? 'libmp3lame' : $opt->{audio};
    return ('-c:a', $codec, '-ar', $opt->{rate}, '-ac', $opt->{channels},
            '-b:a', '96k');
}

# noise of this many pixels reaches the key frame's size at a middling qp
sub _size_for {
    my (%opt) = @_;

    my $width = 16 * int(sqrt($opt{key_bytes} * 16 / 9) / 16 + 1);
    my $height = 16 * int($width * 9 / 16 / 16 + 1);

    return ("${width}x$height", $opt{key_bytes});
}

# the qp with which the first key frame comes nearest to key_bytes
sub _fit_qp {
    my ($file, $opt) = @_;

    my ($low, $high) = (1, 51);
    my ($best, $distance);
    my %one = (%$opt, duration => 1 / $opt->{fps}, audio => 0);

    while ($low <= $high) {
        my $qp = int(($low + $high) / 2);
        _make($file, \%one, '-qp', $qp);

        my $off = (-s $file) - $opt->{key_bytes};
        ($best, $distance) = ($qp, abs $off)
            if !defined $distance || abs $off < $distance;
        ($low, $high) = $off > 0 ? ($qp + 1, $high) : ($low, $qp - 1);
    }

    return ('-qp', $best);
}

# push_stream($file, $url, ...): ffmpeg in the background, a
# Recording::Process.  re => 1 (the default): real time; speed => N: N times;
# speed => 0: as fast as it goes.  in => [..], out => [..]: more options;
# from, length: seconds.
sub push_stream {
    my ($file, $url, %opt) = @_;

    my $speed = defined $opt{speed} ? $opt{speed} : 1;

    return Recording::Process->spawn(
        name => "push to $url",
        cmd => [ 'ffmpeg', '-hide_banner', '-loglevel', 'warning',
            '-nostdin', $speed ? ('-readrate', $speed) : (),
            defined $opt{from} ? ('-ss', $opt{from}) : (),
            defined $opt{length} ? ('-t', $opt{length}) : (),
            @{ $opt{in} || [] }, '-i', $file, '-map', '0', '-c', 'copy',
            @{ $opt{out} || [] }, '-flvflags', 'no_duration_filesize',
            '-f', 'flv', $url ]);
}

1;
