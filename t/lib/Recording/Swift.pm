package Recording::Swift;

# OpenStack Swift with its s3api, which is strict where Recording::Gateway is
# not: the region, the x-amz- headers that are not signed, the order and the
# numbers of parts, of which it takes 1,000; and a signature that is wrong is
# answered with what should have been signed.  It takes longer to start and more
# memory, which is why most tests have the other one; both are used in the same
# way.
#
# Packages: swift-proxy, swift-account, swift-container, swift-object and
# memcached.

use strict;
use warnings;

use Recording::Util qw(run spew);

use parent 'Recording::Storage';

# why it cannot be started here, '' if it can
sub missing {
    my @missing = grep { (run('which', $_))[0] }
                  map({ "swift-$_-server" } qw(proxy account container object)),
                  qw(memcached setpriv);
    return "no @missing" if @missing;
    return -r '/etc/swift/swift.conf' ? '' : 'no /etc/swift/swift.conf';
}

sub new {
    my ($class, %opt) = @_;

    # these are an account, its user and his password
    return $class->SUPER::new(access => 'test:tester', %opt);
}

# the cache's, and those of the three kinds of what it keeps
sub ports_within { return 4 }

sub start_here {
    my ($self) = @_;

    my %port;
    @port{qw(cache account container object)} = @{ $self->{ports} };
    mkdir $_ for 'nodes', 'nodes/disk';
    $ENV{HOME} = $self->{dir};

    $self->_rings(%port);
    $self->daemon('memcached', '-u', scalar(getpwuid $>), '-U', 0,
                  '-l', '127.0.0.1', '-p', $port{cache});

    my %pid = map { $_ => $self->_server($_, $self->_node($_, $port{$_})) }
              qw(account container object);
    my %asked = (proxy => $self->{port}, $self->{tls}
                 ? (tls_proxy => $self->{tls_port}) : ());
    $pid{$_} = $self->_server('proxy', $self->_proxy($asked{$_}, %port), $_)
        for sort keys %asked;

    $self->wait_port($pid{$_}, $port{$_} || $asked{$_}) for sort keys %pid;
    $self->_wait_ready;
    return;
}

# where things are kept, in one python, as the command of each would take a
# second
sub _rings {
    my ($self, %port) = @_;

    spew('rings.py', <<'PYTHON');
import sys
from swift.common.ring import RingBuilder
for name, port in zip(sys.argv[1::2], sys.argv[2::2]):
    b = RingBuilder(4, 1, 0)
    b.add_dev({'id': 0, 'region': 1, 'zone': 1, 'ip': '127.0.0.1',
               'port': int(port), 'replication_ip': '127.0.0.1',
               'replication_port': int(port), 'device': 'disk',
               'weight': 1.0, 'meta': ''})
    b.rebalance()
    b.get_ring().save(name + '.ring.gz')
PYTHON

    $self->command('/usr/bin/python3', 'rings.py', map { $_ => $port{$_} }
                   qw(account container object));
    return;
}

sub _server {
    my ($self, $kind, $conf, $name) = @_;

    $name ||= $kind;
    return $self->daemon("swift-$kind-server",
                         spew("$self->{dir}/$name.conf", $conf));
}

# one process each
sub _common {
    my ($self, $port) = @_;

    my $user = getpwuid $>;
    return <<"CONF";
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 0
user = $user
swift_dir = $self->{dir}
devices = $self->{dir}/nodes
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = ERROR
CONF
}

sub _node {
    my ($self, $kind, $port) = @_;

    return $self->_common($port) . <<"CONF";

[pipeline:main]
pipeline = $kind-server

[app:$kind-server]
use = egg:swift#$kind
CONF
}

sub _proxy {
    my ($self, $port, %port) = @_;

    my ($account, $user) = split /:/, $self->{access};
    my $tls = $self->{tls} && $port == $self->{tls_port}
        ? "cert_file = $self->{tls}[0]\nkey_file = $self->{tls}[1]\n" : '';

    return $self->_common($port) . <<"CONF";
$tls
[pipeline:main]
pipeline = catch_errors cache listing_formats bulk s3api tempauth slo dlo
    versioned_writes symlink proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$port{cache}

[filter:s3api]
use = egg:swift#s3api
location = $self->{region}
storage_domain = $self->{host}

[filter:tempauth]
use = egg:swift#tempauth
user_${account}_$user = $self->{secret} .admin

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:bulk]
use = egg:swift#bulk

[filter:slo]
use = egg:swift#slo

[filter:dlo]
use = egg:swift#dlo

[filter:versioned_writes]
use = egg:swift#versioned_writes

[filter:symlink]
use = egg:swift#symlink
CONF
}

# it takes connections before it takes requests
sub _wait_ready {
    my ($self) = @_;

    my $s3 = $self->s3(timeout => 20);
    $self->wait_here('answer', sub {
        return $s3->request('GET', '', '')->{status} == 200;
    });
    return;
}

1;
