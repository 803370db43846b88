package Recording::Amf0;

# AMF0, the encoding of RTMP commands and of FLV metadata.
#
# A number is a perl number or string that looks like one; Recording::Amf0
# ::string($bytes) forces a string, \0 and \1 are booleans, undef is null, a
# hash is an object, an array of pairs [[key, value], ...] an ordered object.

use strict;
use warnings;

use Scalar::Util qw(blessed looks_like_number reftype);

sub string {
    my ($bytes) = @_;
    return bless \$bytes, 'Recording::Amf0::String';
}

sub encode { return join '', map { _encode($_) } @_ }

sub _encode {
    my ($value) = @_;

    return "\x05" if !defined $value;
    return _string($$value) if blessed $value;
    return "\x01" . ($$value ? "\x01" : "\x00") if ref $value eq 'SCALAR';
    return _object(map { [ $_, $value->{$_} ] } sort keys %$value)
        if ref $value eq 'HASH';
    return _object(@$value) if ref $value eq 'ARRAY';
    return "\x00" . pack 'd>', $value if looks_like_number($value);
    return _string($value);
}

sub _string {
    my ($bytes) = @_;

    return length $bytes > 65535 ? "\x0c" . pack('N/a*', $bytes)
                                 : "\x02" . pack('n/a*', $bytes);
}

sub _object {
    my (@pairs) = @_;

    return "\x03" . join('', map { pack('n/a*', $_->[0])
                                   . _encode($_->[1]) } @pairs)
           . "\x00\x00\x09";
}

# all values of a buffer; dies on what is not AMF0
sub decode {
    my ($bytes) = @_;

    my $at = 0;
    my @values;
    push @values, _decode(\$bytes, \$at) while $at < length $bytes;

    return @values;
}

my @decoders;
@decoders[0 .. 12] = (
    sub { unpack 'd>', _take(@_, 8) },
    sub { unpack('C', _take(@_, 1)) ? 1 : 0 },
    sub { _take(@_, unpack 'n', _take(@_, 2)) },
    \&_members,
    undef,
    sub { undef },
    sub { undef },
    sub { _take(@_, 2) },
    sub { _take(@_, 4); _members(@_) },
    undef,
    sub { my ($b, $at) = @_; my $n = unpack 'N', _take($b, $at, 4);
          [ map { _decode($b, $at) } 1 .. $n ] },
    sub { (unpack 'd>n', _take(@_, 10))[0] },
    sub { _take(@_, unpack 'N', _take(@_, 4)) },
);

sub _decode {
    my ($bytes, $at) = @_;

    my $type = ord _take($bytes, $at, 1);
    my $decoder = $decoders[$type] or die "AMF0: type $type at $$at\n";

    return scalar $decoder->($bytes, $at);
}

sub _take {
    my ($bytes, $at, $n) = @_;

    die "AMF0: ends early\n" if $$at + $n > length $$bytes;
    my $part = substr $$bytes, $$at, $n;
    $$at += $n;

    return $part;
}

sub _members {
    my ($bytes, $at) = @_;

    my %object;

    while (1) {
        my $key = _take($bytes, $at, unpack 'n', _take($bytes, $at, 2));

        if ($key eq '' && substr($$bytes, $$at, 1) eq "\x09") {
            $$at++;
            return \%object;
        }

        $object{$key} = _decode($bytes, $at);
    }
}

1;
