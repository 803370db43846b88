package Recording::Certificates;

# A CA and the certificates that it has issued, made by openssl.
#
#     my $ca = Recording::Certificates->new;
#     my ($file, $key) = $ca->issue('name', san => 'DNS:a.test',
#                                   days => -1);
#     $ca->file

use strict;
use warnings;

use File::Temp ();

use Recording::Util qw(run spew slurp);

sub new {
    my ($class) = @_;

    my $dir = File::Temp->newdir('recording-ca-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;
    my $self = bless { dir => $dir }, $class;

    $self->_openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes',
        '-keyout', "$dir/ca.key", '-out', "$dir/ca.pem", '-days', 30,
        '-subj', '/CN=A CA for tests',
        '-addext', 'keyUsage=critical,keyCertSign,cRLSign');

    return $self;
}

sub file { return "$_[0]{dir}/ca.pem" }

# the paths of certificate and key; end => YYYYMMDDHHMMSSZ, if it is over
sub issue {
    my ($self, $name, %opt) = @_;

    my $path = "$self->{dir}/$name";

    # as much as those ask for who are strict
    spew("$path.ext", "subjectAltName=$opt{san}\n"
         . "authorityKeyIdentifier=keyid\n");

    $self->_openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout',
        "$path.key", '-out', "$path.csr", '-subj', "/CN=$name");

    if ($opt{expired}) {
        spew("$self->{dir}/index.txt", '');
        spew("$self->{dir}/ca.conf", "[ca]\ndefault_ca=x\n[x]\n"
            . "database=$self->{dir}/index.txt\nnew_certs_dir=$self->{dir}\n"
            . "rand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\n"
            . "commonName=supplied\n");
        $self->_openssl('ca', '-batch', '-config', "$self->{dir}/ca.conf",
            '-cert', $self->file, '-keyfile', "$self->{dir}/ca.key",
            '-in', "$path.csr", '-out', "$path.pem", '-notext',
            '-extfile', "$path.ext", '-startdate', '20200101000000Z',
            '-enddate', '20210101000000Z');

    } else {
        $self->_openssl('x509', '-req', '-in', "$path.csr", '-CA',
            $self->file, '-CAkey', "$self->{dir}/ca.key", '-CAcreateserial',
            '-days', 10, '-extfile', "$path.ext", '-out', "$path.pem");
    }

    return ("$path.pem", "$path.key");
}

sub _openssl {
    my ($self, @args) = @_;

    my ($status, undef, $err) = run('openssl', @args);
    die "openssl @args: $err\n" if $status;
    return;
}

1;
