package Recording::Client;

# Requests that a worker of nginx sends through the module's HTTP client, by
# t/client/client.c.
#
#     my $client = Recording::Client->new($t);
#     my %result = $client->ask(<<'CONF', 10);
#     client_request one http://127.0.0.1:%%PORT_1%%/ok;
#     CONF
#     is($result{one}{status}, 200);
#
# ask() starts nginx, waits until all requests are done and leaves nginx
# running.  A result has failed, status, len, ms, error, answer, headers, and
# how often its source was asked, asks, and for its beginning, starts; cancelled
# ones have cancelled.

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();

use Recording::Nginx;
use Recording::Util qw(root run wait_for);

our @EXPORT_OK = qw(OK RESOLVE CONNECT HANDSHAKE SEND ANSWER INVALID LATE
                    SOURCE);

# as ngx_recording_http_e has them
use constant { OK => 0, RESOLVE => 1, CONNECT => 2, HANDSHAKE => 3, SEND => 4,
               ANSWER => 5, INVALID => 6, LATE => 7, SOURCE => 8 };

my $library;

sub new {
    my ($class, $t) = @_;

    return bless { t => $t, module => _library($t) }, $class;
}

# compiled with the headers of the configuration that the module has
sub _library {
    my ($t) = @_;

    return "$library/client.so" if $library;

    $library = File::Temp->newdir('recording-client-XXXXXX', TMPDIR => 1);
    chmod 0755, $library;

    my $top = root();
    my $rtmp = "$top/build/src/nginx-rtmp";
    my $src = '/usr/share/nginx/src/src';

    my ($status, undef, $err) = run('cc', '-shared', '-fPIC', '-O1', '-g',
        '-W', '-Wall', '-Wno-unused-parameter', '-Werror',
        map({ "-I$_" } "$top/src/net", "$top/build/debian", $rtmp,
            map { "$src/$_" } qw(core event event/modules event/quic os/unix
                                 http http/modules http/v2 http/v3)),
        '-o', "$library/client.so", "$top/t/client/client.c");
    die "client.c: $err\n" if $status;

    return "$library/client.so";
}

# the text of nginx.conf for these requests
sub conf {
    my ($self, $requests) = @_;

    # modules cannot be loaded after a block: this one comes after ours
    return "load_module $self->{module};\n"
        . "events { worker_connections 512; }\n$requests\nclient_go;\n";
}

sub ask {
    my ($self, $requests, $timeout) = @_;

    my $t = $self->{t};
    my $mark = -e $t->dir . '/error.log' ? $t->log_mark : 0;

    $t->conf($self->conf($requests))->start;
    return $self->results($requests, $timeout, $mark);
}

# waits for them
sub results {
    my ($self, $requests, $timeout, $mark) = @_;

    my @names = $requests =~ /^\s*client_request (\S+)/mg;
    my %result;

    wait_for('results', $timeout || 30, sub {
        %result = _parse(substr $self->{t}->error_log, $mark);
        return !grep { !$result{$_}{done} } @names;
    }, sub { ': ' . join ' ', grep { !$result{$_}{done} } @names });

    return %result;
}

sub _parse {
    my ($log) = @_;

    my %result;

    while ($log =~ /client (\S+): (\w+) ?(.*)/g) {
        my ($name, $what, $rest) = ($1, $2, $3);

        next if $what eq 'asked';

        if ($what eq 'header') {
            $result{$name}{headers}{ lc $1 } = $2
                if $rest =~ /^"(.*?)": "(.*?)"/;
            next;
        }

        $result{$name}{done}++;
        $result{$name}{cancelled} = 1 if $what eq 'cancelled';
        $result{$name}{$1} = $2 while $rest =~ /(\w+)=(\d+)/g;
        ($result{$name}{error}, $result{$name}{answer}) =
            $rest =~ /error="(.*?)" answer="(.*)"/;
    }

    return %result;
}

1;
