package Recording::Fault;

# A proxy before a server of S3 that fails as it is ordered to, and keeps what
# it is asked.
#
#     my $fault = Recording::Fault->new(to => $gateway->port);
#     ... 'http://127.0.0.1:' . $fault->port ...
#     $fault->on('PUT', qr/partNumber=2/, status => 503, code => 'SlowDown',
#                headers => { 'Retry-After' => 2 }, times => 3);
#     $fault->on('', '', hang => 'answer', times => 0);
#     $fault->clear;
#     $fault->down; ... $fault->up;       # nobody listens
#     my @parts = $fault->requests(qr/^PUT .*partNumber/);
#
# With TLS a Recording::Front stands before it.
#
# An order is for requests of a method ('': any) whose target matches; the first
# order that does is carried out, the next ones wait.  How often: times (1; 0 is
# for ever), after so many that match: skip.  What:
#
#   status, code       an answer of its own, with <Error> in it if there is a
#                      code; nothing is passed on.  early => 1: before the body
#                      has been read.  body => 'text': instead of <Error>
#   reset => N         passes on N bytes of the body, and the connection is lost
#   lost => 1          passes on all; the connection is lost, with the answer
#   hang => N          reads N bytes of the body, and nothing happens any more
#   hang => 'answer'   passes on all; the answer never comes
#   rate => N          the body is read with so many bytes a second
#   delay => N         the answer comes so many seconds later
#   headers => {}      of the answer, its own or the server's, set or changed,
#                      or left out: undef
#   late => N          the answer's Date is so many seconds off
#
# and unequal => 1: only if it is about an upload whose parts are not of one
# size, the last one apart, which some servers do not complete.  condition => 1:
# only if it is to make an object where there is none.
#
# Host and all else that is signed is passed on as it is.  A request that was
# kept has method, target, headers (lower case), length, got (bytes of its body
# that were read), connection, start, end (time), status (undef: no answer), and
# did, what was done to it.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::XS ();
use List::Util qw(min);
use POSIX qw(EAGAIN EINTR strftime);
use Socket qw(SOL_SOCKET SO_LINGER SOMAXCONN);
use Time::HiRes qw(time);

use Recording::Port qw(free_port);
use Recording::Process;
use Recording::Util qw(root slurp wait_for);

# latin1: what is kept are bytes
my $json = JSON::XS->new->canonical->latin1;

# new(to => the server's port, port)
sub new {
    my ($class, %opt) = @_;

    my $self = bless { port => free_port(), %opt, owner => $$ }, $class;

    $self->{tmp} = File::Temp->newdir('recording-fault-XXXXXX', TMPDIR => 1);
    $self->{process} = Recording::Process->spawn(
        name => 'fault proxy', err => "$self->{tmp}/err",
        cmd => [ $^X, '-I', root() . '/t/lib', '-MRecording::Fault', '-e',
                 'Recording::Fault::serve(@ARGV)', @{$self}{qw(port to)},
                 "$self->{tmp}/control" ]);

    # the proxy ends when this is closed, with the test
    $self->{control} = wait_for('fault proxy', 20, sub {
        return IO::Socket::UNIX->new(Peer => "$self->{tmp}/control");
    }, sub { slurp("$self->{tmp}/err") });

    return $self;
}

sub port { return $_[0]{port} }

sub on {
    my ($self, $method, $match, %what) = @_;

    return $self->_order(do => 'on', order => {
        times => 1, skip => 0, %what, method => $method,
        match => "$match" });
}

sub clear { return $_[0]->_order(do => 'clear') }
sub down { return $_[0]->_order(do => 'down') }
sub up { return $_[0]->_order(do => 'up') }

# what it was asked: "METHOD target" matches
sub requests {
    my ($self, $match) = @_;

    $self->_order(do => 'requests') if $self->{control};

    my @all = @{ $self->{answer}{requests} };
    return @all = grep { !defined $match
                         || "$_->{method} $_->{target}" =~ $match } @all;
}

# the connections that are there now
sub connections {
    my ($self) = @_;
    return $self->_order(do => 'requests')->{answer}{connections};
}

sub _order {
    my ($self, %order) = @_;

    local $SIG{PIPE} = 'IGNORE';
    syswrite $self->{control}, $json->encode(\%order) . "\n";
    my $line = readline $self->{control};
    die "the fault proxy has ended: " . slurp("$self->{tmp}/err") . "\n"
        if !defined $line;

    $self->{answer} = $json->decode($line);
    return $self;
}

sub stop {
    my ($self) = @_;

    return $self if !$self->{process};
    $self->_order(do => 'requests');
    close delete $self->{control};
    (delete $self->{process})->stop;
    return $self;
}

sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;
    local ($?, $@, $!);
    eval { $self->stop };
    return;
}

# --- in the process: a loop over all sockets

