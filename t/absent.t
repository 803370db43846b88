#!/usr/bin/perl

# What a killed nginx has left is finished while others are at it, too: a file
# that was put in place and is evicted or moved as soon as its row says that
# it is finished, one whose leftovers cannot be removed, and one of which
# somebody has removed all but the journal.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(in_parallel wait_for);

my $streams = 20;
my @all = Recording::Rtmp::flv_messages(
    media(duration => 5, gop => 1, size => '160x90'));

my %check = (moved => \&moved, clear => \&clear, gone => \&gone);
my @names = sort keys %check;
my @problems = in_parallel(3, sub { $check{$_[0]}->() }, @names);
is($problems[$_], '', $names[$_]) for 0 .. $#names;

done_testing();

# nginx was killed between the rename and the row
sub moved {
    my ($t, $disk) = killed('format flv;', map { "s$_" } 1 .. $streams);
    my @files = $t->files;

    for my $row (@files) {
        make_path(dirname($t->path($row)));
        rename $t->store . "/work/$row->{file_id}.flv", $t->path($row)
            or die "rename: $!\n";
    }

    # so that there is time between the change of a row and its answer
    $disk->set(armed => 1, delay => 150, call => 'sync', where => 'files');
    $t->start;

    my %gone;
    wait_for('all to be finished', 60, sub {
        $gone{$_->{file_id}}++ || unlink $t->path($_)
            for $t->files(state => 'finished');
        return $streams == keys %gone;
    });

    wait_for('an empty work', 30, sub { !left($t) });
    my %states;
    $states{$_->{state}}++ for $t->files;
    return ended($t, $disk, join ' ', map { $_ eq 'finished'
        && $states{$_} == $streams ? () : "$_: $states{$_}" } keys %states);
}

# for longer than a file that cannot be finished is kept by a worker
sub clear {
    my ($t, $disk) = killed('format flv; format mp4;', 's');

    $disk->set(armed => 1, error => EIO, call => 'unlink', where => 'files',
               only => '.journal');
    $t->start;
    wait_for('finished files', 30, sub { 2 == $t->files(state => 'finished')
    });

    my ($mp4) = $t->files(format => 'mp4');
    unlink $t->path($mp4) or die "unlink: $!\n";

    my %seen;
    my $end = time + 62;

    while (time < $end) {
        $seen{join ' ', sort map { "$_->{format}:$_->{state}" } $t->files} = 1;
        sleep 0.5;
    }

    $disk->set(armed => 0);
    wait_for('an empty work', 60, sub { !left($t) });
    return ended($t, $disk, join ', ',
                 grep { $_ ne 'flv:finished mp4:finished' } keys %seen);
}

sub gone {
    my ($t, $disk) = killed('format flv; format mp4; format aac;', 's');

    unlink $t->store . "/work/$_->{file_id}.$_->{format}" for $t->files;
    $t->start;
    wait_for('an empty work', 30, sub { !left($t) });

    my @rows = $t->files;
    my $said = () = $t->error_log =~ /\[error\].*is lost, what it had in/g;

    return ended($t, $disk, join ', ',
        @rows == 3 ? () : scalar(@rows) . ' rows',
        $said == 3 ? () : "said $said times",
        map { "$_->{format}: $_->{state}, $_->{frames_written} frames" }
        grep { $_->{state} ne 'lost' || $_->{frames_written} || $_->{size} }
        @rows);
}

# an nginx that was killed while it recorded
sub killed {
    my ($formats, @names) = @_;

    my $disk = Recording::SlowDisk->new;
    my $t = Recording::Nginx->new(store => $disk->store);

    $t->conf(<<'CONF', FORMATS => $formats)->start;
thread_pool default threads=4 max_queue=65536;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template all { %%FORMATS%% }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

    my @publishers = map { publisher($t, $_) } @names;
    $_->send_flv(\@all, to => 4000) for @publishers;
    $t->wait_growing(@names * (() = $formats =~ /format/g), _timeout => 30);
    wait_for('frames', 30, sub {
        my $work = $t->store . '/work';
        return !grep { (-s "$work/$_->{file_id}.$_->{format}" || 0) < 10_000
                       || !-s "$work/$_->{file_id}.journal" } $t->files;
    });
    sleep 1;

    $t->kill9;
    return ($t, $disk);
}

sub publisher {
    my ($t, $name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    return $r;
}

sub left {
    my ($t) = @_;
    return grep { !m{/(?:worker\.[^/]+|catalogue\.lock)$} }
           glob $t->store . '/work/*';
}

sub ended {
    my ($t, $disk, $problems) = @_;

    $disk->set(armed => 0, delay => 0);
    $t->stop;
    return $problems;
}
