package Recording::Ts;

# A reader of MPEG transport streams, one segment after the other.  The
# object lives as long as the playlist: continuity counters run on through
# all segments.
#
#     my $ts = Recording::Ts->new;
#     my $segment = $ts->segment($file);
#
# A segment is { problems, tables (PAT and PMT before all else), streams =>
# { pid => { type, kind, first, last, gap, frames, key, early, late } }, video,
# audio, pats }.  Times are in 90 kHz units; first and last are of DTS, frames
# are PES packets, and early and late are by how much their DTS are at least
# and at most behind the clock, the last PCR.  With new(payload => 1) a stream
# has `pes` too, what its PES packets hold.

use strict;
use warnings;

use Recording::Util qw(slurp);

my %kind = (0x1b => 'video', 0x24 => 'video', 0x0f => 'audio',
            0x11 => 'audio', 0x03 => 'audio', 0x04 => 'audio');

sub new {
    my ($class, %opt) = @_;
    return bless { cc => {}, %opt }, $class;
}

sub segment {
    my ($self, $file) = @_;

    my $data = slurp($file);
    my $s = { problems => [], streams => {}, packets => 0 };

    push @{ $s->{problems} }, 'empty' if !length $data;
    push @{ $s->{problems} }, 'length is no multiple of 188'
        if length($data) % 188;

    for (my $at = 0; $at + 188 <= length $data; $at += 188) {
        $self->_packet($s, substr($data, $at, 188), $at) or last;
    }

    $self->_finish($s);
    return $s;
}

sub _packet {
    my ($self, $s, $packet, $at) = @_;

    my ($sync, $word, $flags, $length, $af)
        = unpack 'C n C C C', $packet;

    if ($sync != 0x47) {
        push @{ $s->{problems} }, "no sync byte at $at";
        return 0;
    }

    push @{ $s->{problems} }, "transport error at $at" if $word & 0x8000;

    my $pid = $word & 0x1fff;
    return 1 if $pid == 0x1fff;

    my $has_payload = $flags & 0x10;
    $self->_continuity($s, $pid, $flags & 15, $has_payload, $at);
    return 1 if !$has_payload;

    my $head = $flags & 0x20 ? 5 + $length : 4;
    my $random = $flags & 0x20 && $length && $af & 0x40;

    $s->{clock} = _clock(substr $packet, 6, 6)
        if $flags & 0x20 && $length >= 7 && $af & 0x10;

    if ($head >= 188) {
        push @{ $s->{problems} }, "adaptation field too long at $at";
        return 1;
    }

    $self->_payload($s, $pid, $word & 0x4000, substr($packet, $head),
                    $random, $at);
    return 1;
}

sub _clock {
    my ($base, $low) = unpack 'N n', $_[0];
    return $base << 1 | $low >> 15;
}

# a packet without payload repeats the counter
sub _continuity {
    my ($self, $s, $pid, $cc, $has_payload, $at) = @_;

    my $last = $self->{cc}{$pid};
    $self->{cc}{$pid} = $cc;
    return if !defined $last;

    my $due = $has_payload ? ($last + 1) & 15 : $last;
    push @{ $s->{problems} },
        "continuity counter of PID $pid at $at: $cc instead of $due"
        if $cc != $due;
}

sub _payload {
    my ($self, $s, $pid, $start, $payload, $random, $at) = @_;

    return _pat($s, $payload) if $pid == 0 && $start;
    return _pmt($s, $payload) if $start && defined $s->{pmt}
                                  && $pid == $s->{pmt};
    # SDT and other tables
    return if $pid < 0x20;

    my $stream = $s->{streams}{$pid};

    if (!$stream) {
        push @{ $s->{problems} }, "PID $pid at $at before its PAT and PMT"
            if !$s->{early}{$pid}++;
        return;
    }

    _keep($stream, $start, $payload) if $self->{payload};

    if ($start) {
        _pes($s, $stream, $payload, $random, $at);

    } elsif ($stream->{frames} && $stream->{frames} == 1) {
        $stream->{data} .= $payload;
    }
}

sub _keep {
    my ($stream, $start, $payload) = @_;

    if ($start && length $payload >= 9) {
        my $head = 9 + unpack 'x8 C', $payload;
        push @{ $stream->{pes} }, substr $payload, $head;

    } elsif ($stream->{pes}) {
        $stream->{pes}[-1] .= $payload;
    }
}

