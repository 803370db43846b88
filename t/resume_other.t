#!/usr/bin/perl

# Streams and workers: two publishers of one name on two workers have
# recordings of their own, and one whose worker dies goes on with another
# worker in the same files.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Util qw(wait_for);
use Recording::Workers;

my @formats = qw(mp4 hls);

my $t = Recording::Nginx->new->allow(qr/exited on signal 9/);
my %media = map { $_->[0] => media(size => '160x120', fps => 20, gop => 0.5,
                                   duration => 8, rate => $_->[1])
                } [ first => 48000 ], [ second => 44100 ];
my $w = Recording::Workers->new($t);

# --- two publishers at once

my %done = $w->side_by_side(first => sub { whole('first', 0, 0) },
                            second => sub { whole('second', 1, 1.5) });

# --- a worker dies, and its publisher returns to another one at once

my $killed = Recording::Parts->new($t, 'live/killed', $media{first},
                                   tolerance => 1);
my $r = $w->publish_at($killed, $w->pid(0));

$killed->send($r, 2000);
$killed->taken($r);
written($killed);
$r->serve(1.2);
$w->kill_first;
$r = $w->publish_at($killed, $w->pid(0));
$killed->send($r, 3000);
$killed->close($r);

wait_for('the end of all recordings', 30, sub {
    !grep { $_->{state} =~ /recording|paused|finishing/ } $t->files });

subtest 'a worker that dies' => sub {
    my @rows = $killed->rows;

    is((grep { $_->{recovered} } @rows), 2, 'two files are recovered');
    is(@rows, @formats, 'there are no more');
    is(join("\n", $killed->problems($_, $killed->parts)), '', $_->{format})
        for @rows;
};

subtest 'two publishers at once' => sub {
    my @rows = $done{first}->rows;
    my ($one, $two) = map { $_->{recording_id} }
                      $t->recordings(stream => 'both');

    isnt($two, undef, 'two recordings');
    is(@rows, 2 * @formats, 'a file of each format in each');

    for my $row (@rows) {
        my $s = $done{ $row->{recording_id} eq $one ? 'first' : 'second' };
        is(join("\n", $s->problems($row, $s->parts)), '', $row->{format});
    }
};

wait_for('an empty work', 10, sub {
    !grep { !m{/(?:worker\.[^/]+|catalogue\.lock)$} }
          glob $t->store . '/work/*' });

$t->done;

# all frames are in its MP4 file
sub written {
    my ($s) = @_;

    my ($part) = $s->parts;
    my $bytes = 0;
    $bytes += length($_->[2]) - ($_->[0] == 9 ? 5 : 2)
        for grep { $_->[0] != 18 && $_->[2] !~ /^.\x00/s
                   && $_->[1] < $part->{to} } @{ $s->{messages} };

    wait_for('all to be written', 30, sub {
        grep { $bytes <= (-s $t->store . "/work/$_->{file_id}.mp4" || 0) }
            $s->rows(format => 'mp4') });
}

sub whole {
    my ($name, $worker, $later) = @_;

    my $s = Recording::Parts->new($t, 'live/both', $media{$name});

    sleep $later;
    my $r = $w->publish_at($s, $w->pid($worker));
    $s->send($r, 8000);
    $s->close($r);

    return $s;
}
