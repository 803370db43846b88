#!/usr/bin/perl

# A catalogue that is missing or damaged when nginx starts is made anew from
# the files: rows of finished ones as they were, growing ones are finished,
# paused ones go on.  Files that have lost their attribute have the rows that
# their paths tell.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use List::Util qw(max sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problems);
use Recording::Rtmp;
use Recording::Util qw(slurp spew wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF');
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% url=http://example.com/vod reserve=0;
    record_template all {
        format mp4 interval=2s; format flv; format aac; format hls segment=1s;
    }
    record_template waits { format mp4 resume=30m; format hls resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application waits { live on; record_rule waits; }
    }
}
CONF

my $flv = media(duration => 20, gop => 1, size => '320x180');
my @all = Recording::Rtmp::flv_messages($flv);
my %damage = (
    'removed' => sub { unlink $t->db },
    'garbage in the middle' => sub {
        my $data = slurp($t->db);
        my $n = int(length($data) / 4);
        substr($data, $n, 2 * $n) =
            join '', map { chr int rand 256 } 1 .. 2 * $n;
        spew($t->db, $data);
    },
    'half of it' => sub { truncate $t->db, (-s $t->db) / 2 },
    'a text file' => sub { spew($t->db, "nothing to be seen here\n" x 100) },
);
my $n = 0;
my $sent = sum0(map { length $_->[2] } grep { $_->[1] < 3000 } @all);

for my $how (sort keys %damage) {
    for my $end ('kill9', 'stop') {
        lost($how, $end);
    }
}

# files that have lost their attribute, as in a copy of the store
$t->start;
my @before = $t->files(state => 'finished');
$t->stop;

for my $file ($t->paths(@before)) {
    copy($file, "$file.copy") or die "copy: $!\n";
    rename "$file.copy", $file;
}

unlink $t->db;
my $mark = $t->log_mark;
$t->start;
$t->wait_log(qr/was missing, it was rebuilt: ${\scalar @before} finished/, 20,
             $mark);

my %now = map { $_->{path} => $_ } $t->files(state => 'finished');
my @keys = qw(path format app stream size play_url local);

for my $row (@before) {
    my $now = $now{ $row->{path} } || {};
    my $time = (stat $t->path($row))[9];

    is_deeply([ @$now{@keys} ], [ path_has($row) ],
              'a row without the attribute');
    is($now->{recovered}, 1, 'it says so');
    cmp_ok(abs($now->{end_us} / 1e6 - $time), '<', 1, 'its time');
}

is(scalar(keys %now), scalar @before, 'no other rows');
totals_agree('totals');
$t->stop;
$t->done;

