package Recording::Parts;

# A stream that is published in parts, with interruptions between, and what
# must become of it.
#
#     my $s = Recording::Parts->new($t, 'live/name', $flv);
#     my $r = $s->publish;                    # a connection
#     $s->send($r, 2000, rate => 1);          # the next 2 s of the media
#     $s->close($r);
#     ...
#     my @problems = $s->problems($row, $s->parts);
#
# A part is { from, to (ms of the media), first, last (wall clock of its
# first and its last frame), first_by, last_by (when nginx is known to have
# had them) }.  Parts follow each other in the media, so that a file in which
# all interruptions are closed holds the media itself.

use strict;
use warnings;

use File::Temp ();
use JSON::XS ();
use List::Util qw(min);
use Time::HiRes qw(time);

use Recording::Exact;
use Recording::Flv;
use Recording::Hls;
use Recording::Mp4;
use Recording::Probe qw(decode_problem packets);
use Recording::Rtmp;
use Recording::Util qw(slow spew wait_for);

my $made = 0;

# new($t, 'app/stream', $flv, tolerance => seconds of a gap's length)
sub new {
    my ($class, $t, $path, $flv, %opt) = @_;

    my ($app, $name) = split m{/}, $path, 2;

    return bless { t => $t, app => $app, name => $name, media => $flv,
                   tolerance => 0.3, %opt, parts => [], groups => {},
                   messages => [ _from_key_frame($flv) ] }, $class;
}

# its messages, with times that count from the first key frame, if there is
# video: so a part of whole seconds begins with one, and with no audio of
# before
sub _from_key_frame {
    my ($flv) = @_;

    my @messages = Recording::Rtmp::flv_messages($flv);
    my ($zero) = map { $_->[1] }
                 sort { $b->[0] <=> $a->[0] || $a->[1] <=> $b->[1] }
                 grep { !_is_header($_) } @messages;

    _is_header($_) or $_->[1] -= $zero for @messages;
    return grep { $_->[1] >= 0 } @messages;
}

sub parts { return @{ $_[0]{parts} } }

sub rows {
    my ($self, %where) = @_;
    return $self->{t}->files(app => $self->{app}, stream => $self->{name},
                             %where);
}

# --- publishing

# a connection that publishes; the one given, if it is to be a special one
sub publish {
    my ($self, $r) = @_;

    $r ||= Recording::Rtmp->new(port => $self->{t}->port);
    $r->connect(app => $self->{app}) or die "no connection\n";

    my $code = $r->publish($self->{name});
    die "publish: $code\n" if $code ne 'NetStream.Publish.Start';

    return $r;
}

# send($r, $ms): the next part of the media.  rate => 0: at once; keep => 1:
# the timestamps go on, else they begin at 0 as those of a new encoder;
# add => ms; on => the part before goes on.  The part.
sub send {
    my ($self, $r, $ms, %opt) = @_;

    my $parts = $self->{parts};
    my $from = @$parts ? $parts->[-1]{to} : 0;
    my $part = { from => $from, to => $from + $ms };
    my $less = ($opt{keep} ? 0 : $from) - ($opt{add} || 0);

    $r->send_flv($self->{messages}, from => $from, to => $part->{to},
        rate => defined $opt{rate} ? $opt{rate} : 1, map => sub {
            my ($m) = @_;

            return $m if _is_header($m);

            $part->{last} = time;
            _answered($part, $r);

            # the one before was the first, and is on its way
            $r->ping if $part->{first} && !$part->{asked}++;
            $part->{first} ||= $part->{last};
            $m->[1] -= $less;

            return $m;
        });

    die "the server closed\n" if $r->closed;

    # what asked is answered: the next answer is to another question
    if ($part->{asked} && !$part->{first_by}) {
        $r->wait_event(7);
        $part->{first_by} = time;
    }

    if ($opt{on}) {
        @{ $parts->[-1] }{qw(to last)} = @$part{qw(to last)};
        delete $parts->[-1]{last_by};
    } else {
        push @$parts, $part;
    }

    return $parts->[-1];
}

# nginx has answered: it had the first frame by now
sub _answered {
    my ($part, $r) = @_;

    return if !$part->{asked} || $part->{first_by}
              || !grep { $_->[0] == 7 } @{ $r->{events} };
    $r->wait_event(7);
    $part->{first_by} = time;
}

# metadata, and sequence headers of H.264 and AAC
sub _is_header {
    my ($m) = @_;
    return $m->[0] == 18 || $m->[2] =~ /^(?:[\x17\x27]|[\xa0-\xaf])\x00/;
}

# nginx has taken everything that was sent
sub taken {
    my ($self, $r) = @_;

    $r->ping;
    $r->wait_event(7);
    $self->{parts}[-1]{last_by} ||= time if @{ $self->{parts} };
    return $self;
}

