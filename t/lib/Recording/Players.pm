package Recording::Players;

# Players of others, without a screen and without a sound card: what they say
# of a file, and how far they come.
#
#     my $players = Recording::Players->new($t->dir, 'http://127.0.0.1:80');
#     my $reason = $players->missing('mpv');           # '' if it is there
#     my @problems = $players->problems('mpv', 'vod/a.mp4', $want);
#     my $page = $players->browse([ 'hls.js', 'vod/a.m3u8', $want ], ...);
#     my @all = $players->browsed($page);
#
# $want is { duration => seconds, frames => pictures, blocks => AAC frames,
# joins => interruptions }.
# All lines of a player that speak of an error or are a warning are problems,
# save those in %harmless.  The server has t/players at /players/ and
# build/players/node_modules at /npm/.

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path);
use JSON::XS ();

use Recording::Process;
use Recording::Util qw(root slurp wait_for);

# What has nothing to do with the file.  All of it is said of files made by
# ffmpeg as well.
my %harmless = (
    gstreamer => [
        # how it writes its own objects into a log
        qr/^structure: /,

        # boxes of ffmpeg's for the roll distance of AAC, and fragments'
        # defaults that a file without fragments does not have
        qr/^qtdemux: unknown QuickTime node type (?:sgpd|sbgp)$/,
        qr/^qtdemux: failed to find fragment defaults for stream/,

        # the text in which x264 names itself
        qr/^h264parse: broken\/invalid nal Type: 6 SEI, Size: 6\d\d /,
    ],
    vlc => [
        # there is no desktop
        qr/^main (?:interface|libvlc) error: /, qr/^dbus interface error: /,

        # the tables that it has read
        qr/^mp4 demux warning: (?:[CS]TTS table of|elst )/,

        # AAC's first frame is silence
        qr/^faad decoder warning: decoded zero sample/,

        # its clock at any EXT-X-DISCONTINUITY
        qr/^main decoder error: Could not convert timestamp 0 for /,
        qr/^main decoder error: Timestamp conversion failed for \d+: no ref/,

        # a busy machine
        qr/ is too late to be displayed | buffer too late /,
        qr/ playback (?:way )?too (?:late|early) /,
    ],
    mpv => [
        # ADTS does not have a duration
        qr/aac: Estimating duration from bitrate/,

        # a busy machine, in three lines
        qr/^Audio\/Video desynchronisation detected! Possible/,
        qr/^hardware, temporary CPU spikes,/, qr/^position will not match/,
    ],
);

# What is true of a stream that came back: where it broke off, audio ends
# before the pictures that B-frames would have followed, and players tell the
# hole.  Going back is another matter.
my @at_join = (
    qr/^warn: \[MP4Remuxer\] > Large audio timestamp gap detected/,
    qr/^Invalid audio PTS: ([\d.]+) -> ([\d.]+)$(?(?{ $2 < $1 })(?!))/,
);

my %program = (gstreamer => 'gst-launch-1.0', vlc => 'vlc', mpv => 'mpv',
               browser => 'chromium-headless-shell');

my @elements = qw(playbin3 souphttpsrc qtdemux flvdemux tsdemux aacparse
                  h264parse avdec_h264 avdec_aac);

sub new {
    my ($class, $dir, $url) = @_;

    my $self = bless { dir => "$dir/players", url => $url, n => 0 }, $class;
    my $lua = "$self->{dir}/data/vlc/lua/intf";

    make_path($lua);
    copy(root() . '/t/players/vlc.lua', "$lua/played.lua") or die "copy: $!";
    chmod 0777, $self->{dir};

    return $self;
}

# why a player cannot be tried
sub missing {
    my ($self, $name) = @_;

    my $program = $program{$name} || $program{browser};

    return "there is no $program"
        if !grep { -x "$_/$program" } split /:/, $ENV{PATH};

    if ($name eq 'gstreamer') {
        my @no = grep { $self->_spawn('gst-inspect-1.0', '--exists', $_) }
                 @elements;
        return "GStreamer has no @no" if @no;
    }

    return '' if exists $program{$name};

    my @no = grep { !-d root() . "/build/players/node_modules/$_" }
             $name eq 'xgplayer' ? ($name, 'xgplayer-flv') : $name;
    return @no ? "@no is not in build/players: make players" : '';
}

# --- programs

