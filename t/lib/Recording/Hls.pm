package Recording::Hls;

# A check of a media playlist and its segments against RFC 8216 and against
# what docs promise of recordings.
#
#     my $hls = Recording::Hls->check("$dir/index.m3u8", ended => 1);
#     is_deeply($hls->{problems}, []);
#
# ended => 1: ENDLIST must stand at the end; 0: must not; absent: either.
# plain => 1 leaves out what is promised beyond the RFC (EVENT,
# INDEPENDENT-SEGMENTS, PROGRAM-DATE-TIME).  payload => 1: see Recording::Ts.
#
# Also in the result: target, sequence, and segments, each { uri, file,
# duration, pdt (seconds), discontinuity, ts (see Recording::Ts) }.

use strict;
use warnings;

use File::Basename qw(dirname);
use Time::Local qw(timegm);

use Recording::Ts;
use Recording::Util qw(slurp);

sub check {
    my ($class, $file, %opt) = @_;

    my $self = bless { file => $file, dir => dirname($file),
                       problems => [], segments => [], tags => {},
                       %opt }, $class;

    $self->_parse(slurp($file));
    $self->_check_header;
    $self->_check_dates;
    $self->_check_segments;
    $self->_check_closed if !$self->{plain};
    $self->_check_durations;

    return $self;
}

sub _problem {
    my ($self, $text) = @_;
    push @{ $self->{problems} }, $text;
    return;
}

# --- the playlist

# tags that apply to the playlist, with what their value must be
my %header = (
    'EXT-X-VERSION' => qr/^\d+$/,
    'EXT-X-TARGETDURATION' => qr/^\d+$/,
    'EXT-X-MEDIA-SEQUENCE' => qr/^\d+$/,
    'EXT-X-DISCONTINUITY-SEQUENCE' => qr/^\d+$/,
    'EXT-X-PLAYLIST-TYPE' => qr/^(?:EVENT|VOD)$/,
    'EXT-X-INDEPENDENT-SEGMENTS' => qr/^$/,
    'EXT-X-ENDLIST' => qr/^$/,
    'EXT-X-START' => qr/./,
);

sub _parse {
    my ($self, $text) = @_;

    my @lines = split /\r?\n/, $text;

    $self->_problem('the first line is not #EXTM3U')
        if !@lines || shift @lines ne '#EXTM3U';
    $self->_problem('the last line is not ended') if $text !~ /\n\z/;
    $self->_problem('not UTF-8') if !utf8::decode(my $copy = $text);

    $self->{pending} = {};

    for my $line (@lines) {
        $self->_problem("after ENDLIST: $line")
            if exists $self->{tags}{'EXT-X-ENDLIST'} && $line ne '';
        $self->_line($line);
    }

    $self->_problem('tags without a segment: '
                    . join ' ', sort keys %{ $self->{pending} })
        if %{ $self->{pending} };
}

sub _line {
    my ($self, $line) = @_;

    return if $line eq '' || $line =~ /^#(?!EXT)/;
    return $self->_uri($line) if $line !~ /^#/;

    my ($name, $value) = $line =~ /^#(EXT[^:]*):?(.*)$/;

    if ($header{$name}) {
        $self->_problem("$name twice") if exists $self->{tags}{$name};
        $self->_problem("$line: bad value") if $value !~ $header{$name};
        $self->_problem("$name behind the first segment")
            if @{ $self->{segments} }
               && $name =~ /SEQUENCE|PLAYLIST-TYPE|VERSION|TARGET|INDEP/;
        $self->{tags}{$name} = $value;

    } else {
        $self->_segment_tag($name, $value);
    }
}

sub _segment_tag {
    my ($self, $name, $value) = @_;

    my $pending = $self->{pending};

    if ($name eq 'EXTINF') {
        $self->_problem("EXTINF:$value: bad value")
            if $value !~ /^(\d+(?:\.\d+)?),/;
        $self->_problem('EXTINF twice') if defined $pending->{duration};
        $pending->{duration} = $1 || 0;

    } elsif ($name eq 'EXT-X-DISCONTINUITY') {
        $pending->{discontinuity} = 1;

    } elsif ($name eq 'EXT-X-PROGRAM-DATE-TIME') {
        $pending->{pdt} = $self->_date($value);

    } else {
        $self->_problem("unexpected tag $name");
    }
}

sub _date {
    my ($self, $value) = @_;

    my ($y, $m, $d, $h, $min, $s, $part, $zone) = $value =~
        /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?
          (Z|[+-]\d\d:?\d\d)$/x
        or return $self->_problem("PROGRAM-DATE-TIME:$value: bad value");

    my $time = eval { timegm($s, $min, $h, $d, $m - 1, $y) };
    return $self->_problem("PROGRAM-DATE-TIME:$value: no such date")
        if !defined $time;

    if ($zone =~ /^([+-])(\d\d):?(\d\d)$/) {
        $time -= ($1 eq '-' ? -1 : 1) * ($2 * 3600 + $3 * 60);
    }

    return $time + ($part || 0);
}

sub _uri {
    my ($self, $uri) = @_;

    my $segment = $self->{pending};
    $self->{pending} = {};

    $segment->{uri} = $uri;
    $self->_problem("$uri: no EXTINF") if !defined $segment->{duration};
    $segment->{duration} ||= 0;

    (my $path = $uri) =~ s/\?.*//;
    $path =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    $segment->{file} = $path =~ m{^/} ? $path : "$self->{dir}/$path";

    push @{ $self->{segments} }, $segment;
}

