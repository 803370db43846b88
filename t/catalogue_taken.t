#!/usr/bin/perl

# A catalogue that is damaged or taken away while workers record into it: it
# is made anew, and in the end everything that was sent is in its files, which
# have their rows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Probe qw(decode_problems);
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF');
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template all {
        format mp4 interval=2s; format flv; format aac; format hls segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 20, gop => 1, size => '320x180');
my @all = Recording::Rtmp::flv_messages($flv);

# Pages are overwritten while two workers record.  They have them in memory
# and need not notice, but those of a reload do.
running('overwritten', qr/damaged and set aside/, sub {
    $t->checkpoint;
    my $size = -s $t->db;
    open my $fh, '+<:raw', $t->db or die "catalogue: $!\n";
    seek $fh, 4096, 0;
    print $fh "\xa5" x ($size - 4096);
    close $fh;
});

# one of them sets it aside, and the others have it open
running('renamed', qr/missing/, sub {
    rename $t->db . $_, $t->db . ".old$_" for '', '-wal', '-shm';
});

$t->done;

# All is there in the end, and after the next start.
sub running {
    my ($name, $is, $damage) = @_;

    $t->start;
    my @r = map { $t->publisher('live', "$name$_") } 1 .. 4;
    $_->send_flv(\@all, to => 3000) for @r;
    $t->wait_growing(16);
    my %have = map { $_->{path} => 1 } $t->files(state => 'finished');

    my $mark = $t->log_mark;
    $damage->();
    $_->send_flv(\@all, from => 3000, to => 6000) for @r;
    $_->wait_delivered for @r;
    $t->reload;
    $t->wait_log(qr/\[error\].*$is, it was rebuilt/, 30, $mark);
    push @r, $t->publisher('live', "${name}5");
    $r[4]->send_flv(\@all);
    $_->send_flv(\@all, from => 6000) for @r[0 .. 3];
    $_->delete_stream->close for @r;

    for my $when ('while it runs', 'after a start') {
        eval { wait_for('all files', 20, sub { full($name, 20) }) };
        ok(full($name, 20), "$name: everything is there $when");
        totals_agree("$name: totals");

        if ($when eq 'while it runs') {
            $t->stop(60);
            $t->start;
        }
    }

    my @rows = $t->files(state => 'finished');

    my @new = grep { $_->{stream} =~ /^$name/ } @rows;
    is(join("\n", decode_problems($t->paths(@new))), '',
       "$name: all of it decodes");

    delete @have{ map { $_->{path} } @rows };
    is(join(' ', keys %have), '', "$name: what was there before, too");
    unlike($t->error_log, qr/exited on signal/, 'no worker crashed');
    unlink glob $t->db . '.damaged.*';
    $t->stop;
}

# whether all of so many formats of streams is in finished files
sub full {
    my ($prefix, $n) = @_;

    my %frames;
    $frames{"$_->{stream} $_->{format}"} += $_->{frames_written}
        for grep { $_->{stream} =~ /^$prefix/ }
            $t->files(state => 'finished');

    my $audio = grep { $_->[0] == 8 && ord(substr $_->[2], 1) == 1
                       && $_->[1] >= 21 } @all;
    my $video = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 } @all;

    return $n == grep { $frames{$_} == $audio + (/aac$/ ? 0 : $video) }
                 keys %frames;
}

sub totals_agree {
    my ($name) = @_;

    my ($have, $should) = @{ $t->totals };
    is($have, $should, $name);
}
