#!/usr/bin/perl

# A store of version 2, in which streams had no server: what is paused or
# growing there, by its row or by its journal alone, goes on, with the first
# server that publishes it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Catalogue;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Rtmp;
use Recording::Util qw(run slurp spew wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template waits { format mp4 resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule waits; }
    }
    server {
        listen 127.0.0.1:%%PORT_1%%;
        application live { live on; record_rule waits; }
    }
}
CONF

my $flv = media(size => '160x120', fps => 20, gop => 0.5, duration => 6);
my %s = map { $_ => Recording::Parts->new($t, "live/$_", $flv) }
        qw(row journal dead);
my $server = '127.0.0.1:' . $t->port(1);
my %was;

# --- a store of that version

for my $name (qw(row journal)) {
    part($name, 0);
    $s{$name}->wait_state(paused => 1);
}

$was{$_} = ($t->files(stream => $_))[0] for qw(row journal);
isnt($was{row}{server}, '', 'they have a server now');

my $r = $s{dead}->publish;
$s{dead}->send($r, 2000, rate => 0);
$s{dead}->taken($r);
($was{dead}) = $t->wait_growing(1, stream => 'dead');

# what is in the file survives
my $file = $t->store . "/work/$was{dead}{file_id}.mp4";
wait_for('all of it', 20, sub { -s $file > -s $s{dead}->flv($s{dead}->parts) });
$t->kill9;
$r->close;

without_server($_) for glob $t->store . '/work/*.journal';

my ($status, undef, $err) = run('sqlite3', $t->db,
    Recording::Catalogue::WITHOUT_9 . <<'SQL');
    DELETE FROM files WHERE stream = 'journal';
    DELETE FROM recordings WHERE stream = 'journal';
    DROP TRIGGER expire_objects;
    DROP TRIGGER expire_restored;
    DROP INDEX files_expire;
    DROP INDEX files_removed;
    DROP TABLE lifetimes;
    DROP TRIGGER files_inserted;
    DROP TRIGGER files_updated;
    DROP TRIGGER files_deleted;
    DROP TRIGGER counts_inserted;
    DROP TRIGGER counts_updated;
    DROP TRIGGER counts_deleted;
    DROP TABLE counts;
    DROP INDEX media_time;
    DROP INDEX media_stream;
    DROP INDEX media_app;
    DROP INDEX media_longest;
    DROP INDEX files_age;
    DROP INDEX files_gone;
    DROP TABLE paths;
    DROP TRIGGER sequences_gone;
    DROP TABLE outbox;
    DROP TABLE sequences;
    DROP TABLE targets;
    DROP INDEX files_local;
    ALTER TABLE files DROP COLUMN local_us;
    ALTER TABLE files DROP COLUMN told;
    ALTER TABLE files DROP COLUMN gone_us;
    ALTER TABLE files DROP COLUMN retry_us;
    ALTER TABLE recordings DROP COLUMN server;
    ALTER TABLE files DROP COLUMN server;
    ALTER TABLE files DROP COLUMN finished_us;
    PRAGMA user_version=2;
SQL
is($status, 0, 'the catalogue of version 2') or diag $err;

# --- this version

$t->start;
wait_for('three paused files', 30, sub {
    my @rows = eval { $t->files(state => 'paused') };
    return @rows == 3;
});

is(($t->catalogue('PRAGMA user_version'))[0]{user_version}, 10, 'version 10');
is_deeply([ map { $_->{server} } $t->files, $t->recordings ], [ ('') x 6 ],
          'no server is known');

for my $name (sort keys %s) {

    # it is this server's now, and another one has its own
    part($name, 1);
    $t->wait_log(qr/recording $was{$name}{recording_id} resumed/);
    part($name, 0);

    my @rows = $s{$name}->wait_state(paused => 2);
    my ($own) = grep { $_->{file_id} eq $was{$name}{file_id} } @rows;
    my ($other) = grep { $_->{file_id} ne $was{$name}{file_id} } @rows;

    is($own->{recording_id}, $was{$name}{recording_id}, "$name: resumed");
    is(join(' ', map { $_->{server} }
                 $t->recordings(recording_id => $own->{recording_id})),
       $server, 'its recording has a server');
    is($other->{server}, '127.0.0.1:' . $t->port(0), 'another has another');
    cmp_ok($own->{frames_in}, '>', 1.9 * $other->{frames_in}, 'two parts');
    cmp_ok($own->{frames_in}, '<', 2.1 * $other->{frames_in}, 'and no more');
}

unlike($t->error_log, qr/has no journal|catalogue failed|was missing/,
       'it is taken for whole');
$t->done;

# two seconds, published to the nth server
sub part {
    my ($name, $n) = @_;

    my $r = $s{$name}->publish(Recording::Rtmp->new(port => $t->port($n)));
    $s{$name}->send($r, 2000, rate => 0);
    $s{$name}->close($r);
}

# The ninth part of a journal's facts is the server: it is left out, with what
# stands behind it, and the record's checksum made anew.
sub without_server {
    my ($file) = @_;

    my $data = slurp($file);
    my (undef, $kind, $size) = unpack 'V V Q<', $data;
    my $facts = substr $data, 16, $size;
    my $long = 0;

    for (1 .. 8) {
        my ($n, $bytes) = unpack 'V V', substr $facts, $long, 8;
        $long += 8 + $n * $bytes;
    }

    my $first = '127.0.0.1:' . $t->port(0);
    is(substr($facts, $long + 8, length $first), $first,
       'the ninth part is the server') or return;

    my $head = pack 'V Q<', $kind, $long;
    $facts = substr $facts, 0, $long;
    spew($file, pack('V', crc($head . $facts)) . $head . $facts
                . substr $data, 16 + $size);
}

# CRC-32, not inverted at its end
sub crc {
    my ($data) = @_;

    my $crc = 0xffffffff;

    for my $byte (unpack 'C*', $data) {
        $crc ^= $byte;
        $crc = $crc & 1 ? $crc >> 1 ^ 0xedb88320 : $crc >> 1 for 1 .. 8;
    }

    return $crc;
}
