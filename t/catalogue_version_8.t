#!/usr/bin/perl

# A store of version 8, in which nothing could expire: what is finished there is
# for good, what is evicted there is removed, and what is finished from now on
# has its time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Catalogue;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run wait_for);

my $media = media(duration => 2, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;
my $conf = <<'CONF';
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template t { format flv; %%EXPIRE%% }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule t; }
    }
}
CONF

# --- a store of that version

$t->conf($conf, EXPIRE => '')->start;
publish($_) for qw(old evicted);
$t->wait_files(2);
$t->stop;

sql(Recording::Catalogue::WITHOUT_9 . <<'SQL');
    DROP TRIGGER expire_objects;
    DROP TRIGGER expire_restored;
    DROP INDEX files_expire;
    DROP INDEX files_removed;
    DROP INDEX files_gone;
    DROP TABLE lifetimes;
    CREATE INDEX files_evicted ON files (file_id)
        WHERE state = 'evicted' AND local = 1;
    CREATE INDEX files_gone ON files (coalesce(gone_us, end_us, start_us))
        WHERE (state = 'lost' OR (local = 0 AND (state IN ('expired', 'deleted')
        OR (state IN ('evicted', 'finished') AND objects = '[]'))));
    UPDATE files SET state = 'evicted', gone_us = 1 WHERE stream = 'evicted';
    PRAGMA user_version=8;
SQL

# --- this version

$t->conf($conf, EXPIRE => 'expire 1h;')->start;
wait_for('the version', 20, sub {
    10 == ($t->catalogue('PRAGMA user_version'))[0]{user_version} });
wait_for('what was evicted to be removed', 20, sub { !row('evicted')->{local} });
publish('new');
wait_for('a new one', 20, sub {
    my $new = row('new');
    return $new && $new->{state} eq 'finished';
});
is(row('new')->{expire_us}, row('new')->{end_us} + 3600e6, 'it expires');
is(row('old')->{expire_us}, undef, 'the old one does not');
is(row('evicted')->{state}, 'evicted', 'nor does what was evicted');
is($t->catalogue(q{SELECT name FROM sqlite_master WHERE name IN
                   ('files_evicted', 'files_removed')}), 1, 'one index');

unlike($t->error_log, qr/catalogue failed|was missing/, 'it is taken for whole');
$t->done;

sub publish {
    my ($stream) = @_;

    my $publisher = $t->publisher('live', $stream);
    $publisher->send_flv($media);
    $publisher->delete_stream->close;
}

sub row { return ($t->files(stream => $_[0]))[0] }

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
