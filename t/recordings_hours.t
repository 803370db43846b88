#!/usr/bin/perl

# The hour that is there twice in the night in which daylight saving time ends:
# --since takes its first one, and --until its second one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use Recording::Util qw(root);

$ENV{TZ} = 'CET-1CEST,M3.5.0,M10.5.0/3';

my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1')
    or die "listen: $!\n";
$ENV{RECORDINGS_API} = 'http://127.0.0.1:' . $server->sockport . '/api/';

is(asked('--since', '2026-10-25 02:00'), '2026-10-25T00:00:00Z', 'since');
is(asked('--until', '2026-10-25 02:00'), '2026-10-25T01:00:00Z', 'until');
is(asked('--since', '2026-10-25 02:59:59'), '2026-10-25T00:59:59Z',
   'since its end');
is(asked('--since', '2026-10-25 01:59'), '2026-10-24T23:59:00Z', 'before');
is(asked('--since', '2026-10-25 03:00'), '2026-10-25T02:00:00Z', 'after');
is(asked('--since', '2026-10-25'), '2026-10-24T22:00:00Z', 'since that day');
is(asked('--until', '2026-10-25'), '2026-10-25T22:59:59Z', 'until its end');
is(asked('--since', '2026-07-01 02:00'), '2026-07-01T00:00:00Z', 'in summer');
is(asked('--until', '2026-01-01 02:00'), '2026-01-01T01:00:00Z', 'in winter');
like(asked('--since', '2026-03-29 02:30'), qr/^2026-03-29T0[01]:30:00Z$/,
     'an hour that there is not');

$ENV{TZ} = 'UTC';
is(asked('--since', '2026-10-25 02:00'), '2026-10-25T02:00:00Z',
   'nowhere twice');

done_testing();

# the time that the API is asked for
sub asked {
    my (@filter) = @_;

    my $child = fork // die "fork: $!\n";

    if ($child == 0) {
        close $server;
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec root() . '/src/recordings', 'list', '--json', @filter;
        exit 1;
    }

    my $client = $server->accept;
    my $request = '';
    until ($request =~ /\r\n\r\n.*\}/s) {
        sysread $client, $request, 4096, length $request or last;
    }
    syswrite $client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                      . "Connection: close\r\n\r\n";
    close $client;
    waitpid $child, 0;

    return join ' ', $request =~ /\d{4}-\d\d-\d\dT[\d:]+Z/g;
}
