#!/usr/bin/perl

# rows= of record_store: rows of files that are gone go after that time, and
# recordings without any; what is there, or remains as an object, stays, and
# no path is used twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(run wait_for);

my $media = media(duration => 1, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;
configure('')->start;

my @names = qw(evicted removed object lost here);
publish($_) for @names;
my %row = map { $_->{stream} => $_ } $t->wait_files(5);
my $size = $row{here}{size};

is(join(' ', map { $row{$_}{path} } @names),
   join(' ', map { "$_.flv" } @names), 'paths');

# --- all but one are gone, an hour is not over

$t->stop;
unlink map { $t->path($row{$_}) } qw(removed object lost);
sql(<<"SQL");
    UPDATE files SET state = 'lost' WHERE stream = 'lost';
    UPDATE files SET objects = '["s3://b/o"]' WHERE stream = 'object';
    UPDATE files SET end_us = 1 WHERE stream = 'evicted';
SQL
configure('rows=1h max=' . int($size * 1.5))->start;
$t->wait_log(qr/2 finished files are not in the store/);
publish('new');
$t->wait_log(qr/file evicted: "evicted.flv"/);
wait_for('the second one to go', 10,
         sub { states() =~ /here:e0/ });
passed();
is(states(), 'evicted:e0 removed:f0 object:f0 lost:l1 here:e0 new:f1',
   'rows of what is gone are there');

# --- 1,200 more, and a second

$t->stop;
sql(<<'SQL');
    UPDATE files SET state = 'finished', local = 1 WHERE stream = 'here';
    WITH RECURSIVE n (n) AS
        (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1200)
    INSERT INTO files (file_id, recording_id, template, domain, app, stream,
        stream_param, format, state, start_us, end_us, size, path, local)
        SELECT 1000 + n, 1000 + n / 2, '', '', 'many', n, '', 'flv',
        'evicted', n, n, n, 'many/' || n || '.flv', 0 FROM n;
    INSERT INTO recordings (recording_id, template, domain, app, stream,
        stream_param, owner, start_us, end_us)
        SELECT DISTINCT recording_id, '', '', 'many', '', '', '', 1, 2
        FROM files WHERE app = 'many';
SQL
my ($total) = $t->catalogue('SELECT bytes FROM totals');
configure('rows=1s')->start;

wait_for('the rows to go', 30, sub {
    join(' ', map { $_->{stream} } $t->files) =~ /^object here new$/ });
is_deeply([ map { $_->{path} } $t->files ],
          [ qw(object.flv here.flv new.flv) ], 'what stays');
wait_for('the recordings to go', 30, sub { 3 == $t->recordings });
is(join(' ', map { $_->{stream} } $t->recordings), 'object here new',
   'recordings with files');
is_deeply([ $t->catalogue('SELECT bytes FROM totals') ], [ $total ], 'totals');
passed();
is(scalar(my @all = $t->files), 3, 'and nothing else goes');

# --- paths stay used

publish($_) for qw(evicted removed lost);
$t->wait_files(5, state => 'finished');
my @paths = map { $_->{path} } map { $t->files(stream => $_) }
            qw(evicted removed lost);
is((grep { /^(?:evicted|removed|lost)\.flv$/ } @paths), 0,
   'no path is used again') or diag "@paths";
is((grep { -s $t->store . "/files/$_" } @paths), 3, 'there are files');

# --- statements find their rows by an index

my $gone = "(state = 'lost' OR (local = 0 AND objects = '[]' AND state IN"
    . " ('finished', 'evicted', 'expired', 'deleted')))";
my $since = 'coalesce(gone_us, end_us, start_us)';
my $age = 'coalesce(end_us, start_us + 43200000000)';

planned("SELECT file_id FROM files WHERE $gone AND $since < 1 ORDER BY $since"
     . ' LIMIT 500', 'files_gone');
planned("SELECT file_id FROM files WHERE state = 'finished' AND local = 1 AND"
     . " $age >= 1 AND ($age > 1 OR file_id > 1) ORDER BY $age, file_id"
     . ' LIMIT 64', 'files_age');
planned("SELECT file_id FROM files WHERE state IN"
     . " ('evicted', 'expired', 'deleted') AND local = 1 AND"
     . ' file_id > 1 AND (retry_us IS NULL OR retry_us <= 1 OR retry_us > 2)'
     . ' ORDER BY file_id LIMIT 64', 'files_removed');

$t->done;

sub configure {
    my ($args) = @_;

    return $t->conf(<<'CONF', ARGS => $args);
thread_pool default threads=4;
rtmp {
    record_store %%STORE%% reserve=0 %%ARGS%%;
    record_template named { format flv; path '{StreamID}'; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule named; }
    }
}
CONF
}

sub publish {
    my ($stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    $r->publish($stream);
    $r->send_flv($media);
    $r->delete_stream->close;
}

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000', $t->db,
                               $sql);
    is($status, 0, 'changed') or diag $err;
}

sub states {
    return join ' ', map { "$_->{stream}:" . substr($_->{state}, 0, 1)
                           . $_->{local} } $t->files;
}

# all rows that are old enough were removed: one that was is
sub passed {
    sql(<<'SQL');
        INSERT INTO files (file_id, recording_id, template, domain, app,
            stream, stream_param, format, state, start_us, local)
            VALUES (1, 1, '', '', 'old', 'old', '', 'flv', 'evicted', 1, 0);
SQL
    wait_for('an old row to go', 30, sub { !$t->files(stream => 'old') });
}

sub planned {
    my ($sql, $index) = @_;

    my (undef, $plan) = run('sqlite3', $t->db, "EXPLAIN QUERY PLAN $sql");
    like($plan, qr/USING (?:COVERING )?INDEX $index\b/, $index);
    unlike($plan, qr/TEMP B-TREE FOR ORDER BY/, 'in its order');
}
