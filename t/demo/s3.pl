#!/usr/bin/perl

# make demo-s3: an nginx that delivers what it records to a server of S3, a
# RADOS gateway of Ceph that is started here, with objects in memory; and what
# a receiver is told of it.  Prints the events as they come, then what is in
# the bucket, and whether that is what was recorded.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Digest::MD5 qw(md5_hex);
use Test::More ();
use Time::HiRes qw(sleep time);

use Recording::Gateway;
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Told;
use Recording::Util qw(slurp);

# the test library's checks are heard only when they fail
Test::More->builder->output('/dev/null');
Test::More->builder->no_ending(1);
$| = 1;

my $missing = Recording::Gateway->missing;
die "demo-s3: $missing\n" if $missing;

my $seconds = 10;
my $formats = 4;

print "starting a server of S3\n";
my $gateway = Recording::Gateway->new;
my $s3 = $gateway->s3;
my $films = $gateway->bucket('films');
my $url = 'http://127.0.0.1:' . $gateway->port;

my $t = Recording::Nginx->new;
my $told = Recording::Told->new(port => $t->port(1));

$t->conf(<<'CONF', URL => $url,
thread_pool recording threads=4 max_queue=65536;

rtmp {
    record_store        %%STORE%%;
    record_thread_pool  recording;

    record_bucket archive {
        endpoint     %%URL%%;
        bucket       films;
        prefix       vod/;
        credentials  %%FILE%%;
        header       x-amz-acl public-read;
        url          %%URL%%/films/vod/;
    }

    record_template demo {
        format  mp4;
        format  flv;
        format  hls segment=2s;
        format  aac;
        path    '{AppName}/{StreamID}/{RandomID}';
        upload  archive;
        notify  http://127.0.0.1:%%PORT_1%%/ events=file,delivered,exception;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule demo; }
    }
}
CONF
    FILE => $gateway->credentials($t->dir . '/credentials'))->start;

print "pushing a test stream of $seconds s to ", $t->url('live/demo'), "\n";
my $push = push_stream(media(duration => $seconds, gop => 2,
                             size => '1280x720'), $t->url('live/demo'));

# --- events, as they come; what they say, and where it plays

my $printed = 0;
my $end = time + $seconds + 60;
my $delivered = sub {
    return $formats == grep { $_->{objects} ne '[]' && $_->{told} } $t->files;
};

print "\nevents:\n\n";

while (time < $end) {
    my $last = $delivered->();
    my @events = $told->events;

    print_event($_) for @events[ $printed .. $#events ];
    $printed = @events;
    last if $last;
    sleep 0.1;
}

my $wrong = $push->wait ? 1 : 0;
$wrong ||= wrong('not all files were delivered and told') if !$delivered->();

sub print_event {
    my $json = $_[0]{json};
    my @fields = map { defined $json->{$_} ? "$_=$json->{$_}" : () }
                 qw(file_format duration file_size video_url);
    print "  $json->{event_type}  @fields\n";
    return;
}

# --- what is in the bucket

print "\nin bucket films:\n\n";
printf "  %9d  %s\n", @$_{qw(size key)} for $s3->list($films);
print "\n";

for my $row ($t->files) {
    my $dir = $row->{path} =~ m{^(.*/)index\.m3u8$} ? $1 : '';
    my $files = $t->store . '/files/';
    my @paths = $dir ? map { substr $_, length $files } glob "$files$dir*"
                     : $row->{path};

    for my $path (@paths) {
        my $object = $s3->get($films, "vod/$path");
        $wrong ||= wrong("$path is not there as it is")
            if md5_hex($object // '') ne md5_hex(slurp("$files$path"));
    }
}

my ($line) = $t->error_log =~ /^(.*\[(?:error|crit|alert|emerg)\].*)$/m;
$wrong ||= wrong($line) if $line;

print "Everything is there as it was recorded.\n" if !$wrong;

$t->stop;
$told->stop;
$gateway->stop;

exit $wrong;

sub wrong {
    print "  WRONG: $_[0]\n";
    return 1;
}
