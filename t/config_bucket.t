#!/usr/bin/perl

# The directives record_bucket and upload: every error is found by nginx -t,
# with file and line, the value and what is allowed, and without a secret; and
# whether the workers' user can read the credentials.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Util qw(spew);

my $root = $> == 0;
my $t = Recording::Nginx->new($root ? (user => 'www-data') : ());
my $dir = $t->dir;
my ($id, $key) = ('AKIDsecret', 'SECRETsecret');
my $good = "[default]\naws_access_key_id = $id\n"
    . "aws_secret_access_key = $key\n";

chmod 0755, $dir or die "$dir: $!\n";
file('keys', $good, $root ? 0600 : 0400);
chown scalar getpwnam('www-data'), -1, "$dir/keys" if $root;
file('open.keys', $good, 0644);
file('empty.keys', '', 0600);
file('other.keys', $good =~ s/default/other/r, 0600);
file('half.keys', "[default]\naws_access_key_id = $id\n", 0600);
file('strange.keys', "$good$key\n", 0600);
file('space.keys', $good =~ s/\n\z/ $key\n/r, 0600);
file('long.keys', $good . '#' x 65536, 0600);
mkdir "$dir/dir" or die "$dir/dir: $!\n";

# the parts stand on lines 3, 7 and 9; names are not asked for

my $conf = <<'CONF';
rtmp {
    record_store %%STORE%%; record_resolver 127.0.0.1; %%SYNC_PART%%
    %%MAIN_PART%%
    record_bucket b { %%B_PART%% }
    record_bucket backup { %%BACKUP_PART%% }
    record_bucket c {
        %%BUCKET_PART%%
    }
    record_template x { format mp4; %%PATH_PART%% %%TEMPLATE_PART%% }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule x; }
    }
}
CONF

my %line = (main => 3, bucket => 7, template => 9);
my %parts = (
    endpoint => 'http://127.0.0.1:7480', bucket => 'files',
    credentials => 'keys',
);

# the parameter of record_bucket and its value, the message

my $must = 'it must be a URL of http:// or https://, without the bucket';
my $path = 'it must be a relative path of at most 512 bytes';
my $component = 'an empty, "." or ".." component';
my $known = 'known are endpoint, region, bucket, prefix, addressing,'
    . ' credentials, verify, part_size, url, max_connections, rate and header';
my $printable = 'it must have from 1 to 2048 printable characters of ASCII,'
    . ' without spaces at its beginning and end';
my $default = 'in profile [default]';

