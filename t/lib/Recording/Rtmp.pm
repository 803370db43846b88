package Recording::Rtmp;

# A raw RTMP client: it sends what no encoder would.
#
#     my $r = Recording::Rtmp->new(port => $t->port);
#     $r->connect(app => 'live?record_type=audio');
#     is($r->publish("a\x01b?key=1"), 'NetStream.Publish.Start');
#     $r->send_flv($flv, rate => 2);
#     $r->delete_stream;
#     $r->close;
#
# Whatever it waits for has a deadline and dies.  A connection that the
# server closed is no error: publish and wait_status return 'closed', and
# sending into it does nothing (closed() tells).

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use Recording::Amf0;
use Recording::Flv;
use Recording::Util qw(slow wait_for);

use constant SIOCOUTQ => 0x5411;

# new(port =>, host =>, timeout =>, chunk => size, keep => 1: payloads of
# received messages stay in {messages})
sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        host => '127.0.0.1', timeout => 30, chunk => 60000, keep => 0,
        %opt, in => '', out => '', in_chunk => 128, out_chunk => 128,
        transaction => 0, streams => {}, results => {}, status => [],
        events => [], messages => [], count => {}, received => 0,
        acked => 0, window => 0,
    }, $class;

    $self->{socket} = IO::Socket::INET->new(
        PeerAddr => $self->{host}, PeerPort => $self->{port},
        Proto => 'tcp', Timeout => slow($self->{timeout}))
        or die "connect to port $self->{port}: $@\n";
    $self->{socket}->blocking(0);

    $self->_handshake;
    return $self;
}

sub closed { return $_[0]{closed} }

# --- bytes

sub _handshake {
    my ($self) = @_;

    my $random = join '', map { chr int rand 256 } 1 .. 1528;
    my $c1 = pack('N N', 1, 0) . $random;

    $self->_put("\x03$c1");
    $self->_until('handshake', sub { length $self->{in} >= 3073 });
    die "handshake: the server closed\n" if length $self->{in} < 3073;

    my $answer = substr $self->{in}, 0, 3073, '';
    $self->_put(substr $answer, 1, 1536);
    $self->{shaken} = 1;
    $self->_flush;
}

sub _put { $_[0]{out} .= $_[1] }

# one turn: writes what the socket takes, reads what there is
sub _turn {
    my ($self, $seconds) = @_;

    return if $self->{closed};

    my $set = IO::Select->new($self->{socket});
    my ($r, $w) = IO::Select->select($set,
        length $self->{out} ? $set : undef, undef, $seconds);

    $self->_read if $r && @$r;
    $self->_write if $w && @$w && !$self->{closed};
}

sub _write {
    my ($self) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $n = syswrite $self->{socket}, $self->{out}, 1 << 18;

    return substr $self->{out}, 0, $n, '' if defined $n;
    $self->_lost if !$!{EAGAIN} && !$!{EINTR} && !$!{EWOULDBLOCK};
}

sub _read {
    my ($self) = @_;

    my $n = sysread $self->{socket}, $self->{in}, 1 << 16,
                    length $self->{in};

    if (!defined $n) {
        $self->_lost if !$!{EAGAIN} && !$!{EINTR} && !$!{EWOULDBLOCK};
        return;
    }

    return $self->_lost if $n == 0;

    $self->{received} += $n;
    return if !$self->{shaken};

    1 while $self->_parse;
    $self->_acknowledge;
}

sub _lost {
    my ($self) = @_;
    $self->{closed} = 1;
    $self->{out} = '';
}

sub _acknowledge {
    my ($self) = @_;

    return if !$self->{window}
              || $self->{received} - $self->{acked} < $self->{window} / 2;

    $self->{acked} = $self->{received};
    $self->send(3, 0, pack('N', $self->{received} & 0xffffffff), 0);
}

# turns until the condition, or until the server closes
sub _until {
    my ($self, $what, $condition, $timeout) = @_;

    my $end = time + slow($timeout || $self->{timeout});

    while (!$condition->() && !$self->{closed}) {
        die "rtmp: no $what within $self->{timeout} s\n" if time > $end;
        $self->_turn(0.05);
    }
}

sub _flush {
    my ($self) = @_;
    $self->_until('room in the socket', sub { !length $self->{out} });
}

# until the server's kernel has all that was sent, even if the server sleeps
sub wait_delivered {
    my ($self) = @_;

    $self->_flush;

    $self->_until('delivery', sub {
        my $queued = pack 'i', 0;
        ioctl $self->{socket}, SIOCOUTQ, $queued or die "SIOCOUTQ: $!\n";
        return !unpack 'i', $queued;
    });

    return $self;
}

