#!/usr/bin/perl

# Names from the network: whatever a stream is called, its files lie in
# files/, the row keeps the name as it came, and the play URL is served.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use File::Find ();
use HTTP::Tiny;
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slurp);

my $media = media(duration => 1, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%% url=http://127.0.0.1:%%PORT_1%%/vod;
    record_template all {
        format flv;
        format hls;
        path '{AppName}/{StreamID}/{Domain}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /vod/ { alias %%STORE%%/files/; }
    }
}
CONF

my $dir = $t->dir;
(my $flat = "$dir/x") =~ tr{/}{_};
my $base = 'http://127.0.0.1:' . $t->port(1) . '/vod/live';
my $before = outside();

# what is published, as what it stands in the path and in the URL; nginx-rtmp
# keeps 255 bytes of a name
my @names = (
    '../../../x', '_._.._.._x', undef,
    '..', '_.', undef,
    '.', '_', undef,
    '.hidden', '_hidden', undef,
    "$dir/x", $flat, undef,
    '..%2f..%2fx', '_.%2f..%2fx', '_.%252f..%252fx',
    '..\\..\\x', '_._.._x', undef,
    'a b', 'a b', 'a%20b',
    qq(q"'`\$(x);&), qq(q"'`\$(x);&), 'q%22%27%60%24%28x%29%3B%26',
    '{StreamID}#%00+', '{StreamID}#%00+', '%7BStreamID%7D%23%2500%2B',
    "c\x01\t\r\n\x1f\x7fd", 'c______d', undef,
    "\xd1\x82\xe2\x82\xac\xf0\x9f\x8e\xa5", "\xd1\x82\xe2\x82\xac\xf0\x9f"
        . "\x8e\xa5", '%D1%82%E2%82%AC%F0%9F%8E%A5',
    "i\xff\xc0\xaf\xe2\x82", 'i_____', undef,
    "s\xed\xa0\x80", 's___', undef,
    'n' x 300, 'n' x 200, undef,
    "\xc3\xbc" x 150, "\xc3\xbc" x 100, '%C3%BC' x 100,
    'l' . "\xe2\x82\xac" x 100, 'l' . "\xe2\x82\xac" x 66,
        'l' . '%E2%82%AC' x 66,
);

my @tests;
push @tests, [ splice @names, 0, 3 ] while @names;

# all at once: a name must not get into another one's way either
publish($_->[0], '') for @tests;
publish('d', 'rtmp://..%2f"' . ('e' x 230) . '/live');
publish('q?../../x', '');
$t->wait_files(2 * @tests + 4);

for my $test (@tests) {
    my ($name, $path, $url) = @$test;
    check(substr($name, 0, 255), $path, defined $url ? $url : $path, '_');
}

my $domain = '_.%2f"' . 'e' x 194;
(my $escaped = $domain) =~ s/([%"])/sprintf '%%%02X', ord $1/ge;
check('d', 'd', 'd', $domain, $escaped);

check('q', 'q', 'q', '_');
my %param = map { $_->{stream_param} => 1 } $t->files(stream => 'q');
is(join(' ', keys %param), '../../x', 'a query is no part of the name');

is(outside(), $before, 'nothing outside the store');
is(join("\n", inside()), join("\n", map { $_->{path} }
    sort { $a->{path} cmp $b->{path} } $t->files), 'and in it the files');

$t->done;

sub publish {
    my ($name, $url) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live', tcUrl => $url);
    my $code = $r->publish($name);
    fail("publish: $code") if $code ne 'NetStream.Publish.Start';
    $r->send_flv($media);
    $r->delete_stream;
    $r->close;
}

sub check {
    my ($name, $path, $url, $domain, $escaped) = @_;

    (my $shown = substr $name, 0, 40) =~ s/([^ -~])/sprintf '\x%02x', ord $1/ge;
    my @ends = ("$domain.flv", "$domain/index.m3u8");
    my @where = (stream => $name, path => "live/$path/$ends[0]");
    my ($row) = $t->files(@where);

    ok($row, "$shown: the row has the name, and the path") or return
        diag join "\n", map { $_->{path} } $t->files;
    is(($t->column_bytes('stream', @where))[0], $name, 'byte by byte');

    $escaped = $domain if !defined $escaped;
    is($row->{play_url}, "$base/$url/$escaped.flv", 'the play URL');
    served($row);
    served($t->files(stream => $name, path => "live/$path/$ends[1]"));
}

sub served {
    my ($row) = @_;

    my $answer = HTTP::Tiny->new->get($row->{play_url});
    is($answer->{status}, 200, "$row->{format} is served");
    is(sha1_hex($answer->{content}), sha1_hex(slurp($t->path($row))),
       'as it is on disk');
}

# what lies beside and above the store
sub outside {
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub {
        $File::Find::prune = 1 if $_ eq $t->store;
        push @found, $_;
    } }, $dir);

    return join "\n", sort @found;
}

# the files in files/, without HLS segments
sub inside {
    my $files = $t->store . '/files/';
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, substr $_, length $files if -f && !/\.ts$/;
    } }, $files);

    return sort @found;
}
