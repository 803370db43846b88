#!/usr/bin/perl

# The lines of docs/operations.md that list and fetch what was recorded in a
# period, as they stand there: by recordings, curl and rclone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find ();
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(not_tested root run slurp wait_for);

for my $program (qw(curl jq rclone)) {
    plan skip_all => not_tested("needs $program")
        if system("command -v $program > /dev/null") != 0;
}

my $t = Recording::Nginx->new;
my ($part) = slurp(root() . '/docs/operations.md')
             =~ /^## Listing and fetching\n(.*?)^## /ms;
my ($location) = $part =~ /```nginx\n(.*?)```/s;
my ($command, $curl, $rclone) = $part =~ /```sh\n(.*?)```/sg;

$location =~ s{/var/lib/nginx/recording}{%%STORE%%};
$t->conf(<<'CONF' =~ s/%%FILES%%/$location/r)->start;
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
        %%FILES%%
    }
}
CONF

my $port = $t->port(1);
my $api = Recording::Api->new(port => $port);
$ENV{PATH} = root() . "/src:$ENV{PATH}";
$ENV{RECORDINGS_API} = "http://127.0.0.1:$port/api/";
$ENV{RCLONE_CONFIG} = '';

# more than a page of the API, which is of 5 here; the first is of another time
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
my $n = 4;
my $media = media(duration => 1, fps => 5, size => '160x90');

for my $i (1 .. $n) {
    my $r = $t->publisher('live', "it's $i");
    $r->send_flv($media);
    $r->delete_stream->close;
}

wait_for('files', 60,
         sub { $api->call('SearchMedia')->{TotalCount} == 4 * $n });
$t->catalogue("UPDATE files SET start_us = start_us - 86400000000 * 400,"
    . " end_us = end_us - 86400000000 * 400 WHERE path LIKE '%''s 1/%'");
utime time - 86400 * 400, time - 86400 * 400, $_
    for files($t->store . '/files', qr{'s 1/});

my %store = map { $_ => 1 } map { substr $_, length($t->store . '/files/') }
            grep { !m{'s 1/} } files($t->store . '/files');
my %whole = map { m{([^/]+)$} ? ($1 => 1) : () }
            grep { /\.(?:mp4|flv|aac)$/ } keys %store;
my @from = day(-86400 * 2);
my @end = day(86400 * 2);

# --- recordings

my ($list, $fetch) = split /\n/, $command;
like(line($list), qr/^ID (?:.*\n){@{[ 4 * $n - 3 ]}}$/, 'recordings list');
line($fetch);
is_deeply(fetched(), \%store, 'recordings fetch: all of the period');
line($fetch);
is_deeply(fetched(1), \%store, 'again');

# --- curl

my ($pages) = $curl =~ /^(.*) \\\n/;
is(scalar(() = line($pages) =~ m{^http://127.0.0.1:$port/vod/\S+\n}mg),
   3 * $n - 3, 'curl lists');
line($curl);
is_deeply(fetched(1), \%whole, 'and fetches');

# --- rclone

my ($lsf, $copy) = split /\n/, $rclone;
my %listed = map { $_ => 1 } split /\n/, line($lsf);
is_deeply(\%listed, \%store, 'rclone lists');
line($copy);
is_deeply(fetched(), \%store, 'and fetches');

$t->done;

# runs a line of the docs, with the test's port, directory and period
sub line {
    my ($text) = @_;

    my $to = $t->dir . '/february';
    mkdir $to;
    $text =~ s{"Limit": 100}{"Limit": 5};
    $text =~ s{127\.0\.0\.1:8081}{127.0.0.1:$port}g;
    $text =~ s{/srv/february}{$to}g;
    $text =~ s{2026-02-01}{$from[0]}g;
    $text =~ s{2026-02-28|2026-03-01}{$end[0]}g;

    my ($status, $out, $err) = run('sh', '-c', $text);
    is("$status $err", '0 ', substr($text, 0, 40) . '...');
    return $out;
}

# the paths of what was fetched; they are kept for once more, or removed
sub fetched {
    my ($remove) = @_;

    my $to = $t->dir . '/february';
    my %found = map { substr($_, length($to) + 1) => 1 } files($to);
    run('rm', '-r', $to) if $remove;
    return \%found;
}

sub files {
    my ($dir, $which) = @_;

    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, $_ if -f $_ && (!$which || /$which/);
    } }, $dir);
    return @found;
}

sub day {
    my ($from_now) = @_;

    my @at = gmtime time + $from_now;
    return sprintf '%04d-%02d-%02d', $at[5] + 1900, $at[4] + 1, $at[3];
}
