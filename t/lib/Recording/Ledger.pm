package Recording::Ledger;

# Whether the catalogue and the files of a stream account for every frame
# that was sent.
#
#     my @problems = Recording::Ledger::problems($t, [ $live->frames ],
#         { app => 'live' }, whole => [ [ 0, 4500 ], [ 11_500, 1e9 ] ]);
#     is(join("\n", @problems), '');
#
# In the rows of each format the frames that came in are those that were
# sent from the first key frame on; in each row they are written or dropped,
# and written is what is in its file.  The files have frames of the stream,
# in order, none twice, and decode.  whole: timestamps, from and up to, of
# which every frame is in the files.  killed => 1: what a worker had not yet
# written when it ended is in no row.  Frames are those of Recording::Live.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::XS ();
use List::Util qw(sum0);

use Recording::Probe qw(decode_problems nal_hashes raw_aac_hashes tracks);

sub problems {
    my ($t, $frames, $where, %opt) = @_;

    my @frames = _recorded(@$frames);
    my @rows = $t->files(%$where);
    my (%format, @problems);

    push @{ $format{$_->{format}} }, $_ for @rows;
    push @problems, 'no rows' if !@rows;
    push @problems, decode_problems(grep { -e } $t->paths(
        grep { $_->{state} eq 'finished' } @rows));

    for my $format (sort keys %format) {
        my @want = grep { $format ne 'aac' || $_->{track} eq 'a' } @frames;
        my $in = sum0(map { $_->{frames_in} } @{ $format{$format} });

        push @problems, "$format: $in of " . @want . ' frames came in'
            if $opt{killed} ? $in > @want : $in != @want;

        my %found = (v => [], a => []);
        push @problems, map { _row($t, $_, \%found) } @{ $format{$format} };
        push @problems, map { "$format: $_" }
            _compare(\@want, \%found, $opt{whole} || []);
    }

    return @problems;
}

# what has to come in: from the first key frame on
sub _recorded {
    my (@messages) = @_;

    my ($start) = map { $_->[1] } grep {
        $_->[0] == 9 && ord($_->[2]) >> 4 == 1 } @messages;

    return map { _identified($_) }
           grep { !defined $start || $_->[1] >= $start } @messages;
}

# hash: of the frame as flv, mp4 and aac have it; slice: of its last slice,
# which MPEG-TS does not change; other: of what nal_hashes finds besides
sub _identified {
    my ($message) = @_;

    my ($type, $ts, $payload) = @$message;

    return { track => 'a', ts => $ts,
             hash => sha256_hex(substr $payload, 2) } if $type == 8;

    my $frame = { track => 'v', ts => $ts, other => [],
                  hash => sha256_hex(substr $payload, 5) };
    my $at = 5;

    while ($at + 4 < length $payload) {
        my $size = unpack 'N', substr $payload, $at, 4;
        my $nal = substr $payload, $at + 4, $size;
        my $kind = ord($nal) & 31;

        $nal =~ s/\x00+\z//;
        push @{ $frame->{other} }, $frame->{slice} // ()
            if $kind == 1 || $kind == 5;
        $frame->{slice} = sha256_hex($nal) if $kind == 1 || $kind == 5;
        push @{ $frame->{other} }, sha256_hex($nal) if $kind == 6;
        $at += 4 + $size;
    }

    return $frame;
}

sub _row {
    my ($t, $row, $found) = @_;

    my $name = sprintf '%s %s', $row->{format},
        defined $row->{path} ? $row->{path} : $row->{file_id};
    my $dropped = sum0(values %{ JSON::XS::decode_json($row->{drops}) });
    my @problems;

    push @problems, "state $row->{state}"
        if $row->{state} !~ /^(?:finished|lost)$/;
    push @problems, "$row->{frames_in} frames came in, $row->{frames_written}"
        . " were written, $row->{frames_dropped} dropped"
        if $row->{frames_in} != $row->{frames_written}
                                + $row->{frames_dropped};
    push @problems, "drops $row->{drops} of $row->{frames_dropped}"
        if $dropped != $row->{frames_dropped};
    push @problems, _file($t->path($row), $row, $found)
        if $row->{state} eq 'finished';
    push @problems, "$row->{frames_written} frames in no file"
        if $row->{state} eq 'lost' && $row->{frames_written};

    return map { "$name: $_" } @problems;
}

sub _file {
    my ($file, $row, $found) = @_;

    return ('is not there') if !-e $file;

    my @problems;
    my $tracks = eval { tracks($file) } or return $@;
    my %hashes = map { my $track = $_;
        $track => [ map { $_->{hash} } @{ $tracks->{$track} } ] } qw(v a);

    # in MPEG-TS: slices, and frames without headers
    if ($row->{format} eq 'hls') {
        $hashes{v} = [ nal_hashes($file) ] if @{ $tracks->{v} };
        $hashes{a} = [ raw_aac_hashes($file) ] if @{ $tracks->{a} };
    }

    push @{ $found->{$_} }, @{ $hashes{$_} } for qw(v a);

    my $n = @{ $tracks->{v} } + @{ $hashes{a} };
    push @problems, "$row->{frames_written} frames were written, $n are there"
        if $n != $row->{frames_written};

    return @problems;
}

# each track of the files against what was sent
sub _compare {
    my ($want, $found, $whole) = @_;

    my @problems;

    for my $track (qw(v a)) {
        my @want = grep { $_->{track} eq $track } @$want;
        my %other = map { $_ => 1 } map { @{ $_->{other} || [] } } @want;
        my @have = grep { !$other{$_} } @{ $found->{$track} };

        # what can only be in MPEG-TS says which hash counts
        my %slice = map { $_->{slice} => 1 } grep { $_->{slice} } @want;
        my $key = grep({ $slice{$_} } @have) ? 'slice' : 'hash';

        my $n = _match($key, \@want, \@have);
        push @problems, "$track: frame $n of " . @have
            . ' is not what was sent' if $n < @have;

        # pictures may be alike: those of the end are found from there
        _match($key, [ reverse @want ], [ reverse @have ]);
        push @problems, map { "$track: $_" } _missing($whole, @want);
        delete $_->{there} for @want;
    }

    return @problems;
}

# marks those that are there, in order; how many of them are wanted
sub _match {
    my ($key, $want, $have) = @_;

    my $at = 0;

    for my $n (0 .. $#$have) {
        $at++ while $at < @$want && $want->[$at]{$key} ne $have->[$n];
        return $n if $at == @$want;
        $want->[$at++]{there} = 1;
    }

    return scalar @$have;
}

sub _missing {
    my ($whole, @want) = @_;

    my @problems;

    for my $range (@$whole) {
        my @gone = grep { !$_->{there} && $_->{ts} >= $range->[0]
                          && $_->{ts} < $range->[1] } @want;

        push @problems, sprintf '%d frames are missing, the first of %d ms',
            scalar @gone, $gone[0]{ts} if @gone;
    }

    return @problems;
}

1;
