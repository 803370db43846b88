#!/usr/bin/perl

# Journals that cannot be read when nginx starts, of files without a row: it is
# said which, once, the others are finished, nothing of those is touched, and
# the next start finishes what can be read then.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(slurp spew wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_sync 100ms;
    record_template all { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

my $flv = media(duration => 3, gop => 1, size => '160x90');
my $work = $t->store . '/work';
$t->allow(qr/the catalogue was missing/);

my @r = map { publish($_) } qw(unread damaged whole);
$t->wait_growing(3);
wait_for('frames on the disk', 20, sub {
    3 == grep { (-s || 0) > 5000 } glob "$work/*.flv" });
my %id = map { $_->{stream} => $_->{file_id} } $t->files;
$t->kill9;
$_->close for @r;
unlink $t->db, map { $t->db . $_ } '-wal', '-shm';

my $journal = slurp("$work/$id{damaged}.journal");
spew("$work/$id{damaged}.journal", 'x' x length $journal);
my %before = sizes();

$disk->match("/$id{unread}.journal");
$disk->set(armed => 1, error => EIO, call => 'read');
my $mark = $t->log_mark;
$t->start;
$t->wait_log(qr/the catalogue was missing|cannot be read/, 30, $mark);
$t->wait_files(1, stream => 'whole');

my $log = substr $t->error_log, $mark;
my %said = (unread => 'cannot be read', damaged => 'is damaged');

for my $name (sort keys %said) {
    my $is = qr{\Q"$work/$id{$name}.journal" $said{$name}: its file is not};
    my @lines = grep { /$is/ } split /\n/, $log;

    is(scalar @lines, 1, "$name: it is said, once");
    like($lines[0] // '', qr/\[error\]/, "$name: as an error");
    is(scalar(() = $t->files(stream => $name)), 0, "$name: it has no row");
}

like($log, qr/cannot be read.*\(5: /, 'and why');
my %now = sizes();
is_deeply({ map { $_ => $now{$_} } grep { !/^$id{whole}\./ } keys %now },
          { map { $_ => $before{$_} } grep { !/^$id{whole}\./ } keys %before },
          'nothing of them is removed');

# --- the disk is well again

$t->stop;
$disk->set(armed => 0);
spew("$work/$id{damaged}.journal", $journal);
$t->start;

for my $name (sort keys %said) {
    my ($row) = $t->wait_files(1, stream => $name);
    is($row->{file_id}, $id{$name}, "$name: finished by the next start");
    cmp_ok($row->{frames_written}, '>', 20, "$name: with its frames");
}

is(join(' ', grep { !/^worker/ } sort keys %{ { sizes() } }), '',
   'nothing is left');
$t->done;

# what is in work/, locks apart
sub sizes {
    return map { m{([^/]+)$} => -s $_ } grep { !m{/worker\.} } glob "$work/*";
}

sub publish {
    my ($name) = @_;

    my $r = $t->publisher('live', $name);
    $r->send_flv($flv);
    return $r;
}