# The earliest and the latest time at which nginx had a part's first or last
# frame: a machine that does much else is late.
sub _came {
    my ($part, $which) = @_;

    my $by = $part->{"${which}_by"} || 0;
    return ($part->{$which}, $by > $part->{$which} ? $by : $part->{$which});
}

# by how much a time is outside of two others
sub _off {
    my ($time, $from, $to) = @_;
    return $time < $from ? $time - $from : $time > $to ? $time - $to : 0;
}

# an end: 'delete' (unpublished), 'close' (of the connection) or 'abort'
sub close {
    my ($self, $r, $how) = @_;

    $self->taken($r);
    $how ||= 'delete';

    if ($how eq 'abort') {
        $r->abort;
        return $self;
    }

    if ($how eq 'delete') {
        $r->delete_stream;
        $r->wait_status(qr/Unpublish/);
    }

    $r->close;
    return $self;
}

# --- what a file must be

# the media of some parts as an FLV file
sub flv {
    my ($self, @parts) = @_;

    my ($from, $to) = ($parts[0]{from}, $parts[-1]{to});

    return $self->{groups}{"$from-$to"} ||= do {
        my $file = $self->{t}->dir . '/part' . ++$made . '.flv';

        spew($file, join '', "FLV\x01\x05\0\0\0\x09\0\0\0\0",
             map { _tag(@$_) }
             map { [ $_->[0], _is_header($_) ? 0 : $_->[1] - $from,
                     $_->[2] ] }
             grep { _is_header($_) || $_->[1] >= $from && $_->[1] < $to }
             @{ $self->{messages} });
    };
}

sub _tag {
    my ($type, $ts, $payload) = @_;

    my $size = length $payload;

    return pack('C', $type) . substr(pack('N', $size), 1)
        . substr(pack('N', $ts & 0xffffff), 1) . chr($ts >> 24) . "\0\0\0"
        . $payload . pack('N', $size + 11);
}

# what is wrong with a finished row and its file, which holds these parts
sub problems {
    my ($self, $row, @parts) = @_;

    return ($self->file_problems($row, @parts),
            map { "$row->{format}: $_" } $self->_row($row, @parts),
            $self->gap_problems($row, @parts));
}

sub file_problems {
    my ($self, $row, @parts) = @_;

    my $file = $self->{t}->path($row);
    my $flv = $self->flv(@parts);

    return "$row->{format}: no file $file" if !-f $file;

    return map { "$row->{format}: $_" } grep { length }
        Recording::Exact::compare(pushed => [$flv], files => [$file],
                                  times => 0),
        decode_problem($file),
        $self->_structure($row, $file, @parts),
        $row->{format} eq 'aac' ? () : $self->_times($file, $flv, @parts);
}

# waits until none of its files grows or waits
sub wait_over {
    my ($self) = @_;

    wait_for("end of $self->{name}", 60, sub {
        my @rows = $self->rows;
        return @rows
            && !grep { $_->{state} =~ /recording|paused|finishing/ } @rows;
    });
}

# waits until this many of its files are in a state; all rows
sub wait_state {
    my ($self, $state, $n, %where) = @_;

    my @rows;

    wait_for("$n $state files of $self->{name}", 30, sub {
        @rows = $self->rows(%where);
        return $n == grep { $_->{state} eq $state } @rows;
    }, sub { join '', map { "\n  $_->{format} $_->{state}" } @rows });

    return @rows;
}

sub _structure {
    my ($self, $row, $file, @parts) = @_;

    my $format = $row->{format};

    return Recording::Mp4->read($file)->faststart_problems
        if $format eq 'mp4';

    if ($format eq 'flv') {
        my $flv = Recording::Flv->read($file);
        return (@{ $flv->{problems} },
                $flv->frames(9) ? $flv->keyframe_problems : ());
    }

    return $format eq 'hls' ? $self->_playlist($file, @parts) : ();
}

