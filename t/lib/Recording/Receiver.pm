package Recording::Receiver;

# An HTTP server that answers as servers do and as they should not, with and
# without TLS, and a name server: each a process with one more for each
# connection.
#
#     my $http = Recording::Receiver->http(port => $t->port(1));
#     my $https = Recording::Receiver->http(port => $t->port(2),
#         certificate => 'server.pem', key => 'server.key');
#     my $dns = Recording::Receiver->dns(port => $t->port(3),
#         names => { 'two.test' => ['127.0.0.2', '127.0.0.1'] });
#     ... $http->requests
#
# What is answered is chosen by the path, see the functions answer_*.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Handle;
use IO::Select;
use IO::Socket::IP;
use JSON::XS ();
use Socket qw(AF_INET AF_INET6 IPPROTO_TCP SOL_SOCKET SO_LINGER SOMAXCONN
              TCP_NODELAY inet_pton);
use Time::HiRes qw(sleep time);

use Recording::Process;
use Recording::Util qw(root slurp wait_for);

my $count = 0;

# http(port, address, certificate, key, dir, silent: a peer that says nothing,
#      full: it accepts nothing)
sub http { return _spawn('http', @_) }

# dns(port, names => { name => [addresses] }): the name "hang." has no answer,
# "moves." has one address after the other
sub dns { return _spawn('dns', @_) }

sub _spawn {
    my ($what, $class, %opt) = @_;

    # the UDP port of 127.0.0.1 is the lock of its TCP port
    $opt{address} ||= $what eq 'dns' ? '127.0.0.53' : '127.0.0.1';
    $opt{tmp} = File::Temp->newdir('recording-receiver-XXXXXX', TMPDIR => 1);
    $opt{log} = "$opt{tmp}/log";
    $opt{up} = "$opt{tmp}/up";

    my $self = bless { %opt }, $class;
    delete $opt{tmp};

    $self->{process} = Recording::Process->spawn(
        name => "receiver $what", err => "$self->{tmp}/err",
        cmd => [ $^X, '-I', root() . '/t/lib', '-MRecording::Receiver', '-e',
                 'Recording::Receiver->serve(@ARGV)', $what,
                 JSON::XS->new->canonical->encode(\%opt) ]);

    wait_for("receiver on port $opt{port}", 10, sub { -e $self->{up} },
             sub { slurp("$self->{tmp}/err") });

    return $self;
}

sub stop {
    my ($self) = @_;
    $self->{process}->stop;
    return $self;
}

# its processes go with it, also when the test dies
sub DESTROY {
    my ($self) = @_;
    return if !$self->{process};
    local ($?, $@, $!);
    eval { $self->stop };
    return;
}

# what was asked, a line each: connection, its request, method, URI, length
sub requests {
    my ($self) = @_;
    my @lines = -e $self->{log} ? split(/\n/, slurp($self->{log})) : ();
    return @lines;
}

# --- in the process

my (%opt, $tls, $moved);

sub serve {
    my ($class, $what, $json) = @_;

    %opt = %{ JSON::XS->new->decode($json) };
    setpgrp;
    $SIG{TERM} = sub { $SIG{TERM} = 'IGNORE'; kill TERM => -$$; exit 0 };
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    return $what eq 'dns' ? _serve_dns() : _serve_http();
}

sub _up {
    open my $fh, '>', $opt{up} or die "$opt{up}: $!";
    return;
}

sub _log {
    open my $fh, '>>', $opt{log} or die "$opt{log}: $!";
    syswrite $fh, "@_\n";
    return;
}

sub _serve_http {
    my $listen = IO::Socket::IP->new(LocalHost => $opt{address},
        LocalPort => $opt{port}, Listen => $opt{full} ? 1 : SOMAXCONN,
        ReuseAddr => 1) or die "listen on $opt{address}: $@";
    my @filling = $opt{full} ? _fill() : ();

    $tls = _tls() if $opt{certificate};
    _up();

    while (1) {
        sleep 3600 if $opt{full};
        my $socket = $listen->accept or next;
        $count++;

        my $pid = fork;
        next if $pid;

        $SIG{TERM} = 'DEFAULT';
        close $listen;
        sleep 3600 if $opt{silent};
        eval { _connection($socket) };
        print STDERR $@ if $@;
        exit 0;
    }
}

# for all connections, so that a ticket of one is good for the next
sub _tls {
    require IO::Socket::SSL;
    return IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
        SSL_cert_file => $opt{certificate}, SSL_key_file => $opt{key},
        SSL_version => $opt{version} || 'SSLv23',
        SSL_session_id_context => 'receiver') || die 'no TLS';
}

# connections that nobody accepts, until there is no room for more
sub _fill {
    my @sockets;

    for (1 .. 16) {
        my $socket = IO::Socket::IP->new(PeerHost => $opt{address},
            PeerPort => $opt{port}, Blocking => 0, Timeout => 0.1) or next;
        push @sockets, $socket;
    }

    return @sockets;
}

