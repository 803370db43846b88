#!/usr/bin/perl

# A call that fails with EINVAL says nothing of what is in a file: finishing
# tries it again for as long as it takes.  A journal that is damaged is given
# up: nobody can make it whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EINVAL);
use List::Util qw(sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(slurp spew wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store)
                        ->allow(qr/exited on signal 9/);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template all { format flv; format mp4; format aac; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 4, gop => 1, size => '160x120');

# half of the bytes of its sound
my $sound = sum0(map { length $_->[2] } grep { $_->[0] == 8 }
                 Recording::Rtmp::flv_messages($flv)) / 2;

# what fails, of which files, and how often before the third try is over,
# which would be the last
my @cases = (
    [ reads => 64, '.journal', 4 * 3 ],
    [ writes => 2, '.mp4', 3 ],
    [ renames => 8, '.aac', 2 * 3 ],
);

for my $case (@cases) {
    my ($name, $call, $path, $hits) = @$case;

    left($name);
    $disk->match($path);
    $disk->set(armed => 1, error => EINVAL, call => $call, where => 'files',
               times => 0, hits => 0);
    my $mark = $t->log_mark;
    $t->start;

    $t->wait_log(qr/failed.* \(22: Invalid argument\)/, undef, $mark);
    wait_for('more tries than of a damaged file', 60,
             sub { $disk->get('hits') > $hits });
    unlike(substr($t->error_log, $mark), qr/cannot be finished/,
           "$name: no file is given up");
    isnt(scalar(grep { $_->{state} =~ /^(?:recording|finishing)$/ }
                $t->files(stream => $name)), 0, "$name: one is not finished");

    $disk->set(armed => 0, error => 0);

    for my $row ($t->wait_files(4, stream => $name)) {
        is($row->{frames_in}, $row->{frames_written},
           "$name: $row->{format} has all");
        is(decode_problem($t->path($row)), '',
           "$name: $row->{format} is whole");
    }
}

# what is in the file
my @rows = left('damaged');
for my $row (grep { $_->{format} =~ /^(?:flv|mp4)$/ } @rows) {
    my $journal = $t->store . "/work/$row->{file_id}.journal";
    spew($journal, 'x' . substr slurp($journal), 1);
}

my $mark = $t->log_mark;
$t->start;
$t->wait_log(qr/flv file "\d+" cannot be finished/, undef, $mark);
$t->wait_log(qr/mp4 file "\d+" cannot be finished/, undef, $mark);
like(substr($t->error_log, $mark),
     qr/read the damaged journal of "\d+" failed, /, 'it is said why');
$t->wait_files(1, stream => 'damaged', format => $_) for qw(aac hls);
is(scalar($t->files(stream => 'damaged', state => 'finished')), 2,
   'the others are there');

$t->done;

# files that grew when nginx was killed
sub left {
    my ($name) = @_;

    $t->start if !$t->pid;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv([ Recording::Rtmp::flv_messages($flv) ]);
    my %id = map { $_->{format} => $_->{file_id} }
             $t->wait_growing(4, stream => $name);

    my $store = $t->store;
    wait_for('frames on the disk', 20, sub {
        -s "$store/work/$id{mp4}.index"
            && 3 == grep { (-s || 0) > $sound } "$store/work/$id{aac}.aac",
                   "$store/work/$id{flv}.flv",
                   glob "$store/files/live/$name/*/00000.ts" });
    $t->kill9;

    return $t->files(stream => $name);
}