# a discontinuity for each interruption, with the wall clock of its end
sub _playlist {
    my ($self, $file, @parts) = @_;

    my $hls = Recording::Hls->check($file, ended => 1);
    my @cuts = grep { $_->{discontinuity} } @{ $hls->{segments} };
    my @problems = @{ $hls->{problems} };

    push @problems, @cuts . ' discontinuities, not ' . $#parts
        if @cuts != $#parts;

    for my $i (1 .. min($#parts, scalar @cuts)) {
        my $off = _off($cuts[$i - 1]{pdt}, _came($parts[$i], 'first'));

        push @problems, sprintf '%s: the program date is %.3f s off',
            $cuts[$i - 1]{uri}, $off if abs $off > $self->_tolerance;
    }

    return @problems;
}

sub _tolerance { return slow($_[0]{tolerance}) }

# All that was published follows on without a hole, and audio stays with the
# video.  At an interruption half a frame may be out of place.
sub _times {
    my ($self, $file, $flv, @parts) = @_;

    my $pushed = $self->{pushed}{$flv} ||= { map {
        $_ => [ packets($flv, $_) ] } 'v', 'a' };
    my (%off, @problems, $zero);

    for my $s ('v', 'a') {
        my @want = @{ $pushed->{$s} } or next;
        my @have = packets($file, $s);
        my ($i, $last, $first) = (0);

        return "$s: " . @have . ' frames, not ' . @want if @have != @want;

        for my $n (0 .. $#want) {
            my $dts = 1000 * $want[$n]{dts} + $parts[0]{from};
            my $off = $have[$n]{pts} - $want[$n]{pts};

            push @problems, sprintf '%s: the DTS at %.3f s does not grow',
                $s, $have[$n]{dts}
                if defined $last && $have[$n]{dts} <= $last;
            $last = $have[$n]{dts};

            if (!defined $first || $dts >= $parts[$i]{to} - 0.5) {
                $i++ if defined $first;
                $first = $off;
                $off{$i}{$s} = $off;
                $zero = $off if !defined $zero;
            }

            push @problems, sprintf '%s: %.3f s is %.4f s off', $s,
                $have[$n]{pts}, $off - $first if abs($off - $first) > 0.0025;
        }
    }

    for my $i (sort keys %off) {
        my @off = grep { defined } @{ $off{$i} }{qw(v a)};

        push @problems, sprintf 'part %d begins %.3f s too late', $i,
            $off[0] - $zero if abs($off[0] - $zero) > 0.005 + 0.05 * $i;
        push @problems, sprintf 'part %d: audio is %.3f s off', $i,
            $off[1] - $off[0]
            if @off > 1 && abs($off[1] - $off[0]) > 0.05;
    }

    splice @problems, 5 if @problems > 5;
    return @problems;
}

sub _row {
    my ($self, $row, @parts) = @_;

    my $long = $parts[-1]{to} - $parts[0]{from};
    my @problems;

    push @problems, "the state is $row->{state}"
        if $row->{state} ne 'finished';
    push @problems, "the owner is $row->{owner}" if $row->{owner} ne '';
    push @problems, 'resume_us is not NULL' if defined $row->{resume_us};
    push @problems, "$row->{frames_dropped} frames dropped"
        if $row->{frames_dropped};
    push @problems, "$row->{frames_in} frames in, $row->{frames_written}"
                    . ' written'
        if $row->{frames_in}
           != $row->{frames_written} + $row->{frames_dropped};
    push @problems, "$row->{duration_ms} ms, not $long"
        if abs($row->{duration_ms} - $long) > 50 + 50 * $#parts;
    my $off = _off($row->{start_us} / 1e6, _came($parts[0], 'first'));

    push @problems, sprintf 'start is %.3f s off', $off
        if abs $off > slow(0.3);

    return @problems;
}

# the gaps of a row are the interruptions between the parts
sub gap_problems {
    my ($self, $row, @parts) = @_;

    my @gaps = @{ JSON::XS::decode_json($row->{gaps}) };
    my @problems;

    return @gaps . " gaps, not $#parts: $row->{gaps}" if @gaps != $#parts;

    my $sum = 0;
    $sum += $_->{gap_ms} for @gaps;

    for my $i (1 .. $#parts) {
        my $at = $parts[$i]{from} - $parts[0]{from};
        my ($last, $last_by) = _came($parts[$i - 1], 'last');
        my ($first, $first_by) = _came($parts[$i], 'first');
        my $gap = 1000 * ($first - $last);
        my $off = _off($gaps[$i - 1]{gap_ms}, 1000 * ($first - $last_by),
                       1000 * ($first_by - $last));

        push @problems, sprintf 'gap %d is %d ms, not %d', $i,
            $gaps[$i - 1]{gap_ms}, $gap
            if abs $off > 1000 * $self->_tolerance;
        push @problems, "gap $i is at $gaps[$i - 1]{at_ms} ms, not $at"
            if abs($gaps[$i - 1]{at_ms} - $at) > 50 + 50 * $i;
    }

    my $end = $row->{start_us} + 1000 * ($row->{duration_ms} + $sum);

    # ADTS has no holes, as before sound that goes on with its picture, and
    # its duration does not have them either; its end does
    my $holes = $row->{format} eq 'aac' ? 150_000 * @gaps : 0;
    my $off = $row->{end_us} - $end;

    push @problems, sprintf 'end_us is %d us off', $off
        if $off < -2000 || $off > $holes + 2000;

    return @problems;
}

1;