# answers pings and reads for a time: pacing, or a client that only listens
sub serve {
    my ($self, $seconds) = @_;

    my $end = time + $seconds;

    while (!$self->{closed} && (my $left = $end - time) > 0) {
        $self->_turn($left < 0.05 ? $left : 0.05);
    }
}

# the same without waiting
sub poll { $_[0]->_turn(0) }

# --- messages out

my %csid = (1 => 2, 2 => 2, 3 => 2, 4 => 2, 5 => 2, 6 => 2,
            8 => 4, 9 => 6, 18 => 5);

# send($type, $timestamp, $payload, $stream_id): any byte, any 32 bit number
sub send {
    my ($self, $type, $ts, $payload, $sid) = @_;

    $sid = $self->{sid} || 0 if !defined $sid;

    my $csid = $csid{$type} || 3;
    my $extended = $ts >= 0xffffff ? pack 'N', $ts & 0xffffffff : '';
    my $short = length $extended ? 0xffffff : $ts;
    my $left = length $payload;

    # always the full header: every timestamp is absolute
    my $out = chr($csid)
        . substr(pack('N', $short), 1) . substr(pack('N', $left), 1)
        . chr($type) . pack('V', $sid) . $extended;

    for (my $at = 0; ; $at += $self->{out_chunk}) {
        $out .= substr $payload, $at, $self->{out_chunk};
        last if $at + $self->{out_chunk} >= $left;
        $out .= chr(0xc0 | $csid) . $extended;
    }

    $self->_put($out);
    $self->_set_sizes($type, $payload);

    return $self if $self->{in_parse};
    $self->{lazy} && length $self->{out} < 1 << 20
        ? $self->_turn(0) : $self->_flush;
    return $self;
}

sub _set_sizes {
    my ($self, $type, $payload) = @_;
    $self->{out_chunk} = unpack 'N', $payload if $type == 1;
}

sub audio { my ($self, $ts, $bytes) = @_; $self->send(8, $ts, $bytes) }
sub video { my ($self, $ts, $bytes) = @_; $self->send(9, $ts, $bytes) }
sub data { my ($self, $ts, $bytes) = @_; $self->send(18, $ts, $bytes) }

sub set_chunk_size {
    my ($self, $size) = @_;
    return $self->send(1, 0, pack('N', $size), 0);
}

sub ping {
    my ($self, $ts) = @_;
    return $self->send(4, 0, pack('n N', 6, $ts || 0), 0);
}

# sends a command; the transaction's number
sub command {
    my ($self, $name, $sid, @arguments) = @_;

    my $n = $name =~ /^(?:publish|play|deleteStream|closeStream)$/
            ? 0 : ++$self->{transaction};
    $self->send(20, 0, Recording::Amf0::encode(
        Recording::Amf0::string($name), $n, @arguments), $sid);

    return $n;
}

# a command and its answer: { ok, values }; undef when the server closed
sub call {
    my ($self, $name, @arguments) = @_;

    my $n = $self->command($name, 0, @arguments);
    $self->_until("answer to $name", sub { $self->{results}{$n} });

    return delete $self->{results}{$n};
}

# connect(app => 'live?query', tcUrl => url (undef: made of the app; '':
# none), other => fields of the command object)
sub connect {
    my ($self, %opt) = @_;

    my $app = $opt{app};
    my $url = defined $opt{tcUrl} ? $opt{tcUrl}
              : "rtmp://$self->{host}:$self->{port}/$app";
    delete @opt{qw(app tcUrl)};

    # nginx-rtmp looks for both in this order, as encoders send them
    my @object = ([ app => Recording::Amf0::string($app) ],
                  [ type => 'nonprivate' ],
                  length $url
                  ? [ tcUrl => Recording::Amf0::string($url) ] : (),
                  map { [ $_ => $opt{$_} ] } sort keys %opt);

    my $answer = $self->call('connect', \@object);
    $self->set_chunk_size($self->{chunk}) if !$self->{closed};

    return $answer && $answer->{ok} ? $answer : undef;
}

sub create_stream {
    my ($self) = @_;

    my $answer = $self->call('createStream', undef) or return;
    $self->{sid} = $answer->{values}[1];

    return $self->{sid};
}

# publish($name, type => 'live'): the code of the server's answer.  The name
# is sent as it is, query and control bytes included.  On the stream that is
# there, or a new one.
sub publish {
    my ($self, $name, %opt) = @_;

    $self->create_stream if !$self->{sid} && !$self->{closed};
    $self->{status} = [];
    $self->command('publish', $self->{sid}, undef,
                   Recording::Amf0::string($name),
                   Recording::Amf0::string($opt{type} || 'live'));

    # a stream that was closed before may still be answered
    return $self->wait_status(qr/^(?!NetStream\.Unpublish)/);
}

