package Recording::Port;

# Ports of 127.0.0.1 that no other test file takes.
#
#     my $port = free_port();         # held until the test file ends

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;

our @EXPORT_OK = qw(free_port);

my %held;
my $next = 10000 + $$ * 7 % 20000;

# A UDP socket on the same number is the lock that other test files respect
# while a server binds the TCP port.  Below the ephemeral range: no outgoing
# connection can take it.
sub free_port {
    for (1 .. 2000) {
        my $port = $next;
        $next = 10000 + ($next - 10000 + 1) % 20000;

        my $lock = IO::Socket::INET->new(Proto => 'udp',
            LocalAddr => '127.0.0.1', LocalPort => $port) or next;
        IO::Socket::INET->new(Proto => 'tcp', Listen => 1, ReuseAddr => 1,
            LocalAddr => '0.0.0.0', LocalPort => $port) or next;

        $held{$port} = $lock;
        return $port;
    }

    die "no free port\n";
}

1;
