#!/usr/bin/perl

# Resumption: a stream that returns within resume= goes on in its files.  All
# streams are published first, and looked at when everything is finished.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(ceil);
use Test::More;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

use Recording::Clock;
use Recording::Hls;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Probe qw(decode_problem nal_hashes raw_aac_hashes);
use Recording::Util qw(slurp wait_for within);

use constant RESUME => 60;      # s

# what waits does so for longer than anything here takes, and then no more
my $clock = Recording::Clock->new;
my $t = Recording::Nginx->new;
$t->conf(<<'CONF', N => RESUME)->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 resume=%%N%%s; format flv resume=%%N%%s;
        format hls resume=%%N%%s segment=1s; format aac resume=%%N%%s;
    }
    record_template jump {
        format mp4 resume=30s; format flv;
        format hls resume=30s segment=1s;
    }
    record_template mixed {
        format hls resume=%%N%%s segment=1s;
        format mp4 resume=1s; format flv;
    }
    record_template cut {
        format mp4 interval=3s resume=%%N%%s;
        format flv interval=3s resume=%%N%%s;
    }
    record_template brief {
        format mp4 resume=2s; format hls resume=2s segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            live on;
            record_rule all;
            record_rule jump stream=jump;
            record_rule mixed stream=mixed;
            record_rule cut stream=cut;
            record_rule brief stream=brief;
        }
        application other { live on; record_rule all; }
    }
}
CONF

my @small = (size => '160x120', fps => 20, gop => 0.5);
my $flv = media(@small, duration => 6);
my @later;

# --- timestamps that jump by less than resume=, in one connection

{
    my $s = Recording::Parts->new($t, 'live/jump', $flv);
    my $r = $s->publish;
    my $one = $s->send($r, 3000);
    my $two = $s->send($r, 3000, keep => 1, add => 15000);
    $s->close($r);
    $s->wait_state(paused => 2);

    later($s, jump => sub {
        my %rows = by_format($s, 1);

        is_deeply([ map { scalar @{ $rows{$_} } } qw(mp4 hls flv) ],
                  [ 1, 1, 2 ], 'files');
        is(problems($s->file_problems($rows{$_}[0], $one, $two)), '', $_)
            for qw(mp4 hls);
        is(problems($s->problems($rows{flv}[0], $one)), '', 'flv before it');
        is(problems($s->problems($rows{flv}[1], $two)), '', 'and after it');

        # what the publisher says has passed
        my %two = (%$two, first => $one->{last} + 15);
        is(problems($s->gap_problems($rows{mp4}[0], $one, \%two)), '',
           'the jump is a gap');
    });
}

# --- two interruptions, and what the catalogue says meanwhile

subtest 'all formats' => sub {
    my $s = Recording::Parts->new($t, 'live/all',
                                  media(@small, duration => 6, bframes => 2));
    my $r = $s->publish;
    my $one = $s->send($r, 2000);
    my %growing = map { $_->{file_id} => 1 } $t->wait_growing(4,
                                                 stream => 'all');
    my $mark = $t->log_mark;
    $s->close($r);
    paused($s, $one, time, $mark);

    sleep 1;
    $r = $s->publish;
    $s->send($r, 2000);
    is((grep { $growing{ $_->{file_id} } && !defined $_->{resume_us}
               && $_->{owner} ne '' } $t->wait_growing(4, stream => 'all')),
       4, 'the same files grow');
    $s->close($r, 'abort');

    sleep 0.5;
    $r = $s->publish;
    $s->send($r, 2000, keep => 1);
    $s->close($r, 'close');

    later($s, 'all formats' => sub {
        my %rows = by_format($s, 1);

        for my $format (qw(mp4 flv hls aac)) {
            is(@{ $rows{$format} }, 1, "one $format file");
            is(problems($s->problems($rows{$format}[0], $s->parts)), '',
               $format);
            is($rows{$format}[0]{recovered}, 0, 'nothing died');
        }
    });
};

# --- a stream of the same name elsewhere is another one