sub _connection {
    my ($socket) = @_;

    # what was said before a reset has been sent by then
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;

    if ($opt{certificate}) {
        $socket = IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
                                             SSL_reuse_ctx => $tls);

        if (!$socket) {
            _log($count, 0, 'TLS', 'failed', 0);
            return;
        }
    }

    my $requests = 0;
    my $buffer = '';

    while (my $request = _request($socket, \$buffer, $requests + 1)) {
        $requests++;
        my ($name) = $request->{uri} =~ m{^/(\w+)};
        my $function = __PACKAGE__->can('answer_' . ($name || ''))
                       || \&answer_ok;
        last if !$function->($socket, $request, $requests);
    }

    close $socket;
    return;
}

# a request with its body; for some paths only its head
sub _request {
    my ($socket, $buffer, $n) = @_;

    while ($$buffer !~ /\r\n\r\n/) {
        sysread($socket, $$buffer, 65536, length $$buffer) or return;

        return _say($socket, "HTTP/1.1 400 Bad Request\r\n\r\n") && undef
            if $$buffer !~ /^[A-Z]/;
    }

    my ($head, $rest) = split /\r\n\r\n/, $$buffer, 2;
    my ($method, $uri) = $head =~ /^(\S+) (\S+) HTTP\/1\.1\r?\n?/ or return;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    my %request = (method => $method, uri => $uri, head => $head);

    if ($uri !~ m{^/(?:early|shut|deaf|lazy|refuse)}
        && !($uri =~ m{^/cut} && $n > 1))
    {
        while (length $rest < ($length || 0)) {
            sysread($socket, $rest, 262144, length $rest) or return;
        }
    }

    my $reused = $opt{certificate} ? $socket->get_session_reused : 0;
    $request{body} = substr $rest, 0, $length || 0, '';
    $$buffer = $rest;
    _log($count, $n, $method, $uri, length $request{body}, $reused || 0);

    return \%request;
}

sub _say {
    my ($socket, @text) = @_;

    my $text = join '', @text;

    while (length $text) {
        my $n = syswrite $socket, $text;
        return 0 if !$n;
        substr($text, 0, $n) = '';
    }

    return 1;
}

# the end of a test is the end of this
sub _hang { sleep 3600; return 0 }

sub _reset {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    return 0;
}

# --- answers: true if another request may follow

sub answer_ok {
    my ($socket, $request) = @_;
    my $body = $request->{method} eq 'HEAD' ? '' : 'hello';
    return _say($socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                $body);
}

sub answer_echo {
    my ($socket, $request) = @_;
    my $text = "$request->{head}|$request->{body}" =~ s/\r\n/|/gr;
    return _say($socket, "HTTP/1.1 200 OK\r\nContent-Length: ",
                length $text, "\r\n\r\n$text");
}

# what has come, in few bytes
sub answer_sum {
    my ($socket, $request) = @_;
    my $text = length($request->{body}) . ' ' . md5_hex($request->{body});
    return _say($socket, "HTTP/1.1 200 OK\r\nContent-Length: ",
                length $text, "\r\n\r\n$text");
}

# a connection that is closed within its second request
sub answer_cut {
    my ($socket, $request, $n) = @_;
    return answer_sum($socket, $request) if $n == 1;
    sleep 0.1;
    return _reset($socket);
}

sub answer_status {
    my ($socket, $request) = @_;
    my ($status) = $request->{uri} =~ /(\d+)/;
    my $body = $status =~ /^(?:204|304)$/ ? ''
        : "Content-Length: 2\r\n";
    return _say($socket, "HTTP/1.1 $status Text\r\n$body\r\n",
                $body ? 'no' : '');
}

sub answer_chunked {
    my ($socket, $request) = @_;
    my $text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-After: 1\r\n\r\n";

    return _say($socket, $text) if $request->{uri} !~ /slow/;
    _say($socket, $_), sleep 0.003 for split //, $text;
    return 1;
}

# HEAD has no body, but its last chunk, which comes when more is asked
sub answer_stray {
    my ($socket, $request, $n) = @_;
    return _say($socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                . "\r\n") if $request->{method} eq 'HEAD';
    _say($socket, "0\r\n\r\n") if $n > 1;
    return answer_ok($socket, $request);
}

sub answer_until {
    my ($socket) = @_;
    _say($socket, "HTTP/1.1 200 OK\r\n\r\nto the end");
    return 0;
}

sub answer_close {
    my ($socket) = @_;
    _say($socket, "HTTP/1.1 200 OK\r\nConnection: close\r\n"
         . "Content-Length: 3\r\n\r\nbye");
    sleep 0.3;
    return 0;
}