use constant { SOME => 65536, MUCH => 262144 };

my ($port, $to, $listen, $control, $test, $orders);
my (@orders, @requests, %connection);
my $count = 0;

sub serve {
    ($port, $to, my $path) = @_;

    $SIG{PIPE} = 'IGNORE';
    _up();
    $control = IO::Socket::UNIX->new(Local => $path, Listen => 1)
        or die "$path: $!";
    $test = $control->accept or die "accept: $!";
    $orders = '';

    while (1) {
        my ($readable, $writable) = _wait();

        _write(@$_) for _those($writable);
        _orders() if grep { $_ == $test } @$readable;
        _accept() if $listen && grep { $_ == $listen } @$readable;
        _read(@$_) for _those($readable);
        _late($_) for values %connection;
    }
}

sub _wait {
    my $readers = IO::Select->new($test, $listen || ());
    my $writers = IO::Select->new;
    my $soon = 0;

    for my $c (values %connection) {
        $readers->add($c->{client}) if _wants($c);
        $readers->add($c->{server})
            if $c->{server} && length $c->{to_client} < MUCH;
        $writers->add($c->{client}) if length $c->{to_client} && !$c->{until};
        $writers->add($c->{server}) if $c->{server} && length $c->{to_server};
        $soon = 1 if $c->{rate} || $c->{until};
    }

    my ($r, $w) = IO::Select->select($readers, $writers, undef,
                                     $soon ? 0.02 : undef);
    return ($r || [], $w || []);
}

# connection and side of sockets
sub _those {
    my ($sockets) = @_;

    my %is = map { fileno($_) => 1 } grep { defined fileno $_ } @$sockets;
    my @those;

    for my $c (values %connection) {
        push @those, map { [ $c, $_ ] }
                     grep { $c->{$_} && $is{ fileno $c->{$_} } }
                     qw(server client);
    }

    return @those;
}

# --- what the test orders

sub _orders {
    sysread($test, $orders, SOME, length $orders) or _exit();

    while ($orders =~ s/^(.*)\n//) {
        my $order = $json->decode($1);
        my %answer;

        push @orders, $order->{order} if $order->{do} eq 'on';
        @orders = () if $order->{do} eq 'clear';
        _up() if $order->{do} eq 'up';
        _down() if $order->{do} eq 'down';
        %answer = (requests => \@requests, connections => scalar %connection)
            if $order->{do} eq 'requests';

        $test->blocking(1);
        print {$test} $json->encode(\%answer) . "\n";
        $test->flush;
    }

    return;
}

# no trace of it is left, whatever ended the test
sub _exit {
    remove_tree(dirname($control->hostpath), { safe => 0 });
    exit 0;
}

sub _up {
    $listen ||= IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => SOMAXCONN, ReuseAddr => 1)
        or die "listen on $port: $@";
    return;
}

sub _down {
    close $listen if $listen;
    undef $listen;
    _lose($_) for values %connection;
    return;
}

# the first one that is for this request
sub _chosen {
    my ($method, $target, $headers) = @_;

    for my $order (@orders) {
        next if $order->{spent}
                || length $order->{method} && $order->{method} ne $method
                || $target !~ /(?:$order->{match})/
                || $order->{unequal} && !_unequal($target)
                || $order->{condition} && !$headers->{'if-none-match'};
        next if $order->{skip}-- > 0;

        $order->{spent} = 1 if $order->{times} && --$order->{times} == 0;
        return $order;
    }

    return {};
}

# whether the upload of this target has parts of other sizes than the first one
sub _unequal {
    my ($target) = @_;

    my ($upload) = $target =~ /uploadId=([^&]+)/ or return 0;
    my %size;

    for (grep { $_->{method} eq 'PUT' && ($_->{status} || 0) == 200 }
         @requests)
    {
        $size{$1} = $_->{length}
            if $_->{target} =~ /partNumber=(\d+)&uploadId=\Q$upload\E/;
    }

    my @numbers = sort { $a <=> $b } keys %size;
    my $last = pop @numbers;
    return grep { $size{$_} != $size{ $numbers[0] } } @numbers;
}

# --- sockets

sub _accept {
    my $client = $listen->accept or return;

    $client->blocking(0);
    $count++;
    $connection{$count} = { number => $count, client => $client,
        state => 'head', in => '', to_client => '', to_server => '',
        from => '' };
    return;
}

sub _server {
    my ($c) = @_;

    return 1 if $c->{server};

    $c->{from} = '';
    $c->{server} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $to);
    $c->{server}->blocking(0) if $c->{server};
    return $c->{server};
}

# whether the client may send
sub _wants {
    my ($c) = @_;

    return 0 if $c->{leaves} || $c->{hangs} && $c->{left};
    return length $c->{in} < SOME if $c->{state} ne 'body';
    return 0 if length $c->{to_server} > MUCH;
    return !$c->{rate} || _allowed($c) && !length $c->{in};
}

