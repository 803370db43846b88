#!/usr/bin/perl

# recordings fetch: each format as it lies in the store; again, when nothing
# is to be done; going on in what was begun; and a file that is gone, has
# another size, or a name that leads elsewhere, is no file and leaves none.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find ();
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(not_tested root run slurp spew wait_for);

plan skip_all => not_tested('needs curl')
    if system('command -v curl > /dev/null') != 0;

$ENV{LC_ALL} = 'C.UTF-8';

my $t = Recording::Nginx->new;
my $evil = '{"Response":{"MediaInfoSet":[%s],"ScrollToken":"",'
           . '"NotExistFileIdSet":[]}}';
my $file = '{"RecordInfo":{"Name":"%s","Size":5,"Format":"%s",'
           . '"MediaUrl":"%s"}}';
my $http = 'http://127.0.0.1:' . $t->port(1);
my $names = sprintf $evil, join ',',
    map { sprintf $file, $_, 'mp4', "$http/five" }
        '../up', '/root', 'a//b', 'a/./b', 'a/../../b', 'good/five', '';
my $urls = sprintf $evil, join ',',
    map({ sprintf $file, 'u/five', 'mp4', $_ }
        "file://$FindBin::Bin/recordings_fetch.t", '-o/tmp/x', ''),
    sprintf($file, 'u/list', 'hls', "$http/list.m3u8"),
    sprintf($file, 'u/five.m3u8', 'hls', "$http/five");

$t->conf(<<'CONF', NAMES => $names, URLS => $urls)->start;
rtmp {
    record_store %%STORE%% url=http://127.0.0.1:%%PORT_1%%/vod/;
    record_template all { format mp4; format flv; format hls segment=1s; format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; }
        location /vod/ { alias %%STORE%%/files/; }
        location /moved/ { alias %%STORE%%/files/; }
        location /names/ { default_type application/json; return 200 '%%NAMES%%'; }
        location /urls/ { default_type application/json; return 200 '%%URLS%%'; }
        location /five { return 200 five5; }
        location /list.m3u8 { return 200 '#EXTM3U\n../../../up.ts\n'; }
    }
}
CONF

my $command = root() . '/src/recordings';
my $api = Recording::Api->new(port => $t->port(1));
$ENV{RECORDINGS_API} = "$http/api/";

my $name = "it's \"\\ %41 gr\xc3\xbcn";
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
my $r = $t->publisher('live', $name);
$r->send_flv(media(duration => 4, fps => 10, size => '160x90'));
$r->delete_stream->close;
wait_for('files', 20, sub { $api->call('SearchMedia')->{TotalCount} == 4 });

my %have = tree($t->store . '/files');
my %path = map { m{\.(\w+)$} ? ($1 => $_) : () } keys %have;
is(scalar keys %have, 8, 'files and segments');

# --- all of a period, and again

my ($status, $out, $err, %got) = fetch('all', '--since', '1h');
is("$status $err", '0 ', 'all is fetched');
is(scalar(() = $out =~ /: [\d.]+ kB\n/g), 4, 'which is told');
is_deeply(\%got, \%have, 'as it lies in the store');

my $mark = -s $t->dir . '/access.log';
($status, $out, $err, %got) = fetch('all', '--since', '1h');
is("$status $err", '0 ', 'again');
is(scalar(() = $out =~ /: is there\n/g), 4, 'is told');
is_deeply(\%got, \%have, 'nothing is else');
unlike(substr(slurp($t->dir . '/access.log'), $mark), qr/GET/, 'nor fetched');

# --- by ids, with another place where the store is served

my @ids = map { $_->{FileId} }
          grep { $_->{RecordInfo}{Format} =~ /mp4|hls/ }
          @{ $api->call('SearchMedia')->{MediaInfoSet} };
($status, $out, $err, %got) = fetch('some', '--vod', "$http/moved", @ids, 7);
is($status, 1, 'one is missing');
like($err, qr/of the ID 7\n.*1 of 3 files were not fetched/s, 'which is told');
is(join(' ', sort keys %got),
   join(' ', sort grep { /mp4|m3u8|ts$/ } keys %have), 'others are fetched');
like(slurp($t->dir . '/access.log'), qr{GET /moved/}, 'from there');

# --- what was begun

