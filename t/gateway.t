#!/usr/bin/perl

# The S3 server that other tests deliver to, and the client that looks into it:
# what is put is there, by http and https, with the bucket in the path and in
# the host's name; and nothing of it outlives a test.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use File::Temp;
use Test::More;

use Recording::Certificates;
use Recording::Process;
use Recording::Storage;
use Recording::Util qw(not_tested root slurp spew wait_for);

my $kind = Recording::Storage->kind;
my $missing = $kind->missing;
plan skip_all => not_tested($missing) if $missing;

my $ca = Recording::Certificates->new;
my $tmp = File::Temp->newdir('recording-gateway-XXXXXX', TMPDIR => 1);
my $gateway = $kind->new(tls => [ $ca->issue('gateway',
    san => 'DNS:localhost,DNS:films.localhost,IP:127.0.0.1') ]);
my $films = $gateway->bucket('films');

my %client = (
    http => $gateway->s3,
    https => $gateway->s3(ca => $ca->file),
    virtual => $gateway->s3(virtual => 1),
    virtual_https => $gateway->s3(virtual => 1, ca => $ca->file),
);

for my $how (sort keys %client) {
    my $s3 = $client{$how};
    my $key = "$how/a b+c%20d'(e)*!~/\xc3\xa9.mp4";
    my $body = join '', map { chr $_ % 251 } 1 .. 100_000;

    $s3->put($films, $key, $body, 'Content-Type' => 'video/mp4',
             'x-amz-meta-file' => '17');
    my $head = $s3->head($films, $key);
    is($head->{'content-length'}, 100_000, "$how: the size");
    is($head->{'content-type'}, 'video/mp4', "$how: the type");
    is($head->{'x-amz-meta-file'}, 17, "$how: the metadata");
    is($head->{etag}, '"' . md5_hex($body) . '"', "$how: the tag");
    is($s3->get($films, $key), $body, "$how: as it was put");

    is($s3->head($films, 'none'), undef, "$how: none");
    is($s3->get($films, 'none'), undef, "$how: none to get");

    if ($how !~ /virtual/) {
        $s3->fetch($films, $key, "$tmp/fetched");
        is(slurp("$tmp/fetched"), $body, "$how: s3cmd gets it");
    }

    my ($object) = $s3->list($films, $how);
    is_deeply($object, { key => $key, size => 100_000,
                         etag => md5_hex($body) }, "$how: in the list");
    $s3->put($films, "$how/empty", '');
    is(join(' ', $s3->keys($films, "$how/e")), "$how/empty", "$how: empty");

    $s3->delete($films, $_) for $key, "$how/empty";
    is($s3->list($films), 0, "$how: removed");
}

# --- multipart

my $s3 = $client{http};
my @part = map { $_ x (5 << 20) } 'a', 'b';
my ($id) = $s3->request('POST', $films, 'two parts', query => { uploads => '' })
    ->{content} =~ m{<UploadId>(.*)</UploadId>};
my @tags;

for my $n (1, 2) {
    spew("$tmp/part", $part[$n - 1]);
    push @tags, $s3->request('PUT', $films, 'two parts', file => "$tmp/part",
        query => { uploadId => $id, partNumber => $n })->{headers}{etag};
}

is_deeply([ $s3->uploads($films) ], [ { key => 'two parts', id => $id } ],
          'an upload that is not complete');
is(join(' ', map { "$_->{number} $_->{size}" }
             $s3->parts($films, 'two parts', $id)),
   '1 5242880 2 5242880', 'its parts');

my $complete = $s3->request('POST', $films, 'two parts',
    query => { uploadId => $id },
    body => '<CompleteMultipartUpload>'
        . join('', map { "<Part><PartNumber>$_</PartNumber>"
                         . "<ETag>$tags[$_ - 1]</ETag></Part>" } 1, 2)
        . '</CompleteMultipartUpload>');
is($complete->{status}, 200, 'complete');
is_deeply([ $s3->uploads($films) ], [], 'and no upload any more');
is($s3->request('GET', $films, 'two parts', to => "$tmp/two")->{status}, 200,
   'to a file');
ok(slurp("$tmp/two") eq join('', @part), 'both parts');

my ($second) = $s3->request('POST', $films, 'second',
    query => { uploads => '' })->{content} =~ m{<UploadId>(.*)</UploadId>};
$s3->abort($films, 'second', $second);
is_deeply([ $s3->uploads($films) ], [], 'aborted');

# --- who asks

is($s3->with(secret => 'no')->request('HEAD', $films, 'two parts')->{status},
   403, 'a wrong secret');
like($s3->with(access => 'AKIANOBODY')->request('GET', $films, '')->{content},
     qr/InvalidAccessKeyId|SignatureDoesNotMatch/, 'a wrong key');
like($s3->with(late => -3600)->request('GET', $films, '')->{content},
     qr/RequestTimeTooSkewed/, 'a wrong clock');
like($s3->request('GET', 'none', '')->{content}, qr/NoSuchBucket/,
     'no bucket');

my $file = $gateway->credentials("$tmp/credentials", token => 'x/y=');
is(slurp($file), "[default]\naws_access_key_id = " . $gateway->access
    . "\naws_secret_access_key = " . $gateway->secret
    . "\naws_session_token = x/y=\n", 'credentials');
is((stat $file)[2] & 07777, 0640, 'not for all');

# --- a second one, whose test is killed

# the processes that have it in their environment
sub of {
    my ($dir) = @_;
    return grep { index(environment($_), $dir) >= 0 }
           map { m{(\d+)$} } glob '/proc/[0-9]*';
}

sub environment {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/environ" or return '';
    local $/;
    return <$fh> // '';
}

my $killed = Recording::Process->spawn(out => "$tmp/out", cmd => [ $^X, '-I',
    root() . '/t/lib', "-M$kind", '-e', '$| = 1; my $own = shift->new;
    $own->bucket("own"); print $own->dir, "\n"; sleep 600', $kind ]);
my $dir = wait_for('a second one', 60, sub {
    -e "$tmp/out" && slurp("$tmp/out") =~ /^(.+)\n/ ? $1 : '';
});

cmp_ok(scalar(of($dir)), '>=', 3, 'its programs');
is_deeply([ $s3->keys($films) ], ['two parts'], 'two, each with its own');
$killed->kill;
wait_for('its end', 20, sub { !of($dir) && !-d $dir });
pass('nothing is left of it');

my $own = $gateway->dir;
$gateway->stop;
ok(!-d $own, 'stopped: no directory');
is(scalar(of($own)), 0, 'and no process');

done_testing();