# how many bytes of a body may be read by now
sub _allowed {
    my ($c) = @_;

    return SOME if !$c->{rate};
    my $n = $c->{rate} * (time - $c->{request}{start}) - $c->{request}{got};
    return $n < 1 ? 0 : min(SOME, int $n);
}

sub _read {
    my ($c, $side) = @_;

    # it may have gone, by what was done a moment ago
    return if !$connection{ $c->{number} } || !$c->{$side};

    my $most = $side eq 'client' && $c->{state} eq 'body' ? _allowed($c) : SOME;
    my $into = $side eq 'client' ? 'in' : 'from';
    my $n = sysread $c->{$side}, $c->{$into}, $most, length $c->{$into};

    return if !defined $n && ($! == EAGAIN || $! == EINTR);
    return _gone($c, $side) if !$n;

    $side eq 'client' ? _asked($c) : _answered($c);
    return;
}

sub _write {
    my ($c, $side) = @_;

    return if !$connection{ $c->{number} } || !$c->{$side};

    my $n = syswrite $c->{$side}, $c->{"to_$side"}, SOME;
    return if !defined $n && ($! == EAGAIN || $! == EINTR);
    return $side eq 'client' ? _close($c) : _deaf($c) if !$n;

    substr($c->{"to_$side"}, 0, $n) = '';
    _close($c) if $c->{leaves} && !length $c->{to_client};
    return;
}

sub _gone {
    my ($c, $side) = @_;

    return _close($c) if $side eq 'client';

    # an answer may end so, and one that came early may have been the last
    close delete $c->{server};
    $c->{to_server} = '';
    return if $c->{state} eq 'head' || $c->{answered};
    return _end($c) if $c->{open};

    $c->{leaves} = 1;
    _close($c) if !length $c->{to_client};
    return;
}

# a server that reads no more may have answered
sub _deaf {
    my ($c) = @_;

    $c->{to_server} = '';
    $c->{drops} = 1;
    return;
}

sub _close {
    my ($c) = @_;

    close $c->{$_} for grep { $c->{$_} } qw(client server);
    $c->{request}{end} ||= time if $c->{request};
    delete $connection{ $c->{number} };
    return;
}

sub _lose {
    my ($c) = @_;

    setsockopt $c->{client}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    return _close($c);
}

# what waited for its time goes
sub _late {
    my ($c) = @_;
    delete $c->{until} if $c->{until} && $c->{until} <= time;
    _asked($c) if $c->{rate} && $c->{state} eq 'body';
    return;
}

# --- requests

sub _asked {
    my ($c) = @_;

    while ($connection{ $c->{number} } && !$c->{hangs}) {
        if ($c->{state} eq 'head') {
            $c->{in} =~ s/^(.*?\r\n)\r\n//s or return;
            _request($c, $1);

        } elsif ($c->{state} eq 'body'
                 && (!$c->{left} || length $c->{in} && _allowed($c)))
        {
            _body($c);

        } else {
            return;
        }
    }

    return;
}

sub _request {
    my ($c, $head) = @_;

    my ($method, $target) = $head =~ /^(\S+) (\S+) HTTP/
        or return _lose($c);
    my %headers = map { /^([^:]+):[ \t]*(.*?)\r?$/ ? (lc $1, $2) : () }
                  split /\n/, $head;
    my $order = $c->{order} = _chosen($method, $target, \%headers);
    my ($did) = grep { defined $order->{$_} }
                qw(status reset lost hang rate delay headers late);

    push @requests, $c->{request} = { method => $method, target => $target,
        headers => \%headers, length => $headers{'content-length'} || 0,
        got => 0, connection => $c->{number}, start => time,
        did => $did || '' };

    $c->{left} = $c->{request}{length};
    $c->{rate} = $order->{rate};
    $c->{state} = 'body';
    $c->{drops} = $order->{status} || !_server($c);
    delete @{$c}{qw(answered open until delayed)};

    $c->{to_server} .= "$head\r\n" if !$c->{drops};
    return _own($c) if $order->{status}
                       && ($order->{early} || $headers{expect});

    # the server cannot be reached
    _lose($c) if $c->{drops} && !$order->{status};
    return;
}

sub _body {
    my ($c) = @_;

    my $order = $c->{order};
    my $stop = $order->{reset} // $order->{hang};
    undef $stop if defined $stop && $stop eq 'answer';

    my $n = min($c->{left}, length $c->{in}, _allowed($c));
    $n = min($n, $stop - $c->{request}{got}) if defined $stop;

    my $some = substr $c->{in}, 0, $n, '';
    $c->{request}{got} += $n;
    $c->{left} -= $n;
    $c->{to_server} .= $some if !$c->{drops} && $c->{server};

    if (defined $stop && ($c->{request}{got} >= $stop || !$c->{left})) {
        _flush($c) if $c->{request}{got};
        return _lose($c) if defined $order->{reset};
        $c->{hangs} = 1;
        return;
    }

    return if $c->{left};
    return $c->{state} = 'head' if $c->{answered};

    $c->{state} = 'answer';
    _own($c) if $order->{status};
    return;
}