my @wrong = (
    (map { my ($url, $why) = @$_;
           ("endpoint $url" => qq(invalid endpoint "$url" of record_bucket:)
            . " $why; $must") }
        [ 'ftp://host/', 'no http:// or https://' ],
        [ 'host', 'no http:// or https://' ],
        [ 'http://', 'no host' ],
        [ 'http://user@host/', 'user information' ],
        [ 'http://host:0/', 'a port that is not from 1 to 65535' ],
        [ 'http://host/?a=b', 'a query' ],
        [ 'http://host?a', 'a query' ],
        [ 'http://host/a%20b', 'a path that is encoded' ],
        [ 'http://host//', $component ],
        [ 'http://host/a//b', $component ],
        [ 'http://host/./b', $component ],
        [ 'http://host/a/..', $component ]),
    (map { ("region '$_'" => qq(invalid region "$_" of record_bucket, it must)
            . ' have from 1 to 64 letters, digits, "-" and "_"') }
        '', 'a b', 'a/b', 'r' x 65),
    (map { ("bucket '$_'" => qq(invalid bucket "$_" of record_bucket, it must)
            . ' have from 1 to 255 letters, digits, "-", "_" and, but at its'
            . ' beginning, "."') }
        '', '.', '..', '.a', 'a/b', 'a b', 'a:b', 'b' x 256),
    (map { my ($prefix, $why) = @$_;
           (qq(prefix "$prefix") => qq(invalid prefix "$prefix" of)
            . " record_bucket: $why; $path") }
        [ '/', $component ], [ '/a', $component ], [ 'a//b', $component ],
        [ 'a//', $component ], [ '.', $component ], [ 'a/./', $component ],
        [ '../a', $component ], [ 'a/..', $component ],
        [ "a\x01", 'a control character or a backslash' ],
        [ "a\x7f", 'a control character or a backslash' ],
        [ "a\xc3", 'bytes that are no UTF-8' ],
        [ "a\xc3/b", 'bytes that are no UTF-8' ],
        [ 'a' x 513, 'it is too long' ]),
    'prefix "a\\\\b"' => 'invalid prefix "a\\b" of record_bucket: a control'
        . " character or a backslash; $path",
    (map { ("addressing '$_'" => qq(invalid addressing "$_" of record_bucket,)
            . ' it must be path or host') } '', 'virtual', 'HOST'),
    "credentials ''" => '"credentials" of record_bucket names no file',
    (map { my ($file, $why) = @$_;
           ("credentials $file" => 'invalid credentials of record_bucket: '
            . sprintf $why, qq("$dir/$file")) }
        [ 'no.keys', 'open of %s failed (2: No such file or directory)' ],
        [ 'dir', '%s is not a file' ],
        [ 'empty.keys', '%s has no profile [default]' ],
        [ 'other.keys', '%s has no profile [default]' ],
        [ 'half.keys', "%s has no aws_secret_access_key $default" ],
        [ 'strange.keys', '%s has a line without "=" in profile [default]' ],
        [ 'space.keys', '%s has a character that cannot be in the value of'
          . " aws_secret_access_key $default" ],
        [ 'long.keys', '%s has more than 65536 bytes' ]),
    (map { ("verify '$_'" => qq(invalid verify "$_" of record_bucket, it must)
            . ' be on or off') } '', 'yes', 'ON'),
    (map { ("part_size '$_'" => qq(invalid part_size "$_" of record_bucket,)
            . ' it must be from 5m to 5g') }
        '', 'x', '0', '5119k', '5242879', '6g', '5368709121'),
    (map { my ($url, $why) = @$_;
           ("url '$url'" => qq(invalid url "$url" of record_bucket: $why; it)
            . ' must be a URL of http:// or https://') }
        [ '', 'no http:// or https://' ], [ 'cdn', 'no http:// or https://' ],
        [ 'http://cdn/?a', 'a query' ], [ 'http://cdn/#a', 'a fragment' ],
        [ 'http://cdn/a b', 'a byte that is not encoded' ]),
    (map { ("max_connections '$_'" => qq(invalid max_connections "$_" of)
            . ' record_bucket, it must be from 1 to 64') }
        '', '0', '65', '-1', 'x'),
    (map { ("rate '$_'" => qq(invalid rate "$_" of record_bucket, it must be)
            . ' a number of bytes a second, or with k, m or g, or 0 for no'
            . ' limit') } '', 'x', '-1', '1t'),
    (map { ("header '$_' x" => qq(invalid name of the header "$_" of)
            . ' record_bucket, it must have from 1 to 128 letters, digits,'
            . q( and characters of "!#$%&'*+-.^_`|~")) }
        '', 'a b', 'a:', "\xc3\xa4", "a\x01", 'h' x 129),
    (map { ("header $_ x" =>
            qq(the header "$_" of record_bucket cannot be set)) }
        qw(Host Content-Length Content-MD5 Content-Type Authorization
           Connection x-amz-date X-Amz-Content-Sha256 x-amz-security-token
           x-amz-meta-file-id x-amz-meta-recording-id x-amz-meta-stream
           x-amz-meta-start x-amz-meta-end If-None-Match If-Match Expect
           Transfer-Encoding x-amz-copy-source x-amz-checksum-crc32
           x-amz-server-side-encryption-customer-key)),
    (map { (qq(header x-a "$_") => qq(invalid value of the header "x-a" of)
            . " record_bucket, $printable") }
        '', ' ', " $key", "$key ", "$key\x01", "$key\t", "$key\xc3\xa4",
        'v' x 2049),
    'header x-a a; header X-A b' => 'duplicate header "X-A" of record_bucket',
    'colour red' => qq(unknown parameter "colour" of record_bucket, $known),
    (map { ("$_ a b" => qq(invalid number of arguments in "$_" of)
            . ' record_bucket') }
        qw(endpoint region bucket prefix addressing credentials verify
           part_size url max_connections rate)),
    'verify' => 'invalid number of arguments in "verify" of record_bucket',
    (map { ("header $_" => 'invalid number of arguments in "header" of'
            . ' record_bucket') } 'a', 'a b c'),
    (map { ("$_; $_" => 'duplicate "' . (split)[0]
            . '" in record_bucket "c"') }
        'endpoint http://localhost', 'region a', 'bucket a', 'prefix a',
        'addressing path', 'credentials keys', 'verify on', 'part_size 5m',
        'url http://cdn/', 'max_connections 1', 'rate 0'),
);