my $mp4 = $have{ $path{mp4} };
begin('begun', "$path{mp4}.part", substr $mp4, 0, 100_000);
begin('begun', "$path{aac}.part", $have{ $path{aac} });
begin('begun', "$path{flv}.part", $have{ $path{flv} } . 'more');
my ($segment) = sort grep { /\.ts$/ } keys %have;
begin('begun', $segment, $have{$segment});
begin('begun', "$segment.part", 'x');

$mark = -s $t->dir . '/access.log';
($status, $out, $err, %got) = fetch('begun', '--app', 'live');
delete $got{"$segment.part"};
is("$status $err", '0 ', 'what was begun is gone on with');
is_deeply(\%got, \%have, 'and is whole');

my $log = substr slurp($t->dir . '/access.log'), $mark;
like($log, qr/\.mp4 HTTP\/1.1" 206 @{[ length($mp4) - 100_000 ]} /,
     'the rest alone is fetched');
unlike($log, qr/\.aac/, 'nothing of what is all there');
like($log, qr/\.flv HTTP\/1.1" 200 /, 'all of what is too long');
is(scalar(() = $log =~ /\.ts HTTP/g), 3, 'segments that are missing');

# --- another size, and gone

$t->catalogue("UPDATE files SET size = size + 1 WHERE format IN ('mp4', 'hls')");
unlink $t->store . "/files/$path{flv}";
($status, $out, $err, %got) = fetch('wrong', '--since', 'today');
is($status, 1, 'some cannot be fetched');
like($err, qr/mp4: has \d+ bytes and not @{[ length($mp4) + 1 ]}, it was not/,
     'a size is wrong');
like($err, qr/m3u8: has \d+ bytes and not \d+, it was not kept/,
     'of HLS, too');
like($err, qr/404\nrecordings: that was \S+\.flv\n|404.*flv\n/s,
     'one is gone');
like($err, qr/3 of 4 files were not fetched; the same command goes on/,
     'how many');
is(join(' ', keys %got), $path{aac}, 'these leave nothing behind');

# --- an API that cannot be trusted

($status, $out, $err, %got) = fetch('evil', '--api', "$http/names/", 1);
is($status, 1, 'names that lead elsewhere');
is(scalar(() = $err =~ /: no such name is fetched\n/g), 6, 'are refused');
is_deeply(\%got, { 'good/five' => 'five5' }, 'but for one that does not');

($status, $out, $err, %got) = fetch('urls', '--api', "$http/urls/", 1);
is($status, 1, 'URLs that lead elsewhere');
is(scalar(() = $err =~ /: it has no URL; --vod says where/g), 3,
   'are refused');
is(scalar(() = $err =~ /is no playlist of segments/g), 2,
   'and what is no playlist');
is_deeply(\%got, {}, 'nothing is there');
is_deeply([ grep { -e } glob $t->dir . '/{up,root,five}*' ], [], 'and nothing outside');

# --- what is wrong

my @wrong = (
    [ 2, qr/fetch needs IDs, or a filter/ ],
    [ 2, qr/IDs or filters, not both/, '--app', 'a', 1 ],
    [ 1, qr/there is no directory \S+nowhere/, '--to',
      $t->dir . '/really/nowhere', 1 ],
);

for my $wrong (@wrong) {
    my ($code, $why, @args) = @$wrong;
    ($status, $out, $err) = run($command, 'fetch', @args);
    is($status, $code, "exit code of fetch @args");
    like($err, $why, 'and why');
}

$t->done;

# exit status, output, errors, and what is in the directory then
sub fetch {
    my ($dir, @args) = @_;

    my $to = $t->dir . "/$dir";
    mkdir $to;
    my @got = run($command, 'fetch', '--to', $to, @args);

    # nginx logs a request when it has answered it, and before the next one
    $api->code('DescribeStore');
    return (@got, tree($to));
}

sub begin {
    my ($dir, $path, $data) = @_;

    my $to = $t->dir . "/$dir/$path";
    run('mkdir', '-p', $to =~ s{/[^/]*$}{}r);
    spew($to, $data);
}

# path => content of each file
sub tree {
    my ($dir) = @_;

    my %content;
    File::Find::find({ no_chdir => 1, wanted => sub {
        $content{ substr $_, length($dir) + 1 } = slurp($_) if -f $_;
    } }, $dir);
    return %content;
}
