#!/usr/bin/perl

# A stream is back, and there is no descriptor for the file that waits for it:
# it is tried again, meanwhile the stream waits; if there is none for long, it is
# said why a new file begins, and the other one is finished.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO EMFILE ENFILE);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template both { format flv resume=10m; format aac resume=10m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule both; }
    }
}
CONF

my $flv = media(duration => 2, gop => 1, size => '160x90');

# what cannot be opened, and by what it fails
my %case = (short => ['.journal', EMFILE, 1], files => ['.flv', ENFILE, 1],
            long => ['.flv', EMFILE], journal => ['.journal', EMFILE],
            disk => ['.flv', EIO]);

returns($_) for sort keys %case;
$t->done;

sub returns {
    my ($name) = @_;

    my ($part, $error, $passes) = @{ $case{$name} };

    pause(publish($name), $name);
    my ($file) = $t->files(stream => $name, format => 'flv');

    $disk->match("/$file->{file_id}$part");
    $disk->set(armed => 1, hits => 0, error => $error, call => 'open');
    my $mark = $t->log_mark;
    my $r = publish($name);

    if ($passes) {
        wait_for("$name: tries", 30, sub { $disk->get('hits') >= 3 });
        $disk->set(armed => 0);
    }

    $t->wait_log(qr{aac goes on after a gap.*"live/$name"}, 40, $mark);
    $disk->set(armed => 0);
    pause($r, $name);

    my @rows = $t->files(stream => $name, format => 'flv');
    my $log = substr $t->error_log, $mark;
    my $said = qr{\[warn\].*flv\ file\ "$file->{file_id}"\ does\ not\ go\ on,
                  .*stream:\ "live/$name",\ template:\ "both"}x;

    is(scalar(() = $t->recordings(stream => $name)), 1,
       "$name: the same recording");

    if ($passes) {
        is(scalar @rows, 1, "$name: it goes on");
        cmp_ok($rows[0]{frames_in}, '==', 2 * $file->{frames_in},
               "$name: with all frames");
        unlike($log, $said, "$name: nothing is said");
        return;
    }

    is(scalar(() = $log =~ /$said/g), 1, "$name: it is said, once");
    is(scalar @rows, 2, "$name: a new file begins");
    my ($new) = grep { $_->{file_id} ne $file->{file_id} } @rows;
    cmp_ok($new->{frames_in}, '==', $file->{frames_in},
           "$name: with all frames");
    wait_for("$name: the one before is finished", 30, sub {
        $t->files(file_id => $file->{file_id}, state => 'finished') });
}

sub publish {
    my ($name) = @_;

    my $r = $t->publisher('live', $name);
    $r->send_flv($flv);
    return $r;
}

sub pause {
    my ($r, $name) = @_;

    my $mark = $t->log_mark;
    $r->delete_stream->close;
    $t->wait_log(qr{paused.*stream: "live/$name"}, 30, $mark);
}