while (my ($part, $message) = splice @wrong, 0, 2) {
    my ($name) = $part =~ /^(\w+)/;
    refused('bucket', bucket($name => "$part;"), $message, $part);
}

# --- of the block as a whole

my $at = "$dir/test.conf:6";

for my $name (qw(endpoint bucket credentials)) {
    my (undef, $err) = test_conf(bucket => bucket($name => ''));
    is($err, qq(nginx: [emerg] record_bucket "c" has no "$name" in $at\n),
       "no $name");
}

for my $host ([ 'http://127.0.0.1', 'files', 'the endpoint is an address' ],
              [ 'http://[::1]:80', 'files', 'the endpoint is an address' ],
              [ 'http://s3.test', 'Files', 'the bucket has upper case'
                . ' letters' ],
              [ 'http://s3.test', 'a..b', 'no host name' ],
              [ 'http://s3.test', 'a' x 64, 'no host name' ])
{
    my (undef, $err) = test_conf(bucket => 'addressing host; credentials keys;'
        . " endpoint $host->[0]; bucket $host->[1];");
    is($err, 'nginx: [emerg] record_bucket "c" cannot have "addressing host":'
       . " $host->[2] in $at\n", "$host->[0] and $host->[1]");
}

refused('main', "record_bucket '$_' { }", qq(invalid name "$_" of)
        . ' record_bucket, it must have from 1 to 255 letters, digits, "-",'
        . ' "_" and, but at its beginning, "."', $_)
    for '', 'a=b', '.a', "\xc3\xa4", 'b' x 256;
refused('main', 'record_bucket { }',
        'invalid number of arguments in "record_bucket" directive', 'no name');

my (undef, $err) = test_conf(main => 'record_bucket b { ' . bucket() . ' }');
is($err, 'nginx: [emerg] duplicate record_bucket "b", the first is in'
   . " $dir/test.conf:3 in $dir/test.conf:4\n", 'a name twice');

# --- upload

my $closed = 'of upload, it must be closed or recording';
my $local = 'of upload, it must be keep, remove, or a time from 1s to 100y';

@wrong = (
    '' => 'invalid number of arguments in "upload" directive',
    (map { ($_ => 'invalid bucket "' . s/'//gr . '" of upload, it must be the'
            . ' name of a record_bucket') } "''", 'local=7d', 'backup=b'),
    'b expire=7d' => 'unknown parameter "expire=7d" of upload, known are'
        . ' when=, local= and backup=',
    'b local' => 'unknown parameter "local" of upload, known are when=,'
        . ' local= and backup=',
    (map { ("b when=$_" => qq(invalid value in "when=$_" $closed)) }
        '', 'record', 'now', 'recordings'),
    'b when=closed when=closed' => 'duplicate parameter "when=closed"',
    'b when=closed when=recording' => 'duplicate parameter "when=recording"',
    (map { ("b local=$_" => qq(invalid value in "local=$_" $local)) }
        '', '0', '0s', 'x', '-1s', '101y', '1ms', 'KEEP'),
    'b local=keep local=keep' => 'duplicate parameter "local=keep"',
    'b local=remove local=1d' => 'duplicate parameter "local=1d"',
    'b backup=' => '"backup=" of upload names no bucket',
    'b backup=b' => '"backup=b" of upload names the bucket itself',
    'b backup=c backup=c' => 'duplicate parameter "backup=c"',
);

# one in rtmp, the next one in the template

my @where = qw(main template);

while (my ($text, $message) = splice @wrong, 0, 2) {
    push @where, my $where = shift @where;
    refused($where, "upload $text;", $message, "upload $text");
}

