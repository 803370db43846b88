package Recording::Ping;

# What a live stream feels of what its worker does beside it: a stream that is
# not recorded, and asks again and again.
#
#     my $ping = Recording::Ping->new($t, 'plain');
#     my @idle = $ping->rounds(3);
#     my @busy = $ping->rounds(5);
#     cmp_ok(Recording::Ping::grown(\@idle, \@busy), '<', 0.005);
#     $ping->close;
#
# What else the machine does makes answers later, and never sooner; what the
# worker itself does in its event loop is met in each round.  So the least of
# several rounds is held against the least.

use strict;
use warnings;

use List::Util qw(min);
use Time::HiRes qw(sleep time);

use Recording::Rtmp;

use constant ROUND => 80;

sub new {
    my ($class, $t, $app) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish('ping');
    return bless { r => $r }, $class;
}

# seconds to an answer, after which there is a pause; dies when there is none
# in `timeout`
sub once {
    my ($self, $timeout, $pause) = @_;

    my $begin = time;
    $self->{r}->ping;
    $self->{r}->wait_event(7, $timeout);
    my $took = time - $begin;
    sleep($pause // 0.02);
    return $took;
}

# the p99 of so many rounds each
sub rounds {
    my ($self, $n) = @_;

    return map {
        my @times = sort { $a <=> $b } map { $self->once(20) } 1 .. ROUND;
        $times[ROUND * 0.99];
    } 1 .. $n;
}

# by how many seconds
sub grown {
    my ($idle, $busy) = @_;
    return min(@$busy) - min(@$idle);
}

# for a note
sub milliseconds { return join ' ', map { sprintf '%.1f', 1000 * $_ } @_ }

sub close { $_[0]{r}->close }

1;
