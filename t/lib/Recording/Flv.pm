package Recording::Flv;

# A reader of FLV files.
#
#     my $flv = Recording::Flv->read($file);
#     $flv->{problems}  what the format does not allow (an array, empty: good)
#     $flv->{tags}      each { type, ts, offset, size, sha, codec, key,
#                       header, cts } and with payload => 1 { payload }
#     $flv->{meta}      onMetaData
#     $flv->keyframe_problems   the index against the tags

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Recording::Amf0;

sub read {
    my ($class, $file, %opt) = @_;

    open my $fh, '<:raw', $file or die "cannot read $file: $!\n";

    my $self = bless { file => $file, size => -s $fh, tags => [],
                       problems => [] }, $class;

    $self->_header($fh);
    1 while $self->_tag($fh, \%opt);

    return $self;
}

sub problem {
    my ($self, $text) = @_;
    push @{ $self->{problems} }, $text;
    return 0;
}

sub _header {
    my ($self, $fh) = @_;

    CORE::read($fh, my $head, 13);
    my ($magic, $version, $flags, $size, $zero)
        = unpack 'a3 C C N N', $head . "\0" x 13;

    $self->problem('no FLV header') if $magic ne 'FLV' || $version != 1;
    $self->problem("header size $size") if $size != 9;
    $self->problem('first previous tag size is not 0') if $zero;
    $self->problem(sprintf 'header flags 0x%02x', $flags) if $flags & ~5;

    $self->{flags} = $flags;
    $self->{at} = 13;
}

sub _tag {
    my ($self, $fh, $opt) = @_;

    my $n = CORE::read($fh, my $head, 11);
    return 0 if !$n;
    return $self->problem("tag header cut at $self->{at}") if $n < 11;

    my ($type, $s1, $s2, $t1, $t2, $text, $id)
        = unpack 'C C n C n C a3', $head;
    my $size = $s1 << 16 | $s2;

    $n = CORE::read($fh, my $payload, $size);
    return $self->problem("tag cut at $self->{at}") if $n < $size;
    $n = CORE::read($fh, my $previous, 4);
    return $self->problem("no previous tag size after $self->{at}")
        if $n < 4;

    $self->problem("previous tag size at $self->{at}")
        if unpack('N', $previous) != $size + 11;
    $self->problem("tag type $type at $self->{at}")
        if $type != 8 && $type != 9 && $type != 18;
    $self->problem("stream id at $self->{at}") if $id ne "\0\0\0";

    my $tag = { type => $type, ts => $text << 24 | $t1 << 16 | $t2,
                offset => $self->{at}, size => $size,
                sha => sha256_hex($payload), _kind($type, $payload) };
    $tag->{payload} = $payload if $opt->{payload};

    push @{ $self->{tags} }, $tag;
    $self->_meta($payload) if $type == 18;
    $self->{at} += $size + 15;

    return 1;
}

sub _kind {
    my ($type, $payload) = @_;

    return () if $type == 18 || !length $payload;

    my ($first, $second) = unpack 'C2', $payload . "\0";

    return (codec => $first >> 4,
            $first >> 4 == 10 ? (header => $second == 0) : ())
        if $type == 8;

    return (codec => $first & 15, key => $first >> 4 == 1,
            ($first & 15) == 7 ? _avc($second, $payload) : ());
}

sub _avc {
    my ($packet_type, $payload) = @_;

    my $cts = unpack 'N', "\0" . substr $payload . "\0" x 5, 2, 3;
    $cts -= 1 << 24 if $cts & 0x800000;

    # 0: sequence header, 2: end of sequence; only 1 holds a frame
    return (header => $packet_type != 1, cts => $cts);
}

sub _meta {
    my ($self, $payload) = @_;

    my ($name, $value) = eval { Recording::Amf0::decode($payload) };
    return $self->problem("metadata: $@") if $@;

    return if $name ne 'onMetaData' || $self->{meta};
    $self->{meta} = $value;
}

# frames of one type (8 or 9), headers left out
sub frames {
    my ($self, $type) = @_;

    return grep { $_->{type} == $type && !$_->{header} }
        @{ $self->{tags} };
}

# every entry of the index must name a key frame's tag and its time
sub keyframe_problems {
    my ($self) = @_;

    my $index = $self->{meta} && $self->{meta}{keyframes}
        or return ('no keyframes in onMetaData');
    my @at = @{ $index->{filepositions} || [] };
    my @times = @{ $index->{times} || [] };

    return ('times and filepositions differ in number') if @at != @times;
    return ('the index is empty') if !@at;

    my %key = map { $_->{offset} => $_ }
              grep { $_->{key} && !$_->{header} } $self->frames(9);
    my @problems;

    for my $i (0 .. $#at) {
        my $tag = $key{ $at[$i] };

        push @problems, "entry $i: no key frame at $at[$i]" if !$tag;
        push @problems, "entry $i: time $times[$i], tag's $tag->{ts} ms"
            if $tag && abs($tag->{ts} / 1000 - $times[$i]) > 0.0005;
    }

    return @problems;
}

1;
