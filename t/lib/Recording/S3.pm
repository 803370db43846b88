package Recording::S3;

# A client of S3 that shares nothing with the module's: signature version 4 in
# Perl, and s3cmd for files as a whole.
#
#     my $s3 = Recording::S3->new(port => $port, access => 'a', secret => 'b');
#     $s3->create('bucket');
#     $s3->put('bucket', 'a/b c.mp4', $bytes, 'x-amz-meta-a' => 'b');
#     my $head = $s3->head('bucket', 'a/b c.mp4')     # {headers}, or undef
#     $s3->fetch('bucket', 'a/b c.mp4', 'file');      # by s3cmd
#     my $answer = $s3->request('POST', 'bucket', 'key',
#         query => { uploads => '' }, headers => { ... }, body => '');
#
# A key is a string of bytes.  What the server refuses is the end of the test,
# but for request(), whose answer has status, headers (lower case) and content.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use File::Temp ();
use HTTP::Tiny;
use POSIX qw(strftime);

use Recording::Util qw(run slurp);

# new(port, access, secret, token, region, ca: the file, then it is https,
#     host, virtual: the bucket's name is the host's, late, timeout: seconds,
#     time: that of all requests)
sub new {
    my ($class, %opt) = @_;

    my $self = bless { host => 'localhost', region => 'us-east-1', late => 0,
                       timeout => 60, %opt }, $class;

    $self->{http} = HTTP::Tiny->new(timeout => $self->{timeout},
        keep_alive => 1, verify_SSL => 1,
        SSL_options => { SSL_ca_file => $opt{ca} });

    return $self;
}

# the same server, asked in another way: with(secret => 'wrong')
sub with {
    my ($self, %opt) = @_;
    return (ref $self)->new(%$self, %opt);
}

# --- what tests ask for

sub create {
    my ($self, $bucket) = @_;
    $self->_ask('PUT', $bucket, '');
    return $bucket;
}

sub put {
    my ($self, $bucket, $key, $body, %headers) = @_;
    return $self->_ask('PUT', $bucket, $key, body => $body,
                       headers => \%headers);
}

# undef if there is none
sub get {
    my ($self, $bucket, $key) = @_;

    my $answer = $self->request('GET', $bucket, $key);
    return $answer->{status} == 404 ? undef
        : _good($answer, 'GET', $bucket, $key)->{content};
}

sub head {
    my ($self, $bucket, $key) = @_;

    my $answer = $self->request('HEAD', $bucket, $key);
    return $answer->{status} == 404 ? undef
        : _good($answer, 'HEAD', $bucket, $key)->{headers};
}

sub delete {
    my ($self, $bucket, $key) = @_;
    return $self->_ask('DELETE', $bucket, $key);
}

