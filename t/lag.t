#!/usr/bin/perl

# Audio that is behind its video, or ahead of it, when files are cut: each
# frame is in the file in which it is by time, so that the files of a
# rotation, one after the other, are the push.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(tracks);
use Recording::Rtmp;
use Recording::Times;

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template cut {
        format mp4 interval=2s; format flv interval=2s; format aac interval=2s;
        format hls segment=2s;
        path '{StreamID}-{RandomID}';
    }
    record_template short {
        format mp4 interval=1s; format flv interval=1s;
        path '{StreamID}-{RandomID}';
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule cut; }
        application short { live on; record_rule short; }
    }
}
CONF

my $seconds = 8;
my @plain = Recording::Rtmp::flv_messages(
    media(duration => $seconds, size => '160x120', rate => 32000));

# what is behind, by how many ms
for my $lag ([ 8, 300, 'live' ], [ 8, 3000, 'live', 'short' ],
             [ 9, 300, 'live' ], [ 9, 1000, 'live', 'short' ])
{
    my ($type, $by, @apps) = @$lag;
    my $name = ($type == 8 ? 'audio' : 'video') . $by;
    my @messages = late($by, $type, @plain);
    my $sent = Recording::Times::of(@messages);

    for my $app (@apps) {
        subtest "$name, $app" => sub {
            publish($name, $app, @messages);
            check($name, $app, $sent);
        };
    }
}

$t->done;

# messages of a type arrive later than they were made
sub late {
    my ($by, $type, @messages) = @_;

    my %key = map { $_ => $_->[1] + ($_->[0] == $type && $_->[1] ? $by : 0) }
              @messages;

    return sort { $key{$a} <=> $key{$b} } @messages;
}

sub publish {
    my ($name, $app, @messages) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->close;
}

sub check {
    my ($name, $app, $sent) = @_;

    my ($each, @formats) = $app eq 'live' ? (4, 'mp4', 'flv', 'aac')
                                          : (8, 'mp4', 'flv');
    my @rows = $t->wait_files($each * @formats + ($app eq 'live'),
                              app => $app, stream => $name);

    for my $format (@formats) {
        my @mine = sort { $a->{file_id} <=> $b->{file_id} }
                   grep { $_->{format} eq $format } @rows;
        my @files = $t->paths(@mine);

        is(scalar @files, $each, "$format files") or next;
        is(join('; ', Recording::Times::problems($sent, 20, @files)), '',
           "$format: the files are the push");
        next if $format eq 'aac';

        together($_, $format) for @files[0 .. $#files - 1];
    }

    my ($hls) = $t->paths(grep { $_->{format} eq 'hls' } @rows);
    return if !$hls;

    is(join('; ', Recording::Times::problems($sent, 20, $hls)), '',
       'hls: the playlist is the push');

    my @segments = @{ Recording::Hls->check($hls)->{segments} };
    is(join(' ', map { sprintf '%.1f', $_->{duration} } @segments),
       '2.0 2.0 2.0 2.0', 'hls: segments are cut at key frames');
}

# audio and video of a file end together
sub together {
    my ($file, $format) = @_;

    my $tracks = tracks($file);
    my %end = map { my $last = $tracks->{$_}[-1];
                    $_ => $last ? $last->{dts} : 0 } 'v', 'a';

    cmp_ok(abs($end{v} - $end{a}), '<', 0.06, "$format: tracks end together")
        or diag("$end{v} $end{a}");
}
