package Recording::Bulk;

# A stream of large frames, which is sent faster than real time: its files have
# many megabytes soon.
#
#     my $s = Recording::Bulk->new($t, all => 'name');
#     $s->publish;                  # or ->publish($r)
#     $s->send(20);                 # seconds of it
#     $s->poll;                     # a little, as others are waited for
#     $s->end;
#
# So many frames of video a second, fps, five if that is not given, a key frame
# first, of `video` bytes a second, and AAC frames of `audio` bytes: 300 KB and
# 375 KB a second, so that a file of audio grows fast, too.  No two frames are
# the same.  What is in them is noise that no decoder would like.

use strict;
use warnings;

use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Rtmp;

use constant { RATE => 48000, FRAME => 1024 };

my ($noise, @headers);
my $count = 0;

# new($t, app, name, video => bytes a second, audio => bytes a frame, fps,
#     silent)
sub new {
    my ($class, $t, $app, $name, %opt) = @_;

    _prepare() if !@headers;
    return bless { t => $t, app => $app, name => $name, video => 300_000,
                   audio => 8000, fps => 5, frames => 0,
                   polled => 0, %opt }, $class;
}

sub _prepare {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    sysread $random, $noise, 24 << 20;

    # no start codes
    $noise =~ tr/\0//d;

    @headers = grep { $_->[0] == 18 || ord(substr $_->[2], 1) == 0 }
               Recording::Rtmp::flv_messages(media(duration => 3, gop => 1,
                                                   size => '160x90'));
    return;
}

sub name { return $_[0]{name} }

# frames that were sent, of both kinds
sub frames { return $_[0]{frames} }

# its timestamps begin at 0
sub publish {
    my ($self, $r) = @_;

    if ($r) {
        $r->connect(app => $self->{app}) or die "no connection\n";
        my $status = $r->publish($self->{name});
        die "publish: $status\n" if $status ne 'NetStream.Publish.Start';
    }

    $self->{r} = $r || $self->{t}->publisher($self->{app}, $self->{name});
    $self->{r}->send_flv(\@headers);
    @{$self}{qw(second next)} = (0, 0);
    return $self;
}

# seconds, a whole number; rate => N: N times real time
sub send {
    my ($self, $seconds, %opt) = @_;

    for (1 .. $seconds) {
        my @messages = $self->_second;
        $self->{frames} += @messages;
        $self->{r}->send_flv(\@messages, %opt);
        $self->{second}++;
    }

    return $self;
}

sub _second {
    my ($self) = @_;

    my ($begin, $fps) = ($self->{second} * 1000, $self->{fps});
    my $half = int $self->{video} / 2;
    my @all = map {
        [ 9, $begin + int $_ * 1000 / $fps,
          $_ ? _picture(0x27, "\x41\x98", int $half / ($fps - 1))
             : _picture(0x17, "\x65\x88", $half) ]
    } $self->{video} ? 0 .. $fps - 1 : ();

    while ((my $ts = _time($self->{next})) < $begin + 1000) {
        push @all, [ 8, $ts, "\xaf\x01" . _noise($self->{audio}) ];
        $self->{next}++;
    }

    return sort { $a->[1] <=> $b->[1] || $b->[0] <=> $a->[0] } @all;
}

# of an audio frame
sub _time { return int $_[0] * FRAME * 1000 / RATE }

sub _picture {
    my ($type, $slice, $size) = @_;
    my $unit = $slice . _noise($size);
    return chr($type) . "\x01\0\0\0" . pack 'N/a', $unit;
}

# bytes that were not used before
sub _noise {
    my ($size) = @_;

    my $mark = sprintf '%08x', ++$count;
    return $mark . substr $noise, ($count * 7919) % (length($noise) - $size),
                          $size - length $mark;
}

# The stream goes on with small frames, ten a second at most, as others do, too,
# of which not much comes; silent => 1: with none.
sub poll {
    my ($self) = @_;

    return if !$self->{r} || time - $self->{polled} < 0.1;
    return $self->{r}->poll if $self->{silent};

    $self->{polled} = time;
    local @{$self}{qw(video audio)} = ($self->{video} && 1000, 100);

    my $ts = _time($self->{next});
    return $self->send(1) if $ts >= ($self->{second} + 1) * 1000;

    $self->{r}->audio($ts, "\xaf\x01" . _noise(100));
    $self->{next}++;
    $self->{frames}++;
    return;
}

# the server has taken all
sub settle {
    my ($self) = @_;
    $self->{r}->wait_delivered;
    return $self;
}

sub end {
    my ($self) = @_;
    (delete $self->{r})->delete_stream->close if $self->{r};
    return $self;
}

# as if its host was gone
sub abort {
    my ($self) = @_;
    (delete $self->{r})->abort if $self->{r};
    return $self;
}

1;
