package Recording::Sync;

# Whether sound and picture of a file are in step: media(flash => 1) flashes
# and beeps at once, each second.
#
#     my @off = Recording::Sync::offsets($file);     # seconds, beep - flash

use strict;
use warnings;

use Recording::Util qw(run);

# for each flash the distance to the nearest beep
sub offsets {
    my ($file) = @_;

    my @flashes = flashes($file);
    my @beeps = beeps($file);

    return map { my $flash = $_;
                 my ($near) = sort { abs $a <=> abs $b }
                              map { $_ - $flash } @beeps;
                 defined $near ? $near : () } @flashes;
}

# when pictures become bright
sub flashes {
    my ($file) = @_;

    return _edges(_metadata($file, '-vf',
        'signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-'),
        128);
}

# when sound becomes loud; RMS of 5 ms
sub beeps {
    my ($file) = @_;

    return _edges(_metadata($file, '-af',
        'aresample=48000,asetnsamples=240,astats=metadata=1:reset=1,'
        . 'ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-'),
        -30);
}

sub _metadata {
    my ($file, $option, $filter) = @_;

    my ($status, $out, $err) = run('ffmpeg', '-v', 'error', '-i', $file,
        $option, $filter, $option eq '-vf' ? '-an' : '-vn',
        '-f', 'null', '-');
    die "ffmpeg cannot read $file: $err\n" if $status;

    my (@points, $time);

    for (split /\n/, $out) {
        $time = $1 if /pts_time:([-\d.]+)/;
        push @points, [ $time, $1 eq '-inf' ? -200 : $1 ]
            if /^lavfi\.[\w.]+=(\S+)/;
    }

    return @points;
}

# the first frame is no edge: what it shows began before the file
sub _edges {
    my ($threshold, @points) = (pop, @_);

    my ($high, @edges) = (1);

    for (@points) {
        push @edges, $_->[0] if !$high && $_->[1] > $threshold;
        $high = $_->[1] > $threshold;
    }

    return @edges;
}

1;
