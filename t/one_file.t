#!/usr/bin/perl

# Writes of one of the files that a recording is made of fail for a while,
# those of the others do not: the index of an MP4, a journal, a playlist, a
# segment, the media data.  Every frame is in a file or counted, and files
# have what their rows say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC);
use List::Util qw(max sum0);
use Test::More;
use Time::HiRes qw(stat);

use Recording::Ledger;
use Recording::Live;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;

use constant ROOM => 65536;             # of an MP4's sample table

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_sync 1s;
    record_template flv { format flv; }
    record_template mp4 { format mp4; }
    record_template hls { format hls segment=1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application flv { live on; record_rule flv; }
        application mp4 { live on; record_rule mp4; }
        application hls { live on; record_rule hls; }
    }
}
CONF

my $flv = media(duration => 40, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);
my ($key) = map { $_->[1] } grep { $_->[2] =~ /^\x17\x01/ } @all;

# bytes of what must be whole, without what FLV puts in front of it
my $whole = sum0(map { length($_->[2]) - 5 }
                 grep { $_->[1] >= $key && $_->[1] < 1500
                        && Recording::Live::is_frame($_) } @all);

$disk->set(armed => 1);

for my $error (EIO, ENOSPC) {
    fails($error, @$_) for [ mp4 => '.index' ], [ mp4 => '.mp4' ],
        [ mp4 => '.journal' ], [ flv => '.journal' ], [ hls => '.journal' ],
        [ hls => '/index.m3u8' ], [ hls => '.ts' ];
}

$t->done;

sub fails {
    my ($error, $app, $end) = @_;

    (my $name = "$error$end") =~ tr{/}{-};
    my $what = "$app, $end, " . ($error == EIO ? 'EIO' : 'ENOSPC');
    my $mark = $t->log_mark;
    my $live = Recording::Live->new(file => $flv, app => $app,
        name => $name, ports => [ $t->port ]);
    my $says = sub {
        my ($re) = @_;
        return sub { substr($t->error_log, $mark) =~ $re };
    };

    $live->run(1000);
    my ($row) = $t->wait_growing(1, app => $app, stream => $name);
    my $since = 0;
    $live->run(2500, sub { written($row, \$since); return 0 });
    $live->run(undef, sub { written($row, \$since) });
    $disk->match($end);
    $disk->set(error => $error, call => 'write');
    my $at = $live->run(undef, $says->(qr/: $app: .* frames are dropped/));
    $live->run($at + 1500) if defined $at;
    $disk->set(error => 0);

    ok(defined $at, "$what: it fails") or return;

    # it may have been meanwhile, until the next write failed
    $live->run($at + 2000);
    my $again = $live->run(undef, $says->(
        qr/: $app is recorded again(?!.*: $app: .* frames are dropped)/s));
    ok(defined $again, "$what: it is recorded again") or return;
    $live->run($again + 1500);
    $live->end;

    $t->wait_files(2, app => $app, stream => $name, _timeout => 30);
    is(join("\n", Recording::Ledger::problems($t, [ $live->frames ],
        { app => $app, stream => $name },
        whole => [ [ 0, 1500 ], [ $again, 1e9 ] ])), '',
       "$what: every frame is accounted for");

    my @lines = substr($t->error_log, $mark) =~ /\[error\].* dropped/g;
    cmp_ok(@lines, '<=', 2, "$what: few messages") or diag("@lines");
}

# whether what must be whole is on the disk, and the journal has been told of it
sub written {
    my ($row, $since) = @_;

    my $work = $t->store . "/work/$row->{file_id}";
    my ($dir) = $t->path($row) =~ m{(.*)/};
    my @media = map { [ stat ] } $row->{format} eq 'hls'
                ? glob "$dir/*.ts" : glob "$work.$row->{format}";
    my $bytes = sum0(map { $_->[7] // 0 } @media);

    $$since ||= max(map { $_->[9] } @media)
        if $bytes >= $whole + ($row->{format} eq 'mp4' ? ROOM : 0);
    return $$since && ((stat "$work.journal")[9] // 0) >= $$since;
}
