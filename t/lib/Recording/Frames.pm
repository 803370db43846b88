package Recording::Frames;

# Which frames of an FLV file that was sent lie in a recorded file, told by
# hashes, so that every frame of what is sent must be another one.
#
#     my $sent = Recording::Frames->sent($flv);
#     my $file = $sent->find($path);
#     $file->{v}, $file->{a}    its frames by their names, in their order
#     $file->{problems}         of its structure; frames that nobody sent
#
# A frame's name is its timestamp as t/bench/rtmp_load.c sends it: counted
# from the first video key frame.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);

use Recording::Flv;
use Recording::Hls;
use Recording::Mp4;
use Recording::Probe qw(adts_data adts_frames);

my %kind = (9 => 'v', 8 => 'a');

sub sent {
    my ($class, $flv) = @_;

    my $self = bless { v => {}, a => {} }, $class;
    my $start;

    for my $tag (@{ Recording::Flv->read($flv, payload => 1)->{tags} }) {
        my $kind = $kind{ $tag->{type} };
        next if !$kind || $tag->{header};

        $start = $tag->{ts} if !defined $start && $tag->{key};
        next if !defined $start;

        $self->_add($kind, $tag, $tag->{ts} < $start ? 0
                                                     : $tag->{ts} - $start);
    }

    return $self;
}

sub _add {
    my ($self, $kind, $tag, $name) = @_;

    die "$kind: two frames at $name ms\n" if $self->{count}{$kind}{$name}++;

    my $data = _data($kind, $tag);
    my @hashes = (sha256_hex($data),
                  $kind eq 'v' ? _slices(_units($data)) : ());

    for my $hash (@hashes) {
        die "$kind: the frames at $self->{$kind}{$hash} and $name ms are the"
            . " same\n" if defined $self->{$kind}{$hash};
        $self->{$kind}{$hash} = $name;
    }
}

# a tag without what FLV puts in front of the codec's data
sub _data {
    my ($kind, $tag) = @_;
    return substr $tag->{payload}, $kind eq 'v' ? 5 : 2;
}

# the NAL units of a frame with lengths
sub _units {
    my ($data) = @_;
    return unpack '(N/a)*', $data;
}

# what no conversion between lengths and start codes changes
sub _slices {
    return sha256_hex(grep { (ord($_) & 31) =~ /^[15]$/ } @_);
}

# --- recorded files

my %reader = (flv => \&_flv, mp4 => \&_mp4, aac => \&_aac, m3u8 => \&_hls);

sub find {
    my ($self, $path) = @_;

    my ($extension) = $path =~ /(\w+)$/;
    my $file = eval { $reader{$extension}->($path) }
               || { problems => [ "cannot be read: $@" ], v => [], a => [] };

    for my $kind ('v', 'a') {
        my @names = map { $self->{$kind}{$_} } @{ $file->{$kind} };
        my $strange = grep { !defined } @names;

        push @{ $file->{problems} }, "$strange strange frames ($kind)"
            if $strange;
        $file->{$kind} = [ grep { defined } @names ];
    }

    return $file;
}

sub _flv {
    my ($path) = @_;

    my $flv = Recording::Flv->read($path, payload => 1);
    my %file;

    for my $type (9, 8) {
        my $kind = $kind{$type};
        $file{$kind} = [ map { sha256_hex(_data($kind, $_)) }
                         $flv->frames($type) ];
    }

    return { %file, problems => [ @{ $flv->{problems} },
                                  $flv->keyframe_problems ] };
}

sub _mp4 {
    my ($path) = @_;

    my $mp4 = Recording::Mp4->read($path);

    return { v => [ map { sha256_hex($_) } $mp4->samples('vide') ],
             a => [ map { sha256_hex($_) } $mp4->samples('soun') ],
             problems => [ $mp4->faststart_problems ] };
}

sub _aac {
    my ($path) = @_;

    return { v => [], a => [ map { $_->{hash} } adts_frames($path) ],
             problems => [] };
}

sub _hls {
    my ($path) = @_;

    my $hls = Recording::Hls->check($path, ended => 1, payload => 1);
    my %pes = (video => [], audio => []);

    for my $segment (@{ $hls->{segments} }) {
        for my $kind (keys %pes) {
            push @{ $pes{$kind} }, @{ $segment->{ts}{$kind}{pes} || [] };
        }
    }

    return { v => [ map { _slices(_annexb($_)) } @{ $pes{video} } ],
             a => [ map { $_->{hash} }
                    adts_data(join('', @{ $pes{audio} }), $path) ],
             problems => $hls->{problems} };
}

# the NAL units of a frame with start codes
sub _annexb {
    my ($data) = @_;

    # the zero byte of a four byte start code belongs to no unit
    return grep { length } map { s/\x00+\z//r }
           split /\x00\x00\x01/, $data;
}

1;
