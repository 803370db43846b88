package Recording::Gateway;

# A RADOS gateway of Ceph, with all that it needs, whose objects are in memory:
# a server of S3 that starts in 2 s.  How tests use it is in Recording::Storage.
#
# It also answers for a bucket as a host, BUCKET.localhost.  Packages: radosgw,
# ceph-mon, ceph-osd, ceph-common.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();

use Recording::Util qw(run slurp spew wait_for);

use parent 'Recording::Storage';

# why it cannot be started here, '' if it can
sub missing {
    my @missing = grep { (run('which', $_))[0] }
                  qw(radosgw radosgw-admin ceph-mon ceph-osd ceph setpriv);
    return @missing ? "no @missing" : '';
}

# the monitor's
sub ports_within { return 1 }

sub start_here {
    my ($self) = @_;

    my $dir = $self->{dir};
    $ENV{CEPH_CONF} = spew("$dir/ceph.conf", $self->_conf);
    delete $ENV{CEPH_ARGS};
    mkdir "$dir/$_" for qw(mon osd);

    $self->_keys;
    $self->_monitor;
    $self->_disk;
    $self->_gateway;
    return;
}

sub _conf {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $frontend = "beast endpoint=127.0.0.1:$self->{port}";
    $frontend .= " ssl_endpoint=127.0.0.1:$self->{tls_port}"
        . " ssl_certificate=$self->{tls}[0] ssl_private_key=$self->{tls}[1]"
        if $self->{tls};

    # Debian 13's default is a path from /, where its OSD is started
    my ($classes) = glob '/usr/lib/*/rados-classes';

    # Without the short intervals a start takes 12 s, one for each pool, and 5 s
    # more whenever the gateway and the command that makes the user want the
    # same one; what is removed or overwritten goes from memory after seconds,
    # not hours.
    return <<"CONF";
[global]
fsid = 5f6f6d61-7465-4d61-8000-000000000001
mon host = 127.0.0.1:$self->{ports}[0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = $dir
admin socket =
pid file = $dir/\$name.pid
log file = $dir/\$name.log
keyring = $dir/keyring
mon data = $dir/mon
osd data = $dir/osd
debug default = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
objecter tick interval = 0.2
mon data avail crit = 0
mon data avail warn = 0
paxos propose interval = 0.05
paxos min wait = 0.01
osd class dir = $classes
osd objectstore = memstore
memstore device bytes = 8589934592

[client.rgw]
rgw frontends = $frontend
rgw dns name = $self->{host}
rgw run sync thread = false
rgw gc obj min wait = 5
rgw gc processor period = 5
rgw gc processor max time = 5
CONF
}

# who they are to each other: without keys the gateway does not start
sub _keys {
    my ($self) = @_;

    my %may = (
        'mon.' => [ mon => 'allow *' ],
        'client.admin' => [ map { $_ => 'allow *' } qw(mon osd mgr) ],
        'client.rgw' => [ map { $_ => 'allow rwx' } qw(mon osd) ],
        'osd.0' => [ mon => 'allow profile osd', osd => 'allow *' ],
    );

    my @create = '--create-keyring';

    for my $name (sort keys %may) {
        my @caps = @{ $may{$name} };
        my @args;
        push @args, '--cap', splice @caps, 0, 2 while @caps;
        $self->command('ceph-authtool', splice(@create), "$self->{dir}/keyring",
                       '--gen-key', '-n', $name, @args);
    }

    return;
}

sub _monitor {
    my ($self) = @_;

    my $dir = $self->{dir};
    $self->command('monmaptool', '--create', '--addv', 'a',
        "[v2:127.0.0.1:$self->{ports}[0]]", '--fsid',
        '5f6f6d61-7465-4d61-8000-000000000001', "$dir/monmap");
    $self->command('ceph-mon', '--mkfs', '-i', 'a', '--monmap', "$dir/monmap",
                   '--keyring', "$dir/keyring");
    $self->daemon('ceph-mon', '-f', '-i', 'a');
    return;
}

# with the number that the monitor knows it by, or it never comes up
sub _disk {
    my ($self) = @_;

    my $uuid = '5f6f6d61-7465-4d61-8000-000000000002';
    $self->command('ceph', '--connect-timeout', 60, 'osd', 'new', $uuid);
    $self->command('ceph-osd', '-i', 0, '--mkfs', '--osd-uuid', $uuid,
                   '--no-mon-config');
    $self->daemon('ceph-osd', '-f', '-i', 0);
    return;
}

# the user is made meanwhile
sub _gateway {
    my ($self) = @_;

    my $gateway = $self->_radosgw;
    $self->command('radosgw-admin', '-n', 'client.rgw', 'user', 'create',
        '--uid', 'test', '--display-name', 'test',
        '--access-key', $self->{access}, '--secret-key', $self->{secret});
    $self->wait_port($gateway, $_)
        for grep { $_ } @{$self}{qw(port tls_port)};
    return;
}

sub _radosgw {
    my ($self) = @_;

    my $pid = $self->daemon('radosgw', '-f', '-n', 'client.rgw');
    spew("$self->{dir}/gateway", $self->{gateway} = $pid);
    return $pid;
}

# --- a gateway that dies: what it has taken is with the OSD, and stays

sub kill9 {
    my ($self) = @_;

    spew("$self->{dir}/down", '');
    kill KILL => slurp("$self->{dir}/gateway");
    wait_for('end of the gateway', 10, sub { !$self->_connection });
    return $self;
}

sub start_again {
    my ($self) = @_;

    unlink "$self->{dir}/down";
    wait_for('another gateway', 60, sub { $self->_connection });
    return $self;
}

sub _connection {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port});
}

# in the keeper
sub tend {
    my ($self) = @_;

    my $gateway = $self->{gateway};
    return if -e "$self->{dir}/down"
        || waitpid($gateway, POSIX::WNOHANG()) != $gateway;

    @{ $self->{children} } = grep { $_ != $gateway } @{ $self->{children} };
    $self->_radosgw;
    return;
}

1;
