package Recording::Mp4;

# A reader of the structure of MP4 files (only headers and moov are read, so
# that files over 4 GB take no time).
#
#     my $mp4 = Recording::Mp4->read($file);
#     $mp4->{problems}  an array, empty: good
#     $mp4->{atoms}     top level: each { type, offset, size, header }
#     $mp4->order       'ftyp moov mdat'
#     $mp4->unused      bytes of free and skip, and of mdat that no sample is
#     $mp4->{tracks}    each { type, samples, bytes, chunks, offsets, co64,
#                       timescale, duration (mdhd), stts and elst: pairs }
#     $mp4->time_problems       of mdhd, stts and elst
#     $mp4->samples('vide')     what the samples of a track hold

use strict;
use warnings;

my %container = map { $_ => 1 } qw(moov trak mdia minf stbl edts);

sub read {
    my ($class, $file) = @_;

    open my $fh, '<:raw', $file or die "cannot read $file: $!\n";

    my $self = bless { file => $file, size => -s $fh, atoms => [],
                       tracks => [], problems => [] }, $class;

    my $at = 0;
    while ($at < $self->{size}) {
        my $atom = $self->_atom($fh, $at) or last;
        push @{ $self->{atoms} }, $atom;
        $at += $atom->{size};
    }

    my ($moov) = $self->atoms('moov');
    $self->_moov($fh, $moov) if $moov;
    $self->problem('no moov') if !$moov;
    $self->_check_offsets;

    return $self;
}

sub problem {
    my ($self, $text) = @_;
    push @{ $self->{problems} }, $text;
    return;
}

sub atoms {
    my ($self, $type) = @_;
    return grep { $_->{type} eq $type } @{ $self->{atoms} };
}

sub order { return join ' ', map { $_->{type} } @{ $_[0]{atoms} } }

sub _atom {
    my ($self, $fh, $at) = @_;

    seek $fh, $at, 0 or die "seek: $!\n";
    my $n = CORE::read($fh, my $head, 16);
    return $self->problem("atom cut at $at") if $n < 8;

    my ($size, $type) = unpack 'N a4', $head;
    my $header = 8;

    if ($size == 1) {
        return $self->problem("atom cut at $at") if $n < 16;
        $size = unpack 'Q>', substr $head, 8;
        $header = 16;
    }

    $size = $self->{size} - $at if $size == 0;

    return $self->problem("atom '$type' of $size bytes at $at")
        if $size < $header || $at + $size > $self->{size};

    return { type => $type, offset => $at, size => $size,
             header => $header };
}

sub _moov {
    my ($self, $fh, $atom) = @_;

    seek $fh, $atom->{offset} + $atom->{header}, 0 or die "seek: $!\n";
    CORE::read($fh, my $data, $atom->{size} - $atom->{header});

    $self->_walk(\$data, 0, length $data, {});
}

sub _walk {
    my ($self, $data, $at, $end, $track) = @_;

    while ($at + 8 <= $end) {
        my ($size, $type) = unpack 'N a4', substr $$data, $at, 8;

        return $self->problem("atom '$type' in moov: size $size")
            if $size < 8 || $at + $size > $end;

        my $inner = $track;
        push @{ $self->{tracks} }, $inner = {} if $type eq 'trak';

        if ($container{$type}) {
            $self->_walk($data, $at + 8, $at + $size, $inner);

        } else {
            _leaf($type, substr($$data, $at + 8, $size - 8), $track);
        }

        $at += $size;
    }
}

sub _leaf {
    my ($type, $body, $track) = @_;

    if ($type eq 'hdlr') {
        # minf may have a handler of its own; the media's comes first
        $track->{type} ||= substr $body, 8, 4;

    } elsif ($type eq 'stsd') {
        $track->{codec} = substr $body, 12, 4;

    } elsif ($type eq 'mdhd') {
        @$track{qw(timescale duration)} = unpack
            ord($body) ? 'x20 N Q>' : 'x12 N N', $body;

    } elsif ($type eq 'stts') {
        $track->{stts} = [ map { [ unpack 'N N', $_ ] }
                           unpack 'x8 (a8)*', $body ];

    } elsif ($type eq 'elst') {
        my ($size, $pair) = ord($body) ? (20, 'Q> q>') : (12, 'N l>');
        $track->{elst} = [ map { [ unpack $pair, $_ ] }
                           unpack "x8 (a$size)*", $body ];

    } elsif ($type eq 'stsz') {
        _sizes($body, $track);

    } elsif ($type eq 'stsc') {
        $track->{runs} = [ unpack '(a12)*', substr $body, 8 ];

    } elsif ($type eq 'stco' || $type eq 'co64') {
        my @offsets = unpack $type eq 'stco' ? 'x8 N*' : 'x8 Q>*', $body;
        $track->{co64} = $type eq 'co64';
        $track->{chunks} = @offsets;
        $track->{offsets} = \@offsets;
    }
}