sub _pat {
    my ($s, $payload) = @_;

    $s->{pats}++;

    my $section = substr $payload, 1 + ord $payload;
    my $length = unpack('n', substr $section, 1, 2) & 0x0fff;

    for (my $at = 8; $at + 4 <= $length - 1; $at += 4) {
        my ($program, $pid) = unpack 'n n', substr $section, $at, 4;
        $s->{pmt} = $pid & 0x1fff if $program;
    }
}

sub _pmt {
    my ($s, $payload) = @_;

    my $section = substr $payload, 1 + ord $payload;
    my $end = (unpack('n', substr $section, 1, 2) & 0x0fff) - 1;
    my $at = 12 + (unpack('n', substr $section, 10, 2) & 0x0fff);

    while ($at + 5 <= $end) {
        my ($type, $pid, $info) = unpack 'C n n', substr $section, $at, 5;
        $pid &= 0x1fff;
        $s->{streams}{$pid} ||= { type => $type, pid => $pid,
                                  kind => $kind{$type} || 'other' };
        $at += 5 + ($info & 0x0fff);
    }

    $s->{tables} = 1;
}

sub _pes {
    my ($s, $stream, $payload, $random, $at) = @_;

    my ($code, $id, undef, undef, $flags, $length)
        = unpack 'a3 C n C C C', $payload;

    if ($code ne "\0\0\1" || length $payload < 9) {
        push @{ $s->{problems} }, "no PES header at $at";
        return;
    }

    my $pts = $flags & 0x80 ? _stamp($payload, 9) : undef;
    my $dts = $flags & 0x40 ? _stamp($payload, 14) : $pts;

    push @{ $s->{problems} }, "PES without a time at $at" if !defined $dts;
    push @{ $s->{problems} }, "PTS before DTS at $at"
        if defined $dts && _since($dts, $pts) < 0;

    if (!$stream->{frames}++) {
        $stream->{random} = $random;
        $stream->{data} = substr $payload, 9 + $length;
    }

    _advance($s, $stream, $dts, $at) if defined $dts;
    return if !defined $pts;

    $stream->{shown} = $pts if !defined $stream->{shown};
    $stream->{high} = $pts
        if !defined $stream->{high} || _since($stream->{high}, $pts) > 0;
}

sub _advance {
    my ($s, $stream, $dts, $at) = @_;

    if (defined $stream->{last}) {
        my $gap = _since($stream->{last}, $dts);
        push @{ $s->{problems} }, "DTS of PID $stream->{pid} does not"
                                  . " grow at $at" if $gap <= 0;
        $stream->{gap} = $gap if $gap > ($stream->{gap} || 0);
    }

    $stream->{first} = $dts if !defined $stream->{first};
    $stream->{last} = $dts;

    _behind($stream, _since($s->{clock}, $dts)) if defined $s->{clock};
}

sub _behind {
    my ($stream, $by) = @_;

    $stream->{early} = $by
        if !defined $stream->{early} || $by < $stream->{early};
    $stream->{late} = $by
        if !defined $stream->{late} || $by > $stream->{late};
}

sub _stamp {
    my ($payload, $at) = @_;

    my ($a, $b, $c) = unpack 'C n n', substr($payload, $at, 5) . "\0" x 5;
    return (($a >> 1) & 7) << 30 | ($b >> 1) << 15 | $c >> 1;
}

# from one 33 bit time to the next, negative if it is earlier
sub _since {
    my ($from, $to) = @_;

    my $difference = ($to - $from) % (1 << 33);
    return $difference >= 1 << 32 ? $difference - (1 << 33) : $difference;
}

sub since { return _since(@_) }

sub _finish {
    my ($self, $s) = @_;

    push @{ $s->{problems} }, 'no PAT and PMT' if !$s->{tables};

    for my $pid (sort { $a <=> $b } keys %{ $s->{streams} }) {
        my $stream = $s->{streams}{$pid};
        $s->{ $stream->{kind} } ||= $stream if $stream->{frames};
        $stream->{key} = _is_key($stream) if $stream->{kind} eq 'video';
        delete $stream->{data};
    }

    push @{ $s->{problems} }, 'no media' if !$s->{video} && !$s->{audio};
    $s->{closed} = !$s->{video} || $s->{video}{key};
}

# an IDR picture with its parameter sets; of codecs other than H.264 the
# flag in the adaptation field must tell
sub _is_key {
    my ($stream) = @_;

    return $stream->{random} if $stream->{type} != 0x1b;

    my $data = $stream->{data};
    return 0 if !defined $data;

    my %seen;
    $seen{ ord($1) & 31 } = 1 while $data =~ /\x00\x00\x01(.)/gs;

    return $seen{5} && $seen{7} && $seen{8} ? 1 : 0;
}

1;