sub play {
    my ($self, $name, %opt) = @_;

    $self->create_stream if !$self->{sid} && !$self->{closed};
    $self->{status} = [];
    $self->command('play', $self->{sid}, undef,
                   Recording::Amf0::string($name), -2000);

    # nginx-rtmp says NetStream.Play.Start at once, whether or not there is
    # a publisher
    return $opt{no_wait} ? '' : $self->wait_status(qr/Play\.Start/);
}

sub delete_stream {
    my ($self, $sid) = @_;

    $sid = $self->{sid} if !defined $sid;
    $self->command('deleteStream', 0, undef, $sid);
    $self->{sid} = 0;
    return $self;
}

# the stream stays: another publish may follow on it
sub close_stream {
    my ($self) = @_;
    $self->command('closeStream', $self->{sid}, undef);
    return $self;
}

# --- the end

# an orderly end of the connection
sub close {
    my ($self) = @_;

    $self->_flush if !$self->{closed};
    $self->_lost;
    CORE::close($self->{socket});
    return;
}

# RST, as from a host that went away and came back
sub abort {
    my ($self) = @_;

    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    $self->_lost;
    CORE::close($self->{socket});
    return;
}

# until the server closes; dies at the deadline
sub wait_closed {
    my ($self, $timeout) = @_;

    $self->_until('close by the server', sub { 0 }, $timeout);
    return 1;
}

# --- messages in

# one chunk of the input; true if there was one
sub _parse {
    my ($self) = @_;

    my $in = \$self->{in};
    return 0 if !length $$in;

    my $first = ord $$in;
    my ($format, $csid, $at) = ($first >> 6, $first & 63, 1);

    if ($csid < 2) {
        $at += $csid + 1;
        return 0 if length $$in < $at;
        my ($low, $high) = unpack 'x C C', $$in . "\0";
        $csid = 64 + $low + ($csid ? 256 * $high : 0);
    }

    my $size = (11, 7, 3, 0)[$format];
    return 0 if length $$in < $at + $size;

    my %head = %{ $self->{streams}{$csid} || { data => '' } };
    _header(\%head, $format, substr $$in, $at, $size);
    $at += $size;

    if ($head{extended}) {
        return 0 if length $$in < $at + 4;
        $head{ts} = unpack 'N', substr $$in, $at, 4 if $format == 0;
        $at += 4;
    }

    return $self->_chunk($csid, \%head, $at);
}

# the part of a message behind a chunk's header
sub _chunk {
    my ($self, $csid, $head, $at) = @_;

    my $in = \$self->{in};
    my $take = $head->{length} - length $head->{data};
    $take = $self->{in_chunk} if $take > $self->{in_chunk};
    return 0 if length $$in < $at + $take;

    $head->{data} .= substr $$in, $at, $take;
    substr($$in, 0, $at + $take) = '';
    $self->{streams}{$csid} = $head;

    if (length $head->{data} == $head->{length}) {
        $self->{streams}{$csid} = { %$head, data => '' };
        local $self->{in_parse} = 1;
        $self->_message($head);
    }

    return 1;
}

sub _header {
    my ($head, $format, $bytes) = @_;

    # a chunk without a header in the middle of a message changes nothing
    if ($format == 3) {
        _advance($head) if !length $head->{data};
        return;
    }

    my ($t1, $t2, $l1, $l2, $type) = unpack 'C n C n C',
        $bytes . "\0" x 11;
    my $time = $t1 << 16 | $t2;

    $head->{extended} = $time == 0xffffff;
    @$head{qw(length type)} = ($l1 << 16 | $l2, $type) if $format < 2;

    if ($format == 0) {
        $head->{sid} = unpack 'V', substr $bytes, 7, 4;
        $head->{ts} = $time;
        $head->{delta} = 0;

    } else {
        $head->{delta} = $time;
        _advance($head);
    }
}

sub _advance {
    my ($head) = @_;
    $head->{ts} = ($head->{ts} + ($head->{delta} || 0)) & 0xffffffff;
}

my %handler = (
    1 => sub { $_[0]{in_chunk} = unpack 'N', $_[1]{data} },
    4 => \&_event,
    5 => sub { $_[0]{window} = unpack 'N', $_[1]{data} },
    20 => \&_command,
);

sub _message {
    my ($self, $head) = @_;

    my $type = $head->{type};
    $self->{count}{$type}++;

    if ($self->{keep} && ($type == 8 || $type == 9 || $type == 18)) {
        push @{ $self->{messages} }, { type => $type, ts => $head->{ts},
                                       payload => $head->{data} };
    }

    $handler{$type}->($self, $head) if $handler{$type};
}

