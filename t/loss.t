#!/usr/bin/perl

# What is missing is seen with "error_log ... error", which is the default of
# distributions: once, with the stream and the template, and with the format
# where it is about one.  Rows count it, by its reason, also after a pause.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my @plain = Recording::Rtmp::flv_messages(
    media(duration => 4, gop => 1, size => '160x120'));
my ($key) = map { $_->[1] } grep { frame(9, $_) } @plain;
my $end = ', stream: "live/%s", template: "all"';

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=%%RESERVE%%;
    record_template all {
        format flv resume=%%RESUME%%; format mp4 resume=%%RESUME%%;
        format hls segment=1s resume=%%RESUME%%; format aac;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            live on;
            record_rule all;
            record_rule off stream=off;
        }
        application some { live on; record_rule all stream=other; }
    }
}
CONF

subtest 'less than the reserve' => \&low;
subtest 'frames that no file can take' => \&frames;
subtest 'what is configured' => \&configured;
subtest 'counts and names after a pause and a kill' => \&recovered;

Recording::Nginx->done;

# a stream that begins and ends while nothing can be recorded
sub low {
    my $t = nginx(RESERVE => '1000000g');

    $t->wait_log(qr/bytes left, less than reserve=/);
    publish($t, 'low', @plain);
    $t->wait_log(qr/nothing was recorded/);

    my $n = grep { (frame(8, $_) || frame(9, $_)) && $_->[1] >= $key } @plain;
    is(join(' ', said($t, 'low', 'error')), "less than reserve= is left,"
       . " nothing is recorded, exception -104 nothing was recorded, $n frames"
       . ' were dropped', 'said, and how much it was');
    is(scalar(my @rows = $t->files), 0, 'no row');
    $t->stop;
}

sub frames {
    my $t = nginx();

    # sound without a header, beside video
    my @headless = grep { !header(8, $_) } @plain;
    my %rows = publish($t, 'headless', @headless);
    my $sound = grep { frame(8, $_) && $_->[1] >= $key } @headless;
    is_deeply([ said($t, 'headless', 'error') ],
              [ 'audio frames are dropped, they have no sequence header' ],
              'no header: said');
    near(drops($rows{$_}, 'header'), $sound, "$_ counts them")
        for qw(flv mp4 hls);

    # a header that nobody can read, and again
    my @broken = map { header(8, $_) ? ([ 8, $_->[1], "\xaf\0\xff" ]) x 2
                                     : $_ } @plain;
    publish($t, 'broken', @broken);
    is_deeply([ grep { /header ignored/ } said($t, 'broken', 'error') ],
              [ 'broken audio sequence header ignored, exception -131' ],
              'a broken header: said once');

    # sound that ADTS has no room for
    my ($large) = grep { $_->[1] > 2000 && frame(8, $_) } @plain;
    %rows = publish($t, 'large', map {
        $_ == $large ? ([ 8, $_->[1], "\xaf\1" . "\x21" x 9000 ]) : $_ }
        @plain);
    my @said = sort { $a cmp $b } said($t, 'large', 'error');
    is_deeply(\@said, [ map { "$_ does not take all frames of audio, those are"
                              . ' dropped, exception -131' } qw(aac hls) ],
              'a frame: said once for each format');
    is(drops($rows{$_}, 'broken'), 1, "$_ counts it") for qw(aac hls);
    is($rows{$_}{drops}, '{}', "$_ has it") for qw(flv mp4);

    # video of before its key frame, which comes late
    %rows = publish($t, 'late',
        (grep { $_->[0] != 9 && $_->[1] < 2500 } @plain),
        grep { header(9, $_) || ($_->[0] == 9 && $_->[1] > $key + 2500) }
        @plain);
    is(scalar(grep { /video frames are dropped, no key frame/ }
              said($t, 'late', 'error')), 1, 'before its key frame: said once');
    cmp_ok(drops($rows{$_}, 'key'), '>', 5, "$_ counts them")
        for qw(flv mp4 hls);
    is(drops($rows{aac}, 'key'), 0, 'aac does not miss them');

    $t->stop;
}

sub configured {
    my $t = nginx(level => 'notice');

    connected($t, 'some', 'not')->close;
    $t->wait_log(qr/not recorded, no record_rule/);
    connected($t, 'live', 'off')->close;
    $t->stop;

    is(() = $t->error_log =~ m{\[notice\].*recording:\ not\ recorded,\ no
        \ record_rule\ matches\ it,\ stream:\ "some/not",\ client}xg, 1,
       'no rule');
    unlike($t->error_log, qr{"live/off"}, 'off is off');
}