# what was read before the end of a connection is passed on
sub _flush {
    my ($c) = @_;

    return if !$c->{server};
    $c->{server}->blocking(1);

    while (length $c->{to_server}) {
        my $n = syswrite $c->{server}, $c->{to_server} or last;
        substr($c->{to_server}, 0, $n) = '';
    }

    $c->{server}->blocking(0);
    return;
}

# --- answers

# one that is not the server's
sub _own {
    my ($c) = @_;

    my $order = $c->{order};
    my $status = $order->{status};
    my $text = $order->{body} // '';

    # a server that has begun with 200 says spaces while it works
    $text = qq{<?xml version="1.0" encoding="UTF-8"?>\n}
        . ($status == 200 ? ' ' x 20 . "\n" : '')
        . "<Error><Code>$order->{code}</Code><Message>by order</Message>"
        . '<RequestId>FAULT</RequestId></Error>' if defined $order->{code};

    my %headers = ('Content-Length' => length $text,
                   'Content-Type' => 'application/xml');
    $text = '' if $c->{request}{method} eq 'HEAD';

    _pass($c, _changed($order, "HTTP/1.1 $status By Order\r\nDate: "
        . _date(0) . "\r\n" . join('', map { "$_: $headers{$_}\r\n" }
                                       sort keys %headers)), $text);
    $c->{request}{status} = $status;
    return _end($c);
}

sub _date {
    my ($late) = @_;
    return strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime time + $late);
}

# a head with headers as they are ordered
sub _changed {
    my ($order, $head) = @_;

    my %set = %{ $order->{headers} || {} };
    $set{Date} = _date($order->{late}) if $order->{late};

    for my $name (sort keys %set) {
        $head =~ s/^\Q$name\E:.*\n//mi;
        $head .= "$name: $set{$name}\r\n" if defined $set{$name};
    }

    return "$head\r\n";
}

sub _pass {
    my ($c, @text) = @_;

    my $order = $c->{order};
    return if $order->{lost} || $order->{hang};

    $c->{until} = time + $order->{delay}
        if $order->{delay} && !$c->{delayed}++;
    $c->{to_client} .= join '', @text;
    return;
}

# what the server says
sub _answered {
    my ($c) = @_;

    return $c->{from} = '' if !$c->{request} || $c->{answered};

    while (!$c->{request}{status} || $c->{request}{status} < 200) {
        $c->{from} =~ s/^(HTTP\/1\.[01] (\d+).*?\r\n)\r\n//s or return;
        _head($c, $1, $2);
    }

    my $some = $c->{open} ? $c->{from}
        : substr $c->{from}, 0, $c->{more} // length $c->{from};
    substr($c->{from}, 0, length $some) = '';
    _pass($c, $some);

    if (defined $c->{more}) {
        $c->{more} -= length $some;
        return 0 if $c->{more};

        # what comes behind the answer is the server's error, not this one's
        _pass($c, $c->{from});
        $c->{from} = '';
        return _end($c);
    }

    # chunks, of a server that sends no trailer
    $c->{last} = substr(($c->{last} // '') . $some, -7);
    return $c->{last} =~ /(?:^|\r\n)0\r\n\r\n$/ && !$c->{open} && _end($c);
}

sub _head {
    my ($c, $head, $status) = @_;

    $c->{request}{status} = $status;
    return _pass($c, "$head\r\n") if $status < 200;

    my ($length) = $head =~ /^Content-Length:\s*(\d+)/mi;
    my $none = $c->{request}{method} eq 'HEAD' || $status =~ /^(?:204|304)$/;

    $c->{more} = $none ? 0 : $length;
    $c->{open} = !$none && !defined $length
        && $head !~ /^Transfer-Encoding:\s*chunked/mi;
    $c->{last} = '';
    $c->{says_close} = $head =~ /^Connection:\s*close/mi;

    return _pass($c, _changed($c->{order}, $head));
}

# the answer is whole
sub _end {
    my ($c) = @_;

    $c->{request}{end} = time;
    $c->{answered} = 1;
    return _lose($c) if $c->{order}{lost};

    if ($c->{order}{hang}) {
        $c->{hangs} = 1;
        return;
    }

    if ($c->{open} || delete $c->{says_close}) {
        $c->{leaves} = 1;
        _close($c) if !length $c->{to_client};
        return;
    }

    return if $c->{state} eq 'body';
    $c->{state} = 'head';
    return _asked($c);
}

1;