# user control: 0 StreamBegin, 1 StreamEOF, 6 ping, 7 its answer
sub _event {
    my ($self, $head) = @_;

    my ($event, $value) = unpack 'n N', $head->{data} . "\0" x 6;
    push @{ $self->{events} }, [ $event, $value ];

    $self->send(4, 0, pack('n N', 7, $value), 0)
        if $event == 6 && !$self->{deaf};
}

sub _command {
    my ($self, $head) = @_;

    my ($name, $n, @values) = Recording::Amf0::decode($head->{data});

    if ($name eq '_result' || $name eq '_error') {
        $self->{results}{$n} = { ok => $name eq '_result',
                                 values => \@values };

    } elsif ($name eq 'onStatus') {
        push @{ $self->{status} }, $values[1];
    }
}

# the code of the next onStatus (that matches); 'closed' if none comes
sub wait_status {
    my ($self, $re) = @_;

    my $found;

    $self->_until('onStatus', sub {
        while (my $status = shift @{ $self->{status} }) {
            my $code = $status->{code} || '';
            next if $re && $code !~ $re;
            $found = $code;
            return 1;
        }
        return 0;
    });

    return defined $found ? $found : 'closed';
}

# a user control event of this kind; its value
sub wait_event {
    my ($self, $event, $timeout) = @_;

    my $value;

    $self->_until("event $event", sub {
        for my $i (0 .. $#{ $self->{events} }) {
            next if $self->{events}[$i][0] != $event;
            $value = (splice @{ $self->{events} }, $i, 1)->[1];
            return 1;
        }
        return 0;
    }, $timeout);

    return $value;
}

# at least n messages of a type (8 audio, 9 video) have arrived
sub wait_messages {
    my ($self, $type, $n, $timeout) = @_;

    $self->_until("$n messages of type $type",
                  sub { ($self->{count}{$type} || 0) >= $n }, $timeout);

    return $self->{count}{$type} || 0;
}

# --- media

# [type, timestamp, payload] of each tag
sub flv_messages {
    my ($file) = @_;

    my $flv = Recording::Flv->read($file, payload => 1);
    return map { [ @$_{qw(type ts payload)} ] } @{ $flv->{tags} };
}

# send_flv($file or [messages], ...): from, to: milliseconds (headers are
# sent in any case); rate => N: N times real time, 0 (the default): as fast
# as the socket takes it; map => sub { [type, ts, payload] from the same, or
# nothing }; metadata => 0: without onMetaData.  The last timestamp sent.
sub send_flv {
    my ($self, $file, %opt) = @_;

    my @messages = ref $file ? @$file : flv_messages($file);
    my ($start, $first, $last) = (time);

    local $self->{lazy} = 1;

    for my $message (@messages) {
        next if !_wanted($message, \%opt);
        $first = $message->[1] if !defined $first && $message->[1];

        $self->_pace($start, $message->[1] - $first, $opt{rate})
            if $opt{rate} && $message->[1];

        my $changed = $opt{map} ? $opt{map}->([ @$message ]) : $message;
        next if !$changed;

        $self->_send_tag(@$changed);
        $last = $changed->[1];
        last if $self->{closed};
    }

    $self->_flush;
    return $last;
}

# send_until($file, $ms, 'what', sub { condition }): the file, of so many ms, again
# and again, until its first true value.  Frames that come before the catalogue
# has answered may be gone.
sub send_until {
    my ($self, $file, $long, $what, $condition) = @_;

    my ($ms, $next) = (0, 0);

    return wait_for($what, 30, sub {
        my $value = $condition->();
        return $value if $value || time < $next;

        $self->send_flv($file, map => sub { $_[0][1] += $ms; $_[0] });
        ($ms, $next) = ($ms + $long, time + 2);
        return 0;
    });
}

sub _wanted {
    my ($message, $opt) = @_;

    my ($type, $ts, $payload) = @$message;

    return !(defined $opt->{metadata} && !$opt->{metadata})
        if $type == 18;

    # sequence headers of H.264 and AAC
    return 1 if $type == 9 && $payload =~ /^.\x00/s
                && (ord($payload) & 15) == 7;
    return 1 if $type == 8 && $payload =~ /^[\xa0-\xaf]\x00/s;

    return 0 if defined $opt->{from} && $ts < $opt->{from};
    return 0 if defined $opt->{to} && $ts >= $opt->{to};
    return 1;
}

sub _pace {
    my ($self, $start, $ms, $rate) = @_;

    my $ahead = $start + $ms / 1000 / $rate - time;

    $ahead > 0 ? $self->serve($ahead) : $self->_turn(0);
}

sub _send_tag {
    my ($self, $type, $ts, $payload) = @_;

    $payload = Recording::Amf0::encode('@setDataFrame') . $payload
        if $type == 18 && $payload =~ /^\x02..onMetaData/s;

    return $self->send($type, $ts, $payload);
}

1;
