#!/usr/bin/perl

# A file whose owner changes while another worker looks whether the one that
# it had lives: either nobody can change it meanwhile, or it is left alone.
# The look is held just there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Fcntl qw(:flock);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(run wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

# two files of a worker that dies
my $flv = media(duration => 2, gop => 1, size => '160x120');
my @r = map { publish($_) } qw(taken left);
my %row = map { $_->{stream} => $_ } $t->wait_growing(2);
wait_for('frames on the disk', 20, sub {
    2 == grep { (-s || 0) > 5000 } glob $t->store . '/work/*.flv' });
$t->kill9;
$_->close for @r;

# one that lives: it holds its lock
my $dead = $row{taken}{owner};
my $other = 'worker.999999.1';
open my $lock, '>', $t->store . "/work/$other" or die "$other: $!";
flock $lock, LOCK_EX or die "flock: $!";

# whichever look is the first one
$disk->set(armed => 1, only => "/work/$dead");
$disk->hold(1, on => ['open']);
$t->start;
wait_for('the look at the owner', 20, sub { $disk->held });
note $disk->held;

my ($status, $out, $err) = run('sqlite3', '-cmd', '.timeout 500', $t->db,
    "UPDATE files SET owner = '$other' WHERE stream = 'taken'"
    . " AND owner = '$dead'; SELECT changes()");
my $changed = $status == 0;
like($changed ? $out : $err, qr/^1$|database is locked/,
     'the owner changes, or nobody can change it');
note $changed ? 'it changed' : 'the catalogue is locked meanwhile';

$disk->release;
$disk->set(armed => 0);

# what nobody has touched shows that the pass is over
wait_for('the other file', 30, sub {
    grep { $_->{state} eq 'finished' } $t->files(stream => 'left') });

if ($changed) {
    my ($now) = $t->files(stream => 'taken');
    is("$now->{state} $now->{owner}", "recording $other", 'it is left alone');
    ok(-e $t->store . "/work/$now->{file_id}.flv", 'and grows on');
    is(-s $t->store . "/work/$other", 0, 'with its lock');

    # and when this one dies, too
    close $lock;
}

my ($now) = $t->wait_files(1, stream => 'taken');
is($now->{recovered}, 1, 'a dead one is recovered');
is(scalar(grep { $_->{frames_in} != $_->{frames_written} } $t->files), 0,
   'with all its frames');
$t->done;

sub publish {
    my ($name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($name);
    $r->send_flv($flv);
    return $r;
}
