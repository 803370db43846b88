package Recording::Sdk;

# The cloud's own client for Node.js, as npm has it.
#
#     my $why = client();              # why there is none, or ''
#     my $sdk = Recording::Sdk->new("127.0.0.1:$port/api", id => ..., key => ...);
#     $sdk->call('DescribeStore', {}); # { answer } or { code, message, id }

use strict;
use warnings;

use Exporter qw(import);
use IPC::Open2 qw(open2);
use JSON::XS ();

use Recording::Npm qw(installed);
use Recording::Util qw(root);

our @EXPORT_OK = qw(client);

my $build = root() . '/build/sdk';
my $json = JSON::XS->new->utf8->canonical;

sub new {
    my ($class, $endpoint, %of) = @_;

    # the client honours these even for loopback
    local @ENV{qw(http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy)};
    delete @ENV{qw(http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy)};

    my $pid = open2(my $out, my $in, 'node', root() . '/t/sdk/calls.js',
                    "$build/node_modules", $endpoint);
    return bless { pid => $pid, out => $out, in => $in, of => \%of }, $class;
}

sub call {
    my ($self, $action, $params, %of) = @_;

    my $in = $self->{in};
    print $in $json->encode({ %{ $self->{of} }, %of, action => $action,
                              params => $params }) . "\n";
    $in->flush;

    my $out = $self->{out};
    my $line = <$out>;
    die "the client is gone\n" if !defined $line;
    return $json->decode($line);
}

sub end {
    my ($self) = @_;
    close $self->{in};
    waitpid $self->{pid}, 0;
    return $?;
}

# why there is no client, or nothing
sub client { return installed('t/sdk', 'build/sdk') }

1;