# one more finished, one growing and one paused stream, and the damage
sub lost {
    my ($how, $end) = @_;

    my $name = "$how after $end";
    my $stream = "s$n \xe9\"'%.";
    my $mark = $t->log_mark;
    $n++;

    $t->start;
    my $paused = $t->publisher('waits', "p$n");
    $paused->send_flv(\@all, to => 3000);
    $paused->delete_stream->close;

    my $done = $t->publisher('live', $stream);
    $done->send_flv(\@all, to => 5000);
    $done->delete_stream->close;
    $t->wait_files(6, app => 'live', stream => $stream);
    wait_for('its end', 20, sub {
        grep { defined $_->{end_us} } $t->recordings(stream => $stream) });
    wait_for('pause', 20, sub {
        2 == $t->files(stream => "p$n", state => 'paused') });

    my $grows;

    if ($end eq 'kill9') {
        $grows = $t->publisher('live', "g$n");
        $grows->send_flv(\@all, to => 3500);
        wait_for('what was sent to be written', 20, sub {
            my @rows = $t->files(stream => "g$n");
            my ($flv) = grep { $_->{format} eq 'flv' } @rows;
            my ($mp4) = grep { $_->{format} eq 'mp4' } reverse @rows;

            # the second file of mp4 as well, and the first is whole
            return 4 == grep({ $_->{state} eq 'recording' } @rows)
                   && 1 == grep({ $_->{state} eq 'finished' } @rows)
                   && -s work($flv) > $sent && (-s work($mp4) || 0) > 10_000;
        });
    }

    # a journal that is left would tell of a finished file, too, but less
    wait_for('the end of journals', 20, sub {
        my %finished = map { $_->{file_id} => 1 }
                       $t->files(state => 'finished');
        return !grep { m{/(\d+)\.\w+$} && $finished{$1} }
                     glob $t->store . '/work/*' });

    my @finished = $t->files(state => 'finished');
    my @paused = $t->files(state => 'paused');
    my @recordings = $t->recordings;

    $t->$end;

    # what is in the WAL would be as good as new
    $t->checkpoint if $how ne 'removed';
    $damage{$how}->();

    my @aside = glob $t->db . '.damaged.*';
    $t->start;

    my $is = $how eq 'removed' ? qr/missing/ : qr/damaged and set aside/;
    $t->wait_log(qr/\[error\].*the catalogue was $is, it was rebuilt/, 20,
                 $mark);
    my @set = glob $t->db . '.damaged.*';
    is(@set > @aside, $how ne 'removed', "$name: set aside");

    # the damage is not taken for a new one each time
    unlink @set;

    my %growing;

    if ($grows) {
        my @rows = $t->wait_files(5, stream => "g$n");
        is(scalar @rows, 5, "$name: what grew is finished");
        is(sum0(map { $_->{recovered} ? 0 : 1 }
                grep { $_->{end_us} == max(map { $_->{end_us} } @rows) }
                @rows), 0, "$name: and recovered");

        is(join("\n", decode_problems($t->paths(@rows))), '',
           "$name: and decodes");
        $growing{ $_->{file_id} } = 1 for @rows;

        my ($row) = grep { $_->{format} eq 'flv' } @rows;
        cmp_ok($row->{duration_ms}, '>', 2000, "$name: its length");
        $grows->close;
    }

    wait_for('paused files', 20, sub {
        @paused == $t->files(state => 'paused') });

    is_deeply([ grep { !$growing{ $_->{file_id} } }
                $t->files(state => 'finished') ],
              [ grep { !$growing{ $_->{file_id} } } @finished ],
              "$name: rows of finished files");
    is_deeply([ map { anew($_) } $t->files(state => 'paused') ],
              [ map { anew($_) } @paused ], "$name: rows of paused files");
    is_deeply([ ended(grep { $_->{stream} ne "g$n" } $t->recordings) ],
              [ ended(grep { $_->{stream} ne "g$n" } @recordings) ],
              "$name: recordings");
    totals_agree("$name: totals");

    # and the paused one goes on
    my $resumed = $t->publisher('waits', "p$n");
    $resumed->send_flv(\@all, from => 4000, to => 6000);
    $resumed->delete_stream->close;
    my ($was) = grep { $_->{stream} eq "p$n" } @paused;
    $t->wait_log(qr/recording $was->{recording_id} resumed/, 20, $mark);
    wait_for('pause', 20, sub {
        2 == grep { $_->{frames_in} > $was->{frames_in} }
             $t->files(stream => "p$n", state => 'paused') });
    is(scalar(() = $t->files(stream => "p$n")), 2,
       "$name: resumed in the same files");
    $t->stop;
}

sub work {
    my ($row) = @_;
    return $t->store . "/work/$row->{file_id}.$row->{format}";
}

# rows of growing and paused files are made anew, and say so
sub anew {
    my ($row) = @_;
    return { %$row, recovered => 1 };
}

# files do not tell which worker it was, nor when the last frame came that
# may have been faster than its timestamps
sub ended {
    my (@rows) = @_;

    return map { $_->{end_us} ? { %$_, owner => '', end_us => 1 } : $_ }
           @rows;
}

# what a path has to tell
sub path_has {
    my ($row) = @_;

    my ($app, $stream) = split m{/}, $row->{path};
    my $size = -s $t->path($row);
    $size = $now{ $row->{path} }{size} if $row->{format} eq 'hls';

    return ($row->{path}, $row->{format}, $app, $stream, $size,
            $row->{play_url}, 1);
}

sub totals_agree {
    my ($name) = @_;

    my ($have, $should) = @{ $t->totals };
    is($have, $should, $name);
}
