#!/usr/bin/perl

# What files cannot tell is copied each hour into catalogue.copy, and a catalogue
# that is lost gets it back from there: paths that were used, exceptions, files
# that are in buckets only, and objects that are to be removed.  A copy that is
# damaged costs nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run spew wait_for);

my $media = media(duration => 2, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template t { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule t; }
    }
}
CONF

my $copy = $t->store . '/catalogue.copy';
my $object = '[{"bucket":"away","key":"k","url":"","size":9,"rank":0}]';

publish('here');
$t->wait_files(1);
wait_for('a copy', 30, sub { -e $copy });
is((stat $copy)[2] & 0777, 0640, 'as the catalogue can be read');
my $made = (stat $copy)[9];
sql(<<"SQL");
    INSERT INTO paths VALUES (42);
    INSERT INTO exceptions VALUES (3600000000, 'd', 'a', 's', 'kind', 7);
    INSERT INTO callback_templates VALUES (3, 'c', '{}', 1, 1);
    INSERT INTO callback_targets VALUES ('callback=c', 'c:x', 1, 7, 'u', 'k', 1);
    INSERT INTO callback_rules VALUES ('d', '', 3, 'callback=c', 1, 1);
    INSERT INTO edits (edit_id, input, format, state, created_us, ended_us)
    VALUES (8, '{}', 'mp4', 'failed', 1, 2);
    INSERT INTO edit_inputs (edit_id, number, file_id, start_ms)
    VALUES (8, 0, 6, 7);
    INSERT INTO recordings (recording_id, template, domain, app, stream,
        stream_param, owner, start_us, end_us)
    VALUES (5, 't', 'd', 'live', 'away', '', '', 1000000, 2000000);
    INSERT INTO files (file_id, recording_id, template, domain, app, stream,
        stream_param, format, state, start_us, end_us, size, path, objects,
        local, told, finished_us)
    VALUES (6, 5, 't', 'd', 'live', 'away', 'q=1', 'flv', 'finished', 1000000,
            2000000, 9, 'live/away/6.flv', '$object', 0, 1, 2000000),
           (7, 5, 't', 'd', 'live', 'away', '', 'flv', 'expired', 1000000,
            2000000, 9, 'live/away/7.flv', '$object', 0, 1, 2000000);
SQL
sleep 7;
is((stat $copy)[9], $made, 'not before an hour has passed');
utime $made - 3601, $made - 3601, $copy;
wait_for('another copy', 30, sub { (stat $copy)[9] >= $made });
is($t->catalogue(q{SELECT id FROM outbox WHERE kind = 'remove'}), 1,
   'an object is to be removed');
ok(!-e "$copy.new", 'nothing else is left');

# --- lost

my @files = rows();
my $known = q{SELECT (SELECT count(*) FROM paths WHERE hash = 42) AS paths,
    (SELECT number FROM exceptions WHERE stream = 's') AS exceptions,
    (SELECT count(*) FROM recordings WHERE stream = 'away') AS recordings,
    (SELECT group_concat(target) FROM outbox WHERE kind = 'remove') AS objects,
    (SELECT count(*) FROM outbox WHERE kind = 'upload') AS uploads,
    (SELECT url || key || r.domain || t.name FROM callback_targets AS c JOIN
     callback_rules AS r USING (template) JOIN callback_templates AS t
     USING (template_id)) AS callback,
    (SELECT state || start_ms FROM edits JOIN edit_inputs USING (edit_id))
    AS edit,
    (SELECT count(*) FROM targets) AS targets};
my @before = $t->catalogue($known);

lose();
wait_for('all rows', 30, sub { 3 == (() = $t->files) });
is_deeply([ rows() ], \@files, 'files are what they were');
ok(wait_for('targets', 30, sub {
    !($t->catalogue($known))[0]{targets} }), 'without an API nobody is told');
$before[0]{targets} = 0;
is_deeply([ $t->catalogue($known) ], \@before, 'and all else');
is($before[0]{callback}, 'ukdc', 'with whom calls have told');
is($before[0]{edit}, 'failed7', 'with what was made of files');
is($before[0]{objects}, 'remove:away', 'with what is to be removed');
$t->wait_log(qr/warn.* rows came back from catalogue\.copy, which is of [-\d]+ [:\d]+ UTC: what calls have ordered since then is lost/);

# --- and the copy, too

spew($copy, 'x' x 8192);
lose();
$t->allow(qr/what catalogue\.copy has is not restored: /);
wait_for('what files tell', 30, sub { 1 == (() = $t->files(stream => 'here')) });
is(scalar(() = $t->files), 1, 'is there');
wait_for('it to be whole', 30, sub { $t->error_log =~ /was missing.*1 finished/ });
publish('again');
wait_for('more', 30, sub { 1 == $t->files(stream => 'again',
                                          state => 'finished') });

$t->done;

sub lose {
    $t->stop;
    unlink glob $t->db . '*';
    $t->allow(qr/the catalogue was missing/);
    $t->start;
}

sub publish {
    my ($stream) = @_;

    my $publisher = $t->publisher('live', $stream);
    $publisher->send_flv($media);
    $publisher->delete_stream->close;
}

# what the label of a file has not got is no question here
sub rows {
    return $t->catalogue('SELECT file_id, recording_id, state, local, objects,'
                         . ' path, size, stream_param FROM files'
                         . ' ORDER BY file_id');
}

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
