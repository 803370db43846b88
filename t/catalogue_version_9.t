#!/usr/bin/perl

# A store of version 9, to which StorageTime 0 was as none: what was given comes
# to hold, and what knows of it takes the place of what did not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template default { format flv; expire 1h; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
ready();
my %param = (given => { HlsParam => { Enable => 1, StorageTime => 0 },
                        FlvParam => { Enable => 1, StorageTime => 600 } },
             absent => { HlsParam => { Enable => 1 } });
my %id = map { $_ => $api->call('CreateLiveRecordTemplate',
    { TemplateName => $_, %{ $param{$_} } })->{TemplateId} } sort keys %param;
is($api->code('CreateLiveRecordRule', { DomainName => '127.0.0.1',
              AppName => 'live', TemplateId => $id{given} }), '', 'a rule');
ok($api->call('CreateRecordTask', { DomainName => '127.0.0.1', AppName => 'live',
    StreamName => 'grows', EndTime => time + 600 })->{TaskId}, 'a task');

my $flv = media(duration => 2, fps => 10, size => '160x90');
publish('old');
$t->wait_files(2);
my $publisher = $t->publisher('live', 'grows');
$publisher->send_flv($flv);
$t->wait_growing(3);
wait_for('what is durable', 20, sub {
    3 == grep({ -s > 300 } glob $t->store . '/work/*.journal')
        && 3 == grep { -s > 10_000 } map { glob $t->store . "/$_" }
                'work/*.flv', 'files/live/grows/*/*.ts' });
$t->kill9;
$publisher->close;

# --- as it was

sql(<<'SQL');
    UPDATE record_formats SET expire_us = 0 WHERE format = 'hls';
    UPDATE files SET lives_us = 0 WHERE format = 'hls';
    UPDATE files SET expire_us = end_us + 3600000000
     WHERE format = 'hls' AND stream = 'old';
    ALTER TABLE record_commands DROP COLUMN number;
    DROP TRIGGER expire_edited;
    DROP INDEX files_away;
    DROP TRIGGER expire_begun;
    DROP TRIGGER expire_finished;
    CREATE TRIGGER expire_begun AFTER INSERT ON files BEGIN
        UPDATE files SET lives_us = 0; END;
    CREATE TRIGGER expire_finished AFTER UPDATE OF state ON files BEGIN
        UPDATE files SET expire_us = 1; END;
    PRAGMA user_version=9;
SQL

# --- this version

$t->start;
ready();
is(($t->catalogue('PRAGMA user_version'))[0]{user_version}, 10, 'version 10');
is(scalar(() = $t->catalogue(
    q{SELECT name FROM sqlite_master WHERE name = 'files_away'})), 1,
   'with its index');
is(join(' ', map { "$_->{template}/$_->{format}=$_->{expire_us}" }
    $t->catalogue('SELECT * FROM record_formats ORDER BY template, format')),
   'absent/hls=0 given/flv=600000000 given/hls=3155760000000001',
   'what templates say');

publish('a');
$t->wait_files(7);
is(kept('a'), 'flv=600 hls=never', 'and their files');
is(kept('old'), 'flv=600 hls=never', 'what was made of them before');
is(kept('grows'), 'flv=600 hls=never hls=never', 'also what grew then');

unlike($t->error_log, qr/catalogue failed|was missing/, 'it is taken for whole');
$t->done;

sub ready {
    wait_for('the API', 20, sub {
        eval { !$api->code('DescribeLiveRecordTemplates') } });
}

sub publish {
    my ($stream) = @_;

    my $publisher = $t->publisher('live', $stream);
    $publisher->send_flv($flv);
    $publisher->delete_stream->close;
}

sub kept {
    my ($stream) = @_;

    return join ' ', sort map { "$_->{format}=" . ($_->{expire_us} ?
                     ($_->{expire_us} - $_->{end_us}) / 1e6 : 'never') }
               $t->files(stream => $stream);
}

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
