package Recording::Live;

# One stream, sent to several servers in step and in real time, and a player
# of it on each: what a player gets, and when.
#
#     my $live = Recording::Live->new(file => $flv, app => 'live',
#                                     name => 'a', ports => [ @ports ]);
#     $live->run(4000);              # up to this timestamp
#     $live->wait_for('what', 30, sub { condition });
#     $live->run;                    # the rest
#     $live->end;
#     is($live->problem($_, 1), '') for 0 .. $#ports;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Recording::Rtmp;
use Recording::Util ();

sub new {
    my ($class, %opt) = @_;

    my @messages = Recording::Rtmp::flv_messages($opt{file});
    my $self = bless { messages => \@messages, at => 0, sent => [],
                       frames => [] }, $class;

    for my $port (@{ $opt{ports} }) {
        my ($player, $source) = map {
            Recording::Rtmp->new(port => $port, keep => 1) } 1, 2;

        $_->connect(app => $opt{app}) for $player, $source;
        $player->play($opt{name});
        $source->publish($opt{name}) eq 'NetStream.Publish.Start'
            or die "publish on port $port\n";

        push @{ $self->{ends} }, { player => $player, source => $source,
                                   came => [] };
    }

    return $self;
}

# a frame, not a header or onMetaData
sub is_frame {
    my ($type, undef, $payload) = @{ $_[0] };

    return $type == 8 ? $payload !~ /^[\xa0-\xaf]\x00/s
                      : $type == 9 && $payload !~ /^.[\x00\x02]/s;
}

# sends what comes before a timestamp, or all that is left, or until a
# condition holds; the next timestamp
sub run {
    my ($self, $to, $condition) = @_;

    my $messages = $self->{messages};
    my ($start, $first) = (time, ($messages->[$self->{at}] || [])->[1]);

    while ($self->{at} < @$messages) {
        my $message = $messages->[$self->{at}];
        last if defined $to && $message->[1] >= $to;

        $self->_until($start + ($message->[1] - $first) / 1000);
        last if $condition && $condition->();

        $self->_send($message);
        $self->{at}++;
    }

    return $self->{at} < @$messages ? $messages->[$self->{at}][1] : undef;
}

sub _send {
    my ($self, $message) = @_;

    if (is_frame($message)) {
        push @{ $self->{frames} }, $message;
        push @{ $self->{sent} }, time;
    }

    $_->{source}->send_flv([ $message ]) for @{ $self->{ends} };
}

sub _until {
    my ($self, $time) = @_;

    while (1) {
        $self->_poll;

        my $left = $time - time;
        last if $left <= 0;
        sleep($left < 0.02 ? $left : 0.02);
    }
}

sub _poll {
    my ($self) = @_;

    for my $end (@{ $self->{ends} }) {
        $end->{source}->poll;
        $end->{player}->poll;

        my $messages = $end->{player}{messages};
        my $now = time;

        for my $m (splice @$messages) {
            my $message = [ @$m{qw(type ts payload)} ];
            push @{ $end->{came} }, [ $now, $message ] if is_frame($message);
        }
    }
}

# as Recording::Util's, while the players go on
sub wait_for {
    my ($self, $what, $timeout, $condition) = @_;

    return Recording::Util::wait_for($what, $timeout, sub {
        $self->_poll;
        return $condition->();
    });
}

# the streams end; what is under way still comes
sub end {
    my ($self) = @_;

    my $n = @{ $self->{frames} };

    eval { $self->wait_for('last frame', 10, sub {
        !grep { @{ $_->{came} } < $n } @{ $self->{ends} } }) };

    for my $end (@{ $self->{ends} }) {
        $end->{source}->delete_stream;
        $_->close for $end->{source}, $end->{player};
    }
}

# the frames that were sent so far: [type, timestamp, payload]
sub frames { return @{ $_[0]{frames} } }

# what is wrong with a player's stream, '' if nothing: each frame has to come,
# and none later than so many seconds
sub problem {
    my ($self, $n, $late) = @_;

    my ($frames, $sent) = @$self{qw(frames sent)};
    my $came = $self->{ends}[$n]{came};

    for my $i (0 .. $#$frames) {
        return "frame $i of " . @$frames . ' did not come' if !$came->[$i];

        my ($time, $message) = @{ $came->[$i] };
        return "frame $i is another one"
            if $message->[2] ne $frames->[$i][2];

        my $took = $time - $sent->[$i];
        return sprintf 'frame %d came after %.1f s', $i, $took
            if $took > Recording::Util::slow($late);
    }

    return '';
}

1;