{
    my @s = map { Recording::Parts->new($t, "$_/same", $flv) }
                qw(live other);

    for my $s (@s) {
        my $r = $s->publish;
        $s->send($r, 1000);
        $s->close($r);
        $s->wait_state(paused => 4);
    }

    later($s[1], 'another application' => sub {
        for my $s (@s) {
            my %rows = by_format($s, 1);
            is(problems($s->problems($rows{$_}[0], $s->parts)), '',
               "$s->{app} $_") for qw(mp4 flv hls aac);
        }
    });
}

# --- a format that waits less long goes on in a new file

subtest 'shorter resume' => sub {
    my $s = Recording::Parts->new($t, 'live/mixed', $flv);
    my $r = $s->publish;
    my $one = $s->send($r, 2000);
    $s->close($r);

    $s->wait_state(finished => 1, format => 'mp4');
    is(join(' ', map { $_->{state} } $s->rows(format => 'hls')), 'paused',
       'hls waits');

    $r = $s->publish;
    my $two = $s->send($r, 2000);
    $s->close($r);

    later($s, 'shorter resume' => sub {
        my %rows = by_format($s, 1);

        is_deeply([ map { scalar @{ $rows{$_} } } qw(hls mp4 flv) ],
                  [ 1, 2, 2 ], 'files');
        is(problems($s->problems($rows{hls}[0], $one, $two)), '', 'hls');

        for my $format (qw(mp4 flv)) {
            is(problems($s->problems($rows{$format}[0], $one)), '',
               "$format before");
            is(problems($s->problems($rows{$format}[1], $two)), '',
               "$format after");
        }
    });
};

# --- another resolution and sample rate: the playlist goes on

{
    my @s = map { Recording::Parts->new($t, 'live/change', $_) } $flv,
        media(@small, duration => 2, size => '320x180', rate => 44100);

    for my $s (@s) {
        my $r = $s->publish;
        $s->send($r, 2000);
        $s->close($r);
        sleep 0.5;
    }

    later($s[1], change => sub { changed(@s) });
}

# --- the interval counts what is in the file

{
    my $s = Recording::Parts->new($t, 'live/cut', $flv);
    my $r = $s->publish;
    my $one = $s->send($r, 2000);
    $s->close($r);
    sleep 1.2;

    $r = $s->publish;
    my $two = $s->send($r, 3000);
    $s->close($r);

    later($s, interval => sub {
        my %rows = by_format($s, 1);

        for my $format (qw(mp4 flv)) {
            my @rows = @{ $rows{$format} };
            is(@rows, 2, "$format files");
            is(problems($s->problems($rows[0], $one, { %$two,
                to => 3000 })), '', 'the first has the pause');
            is(problems($s->problems($rows[1], { %$two, from => 3000,
                first => $two->{first} + 1 })), '', 'the second is cut off');
        }
    });
}

# --- too late

subtest 'deadline' => sub {
    my $s = Recording::Parts->new($t, 'live/brief', $flv);
    my $r = $s->publish;
    my $one = $s->send($r, 2000);
    my $mark = $t->log_mark;
    $s->close($r);

    $t->wait_log(qr{paused, .*stream: "live/brief"}, 30, $mark);
    my @rows = $s->wait_state(finished => 2);
    my $late = time - $one->{last} - 2;
    cmp_ok($late, '>=', 0, 'not finished before its time');
    cmp_ok($late, '<', within(5), 'but soon after it');

    $r = $s->publish;
    my $two = $s->send($r, 2000);
    $s->close($r);

    # it is over even if nobody had the time to finish it
    sleep 2.2;
    $r = $s->publish;
    my $three = $s->send($r, 2000);
    $s->close($r);

    later($s, deadline => sub {
        my %rows = by_format($s, 3);

        for my $format (qw(mp4 hls)) {
            my @rows = @{ $rows{$format} };
            is(@rows, 3, "$format files");
            is(problems($s->problems($rows[$_], ($s->parts)[$_])), '',
               "number $_") for 0 .. 2;
        }
    });
};

# --- at the end of all waiting

