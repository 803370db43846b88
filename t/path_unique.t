#!/usr/bin/perl

# Nothing is overwritten: a path is unique among all rows ever written, and
# what lies in files/ without a row is left alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use File::Find ();
use File::Path qw(make_path);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slurp spew wait_for);

my $media = media(duration => 1, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%% url=http://host/;
    record_template same {
        format flv;
        format mp4;
        format hls;
        format aac;
        path 'same/{StreamID}';
    }
    record_template ended { format flv; path 'ended/{EndYear}'; }
    record_template plain { format flv; path 'tree/{StreamID}'; }
    record_template below { format flv; format hls; path 'tree/{StreamID}/y'; }
    record_template moment {
        format flv;
        format hls;
        path 'moment/{StartHour}{StartMinute}{StartSecond}{StartMillisecond}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule same; }
        application ended { live on; record_rule ended; }
        application moment { live on; record_rule moment; }
        application plain { live on; record_rule plain; }
        application below { live on; record_rule below; }
    }
}
CONF

my $files = $t->store . '/files';
my @ends = qw(.aac .flv .mp4 /index.m3u8);
my $rows = 0;
my %before;

again('', 'a first time');
again('-2', 'a second time');

unlink "$files/same/a-2$_" for @ends;
delete $before{"same/a-2$_"} for @ends;
again('-3', 'a path whose file was deleted stays used');

# what somebody else put there
make_path("$files/same/a-4");
spew("$files/same/a-4$_", "foreign $_") for @ends;
%before = snapshot();
again('-5', 'a path where something lies is not taken');
again('-6', 'not later either');

# a path that is known only at the end, and more of them than are counted
for my $i (1 .. 12) {
    publish('ended', "s$i");
    $t->wait_files($i, app => 'ended');
}

my @names = map { $_->{path} =~ m{^ended/\d{4}(.*)\.flv$} }
            $t->files(app => 'ended');
is(join(' ', @names[0 .. 9]), ' -2 -3 -4 -5 -6 -7 -8 -9 -10', 'counted');
like("@names[10, 11]", qr/^-[0-9a-f]{16} -[0-9a-f]{16}$/, 'then at random');
kept('ended');
$rows += 12;

one_moment();
file_for_directory();

my @all = $t->files;
is(scalar @all, $rows, 'every file has a row');
is((grep { $_->{play_url} ne "http://host/$_->{path}" } @all), 0,
   'and each row the URL of its path');
is((grep { !-s $t->path($_) } grep { $_->{path} !~ /a-2/ } @all), 0,
   'and its file');

$t->done;

sub again {
    my ($suffix, $what) = @_;

    publish('live', 'a');
    $rows += 4;
    my @rows = $t->wait_files($rows);
    my @new = map { $_->{path} } @rows[-4 .. -1];

    is("@{[ sort @new ]}", join(' ', map { "same/a$suffix$_" } @ends), $what);
    kept($what);
}

# Two publishes in one millisecond: the worker sleeps while the frames of
# both arrive, and reads its clock once when it wakes up.
sub one_moment {
    my @r = map { connected('moment', "s$_") } 1 .. 2;

    my ($pid) = $t->worker_pids;
    $t->signal('STOP', $pid);
    wait_for('sleep', 10, sub { slurp("/proc/$pid/stat") =~ /\) T / });
    $_->send_flv($media) for @r;
    $_->wait_delivered for @r;
    $t->signal('CONT', $pid);

    $_->delete_stream->close for @r;
    $rows += 4;
    $t->wait_files($rows);

    my @rows = $t->files(app => 'moment');
    my %start = map { $_->{start_us} => 1 } @rows;
    is(scalar keys %start, 1, 'one start');

    my ($base) = $rows[0]{path} =~ m{^(moment/\d{9})};
    my @want = map { ("$base$_.flv", "$base$_/index.m3u8") } '', '-2';
    is("@{[ sort map { $_->{path} } @rows ]}", "@{[ sort @want ]}",
       'two paths');
    kept('one moment');
}

# A file stands where another template has a directory: what cannot lie
# below it lies in files/ itself, under its id.
sub file_for_directory {
    publish('plain', 'x');
    $t->wait_files(1, app => 'plain');
    publish('below', 'x.flv');
    $t->wait_files(2, app => 'below');
    $rows += 3;

    for my $row ($t->files(app => 'below')) {
        my $end = $row->{format} eq 'hls' ? '/index.m3u8' : '.flv';
        is($row->{path}, "$row->{file_id}$end", "$row->{format} has a place");
    }

    kept('a file for a directory');
}

sub connected {
    my ($app, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    is($r->publish($stream), 'NetStream.Publish.Start', "publish $stream");
    return $r;
}

sub publish {
    my $r = connected(@_);
    $r->send_flv($media);
    $r->delete_stream->close;
}

# what lay there before is as it was
sub kept {
    my ($what) = @_;

    my %now = snapshot();
    my @changed = grep { ($now{$_} || '') ne $before{$_} } sort keys %before;
    is("@changed", '', "nothing is overwritten: $what");
    cmp_ok(scalar keys %now, '>', scalar keys %before, 'there is more');
    %before = %now;
}

sub snapshot {
    my %hash;

    File::Find::find({ no_chdir => 1, wanted => sub {
        $hash{substr $_, 1 + length $files} = sha1_hex(slurp($_)) if -f;
    } }, $files);

    return %hash;
}