# hls has no place for this sound
sub recovered {
    my $t = nginx(RESUME => '30m', level => 'notice');
    my $asc = pack 'B*', '0001000110010100';
    my @left = map { header(8, $_) ? [ 8, $_->[1], "\xaf\0$asc" ] : $_ }
               @plain;
    my $n = grep { frame(8, $_) && $_->[1] >= $key } @plain;

    part($t, 'left', @left);
    my @paused = $t->files(stream => 'left');
    my ($hls) = grep { $_->{format} eq 'hls' } @paused;
    is(drops($hls, 'track'), $n, 'a paused file counts what is left out');

    $t->stop;
    $t->start;
    part($t, 'left', @left);
    ($hls) = $t->files(stream => 'left', format => 'hls');
    is(drops($hls, 'track'), 2 * $n, 'and goes on with that');
    is(scalar(grep { /^hls does not take aac/ } said($t, 'left', 'error')), 1,
       'which was said');

    # a growing file of a killed worker, and what is paused of another
    my $r = connected($t, 'live', 'killed');
    $r->send_flv(\@plain);
    my %id = map { $_->{format} => $_->{file_id} }
             $t->wait_growing(4, stream => 'killed');
    my $store = $t->store;
    wait_for('frames on the disk', 20, sub {
        4 == grep { (-s || 0) > 5000 } "$store/work/$id{mp4}.index",
            "$store/work/$id{flv}.flv", "$store/work/$id{aac}.aac",
            glob "$store/files/live/killed/*/00000.ts" });
    $t->allow(qr/exited on signal 9/);
    $t->signal('KILL', $t->worker_pids);
    wait_for('recovery', 30, sub {
        4 == grep { $_->{state} =~ /paused|finished/ }
             $t->files(stream => 'killed') });
    $r->close;
    $t->stop;

    my @file = grep { /recording: .*\bfile\b/ } split /\n/, $t->error_log;
    cmp_ok((grep { /recovered, it waits.*"live\/killed"/ } @file), '==', 3,
           'recovered files name their stream');
    is(join("\n", grep { !m{, stream: "live/\w+", template: "all"} } @file),
       '', 'and so does every message about a file');
}

sub nginx {
    my %opt = @_;

    my $t = Recording::Nginx->new(level => $opt{level} || 'error');
    $t->conf($conf, RESERVE => $opt{RESERVE} || 0, RESUME => $opt{RESUME} || 0);
    return $t->start;
}

sub connected {
    my ($t, $app, $name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    return $r;
}

sub end_of {
    my ($r) = @_;

    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

# the first row of each format
sub publish {
    my ($t, $name, @messages) = @_;

    my $r = connected($t, 'live', $name);
    $r->send_flv(\@messages);
    end_of($r);
    return if $name eq 'low';

    my %rows;
    $rows{ $_->{format} } ||= $_ for $t->wait_files(3, stream => $name);
    return %rows;
}

# until its files wait for more
sub part {
    my ($t, $name, @messages) = @_;

    my ($before) = (map({ $_->{frames_in} } $t->files(stream => $name)), 0);
    my $r = connected($t, 'live', $name);
    $r->send_flv(\@messages);
    end_of($r);
    wait_for('pause', 30, sub {
        my @rows = $t->files(stream => $name);
        return 3 == grep { $_->{state} eq 'paused'
                           && $_->{frames_in} > $before } @rows;
    });
}

# what was said of a stream, on a level
sub said {
    my ($t, $name, $level) = @_;

    my $tail = sprintf $end, $name;
    return $t->error_log =~ /\[$level\] [^\n]*: recording: ([^\n]*)\Q$tail\E/g;
}

sub drops {
    my ($row, $reason) = @_;
    return JSON::XS::decode_json($row->{drops})->{$reason} || 0;
}

sub near {
    my ($have, $want, $name) = @_;
    cmp_ok(abs($have - $want), '<=', 2, "$name: $have of $want");
}

sub frame {
    my ($type, $m) = @_;
    return $m->[0] == $type && ord(substr $m->[2], 1, 1) == 1;
}

sub header {
    my ($type, $m) = @_;
    return $m->[0] == $type && ord(substr $m->[2], 1, 1) == 0;
}