# the objects, each with key, size and etag, in the order of their keys
sub list {
    my ($self, $bucket, $prefix) = @_;

    my %query = ('list-type' => 2, 'encoding-type' => 'url',
                 defined $prefix ? (prefix => $prefix) : ());
    my @objects;

    while (1) {
        my $xml = $self->_ask('GET', $bucket, '', query => \%query)->{content};
        push @objects, map {
            { key => _unescaped(_text($_, 'Key')), size => _text($_, 'Size'),
              etag => _text($_, 'ETag') =~ s/&quot;|"//gr }
        } $xml =~ m{<Contents>(.*?)</Contents>}gs;

        return @objects if _text($xml, 'IsTruncated') ne 'true';
        $query{'continuation-token'} = _text($xml, 'NextContinuationToken');
    }
}

sub keys {
    my ($self, @which) = @_;
    return map { $_->{key} } $self->list(@which);
}

# the multipart uploads that are neither complete nor aborted: key and id
sub uploads {
    my ($self, $bucket) = @_;

    my $xml = $self->_ask('GET', $bucket, '',
        query => { uploads => '', 'encoding-type' => 'url' })->{content};

    return map { { key => _unescaped(_text($_, 'Key')),
                   id => _text($_, 'UploadId') } }
           $xml =~ m{<Upload>(.*?)</Upload>}gs;
}

# the parts of one: number, size and etag; none if there is no such upload any
# more
sub parts {
    my ($self, $bucket, $key, $id) = @_;

    my $answer = $self->request('GET', $bucket, $key,
                                query => { uploadId => $id });
    return if $answer->{status} == 404;
    my $xml = _good($answer, 'GET', $bucket, $key)->{content};

    return map { { number => _text($_, 'PartNumber'),
                   size => _text($_, 'Size'),
                   etag => _text($_, 'ETag') =~ s/&quot;|"//gr } }
           $xml =~ m{<Part>(.*?)</Part>}gs;
}

sub abort {
    my ($self, $bucket, $key, $id) = @_;
    return $self->_ask('DELETE', $bucket, $key, query => { uploadId => $id });
}

# an object, to a file
sub save {
    my ($self, $bucket, $key, $file) = @_;
    return $self->_ask('GET', $bucket, $key, to => $file);
}

# an object as s3cmd gets it
sub fetch {
    my ($self, $bucket, $key, $file) = @_;
    $self->s3cmd('get', '--force', "s3://$bucket/$key", $file);
    return $file;
}

# what s3cmd says
sub s3cmd {
    my ($self, @command) = @_;

    my $config = File::Temp->new;
    my $at = "127.0.0.1:$self->{port}";
    my @options = ('--config', $config->filename, '--host', $at,
        '--host-bucket', $at, '--access_key', $self->{access},
        '--secret_key', $self->{secret}, '--region', $self->{region},
        '--no-progress', $self->{ca} ? ('--ca-certs', $self->{ca})
                                     : '--no-ssl');

    my ($status, $out, $err) = run('s3cmd', @options, @command);
    die "s3cmd @command: $err\n" if $status;
    return $out;
}

# --- a request

# The body is `body`, or what is in `file`, which is not read before it is sent
# and whose checksum is therefore not signed; the answer's goes to `to`, if that
# is a file.  payload => 'UNSIGNED-PAYLOAD' or what else is to be signed for it.
sub request {
    my ($self, $method, $bucket, $key, %opt) = @_;

    my $host = $self->{virtual} && length $bucket
        ? "$bucket.$self->{host}" : $self->{host};
    my $path = $self->{virtual} ? '' : "/$bucket";
    $path .= "/$key" if length $key || !length $path;

    my %headers = map { lc, $opt{headers}{$_} } CORE::keys %{ $opt{headers} };
    $headers{'content-type'} ||= 'binary/octet-stream' if $method eq 'PUT';

    my ($content, $payload) = _body(\%opt, \%headers);
    my $query = _query($opt{query});
    my $signed = $self->_signed($method, "$host:$self->{port}", $path, $query,
                                $opt{payload} || $payload, \%headers);

    my %args = (headers => $signed, content => $content, peer => '127.0.0.1');
    my $to;

    if ($opt{to}) {
        open $to, '>:raw', $opt{to} or die "$opt{to}: $!\n";
        $args{data_callback} = sub { print {$to} $_[0] };
    }

    my $scheme = $self->{ca} ? 'https' : 'http';
    my $answer = $self->{http}->request($method, "$scheme://$host:$self->{port}"
        . _escaped($path, '/') . (length $query ? "?$query" : ''), \%args);

    close $to if $to;
    return $answer;
}

sub _ask {
    my ($self, $method, $bucket, $key, %opt) = @_;
    return _good($self->request($method, $bucket, $key, %opt), $method,
                 $bucket, $key);
}

sub _good {
    my ($answer, @what) = @_;

    die "@what: $answer->{status} " . ($answer->{content} // '') . "\n"
        if $answer->{status} !~ /^2/;
    return $answer;
}

# what is sent, and what is signed for it
sub _body {
    my ($opt, $headers) = @_;

    if (!defined $opt->{file}) {
        my $body = $opt->{body} // '';
        $headers->{'content-length'} = length $body;
        return ($body, sha256_hex($body));
    }

    open my $fh, '<:raw', $opt->{file} or die "$opt->{file}: $!\n";
    $headers->{'content-length'} = -s $fh;

    my $next = sub {
        my $some;
        return sysread($fh, $some, 65536) ? $some : undef;
    };

    return ($next, 'UNSIGNED-PAYLOAD');
}

sub _signed {
    my ($self, $method, $host, $path, $query, $payload, $headers) = @_;

    my @now = gmtime(($self->{time} // time) + $self->{late});
    my $date = strftime('%Y%m%dT%H%M%SZ', @now);
    my $day = substr $date, 0, 8;

    my %signed = (%$headers, host => $host, 'x-amz-date' => $date,
                  'x-amz-content-sha256' => $payload,
                  $self->{token} ? ('x-amz-security-token' => $self->{token})
                                 : ());
    my @names = sort CORE::keys %signed;

    my $request = join "\n", $method, _escaped($path, '/'), $query,
        map({ "$_:" . ($signed{$_} =~ s/^\s+|\s+$//gr =~ s/\s+/ /gr) } @names),
        '', join(';', @names), $payload;

    my $scope = "$day/$self->{region}/s3/aws4_request";
    my $secret = "AWS4$self->{secret}";
    $secret = hmac_sha256($_, $secret) for split m{/}, $scope;

    my $text = join "\n", 'AWS4-HMAC-SHA256', $date, $scope,
                    sha256_hex($request);
    my $signature = hmac_sha256_hex($text, $secret);

    # HTTP::Tiny has it from the URL
    delete $signed{host};
    $signed{authorization} = 'AWS4-HMAC-SHA256 '
        . "Credential=$self->{access}/$scope, "
        . 'SignedHeaders=' . join(';', @names) . ", Signature=$signature";

    return \%signed;
}

sub _query {
    my ($query) = @_;
    return join '&', map { _escaped($_, '') . '=' . _escaped($query->{$_}, '') }
                     sort CORE::keys %{ $query || {} };
}

sub _escaped {
    my ($text, $more) = @_;
    return $text =~ s/([^A-Za-z0-9_.~\-$more])/sprintf '%%%02X', ord $1/ger;
}

sub _unescaped {
    my ($text) = @_;
    return $text =~ s/\+/ /gr =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}

# what an element has
sub _text {
    my ($xml, $name) = @_;

    my ($text) = $xml =~ m{<$name>(.*?)</$name>}s or return '';
    my %entity = (lt => '<', gt => '>', amp => '&', quot => '"', apos => "'");
    return $text =~ s/&(\w+);/$entity{$1}/gr;
}

1;
