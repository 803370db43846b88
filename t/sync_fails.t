#!/usr/bin/perl

# A sync that fails once, on a disk that has lost what was written since the
# last one: the next sync succeeds, as on Linux.  The file ends where it was
# durable, the rest is counted, and the recording goes on in another file; in
# each part that a file is made of, while it grows and when it is finished.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use JSON::XS ();
use List::Util qw(sum0);
use Test::More;

use Recording::Ledger;
use Recording::Live;
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
    record_sync 1s;
    record_template flv { format flv; }
    record_template mp4 { format mp4; }
    record_template aac { format aac; }
    record_template hls { format hls segment=2s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application flv { live on; record_rule flv; }
        application mp4 { live on; record_rule mp4; }
        application aac { live on; record_rule aac; }
        application hls { live on; record_rule hls; }
    }
}
CONF

my $flv = media(duration => 40, gop => 1, size => '160x90');
my $sound = media(duration => 40, video => 0);
my %fps = (aac => 50, flv => 80, mp4 => 80, hls => 80);   # at most

$disk->set(armed => 1);

grows(@$_) for [ flv => '.flv' ], [ mp4 => '.mp4' ], [ mp4 => '.index' ],
               [ aac => '.aac' ], [ hls => '.ts' ], [ hls => '/index.m3u8' ];
journal($_) for qw(flv hls);
ends(@$_) for [ flv => '.flv' ], [ mp4 => '.mp4' ], [ aac => '.aac' ],
              [ hls => '/index.m3u8' ];
young($_) for qw(flv mp4 aac);

$t->done;

sub publish {
    my ($app, $name) = @_;
    return Recording::Live->new(file => $app eq 'aac' ? $sound : $flv,
                                app => $app, name => $name,
                                ports => [ $t->port ]);
}

sub fail_once {
    $disk->once(error => EIO, lose => 1, @_);
    $disk->release;
}

# The first 1.5 s are durable: a sync that began when they had been written is
# over, as there was one more.  It is held until it is said what fails.
sub synced {
    my ($live, $app) = @_;

    $live->run(1700);
    $live->wait_for('what was sent', 30, sub {
        !grep { @{ $_->{came} } < $live->frames } @{ $live->{ends} } });

    $disk->set(only => $app eq 'hls' ? '.ts' : ".$app");
    $disk->hold(3, on => ['fdatasync'], after => 1);
    $live->run(undef, sub { $disk->held });
    $disk->set(only => '');
}

sub rows {
    my ($app, $name, $n) = @_;
    return $t->wait_files($n, app => $app, stream => $name, _timeout => 30);
}

sub disk_drops {
    return sum0 map { JSON::XS::decode_json($_->{drops})->{disk} || 0 } @_;
}

sub accounted {
    my ($what, $live, $app, $name, @opt) = @_;

    is(join("\n", Recording::Ledger::problems($t, [ $live->frames ],
        { app => $app, stream => $name }, @opt)), '',
       "$what: every frame is accounted for");
}

sub grows {
    my ($app, $end) = @_;

    (my $name = "grows$end") =~ tr{/}{-};
    my $what = "$app, $end";
    my $mark = $t->log_mark;
    my $live = publish($app, $name);

    synced($live, $app);
    fail_once(call => 'fdatasync', match => $end);
    my $hit = $live->run(undef, sub { $disk->hit });
    ok(defined $hit, "$what: a sync failed") or return;
    my $again = $live->run(undef, sub {
        substr($t->error_log, $mark) =~ /: $app is recorded again/ });
    $live->run($again + 1500);
    $live->end;

    my @rows = rows($app, $name, 2);
    my $drops = disk_drops(@rows);

    cmp_ok(@rows, '==', 2, "$what: another file");
    cmp_ok($drops, '>', 0, "$what: what was lost is counted");
    cmp_ok($drops, '<', 6 * $fps{$app}, "$what: it is a few seconds");

    # what was synced before, and all of the next file
    accounted($what, $live, $app, $name,
              whole => [ [ 0, 1500 ], [ $again, 1e9 ] ]);

    my @lines = substr($t->error_log, $mark) =~ /\[error\].*/g;
    is(scalar @lines, 1, "$what: one error") or diag("@lines");
    like($lines[0], qr/ exception -104/, "$what: what it says");
}

# the data is there: a new journal is all that is needed
sub journal {
    my ($app) = @_;

    my $mark = $t->log_mark;
    my $live = publish($app, 'journal');

    synced($live, $app);
    fail_once(call => 'fdatasync', match => '.journal');
    my $hit = $live->run(undef, sub { $disk->hit });
    ok(defined $hit, "$app: a sync of the journal failed") or return;

    # the last frame that the worker had by then, as its player got it
    my $had = $live->{ends}[0]{came}[-1][1][1];
    my $again = $live->run(undef, sub {
        substr($t->error_log, $mark) =~ /: $app is recorded again/ });
    $live->run($again + 1000);
    $live->end;

    rows($app, 'journal', 2);
    accounted("$app, journal", $live, $app, 'journal',
              whole => [ [ 0, $had - 1000 ] ]);
}

sub ends {
    my ($app, $end) = @_;

    my $what = "$app, at its end";
    my $mark = $t->log_mark;
    my $live = publish($app, 'ends');

    synced($live, $app);
    fail_once(call => 'fsync', match => $end);
    $live->end;
    wait_for('a failed sync', 20, sub { $disk->hit });

    my @rows = rows($app, 'ends', 1);
    is($rows[0]{state}, 'finished', "$what: it is finished");
    cmp_ok(disk_drops(@rows), '<', 4 * $fps{$app}, "$what: little is lost");
    accounted($what, $live, $app, 'ends', whole => [ [ 0, 1500 ] ]);
    like(substr($t->error_log, $mark), qr/\[error\].* is not finished yet/,
         "$what: it is said");
}

# nothing of it was ever synced
sub young {
    my ($app) = @_;

    my $what = "$app, young";
    my $live = publish($app, 'young');

    $live->run(700);
    fail_once(call => 'fsync', match => ".$app");
    $live->end;

    my $row = wait_for('the row', 30, sub {
        my ($row) = $t->files(app => $app, stream => 'young');
        return $row && $row->{state} =~ /lost|finished/ ? $row : undef;
    });

    # unless record_sync came just then
    if ($disk->hit && $row->{state} eq 'lost') {
        is(disk_drops($row), $row->{frames_in}, "$what: all is counted");
        my @left = glob $t->store . "/work/$row->{file_id}.*";
        cmp_ok(@left, '>', 1, "$what: it stays in work/");
        like($t->error_log, qr/file "$row->{file_id}": .* left in work/,
             "$what: and that is said");
    } else {
        cmp_ok(disk_drops($row), '<', $row->{frames_in}, "$what: finished");
    }
}