sub _sizes {
    my ($body, $track) = @_;

    my ($same, $count) = unpack 'x4 N N', $body;
    my $bytes = $same * $count;

    if (!$same) {
        $bytes += $_ for unpack 'x12 N*', $body;
    }

    @$track{qw(samples bytes)} = ($count, $bytes);
    $track->{sizes} = $body;
}

sub _check_offsets {
    my ($self) = @_;

    my @mdat = $self->atoms('mdat');

    for my $track (@{ $self->{tracks} }) {
        for my $offset (@{ $track->{offsets} || [] }) {
            next if grep { $offset >= $_->{offset} + $_->{header}
                           && $offset < $_->{offset} + $_->{size} } @mdat;

            $self->problem("chunk at $offset is outside mdat");
            last;
        }
    }
}

# the media data of the first track of a type (vide, soun), each sample a
# string
sub samples {
    my ($self, $type) = @_;

    my ($track) = grep { ($_->{type} || '') eq $type } @{ $self->{tracks} };
    return () if !$track;

    my ($same, $count, @sizes) = unpack 'x4 N N N*', $track->{sizes};
    @sizes = ($same) x $count if $same;

    open my $fh, '<:raw', $self->{file} or die "$self->{file}: $!\n";
    my @counts = _chunk_counts($track);
    my @samples;

    for my $i (0 .. $#{ $track->{offsets} }) {
        seek $fh, $track->{offsets}[$i], 0 or die "seek: $!\n";

        for my $size (splice @sizes, 0, $counts[$i]) {
            CORE::read($fh, my $sample, $size);
            push @samples, $sample;
        }
    }

    return @samples;
}

# how many samples each chunk has: a run goes on until the next one begins
sub _chunk_counts {
    my ($track) = @_;

    my @counts;

    for my $run (@{ $track->{runs} }) {
        my ($first, $n) = unpack 'N N', $run;
        splice @counts, $first - 1, @counts,
            ($n) x ($track->{chunks} - $first + 1);
    }

    return @counts;
}

sub unused {
    my ($self) = @_;

    my ($free, $media, $used) = (0, 0, 0);

    $free += $_->{size}
        for map { $self->atoms($_) } qw(free skip wide);
    $media += $_->{size} - $_->{header} for $self->atoms('mdat');
    $used += $_->{bytes} || 0 for @{ $self->{tracks} };

    return $free + $media - $used;
}

# design: at most 64 KB or 1 % of the file, whichever is more
sub unused_bound {
    my ($self) = @_;
    return $self->{size} > 6553600 ? $self->{size} / 100 : 65536;
}

# the media lasts as long as its samples, and one track begins at once
sub time_problems {
    my ($self) = @_;

    my (@problems, $at_once);

    for my $track (@{ $self->{tracks} }) {
        my $sum = 0;
        $sum += $_->[0] * $_->[1] for @{ $track->{stts} };

        push @problems, "$track->{type}: mdhd $track->{duration}, stts $sum"
            if $sum != $track->{duration};
        push @problems, "$track->{type}: " . @{ $track->{elst} } . ' edits'
            if @{ $track->{elst} } > 2 || @{ $track->{elst} } < 1;

        $at_once ||= $track->{elst}[0][1] != -1;
    }

    push @problems, 'every track is late' if !$at_once;

    return @problems;
}

# all that a progressive file must be: moov in front, offsets within mdat,
# little unused space
sub faststart_problems {
    my ($self) = @_;

    my @problems = @{ $self->{problems} };
    my ($moov) = $self->atoms('moov');
    my @mdat = $self->atoms('mdat');

    push @problems, 'ftyp is not first' if $self->order !~ /^ftyp\b/;
    push @problems, 'no mdat' if !@mdat;
    push @problems, 'moov is behind mdat'
        if $moov && @mdat && $moov->{offset} > $mdat[0]{offset};
    push @problems, 'a fragmented file' if $self->atoms('moof');

    my $unused = $self->unused;
    push @problems, "$unused bytes unused, allowed are "
                    . int $self->unused_bound
        if $unused > $self->unused_bound || $unused < 0;

    return @problems;
}

1;