sub answer_continue {
    my ($socket) = @_;
    return _say($socket, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n"
        . "Content-Length: 7\r\nLink: x\r\n\r\n"
        . "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
}

# one answer a connection, though it says nothing of that: now or later
sub answer_once {
    my ($socket, $request, $n) = @_;
    return 0 if $n > 1;
    return answer_ok($socket, $request);
}

# kept for a moment only
sub answer_drop {
    my ($socket, $request) = @_;
    answer_ok($socket, $request);
    sleep 0.2;
    return 0;
}

sub answer_slow {
    my ($socket, $request) = @_;
    sleep 0.4;
    return answer_ok($socket, $request);
}

# the refusal of a body that is not read
sub answer_early {
    my ($socket, $request) = @_;
    sleep 0.3 if $request->{uri} =~ /later/;
    _say($socket, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    sleep 5 if $request->{uri} =~ /wait/;
    return _hang() if $request->{uri} =~ /hang/;
    return $request->{uri} =~ /reset/ ? _reset($socket) : 0;
}

# a refusal whose reason comes later, of one who reads the body on and on
sub answer_refuse {
    my ($socket) = @_;

    _say($socket, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n");
    my $end = time + 1;
    my $select = IO::Select->new($socket);

    # a record of TLS may come in part, and never its rest
    $socket->blocking(0);

    while (time < $end) {
        sysread $socket, my $some, 65536 if $select->can_read(0.1);
    }

    $socket->blocking(1);
    _say($socket, 'no');
    1 while sysread $socket, my $some, 65536;
    return 0;
}

# a success, though nothing of the body was read
sub answer_lazy {
    my ($socket) = @_;
    _say($socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    sleep 1;
    return 0;
}

# no answer, and nothing of the body was read
sub answer_shut { return 0 }

sub answer_deaf { return _hang() }
sub answer_hang { return _hang() }

sub answer_half {
    my ($socket, $request) = @_;
    _say($socket, $request->{uri} =~ /head/ ? "HTTP/1.1 200 OK\r\nContent-Le"
         : "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    return $request->{uri} =~ /hang/ ? _hang() : 0;
}

sub answer_none { return 0 }

sub answer_reset {
    my ($socket) = @_;
    return _reset($socket);
}

sub answer_garbage {
    my ($socket) = @_;
    return _say($socket, "\x15\x03\x01\x00\x02\x02 SSH-2.0-x\r\n\r\n");
}

sub answer_more {
    my ($socket) = @_;
    return _say($socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                . "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
}

sub answer_headers {
    my ($socket, $request) = @_;
    my $line = $request->{uri} =~ /one/ ? 'x' x 1000
        : $request->{uri} =~ /many/ ? "X: y\r\n" x 10
        : 'X-' . ('y' x 100) . ": z\r\n";
    _say($socket, "HTTP/1.1 200 OK\r\n");
    1 while _say($socket, $line);
    return 0;
}

sub answer_body {
    my ($socket, $request) = @_;
    my $chunked = $request->{uri} =~ /chunked/;
    _say($socket, "HTTP/1.1 200 OK\r\n", $chunked
         ? "Transfer-Encoding: chunked\r\n" : '', "\r\n");
    1 while _say($socket, $chunked ? "2000\r\n" . ('x' x 8192) . "\r\n"
                                   : 'x' x 8192);
    return 0;
}

sub answer_trailers {
    my ($socket) = @_;
    _say($socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         . "0\r\n");
    1 while _say($socket, "X: y\r\n" x 100);
    return 0;
}

sub answer_long {
    my ($socket) = @_;
    return _say($socket, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n",
                'y' x 200000);
}

# --- DNS

sub _serve_dns {
    my $socket = IO::Socket::IP->new(LocalHost => $opt{address},
        LocalPort => $opt{port}, Proto => 'udp') or die "dns: $@";
    _up();

    while (1) {
        my $from = $socket->recv(my $query, 512) // next;
        my $answer = _dns_answer($query);
        $socket->send($answer, 0, $from) if $answer;
    }
}

sub _dns_answer {
    my ($query) = @_;

    my ($id) = unpack 'n', $query;
    my ($at, @labels) = (12);

    while (my $length = ord substr $query, $at, 1) {
        push @labels, substr $query, $at + 1, $length;
        $at += 1 + $length;
    }

    my $name = join '.', @labels;
    my $type = unpack 'n', substr $query, $at + 1, 2;
    my $question = substr $query, 12, $at + 5 - 12;

    _log('dns', $name, $type);
    return if $name =~ /^hang/;

    my @addresses = @{ $opt{names}{$name} || [] };
    @addresses = $addresses[ $type == 1 ? $moved++ : 0 ] // $addresses[-1]
        if $name =~ /^moves/;
    my @found = map { inet_pton($type == 28 ? AF_INET6 : AF_INET, $_) }
                grep { (/:/ ? 28 : 1) == $type } @addresses;

    return pack('n6', $id, @addresses ? 0x8180 : 0x8183, 1, scalar @found,
                0, 0)
        . $question
        . join '', map { pack('n3 N n', 0xc00c, $type, 1, 1, length) . $_ }
                   @found;
}

1;
