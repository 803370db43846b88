package Recording::Sender;

# A stream of which each frame is known with the moment at which it was sent:
# a medium, again and again, by Recording::Rtmp.
#
#     my $s = Recording::Sender->new(name => 'a', app => 'live',
#                                    media => media(duration => 8));
#     $s->connect($t->port);
#     Recording::Sender::push_until(time + 5, [$s]);
#     my ($oldest, $strange) = $s->missing('mp4', \%found);
#
# rate => N: N times real time; on, off: seconds, it is published for so long
# and then not, in turns.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Time::HiRes qw(time);

use Recording::Rtmp;

sub new {
    my ($class, %opt) = @_;

    my $self = bless { rate => 1, sent => [], %opt }, $class;

    for (Recording::Rtmp::flv_messages($self->{media})) {
        my ($type, $ts, $payload) = @$_;
        my $header = $type == 9 ? 5 : 2;

        if ($type == 18 || ord(substr $payload, 1) == 0) {
            push @{ $self->{headers} }, $_;

        } elsif (length $payload > $header) {
            push @{ $self->{frames} },
                _frame($_, $ts, $type, substr $payload, $header);
        }
    }

    $self->_trim;
    return $self;
}

# a frame, and by what it is known in files
sub _frame {
    my ($message, $ts, $type, $body) = @_;

    my $hash = sha256_hex($body);

    return { message => $message, ts => $ts, track => $type == 9 ? 'v' : 'a',
             packet => [$hash], hls => $type == 9 ? [ _nals($body) ]
                                                  : [$hash] };
}

# as Recording::Probe::nal_hashes
sub _nals {
    my ($body) = @_;

    my @hashes;

    while (length $body) {
        my $nal = unpack 'N/a', $body;
        substr $body, 0, 4 + length $nal, '';
        my $type = ord($nal) & 31;
        push @hashes, sha256_hex($nal =~ s/\x00+\z//r)
            if $type == 1 || $type == 5 || $type == 6;
    }

    return @hashes;
}

# The frames of a whole number of seconds, so that they can be sent again and
# again.  Audio from before the first key frame would not be recorded.
sub _trim {
    my ($self) = @_;

    my ($duration) = $self->{media} =~ /-(\d+)-\w+\.flv$/;
    my @frames = @{ $self->{frames} };
    my ($first) = ((grep { $_->{track} eq 'v' } @frames), $frames[0]);

    $self->{duration} = 1000 * $duration;
    $self->{first} = $first->{ts};
    $self->{frames} = [ grep { $_->{ts} >= $first->{ts}
        && $_->{ts} < $first->{ts} + $self->{duration} } @frames ];
}

# and publishes; nothing is sent yet
sub connect {
    my ($self, $port) = @_;

    $self->{sent} = [];
    $self->{r} = Recording::Rtmp->new(port => $port);
    $self->{r}->connect(app => $self->{app}) or die "no connection\n";
    $self->_publish;
}

sub _publish {
    my ($self) = @_;

    my $answer = $self->{r}->publish($self->{name});
    die "publish $self->{name}: $answer\n"
        if $answer ne 'NetStream.Publish.Start';

    $self->{r}->send_flv($self->{headers});
    @$self{qw(next start)} = (0, time);
}

sub close { $_[0]{r}->close }

# sends all that is due
sub turn {
    my ($self) = @_;

    my $now = time - $self->{start};

    if ($self->{on} && $now > $self->{on}) {
        $self->{r}->delete_stream if $self->{r}{sid};
        $self->_publish if $now > $self->{on} + $self->{off};
        return;
    }

    my $frames = $self->{frames};
    my $end = $now * 1000 * $self->{rate} + $self->{first};
    my (@due, @messages);

    while (1) {
        my $frame = $frames->[$self->{next} % @$frames];
        my ($type, $ts, $payload) = @{ $frame->{message} };

        $ts += $self->{duration} * int($self->{next} / @$frames);
        last if $ts > $end;

        push @due, $frame;
        push @messages, [ $type, $ts, $payload ];
        $self->{next}++;
    }

    $self->{r}->send_flv(\@messages) if @messages;

    my $time = time;
    push @{ $self->{sent} }, map { [ $_, $time ] } @due;
}

# all senders, until a time or a condition
sub push_until {
    my ($end, $senders, $condition) = @_;

    until (time >= $end || $condition && $condition->()) {
        $_->turn for @$senders;
        select undef, undef, undef, 0.01;
    }
}

# missing($format, { v => [hashes], a => [hashes] }): when the oldest frame was
# sent that is not there, 0 if there is none; how many are there that were not
# sent, or not there.
sub missing {
    my ($self, $format, $have) = @_;

    my ($oldest, $strange) = (0, 0);
    my $known = $format eq 'hls' ? 'hls' : 'packet';

    for my $track ($format eq 'aac' ? 'a' : ('v', 'a')) {
        my @have = @{ $have->{$track} || [] };
        my $i = 0;

        for my $sent (grep { $_->[0]{track} eq $track }
                      @{ $self->{sent} })
        {
            for my $hash (@{ $sent->[0]{$known} }) {
                if ($i < @have && $have[$i] eq $hash) {
                    $i++;

                } elsif (!$oldest || $sent->[1] < $oldest) {
                    $oldest = $sent->[1];
                }
            }
        }

        $strange += @have - $i;
    }

    return ($oldest, $strange);
}

1;