for my $where (qw(main template)) {
    my $in = $where eq 'main' ? 'rtmp' : 'template "x"';

    for my $name (['none', 'none'], ['b backup=none', 'none'],
                  ['later backup=b', 'later'])
    {
        (undef, $err) = test_conf($where => "upload $name->[0];");
        is($err, qq(nginx: [emerg] unknown bucket "$name->[1]" in upload in)
           . " $dir/test.conf:$line{$where}: there is no record_bucket of"
           . " this name\n", "$where: upload $name->[0]");
    }

    (undef, $err) = test_conf($where => 'upload b; upload b local=7d;');
    is($err, qq(nginx: [emerg] upload "b" is there twice in $in, the first is)
       . " in $dir/test.conf:$line{$where} in"
       . " $dir/test.conf:$line{$where}\n", "$where: a bucket twice");

    (undef, $err) = test_conf(
        $where => 'upload b backup=backup; upload c backup=backup;');
    is($err, qq(nginx: [emerg] backup of upload "backup" is there twice in)
       . " $in, the first is in $dir/test.conf:$line{$where} in"
       . " $dir/test.conf:$line{$where}\n", "$where: a backup twice");
}

# what begins while a file grows needs what is durable, and its key

for my $where (qw(main template)) {
    for my $sync (qw(off 5s)) {
        my ($status, $said) = test_conf($where => 'upload b when=recording;',
            sync => "record_sync $sync;");
        is("$status $said", $sync eq 'off'
           ? '1 nginx: [emerg] "when=recording" of upload "b" cannot be used'
             . ' with "record_sync off", as nothing of a file is durable'
             . " before its end, in $dir/test.conf:$line{$where}\n"
           : '0 ', "$where: record_sync $sync");
    }

    for my $end (qw(EndYear EndMillisecond)) {
        (undef, $err) = test_conf($where => 'upload b; upload c'
            . ' when=recording;', path => qq(path "{StreamID}-{$end}";));
        is($err, qq(nginx: [emerg] "{$end}" in the path of template "x" cannot)
           . ' be known while a file is recorded, as "when=recording" of'
           . qq( upload "c" needs it, in $dir/test.conf:$line{$where}\n),
           "$where: $end");
    }
}

# --- what is right

my @quiet = (
    [ bucket => bucket(endpoint => 'endpoint https://s3.test;') ],
    [ bucket => bucket(endpoint => 'endpoint https://s3.test:8443/a/b/;') ],
    [ bucket => bucket() . ' region ap-guangzhou; prefix live/;'
                . ' addressing path; verify on; part_size 5m; rate 10m;'
                . ' url https://cdn.test/live; max_connections 64;'
                . ' header x-amz-acl private; header x-b "a b";' ],
    [ bucket => bucket() . ' part_size 5g; rate 0; max_connections 1;'
                . " region us_east-1; prefix 'a b/\xc3\xa4/c';" ],
    (map { [ bucket => bucket() . " prefix '$_';" ] }
        '', 'a', 'a/', '...', 'a/..b/.c', 'p' x 512),
    [ bucket => 'endpoint https://cos.test; bucket r-1250000000;'
                . ' addressing host; credentials keys;' ],
    (map { [ bucket => bucket(endpoint => "endpoint $_;") ] }
        'http://127.1.2.3', 'http://[::1]:7480/', 'http://localhost:7480',
        'http://s3.localhost', 'HTTP://LOCALHOST'),
    [ bucket => 'endpoint http://localhost:7480; bucket a.b; addressing host;'
                . ' credentials keys;' ],
    [ bucket => bucket(credentials => "credentials $dir/keys;") ],
    [ bucket => bucket() . ' verify off;' ],
    [ main => 'upload b;' ],
    [ main => 'upload b when=closed local=keep backup=c; upload c'
              . ' backup=b;' ],
    [ main => 'upload b when=recording; record_template y { format flv;'
              . ' path "{EndYear}"; upload c; }' ],
    [ main => 'upload b when=recording; record_template y { '
              . ' path "{EndYear}"; }' ],
    [ main => 'upload b; upload backup;', template => 'upload b local=remove'
              . ' backup=backup; upload c local=100y;' ],
    [ template => 'upload b local=1s; upload c backup=b; path "{EndYear}/a";' ],
);

for my $right (@quiet) {
    my %part = @$right;
    my ($status, $said) = test_conf(%part);
    is("$status $said", '0 ',
       join ' ', map { "$_: $part{$_}" } sort keys %part);
}

# --- what is said of it all the same

my $between = 'whoever is between can read and change what is sent, in';

warned('verify off', bucket(endpoint => 'endpoint https://s3.test;')
       . ' verify off;', qq(record_bucket "c" has "verify off": $between $at));
