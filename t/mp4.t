#!/usr/bin/perl

# MP4: the sample table stands in front of the media data with little unused
# space, whether or not it fits the room that was kept for it, and a long
# file is not copied where the file system can make room in it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp ();
use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Mp4;
use Recording::Nginx;
use Recording::Probe qw(decode_problem duration);
use Recording::Rtmp;
use Recording::Util qw(run wait_for);

use constant RESERVE => 65536;

# 21000 samples have a table of 84 KB
my %media = (
    short => media(duration => 3, size => '160x90', bframes => 2),
    long => media(duration => 450, video => 0, channels => 1),
);

in_store(File::Temp::tempdir('recording-XXXXXX', TMPDIR => 1, CLEANUP => 1));

SKIP: {
    skip 'no tmpfs in /dev/shm', 1 if !is_tmpfs('/dev/shm');
    in_store(File::Temp::tempdir('recording-XXXXXX', DIR => '/dev/shm',
                                 CLEANUP => 1));
}

Recording::Nginx->new->done;

sub in_store {
    my ($dir) = @_;

    my $inserts = can_insert($dir);
    my $t = Recording::Nginx->new(store => $dir);

    note "$dir: ", $inserts ? 'inserts' : 'copies';

    $t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_template mp4 { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule mp4; }
    }
}
CONF

    my %inode;

    for my $name (sort keys %media) {
        $inode{$name} = publish($t, $name);
        $t->wait_files(1, stream => $name);
    }

    for my $name (sort keys %media) {
        subtest "$name in $dir" => sub { check($t, $name) };
    }

    my ($short, $long) = map { (stat(($t->paths(
        $t->files(stream => $_)))[0]))[1] } qw(short long);

    # one rename leaves a file what it is, a copy does not
    is($short, $inode{short}, 'a table that fits is written in place');
    $inserts ? is($long, $inode{long}, 'room is made in the file')
             : isnt($long, $inode{long}, 'the file is copied');

    $t->stop;
    is(join(' ', glob "$dir/work/*"), '', 'nothing is left in work');
}

# the inode of the file while it grows
sub publish {
    my ($t, $name) = @_;

    my @messages = Recording::Rtmp::flv_messages($media{$name});
    my @first = splice @messages, 0, @messages / 2;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live') or die "no connection to live";
    $r->publish($name);
    $r->send_flv(\@first);

    my ($row) = $t->wait_growing(1, stream => $name);
    my $file = $t->store . "/work/$row->{file_id}.mp4";
    my $inode = wait_for('the file of the row', 20, sub { (stat $file)[1] });

    $r->send_flv(\@messages);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;

    return $inode;
}

sub check {
    my ($t, $name) = @_;

    my ($row) = $t->files(stream => $name);
    my $file = $t->path($row);
    my $mp4 = Recording::Mp4->read($file);

    is(join("\n", $mp4->faststart_problems), '', 'faststart');
    is($mp4->order, 'ftyp moov free mdat', 'atoms');

    my ($moov) = $mp4->atoms('moov');
    my ($mdat) = $mp4->atoms('mdat');

    $name eq 'long' ? cmp_ok($moov->{size}, '>', RESERVE, 'moov is larger')
                    : cmp_ok($moov->{size}, '<', RESERVE, 'moov fits');
    is($mdat->{header}, 16, 'mdat has a size of 64 bits');
    is($mdat->{offset} + $mdat->{size}, -s $file, 'and ends the file');

    is($row->{size}, -s $file, 'size in the row');
    cmp_ok(abs($row->{duration_ms} / 1000 - duration($file)), '<', 0.05,
           'duration in the row');

    # the records of the samples are played back once more: all are there
    is(join("\n", Recording::Exact::compare(pushed => [ $media{$name} ],
        files => [$file])), '', 'exact');
    is(decode_problem($file), '', 'decodes');
}

# FALLOC_FL_INSERT_RANGE
sub can_insert {
    my ($dir) = @_;

    my $file = File::Temp->new(DIR => $dir);
    print $file 'x' x 8192;
    $file->flush;

    my ($status) = run('fallocate', '-i', '-o', 0, '-l', 4096,
                       $file->filename);
    return $status == 0;
}

sub is_tmpfs {
    my ($dir) = @_;

    my (undef, $out) = run('stat', '-f', '-c', '%T', $dir);
    return -w $dir && $out eq "tmpfs\n";
}
