#!/usr/bin/perl

# A store of version 6, in which nothing was delivered while it grew: what waits
# for a bucket there stays as it is, what is paused gets its row when it ends,
# and what begins from now on has one from its beginning.
#
# No bucket is there: a target is written into the catalogue.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Catalogue;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Parts;
use Recording::Util qw(run wait_for);

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template t { format flv; }
    record_template waits { format flv resume=%%RESUME%%; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule t; }
        application waits { live on; record_rule waits; }
    }
}
CONF

my $flv = media(size => '160x120', fps => 20, gop => 0.5, duration => 6);
my $t = Recording::Nginx->new;
my %s = map { $_ => Recording::Parts->new($t, $_, $flv) }
        qw(live/first live/old waits/paused live/new);

# --- a store of that version

$t->conf($conf, RESUME => '30m')->start;
part('live/first');
$s{'live/first'}->wait_state(finished => 1);
targets('kinds, holds, prefix', "32, 1, 'p/'");
part('live/old');
part('waits/paused');
$s{'live/old'}->wait_state(finished => 1);
$s{'waits/paused'}->wait_state(paused => 1);
my @before = rows();
is(join(' ', map { "$_->{key} $_->{state}" } @before),
   'p/' . path('old') . ' waiting', 'a file waits for a bucket');
$t->stop;

sql(Recording::Catalogue::WITHOUT_9 . <<'SQL');
    DROP INDEX outbox_growing;
    ALTER TABLE targets DROP COLUMN early;
    CREATE TRIGGER upload_restored AFTER INSERT ON files
        BEGIN DELETE FROM outbox; END;
    CREATE TRIGGER upload_finished AFTER UPDATE OF state ON files
        BEGIN DELETE FROM outbox; END;
    PRAGMA user_version=6;
SQL

# --- this version

$t->conf($conf, RESUME => '1s')->start;
wait_for('the version', 20, sub {
    10 == ($t->catalogue('PRAGMA user_version'))[0]{user_version} });
part('live/first');
$s{'live/first'}->wait_state(finished => 2);
is_deeply([ rows() ], \@before, 'what waited is as it was');
targets('kinds, holds, prefix, early', "32, 1, 'p/', 1");

part('waits/paused');
$t->wait_log(qr/recording \d+ resumed/);
$s{'waits/paused'}->wait_state(finished => 1);
is(state('paused'), 'waiting finished', 'what was paused waits');

my $r = $s{'live/new'}->publish;
$s{'live/new'}->send($r, 2000, rate => 0);
$s{'live/new'}->taken($r);
$t->wait_growing(1, stream => 'new');
is(state('new'), 'growing recording', 'a row from the beginning on');
$s{'live/new'}->close($r);
$s{'live/new'}->wait_state(finished => 1);
is(state('new'), 'waiting finished', 'it waits at the end');
is(join(' ', map { $_->{key} } rows()),
   join(' ', map { 'p/' . path($_) } qw(old paused new)), 'a row for each');

unlike($t->error_log, qr/catalogue failed|was missing/, 'it is taken for whole');
$t->done;

# two seconds
sub part {
    my ($name) = @_;

    my $r = $s{$name}->publish;
    $s{$name}->send($r, 2000, rate => 0);
    $s{$name}->close($r);
}

# nginx, which writes its targets once, knows of none
sub targets {
    my ($columns, $values) = @_;

    sql("INSERT INTO targets (template, target, $columns) VALUES"
        . " ('t', 'upload:b', $values), ('waits', 'upload:b', $values);");
}

sub rows {
    return $t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'"
                         . ' ORDER BY id');
}

# of the row and of the file in it
sub state {
    my ($stream) = @_;

    my @rows = $t->catalogue("SELECT state || ' ' || (facts ->> 'state') AS s"
        . " FROM outbox WHERE facts ->> 'stream' = '$stream'");
    return join ', ', map { $_->{s} } @rows;
}

sub path { return ($t->files(stream => $_[0]))[0]{path} }

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000',
                                    $t->db, $sql);
    die "sqlite3: $err" if $status;
}
