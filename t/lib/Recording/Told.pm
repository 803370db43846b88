package Recording::Told;

# A receiver of events: an HTTP server that keeps what it is told, and answers
# as it is ordered.
#
#     my $told = Recording::Told->new(port => $t->port(1));
#     $told->set(status => 500);          # delay, hang, reset, none, fail
#     for my $event ($told->events) { ... $event->{json}{event_type} }
#     $told->stop; ... $told->start;      # it is down for a while
#
# An event has: time, path, headers (lower case), body, json, and status, what
# was answered, 0 if nothing was.

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET;
use JSON::XS ();
use Socket qw(SOL_SOCKET SO_LINGER SOMAXCONN);
use Time::HiRes qw(sleep time);

use Recording::Process;
use Recording::Util qw(root slurp wait_for);

my $json = JSON::XS->new->canonical->utf8;

sub new {
    my ($class, %opt) = @_;

    my $self = bless { %opt }, $class;

    $self->{tmp} = File::Temp->newdir('recording-told-XXXXXX', TMPDIR => 1);
    $self->set;

    return $self->start;
}

# how it answers from now on: status, location, delay (s), fail (how many before
# it does well, with the status 500), and instead of an answer hang, reset or
# none
sub set {
    my ($self, %how) = @_;

    open my $fh, '>', "$self->{tmp}/how.new" or die "how: $!";
    print {$fh} $json->encode({ status => 200, %how });
    close $fh;
    rename "$self->{tmp}/how.new", "$self->{tmp}/how" or die "how: $!";
    unlink "$self->{tmp}/failed";

    return $self;
}

sub start {
    my ($self) = @_;

    unlink "$self->{tmp}/up";

    $self->{process} = Recording::Process->spawn(
        name => 'receiver of events', err => "$self->{tmp}/err",
        cmd => [ $^X, '-I', root() . '/t/lib', '-MRecording::Told', '-e',
                 'Recording::Told::serve(@ARGV)', $self->{port},
                 "$self->{tmp}" ]);

    wait_for("receiver on port $self->{port}", 10,
             sub { -e "$self->{tmp}/up" },
             sub { slurp("$self->{tmp}/err") });

    return $self;
}

sub stop {
    my ($self) = @_;
    (delete $self->{process})->stop if $self->{process};
    return $self;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $@, $!);
    eval { $self->stop };
    return;
}

# all that came; type => those of an event_type that were answered with 2xx
sub events {
    my ($self, $type) = @_;

    return if !-e "$self->{tmp}/log";

    my @all = map { $json->decode($_) } split /\n/, slurp("$self->{tmp}/log");
    return @all if !defined $type;

    return grep { $_->{status} =~ /^2/ && $_->{json}{event_type} == $type }
           @all;
}

# waits until so many different events were taken; those, in their order
sub wait_events {
    my ($self, $n, $seconds) = @_;

    my @events;

    wait_for("$n events", $seconds || 10, sub {
        my %seen;
        @events = grep { $_->{status} =~ /^2/
                         && !$seen{ $_->{headers}{'x-recording-event'} }++ }
                  $self->events;
        return @events >= $n;
    }, sub { scalar(@events) . ' events: '
             . join ' ', map { $_->{json}{record_event}
                               // $_->{json}{event_type} } @events });

    return @events;
}

# --- in the process

my ($dir);

sub serve {
    my ($port, $tmp) = @_;

    $dir = $tmp;
    setpgrp;
    $SIG{TERM} = sub { $SIG{TERM} = 'IGNORE'; kill TERM => -$$; exit 0 };
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => SOMAXCONN, ReuseAddr => 1)
        or die "listen on $port: $@";

    open my $up, '>', "$dir/up" or die "up: $!";

    while (1) {
        my $socket = $listen->accept or next;
        next if fork;

        $SIG{TERM} = 'DEFAULT';
        close $listen;
        my $buffer = '';
        1 while _request($socket, \$buffer);
        exit 0;
    }
}

sub _request {
    my ($socket, $buffer) = @_;

    while ($$buffer !~ /\r\n\r\n/) {
        sysread($socket, $$buffer, 65536, length $$buffer) or return 0;
    }

    my ($head, $body) = split /\r\n\r\n/, $$buffer, 2;
    my ($line, @lines) = split /\r\n/, $head;
    my %headers = map { /^([^:]+): *(.*)/ ? (lc $1, $2) : () } @lines;

    while (length $body < $headers{'content-length'}) {
        sysread($socket, $body, 65536, length $body) or return 0;
    }

    $$buffer = substr $body, $headers{'content-length'}, length $body, '';

    return _answer($socket, _how(), time => time, headers => \%headers,
                   path => (split / /, $line)[1], method => (split / /, $line)[0],
                   body => $body, json => eval { $json->decode($body) });
}

# of those that are to fail one is used up
sub _how {
    my $how = $json->decode(slurp("$dir/how"));

    if ($how->{fail}) {
        open my $fh, '>>', "$dir/failed" or die "failed: $!";
        syswrite $fh, 'x';
        $how->{status} = 500 if -s $fh <= $how->{fail};
    }

    return $how;
}

sub _answer {
    my ($socket, $how, %event) = @_;

    sleep $how->{delay} if $how->{delay};

    if ($how->{hang} || $how->{reset} || $how->{none}) {
        _log(%event, status => 0);
        _hang() if $how->{hang};
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
            if $how->{reset};
        return 0;
    }

    # what is logged was told, whether the answer arrives or not

    _log(%event, status => $how->{status});

    return syswrite $socket, "HTTP/1.1 $how->{status} Text\r\n"
        . ($how->{location} ? "Location: $how->{location}\r\n" : '')
        . ($how->{status} == 204 ? "\r\n" : "Content-Length: 2\r\n\r\n{}");
}

# as long as the test goes on, however that ends
sub _hang {
    my $server = getppid;
    sleep 0.5 while getppid == $server;
    exit 0;
}

sub _log {
    my %event = @_;

    open my $fh, '>>', "$dir/log" or die "log: $!";
    syswrite $fh, $json->encode(\%event) . "\n";
    return;
}

1;