warned('http', bucket(endpoint => "endpoint $_;"),
       qq(record_bucket "c" has an endpoint of http: $between $at))
    for qw(http://s3.test http://192.0.2.1 http://localhost.test
           http://[2001:db8::1]/);
warned('credentials for everybody',
       bucket(credentials => 'credentials open.keys;'),
       qq(the file "$dir/open.keys" with the credentials of record_bucket can)
       . " be read by every user of the system in $dir/test.conf:7");

# three values of 200 bytes, 2 slashes, 64 bytes behind: a key of 1025

my $long = 'format mp4; path "{AppName}/{StreamID}/{Domain}";';

for my $prefix (358, 359) {
    my ($status, $said) = test_conf(
        bucket => bucket() . ' prefix ' . 'p' x $prefix . ';',
        main => "record_template long { $long upload b; upload c; }");

    is("$status $said", $prefix == 358 ? '0 ' : '0 nginx: [warn] paths of'
       . ' template "long" can grow so long that their files cannot be'
       . ' uploaded to bucket "c", whose keys have 1024 bytes at most, in'
       . " $dir/test.conf:3\n", "a prefix of $prefix bytes");

    # which uploads a template has is seen by it, too
    for my $own ('', ' upload b;') {
        ($status, $said) = test_conf(
            bucket => bucket() . ' prefix ' . 'p' x $prefix . ';',
            main => "upload c; record_template long { $long$own }");

        my $warned = () = $said =~ /\[warn\]/g;
        is("$status $warned", $prefix == 358 || $own ? '0 0' : '0 1',
           $own ? 'a template with its own' : 'one that inherits');
    }
}

SKIP: {
    skip 'needs root, for another user', 4 if !$root;

    my $cannot = 'be read by the worker processes of user "www-data": no'
        . ' access to';

    for my $file ('root.keys', 'in/keys', 'group.keys', 'link.keys') {
        mkdir "$dir/in";
        chmod 0700, "$dir/in";
        file($file, $good, 0600) if $file ne 'link.keys';
        symlink 'root.keys', "$dir/$file" if $file eq 'link.keys';
    }

    chown 0, scalar getgrnam('www-data'), "$dir/group.keys";
    chmod 0640, "$dir/group.keys";

    for my $case ([ 'root.keys', 'root.keys' ], [ 'in/keys', 'in' ],
                  [ 'link.keys', 'link.keys' ])
    {
        warned("workers cannot read $case->[0]",
               bucket(credentials => "credentials $case->[0];"),
               qq(the credentials of record_bucket "c" cannot $cannot)
               . qq( "$dir/$case->[1]", in $at (13: Permission denied)));
    }

    my ($status, $said) = test_conf(
        bucket => bucket(credentials => 'credentials group.keys;'));
    is("$status $said", '0 ', 'their group can');
}

$t->done;

# a right block, with other text for some of its parameters
sub bucket {
    my (%other) = @_;

    my $text = join ' ', map { exists $other{$_} ? () : "$_ $parts{$_};" }
                         sort keys %parts;
    return join ' ', $text, values %other;
}

sub refused {
    my ($where, $text, $message, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($status, $said) = test_conf($where => $text);
    my ($got) = $said =~
        /^nginx: \[emerg\] (.*) in \Q$dir\E\/test\.conf:$line{$where}\n\z/s;

    is(defined $got ? $got : $said, $message, "$where: $name");
    is($status, 1, 'refused');
    unlike($said, qr/\Q$key\E|\Q$id\E/, 'no secret is said');
    return;
}

sub warned {
    my ($name, $text, $message) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($status, $said) = test_conf(bucket => $text);
    is("$status $said", "0 nginx: [warn] $message\n", $name);
    return;
}

sub file {
    my ($name, $text, $mode) = @_;

    spew("$dir/$name", $text);
    chmod $mode, "$dir/$name" or die "$dir/$name: $!\n";
    return;
}

# the exit status, and what nginx -t says besides its own summary
sub test_conf {
    my (%part) = (b => bucket(), backup => bucket(), bucket => bucket(), @_);

    my ($status, $said) = $t->test_conf($conf, map {
        (uc "${_}_part" => defined $part{$_} ? $part{$_} : '') }
        qw(main b backup bucket template sync path));

    $said =~ s/^nginx: (?:the )?configuration file .*\n//mg;
    return ($status, $said);
}
