#!/usr/bin/perl

# record_type in the query of the stream or of the application: what of a
# stream is recorded.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem streams);
use Recording::Rtmp;

# one key frame: files that are cut more often than once are cut as audio is
my $flv = media(duration => 3, gop => 3, size => '160x90');

my %formats = (
    all => 'aac flv hls mp4',
    video => 'flv hls mp4',
    audio => 'aac flv hls mp4',
);

# application, stream, what is recorded
my @cases = (
    [ 'live', 'absent', 'all' ],
    [ 'live', 'video?record_type=video', 'video' ],
    [ 'live', 'audio?record_type=audio', 'audio' ],
    [ 'live', 'among?a=1&record_type=audio&b=%20%26', 'audio' ],
    [ 'live', 'other?arecord_type=audio&record_types=audio', 'all' ],
    [ 'live', 'nonsense?record_type=everything', 'all' ],
    [ 'live?record_type=audio', 'app_audio', 'audio' ],
    [ 'live?b=1&record_type=video', 'app_video', 'video' ],
    [ 'live?record_type=audio', 'both?record_type=video', 'video' ],
    [ 'live?record_type=video', 'both2?record_type=audio', 'audio' ],
    [ 'live?record_type=audio', 'app_after?record_type=no', 'audio' ],
    [ 'live?record_type=audio', 'without?key=1', 'audio' ],
    [ 'fixed', 'args?record_type=audio', 'all' ],
    [ 'fixed?record_type=video', 'args2?record_type=x', 'all' ],
    [ 'sound', 'nothing?record_type=video', 'none' ],
);

my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template all {
        format flv interval=1s;
        format mp4;
        format aac;
        format hls segment=1s;
    }
    record_template two { format mp4; }
    record_template sound { format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application fixed { live on; record_rule all args=off; }
        application sound { live on; record_rule sound; }
        application twice { live on; record_rule two sound; }
    }
}
CONF

publish(@$_[0, 1]) for @cases;
publish('twice', 'twice?record_type=else');

# graceful: whatever is recorded is in the catalogue afterwards
$t->stop;

for my $case (@cases) {
    my ($app, $stream, $what) = @$case;
    subtest "$app/$stream" => sub { check($app, $stream, $what) };
}

# two templates, but one publish
for my $value (qw(everything no else)) {
    my @lines = $t->error_log =~ /(.*record_type "$value".*)/g;
    is(@lines, 1, "record_type=$value is logged once");
    like($lines[0], qr/\[warn\]/, 'as a warning');
}

unlike($t->error_log, qr/record_type "x"/, 'args=off does not look at it');

$t->done;

sub publish {
    my ($app, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app) or die "no connection to $app";
    $r->publish($stream) =~ /Publish\.Start/ or die "no publish of $stream";
    $r->send_flv($flv);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

sub check {
    my ($app, $stream, $what) = @_;

    my ($name, $query) = split /\?/, $stream;
    my ($app_name, $app_query) = split /\?/, $app;
    my @rows = $t->files(stream => $name);

    return is(@rows, 0, 'not recorded') if $what eq 'none';

    my %found = map { $_->{format} => 1 } @rows;
    is("@{[ sort keys %found ]}", $formats{$what}, 'formats');

    my %app = map { $_->{app} => 1 } @rows;
    is("@{[ keys %app ]}", $app_name, 'the application without its query');

    # the stream's own, or, if it has none, that of the application
    my %param = map { $_->{stream_param} => 1 } @rows;
    is("@{[ keys %param ]}",
       defined $query ? $query : defined $app_query ? $app_query : '',
       'stream_param');

    for my $format (sort keys %found) {
        my @files = grep { $_->{format} eq $format } @rows;

        check_rows($what, $format, @files);
        check_files($what, $format, $t->paths(@files))
            if $stream =~ /^(?:audio|video)\?/;
    }
}

sub check_rows {
    my ($what, $format, @rows) = @_;

    my $audio = $what eq 'audio' || $format eq 'aac';
    my %seen = map { join(' ', @$_{qw(state video_codec audio_codec)}) => 1 }
               @rows;

    is(join(', ', keys %seen), $audio ? 'finished  aac' : 'finished h264 aac',
       "$format: state and codecs");

    # without a picture every frame is a chance to cut
    $audio && $format eq 'flv' ? cmp_ok(@rows, '>', 2, "$format is cut")
                               : is(@rows, 1, "$format is one file");
}

sub check_files {
    my ($what, $format, @paths) = @_;

    my $audio = $what eq 'audio' || $format eq 'aac';
    my @kinds = sort map { $_->{codec_type} } streams($paths[0]);

    is("@kinds", $audio ? 'audio' : 'audio video', "$format: streams");
    is(decode_problem($paths[0]), '', "$format decodes");

    # audio alone does not wait for a key frame
    is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => \@paths, streams => $audio ? 'a' : 'va',
        all_audio => $what eq 'audio')), '', "$format exact");
}
