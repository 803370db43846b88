package Recording::Front;

# TLS before a server that speaks without, as a proxy that fails: what is lost
# or slow behind is so in front.
#
#     my $front = Recording::Front->new(to => $fault->port,
#                                       tls => [$certificate, $key]);
#     ... 'https://127.0.0.1:' . $front->port ...
#     $front->stop;
#
# It is a process, and one more for each connection.

use strict;
use warnings;

use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER SOMAXCONN);

use Recording::Port qw(free_port);
use Recording::Process;
use Recording::Util qw(root slurp wait_for);

# new(to, tls, port)
sub new {
    my ($class, %opt) = @_;

    my $self = bless { port => free_port(), %opt, owner => $$ }, $class;

    $self->{tmp} = File::Temp->new(TEMPLATE => 'recording-front-XXXXXX',
                                   TMPDIR => 1);
    $self->{process} = Recording::Process->spawn(
        name => 'TLS front', err => $self->{tmp}->filename,
        cmd => [ qw(setpriv --pdeathsig KILL), $^X, '-I', root() . '/t/lib',
                 '-MRecording::Front', '-e', 'Recording::Front::serve(@ARGV)',
                 @{$self}{qw(port to)}, @{ $self->{tls} } ]);

    wait_for('TLS front', 20, sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $self->{port});
    }, sub { slurp($self->{tmp}->filename) });

    return $self;
}

sub port { return $_[0]{port} }

sub stop {
    my ($self) = @_;
    (delete $self->{process})->stop if $self->{process};
    return $self;
}

sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;
    local ($?, $@, $!);
    eval { $self->stop };
    return;
}

# --- in the process

sub serve {
    my ($port, $to, $certificate, $key) = @_;

    require IO::Socket::SSL;
    setpgrp;
    $SIG{TERM} = sub { $SIG{TERM} = 'IGNORE'; kill TERM => -$$; exit 0 };
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    # for all connections, so that a ticket of one is good for the next
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
        SSL_cert_file => $certificate, SSL_key_file => $key)
        or die 'no TLS: ' . IO::Socket::SSL::errstr() . "\n";
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => SOMAXCONN, ReuseAddr => 1)
        or die "listen on $port: $@\n";

    while (1) {
        my $client = $listen->accept or next;
        next if fork;

        $SIG{TERM} = 'DEFAULT';
        close $listen;
        _connection($client, $to, $context);
        exit 0;
    }
}

sub _connection {
    my ($client, $to, $context) = @_;

    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $to) or return _lose($client);
    my $tls = IO::Socket::SSL->start_SSL($client, SSL_server => 1,
        SSL_reuse_ctx => $context) or return;
    my $both = IO::Select->new($tls, $server);

    # a record that has been read already is nothing to select for
    while (1) {
        my @readable = $tls->pending ? $tls : $both->can_read;

        for my $from (@readable) {
            my $n = sysread $from, my $some, 16384;
            return _lose($tls) if !defined $n && $from == $server;
            return close $tls if !$n;
            _say($from == $server ? $tls : $server, $some) or return;
        }
    }
}

# as it was lost behind: not even TLS says good-bye
sub _lose {
    my ($socket) = @_;

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    POSIX::_exit(0);
}

sub _say {
    my ($socket, $text) = @_;

    while (length $text) {
        my $n = syswrite $socket, $text or return 0;
        substr($text, 0, $n) = '';
    }

    return 1;
}

1;