sub _check_header {
    my ($self) = @_;

    my $tags = $self->{tags};
    my $target = $tags->{'EXT-X-TARGETDURATION'};

    $self->{target} = $target;
    $self->{sequence} = $tags->{'EXT-X-MEDIA-SEQUENCE'} || 0;

    $self->_problem('no TARGETDURATION') if !defined $target;
    $self->_problem('no segment') if !@{ $self->{segments} };
    $self->_problem('decimal durations need version 3')
        if ($tags->{'EXT-X-VERSION'} || 1) < 3;

    for my $segment (@{ $self->{segments} }) {
        $self->_problem("$segment->{uri}: $segment->{duration} s exceed"
                        . " the target duration $target")
            if defined $target
               && int($segment->{duration} + 0.5) > $target;
    }

    my $end = exists $tags->{'EXT-X-ENDLIST'};
    $self->_problem('no ENDLIST') if $self->{ended} && !$end;
    $self->_problem('ENDLIST')
        if defined $self->{ended} && !$self->{ended} && $end;

    $self->_check_promises if !$self->{plain};
}

sub _check_promises {
    my ($self) = @_;

    my $tags = $self->{tags};

    $self->_problem('the playlist type is not EVENT')
        if ($tags->{'EXT-X-PLAYLIST-TYPE'} || '') ne 'EVENT';
    $self->_problem('no PROGRAM-DATE-TIME on the first segment')
        if @{ $self->{segments} }
           && !defined $self->{segments}[0]{pdt};
}

# dates go on as the durations do; over a discontinuity they only grow
sub _check_dates {
    my ($self) = @_;

    my $due;

    for my $segment (@{ $self->{segments} }) {
        my $pdt = $segment->{pdt};

        if (defined $pdt) {
            my $off = defined $due ? $pdt - $due : 0;
            my $cut = $segment->{discontinuity};

            $self->_problem(sprintf '%s: PROGRAM-DATE-TIME is %.3f s off',
                            $segment->{uri}, $off)
                if $cut ? $off < -0.005 : abs $off > 0.0025;
            $due = $pdt;

        } elsif ($segment->{discontinuity} && !$self->{plain}) {
            $self->_problem("$segment->{uri}: no PROGRAM-DATE-TIME after"
                            . ' a discontinuity');
        }

        $due += $segment->{duration} if defined $due;
    }
}

# --- the segments

sub _check_segments {
    my ($self) = @_;

    my $ts = Recording::Ts->new(payload => $self->{payload});

    for my $segment (@{ $self->{segments} }) {
        if (!-f $segment->{file}) {
            $self->_problem("$segment->{uri}: no such file");
            next;
        }

        $segment->{ts} = $ts->segment($segment->{file});
        $self->_problem("$segment->{uri}: $_")
            for @{ $segment->{ts}{problems} };
    }
}

# it is said that segments can be decoded alone, if and only if they can
sub _check_closed {
    my ($self) = @_;

    my $said = exists $self->{tags}{'EXT-X-INDEPENDENT-SEGMENTS'};
    my @open = grep { $_->{ts} && !$_->{ts}{closed} }
               @{ $self->{segments} };

    $self->_problem("$open[0]{uri}: does not start with a key frame")
        if $said && @open;
    $self->_problem('no INDEPENDENT-SEGMENTS') if !$said && !@open;
}

sub _check_durations {
    my ($self) = @_;

    my @segments = @{ $self->{segments} };

    for my $i (0 .. $#segments) {
        my ($segment, $next) = @segments[$i, $i + 1];
        next if !$segment->{ts};

        if ($next && !$next->{discontinuity}) {
            $self->_duration_to($segment, $next) if $next->{ts};

        } else {
            $self->_duration_alone($segment);
        }
    }
}

# Where a segment may begin: with its key frame, or with its first sound.
sub _starts {
    my ($ts) = @_;

    my ($video, $audio) = @$ts{qw(video audio)};

    return grep { defined } $video ? @$video{qw(shown first)} : (),
                            $audio ? $audio->{shown} : ();
}

sub _duration_to {
    my ($self, $segment, $next) = @_;

    my @true = map { my $start = $_;
                     map { Recording::Ts::since($start, $_) / 90000 }
                         _starts($next->{ts}) } _starts($segment->{ts});

    $self->_off($segment, @true)
        if @true && !grep { abs($_ - $segment->{duration}) <= 0.001001 }
                          @true;
}

# The last segment ends with its last frame, whose duration only its
# neighbours suggest.
sub _duration_alone {
    my ($self, $segment) = @_;

    my @true;

    for my $start (_starts($segment->{ts})) {
        my ($least, $most) = (0, 0);

        for my $track (grep { $_ } @{ $segment->{ts} }{qw(video audio)}) {
            my $high = Recording::Ts::since($start, $track->{high});
            my $end = $high + 2 * ($track->{gap} || 90000);

            # only the first frame of a PES has a time
            $end += 0.35 * 90000 if $track->{kind} eq 'audio';

            # what was recovered is known by its DTS
            my $last = Recording::Ts::since($start, $track->{last});
            $least = $last if $last > $least;
            $most = $end if $end > $most;
        }

        return if $segment->{duration} >= $least / 90000 - 0.001
                  && $segment->{duration} <= $most / 90000 + 0.001;
        push @true, $least / 90000;
    }

    $self->_off($segment, @true) if @true;
}

sub _off {
    my ($self, $segment, $true) = @_;

    $self->_problem(sprintf '%s: EXTINF %s, but %.6f s by its frames',
                    $segment->{uri}, $segment->{duration}, $true);
}

1;