$clock->pass(2 * RESUME);
$_->() for @later;

wait_for('an empty work', 10, sub {
    return !grep { !m{/(?:worker\.[^/]+|catalogue\.lock)$} }
                 glob $t->store . '/work/*';
});

$t->done;

# --- what is said of a stream that may come back

sub paused {
    my ($s, $part, $closed, $mark) = @_;

    my @rows = $s->wait_state(paused => 4);

    # its last frame came after that was sent, and before it was known to
    my ($from, $to) = map { $_ + RESUME } $part->{last}, $closed;
    my @ends = map { $_->{resume_us} / 1e6 } @rows;

    is((grep { $_ > $from - 0.3 && $_ < $to + 0.3 } @ends), 4,
       'the time is in the catalogue');
    is((grep { $_->{owner} eq '' } @rows), 4, 'nobody owns the files');

    my ($recording) = $t->recordings(stream => $s->{name});
    is($recording->{owner}, '', 'nor the recording');
    is($recording->{end_us}, undef, 'which goes on');

    my @said = $t->wait_log(qr/\[notice\] .*recording
        \ $recording->{recording_id}\ paused,\ .*?finished\ at\ (\S+\ \S+)
        \ UTC/x, 5, $mark) =~ /(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)/;
    cmp_ok(abs(timegm(reverse(@said[2 .. 5]), $said[1] - 1, $said[0])
               - ceil($ends[0])), '<=', 1, 'and in the log');

    my ($hls) = grep { $_->{format} eq 'hls' } @rows;
    my $list = Recording::Hls->check($t->path($hls), ended => 0);
    my $seconds = 0;
    $seconds += $_->{duration} for @{ $list->{segments} };

    is(problems(@{ $list->{problems} }), '', 'the playlist is valid');
    cmp_ok(abs($seconds - 2), '<', 0.06, 'and has all that came');
}

# --- files of two kinds in one recording

sub changed {
    my ($one, $two) = @_;

    my %rows = by_format($one, 1);

    for my $format (qw(mp4 flv aac)) {
        my @rows = @{ $rows{$format} };
        is(@rows, 2, "$format files");
        is(problems($one->problems($rows[0], $one->parts)), '', 'before');
        is(problems($two->problems($rows[1], $two->parts)), '', 'after');
    }

    is(@{ $rows{hls} }, 1, 'one playlist');

    my ($row) = @{ $rows{hls} };
    my $file = $t->path($row);
    my @flv = map { $_->flv($_->parts) } $one, $two;
    my @parts = map { $_->parts } $one, $two;
    my @cuts = slurp($file) =~ /^(#EXT-X-DISCONTINUITY)$/mg;

    is(@cuts, 1, 'one discontinuity');
    is(problems(@{ Recording::Hls->check($file, ended => 1)->{problems} }),
       '', 'valid');
    is(decode_problem($file), '', 'it decodes');
    is(join(' ', nal_hashes($file)), join(' ', map { nal_hashes($_) } @flv),
       'video');
    is(join(' ', raw_aac_hashes($file)),
       join(' ', map { raw_aac_hashes($_) } @flv), 'audio');

    $parts[1] = { %{ $parts[1] }, from => 2000, to => 4000 };
    is(problems($one->gap_problems($row, @parts)), '', 'gap');
}

sub later {
    my ($s, $name, $code) = @_;

    push @later, sub {
        subtest "$name, in the end" => sub { $s->wait_over; $code->() };
    };
}

# the rows of each format; so many recordings
sub by_format {
    my ($s, $recordings) = @_;

    my (%rows, %id);

    for my $row ($s->rows) {
        push @{ $rows{ $row->{format} } }, $row;
        $id{ $row->{recording_id} } = 1;
    }

    my @recordings = grep { $_->{app} eq $s->{app} }
                     $t->recordings(stream => $s->{name});

    is(keys %id, $recordings, 'recordings');
    is((grep { $id{ $_->{recording_id} } && defined $_->{end_us} }
             @recordings), $recordings, 'they are over');

    return %rows;
}

sub problems { return join "\n", @_ }