# the exit status, output and messages of a program
sub _spawn {
    my ($self, @command) = @_;

    my $base = "$self->{dir}/$$-" . $self->{n}++;
    my $process = Recording::Process->spawn(
        cmd => \@command, out => "$base.out", err => "$base.err",
        env => { LC_ALL => 'C', HOME => $self->{dir},
                 XDG_RUNTIME_DIR => $self->{dir},
                 XDG_DATA_HOME => "$self->{dir}/data", DISPLAY => '',
                 DBUS_SESSION_BUS_ADDRESS => '',
                 GST_DEBUG => 2, GST_DEBUG_NO_COLOR => 1,
                 GST_REGISTRY => "$self->{dir}/gst.registry" });

    my $status = eval { $process->wait(30) };
    my $late = $@;

    if ($late) {
        $process->kill;
        $status = 'none: it did not come to the end';
    }

    return $status if !wantarray;
    return ($status, slurp("$base.out"), slurp("$base.err"));
}

# what is wrong with a file of the server for a program
sub problems {
    my ($self, $name, $path, $want) = @_;

    my ($played, %seen, @problems);

    # GStreamer stands still now and then when it reads from a server, with
    # files of ffmpeg's as with ours
    for (1 .. 3) {
        $played = $self->can("_$name")->($self, "$self->{url}/$path", $want);
        last if $played->{status} !~ /^none/;
    }

    for my $line (@{ $played->{messages} }) {
        next if $seen{$line}++;
        push @problems, $line
            if !grep { $line =~ $_ } @{ $harmless{$name} },
                                     $want->{joins} ? @at_join : ();
    }

    splice @problems, 5 if @problems > 5;
    push @problems, "exit status $played->{status}" if $played->{status};

    return (@problems, _extent($played, $want));
}

# the end of what was played, and how much of it
sub _extent {
    my ($played, $want) = @_;

    my @problems;
    my ($position, $frames) = @$played{qw(position frames)};

    push @problems, sprintf 'it plays %.3f s, not %.3f', $position,
        $want->{duration}
        if defined $position && abs($position - $want->{duration}) > 0.5;

    # One or two may be counted twice, or not at the end.  Where hls.js finds
    # a hole in decoding time, as B-frames leave it at a discontinuity, it
    # moves the first picture back over those before it.
    my $less = $frames && ($played->{name} || '') eq 'hls.js'
        ? 6 * $want->{joins} : 0;

    push @problems, "it shows $frames frames, not $want->{frames}"
        if defined $frames && $want->{frames}
           && ($frames > $want->{frames} + 2
               || $frames < $want->{frames} - 2 - $less);

    return @problems;
}

# Sinks that do not wait for a clock name each buffer's time.
sub _gstreamer {
    my ($self, $url, $want) = @_;

    my ($status, $out, $err) = $self->_spawn('gst-launch-1.0', '-v',
        'playbin3', "uri=$url", map {
            "$_-sink=fakesink silent=false sync=false" } 'video', 'audio');
    my ($first, $last);

    # not each of them is told: what follows may overtake it
    while ($out =~ /chain .*\ pts:\ ([\d:.]+),\ duration:\ ([\d:.]+)/gx)
    {
        my ($start, $end) = (_seconds($1), _seconds($1) + _seconds($2));

        $first = $start if !defined $first || $start < $first;
        $last = $end if !defined $last || $end > $last;
    }

    # time, process, thread, level, category, place, object, text
    my @messages = map { /\b(?:WARN|ERROR)\s+(\S+) \S+:(?:<[^>]*>)? (.*)/
                         ? "$1: $2" : /^(?:ERROR|WARNING):/ ? $_ : () }
                   split /\n/, $err;

    return { status => $status, messages => \@messages,
             position => ($last || 0) - ($first || 0) };
}

sub _seconds {
    my ($h, $min, $s) = split /:/, $_[0];
    return 3600 * $h + 60 * $min + $s;
}

