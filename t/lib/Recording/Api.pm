package Recording::Api;

# Calls of the API over raw connections, so that a test can send whatever it
# likes.
#
#     my $api = Recording::Api->new(port => $port);
#     $api->call('DescribeStore');                   # Response, as data
#     $api->call('SearchMedia', { Limit => 1 }, key => ['id', 'secret']);
#     $api->code('Nothing');                         # Error's Code, or ''
#     $api->raw("POST /api/ HTTP/1.1\r\n...");       # status, headers, body

use strict;
use warnings;

use IO::Socket::INET;
use JSON::XS ();
use Time::HiRes qw(sleep);

use Recording::TC3 qw(authorization);
use Recording::Util qw(within);

my $not_yet = 'ResourceUnavailable.InvalidVodStatus';

my %version = map { $_ => '2018-07-17' }
                  qw(SearchMedia DescribeMediaInfos ModifyMediaInfo DeleteMedia
                     EditMedia DescribeTaskDetail DescribeTasks);
my $json = JSON::XS->new->utf8->canonical;

sub new {
    my ($class, %opt) = @_;

    return bless { host => '127.0.0.1', path => '/api/', %opt }, $class;
}

# the cloud's actions have one; of those of live all the same
sub version {
    my ($action) = @_;

    my $version = $version{$action}
        || ($action =~ /Live|RecordTask$/ ? '2018-08-01' : '');
    return $version ? ('X-TC-Version' => $version) : ();
}

# what is sent; with headers => { name => value, or undef for none }
sub request {
    my ($self, $action, $params, %opt) = @_;

    my $body = $opt{body} // $json->encode($params || {});
    my $host = $opt{host} // "127.0.0.1:$self->{port}";
    my %header = (Host => $host, 'Content-Type' => 'application/json',
                  'Content-Length' => length $body, Connection => 'close',
                  defined $action ? ('X-TC-Action' => $action) : (),
                  version($action // ''));

    if ($opt{key}) {
        my $time = $opt{time} // time;
        $header{'X-TC-Timestamp'} = $time;
        $header{Authorization} = authorization(id => $opt{key}[0],
            secret => $opt{key}[1], host => $opt{signed} // $host,
            body => $body, time => $time, service => $opt{service},
            path => $opt{path});
    }

    %header = (%header, %{ $opt{headers} || {} });
    my $method = $opt{method} // 'POST';
    my $version = $opt{http} // '1.1';

    return "$method $self->{path} HTTP/$version\r\n"
           . join('', map { "$_: $header{$_}\r\n" }
                      grep { defined $header{$_} } sort keys %header)
           . "\r\n$body";
}

# status, headers as text, body
sub raw {
    my ($self, $text) = @_;

    my $socket = $self->connection;
    local $SIG{PIPE} = 'IGNORE';
    print $socket $text;

    my $answer = do { local $/; <$socket> } // '';
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{^HTTP/1\.[01] (\d+)};

    return ($status, $head, $body);
}

sub connection {
    my ($self) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => $self->{host},
                                       PeerPort => $self->{port},
                                       Timeout => 10)
        or die "connect to $self->{host}:$self->{port}: $!\n";
    $socket->autoflush(1);
    return $socket;
}

# the Response; dies if it is not what it always has to be
# A worker whose store is not open yet is asked again, as a client would; not
# with new(once => 1).
sub call {
    my ($self, @args) = @_;

    my $end = time + within(30);
    my $response;

    do {
        sleep 0.1 if $response;
        $response = $self->_call(@args);
    } while (!$self->{once} && time < $end && $response->{Error}
             && $response->{Error}{Code} eq $not_yet);

    return $response;
}

sub _call {
    my ($self, @args) = @_;

    my ($status, $head, $body) = $self->raw($self->request(@args));

    die "no answer\n" if !defined $status;
    die "status $status\n" if $status != 200;
    die "not JSON: $head\n" if $head !~ m{^Content-Type: application/json}mi;

    my $response = $json->decode($body)->{Response};
    die "no RequestId: $body\n" if $response->{RequestId}
        !~ /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

    return $response;
}

# the code of the error, or an empty string
sub code {
    my ($self, @args) = @_;

    my $response = $self->call(@args);
    return $response->{Error} ? $response->{Error}{Code} : '';
}

1;