# It plays eight times as fast as it should.  Of ADTS it has no position: its
# audio is written to a file.
sub _mpv {
    my ($self, $url, $want) = @_;

    my $pcm = "$self->{dir}/$$.pcm";
    my @sound = $want->{frames} ? ('--ao=null', '--speed=8')
        : ('--ao=pcm', '--ao-pcm-waveheader=no', "--ao-pcm-file=$pcm",
           '--audio-format=s16', '--audio-channels=mono',
           '--audio-samplerate=48000');

    my ($status, $out, $err) = $self->_spawn('mpv', '--no-config',
        '--vo=null', @sound, '--msg-level=all=warn,statusline=status',
        '--term-status-msg=AT ${=time-pos} ${=duration}', $url);

    # the status goes where messages go, or not, by version
    my ($from) = "$err$out" =~ /AT ([\d.]+)/;
    my ($to) = "$err$out" =~ /.*AT ([\d.]+)/s;
    my @messages = grep { /\S/ && !/^AT / }
                   map { s/\e\[\w//gr } split /[\r\n]+/, "$err\n$out";

    return { status => $status, messages => \@messages,
             position => !$want->{frames} ? (-s $pcm || 0) / 2 / 48000
                                          : ($to || 0) - ($from || 0) };
}

# VLC does not run as root.  Its statistics are up to half a second of the
# wall clock old when it ends, and each picture is in them twice: for the
# packetizer and for the decoder.  At a discontinuity it ends its decoder in
# the midst of its work, of which several threads would tell.
sub _vlc {
    my ($self, $url, $want) = @_;

    my $speed = 3;
    my @user = $> == 0 ? qw(setpriv --reuid=nobody --regid=nogroup
                            --clear-groups) : ();

    my ($status, $out, $err) = $self->_spawn(@user, 'vlc', '-I', 'luaintf',
        '--lua-intf', 'played', '--no-dbus', '--no-color',
        '--no-media-library', '--vout', 'vdummy', '--aout', 'adummy',
        '--verbose=1', "--rate=$speed", '--no-drop-late-frames',
        '--no-skip-frames', '--no-avcodec-hurry-up', '--avcodec-threads=1',
        $url);

    # the object's address, or the decoder's own words
    my @messages = map { /^\[[0-9a-f]+\] (.* (?:error|warning): .*)/ ? $1
                         : /^\[\w+ @ \w+\] (.*)/ ? "libavcodec: $1" : () }
                   split /\n/, $err;

    my ($frames, $blocks, $state) = $out =~ /^PLAYED (\d+) (\d+) (\d+)/m;
    my ($is, $all) = $want->{frames} ? ($frames, $want->{frames})
                                     : ($blocks, $want->{blocks});

    push @messages, 'it does not say that it played' if !defined $state;
    push @messages, 'it ended with an error' if defined $state && $state > 4;

    my $missed = $want->{duration} * (1 - ($is || 0) / 2 / $all);
    push @messages, sprintf 'the last %.1f s are not decoded', $missed
        if $missed > 0.5 * $speed;

    return { status => $status, messages => \@messages };
}

# --- libraries in a browser

# a page that plays each [library, path, $want]; it goes on by itself
sub browse {
    my ($self, @items) = @_;

    my $query = join '&', map { "play=$_->[0]:/$_->[1]" } @items;
    my $err = "$self->{dir}/chromium.err";

    my $process = Recording::Process->spawn(name => 'chromium', err => $err,
        env => { HOME => $self->{dir}, DISPLAY => '' },
        cmd => [ 'chromium-headless-shell', qw(--no-sandbox --disable-gpu
            --disable-quic --no-first-run --disable-background-networking
            --disable-component-update --disable-sync
            --disable-dev-shm-usage --enable-logging=stderr
            --autoplay-policy=no-user-gesture-required
            --remote-debugging-port=0),
            "--user-data-dir=$self->{dir}/chromium",
            "$self->{url}/players/index.html?$query" ]);

    return { process => $process, items => \@items };
}

# its end: a text of problems for each item
sub browsed {
    my ($self, $page) = @_;

    my $process = $page->{process};
    my %played;

    # what it did until a deadline is told in any case
    eval { wait_for('end of the page', 90, sub {
        return $process->stderr =~ /CONSOLE.*"DONE"/ || !$process->alive;
    }) };
    $process->stop if $process->alive;

    for my $text ($process->stderr =~ /CONSOLE.*"PLAYED (\S+)"/g) {
        my $item = JSON::XS::decode_json($text =~ s/%(\w\w)/chr hex $1/ger);
        $played{"$item->{name}:$item->{url}"} = $item;
    }

    return map { join "\n", _in_page($played{"$_->[0]:/$_->[1]"}, $_->[2]) }
           @{ $page->{items} };
}

sub _in_page {
    my ($played, $want) = @_;

    return 'it was not played' if !$played;

    my @problems = @{ $played->{messages} };
    @problems = grep { my $m = $_; !grep { $m =~ $_ } @at_join } @problems
        if $want->{joins};
    push @problems, "it ended $played->{ended}"
        if $played->{ended} ne 'ended';
    push @problems, "there are $played->{holes} holes in it"
        if $played->{holes} > 0;

    $played->{position} -= $played->{start};
    return (@problems, _extent($played, $want));
}

1;
