#!/usr/bin/perl

# Files that expire, as `expire` of their template says or a call, and files that
# are deleted by a call: their rows say so, and their bytes are gone; of HLS the
# playlist goes at once, its segments a minute later; what grows or waits stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run wait_for);

my $media = media(duration => 3, gop => 1, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;
my $conf = <<'CONF';
worker_processes 4;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template keep { format flv; format hls segment=1s; }
    record_template brief { format flv; format hls segment=1s; %%EXPIRE%% }
    record_template waits { format flv resume=30m; expire 1s; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application keep { live on; record_rule keep; }
        application brief { live on; record_rule brief; }
        application waits { live on; record_rule waits; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; }
        location /off/ { record_api; record_api_key off; }
    }
}
CONF

$t->conf($conf, EXPIRE => 'expire 1h;')->start;

my $api = Recording::Api->new(port => $t->port(1));
my $off = Recording::Api->new(port => $t->port(1), path => '/off/');
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

my $waits = $t->publisher('waits', 'a');
$waits->send_flv($media);
$waits->delete_stream->close;
my $live = $t->publisher('keep', 'live');
$live->send_flv($media);
wait_for('it to grow', 20, sub {
    2 == grep { $_->{stream} eq 'live' && $_->{state} eq 'recording' } $t->files;
});
publish($_, 'a') for qw(keep brief);
my %file;
wait_for('four files', 30, sub {
    %file = map { ("$_->{app}/$_->{stream}/$_->{format}" => $_) }
            grep { $_->{state} eq 'finished' } $t->files;
    return 4 == keys %file;
});

# --- when it expires

for my $format (qw(flv hls)) {
    my $brief = $file{"brief/a/$format"};
    is($brief->{expire_us}, $brief->{end_us} + 3600e6,
       "$format: an hour after its end");
    is($file{"keep/a/$format"}{expire_us}, undef, "$format: for good");
    is(told($brief->{file_id}), date($brief->{expire_us}), 'as it is told');
}

# --- what is wrong

my $id = $file{'keep/a/flv'}{file_id};
my ($growing) = map { $_->{file_id} }
                $t->files(stream => 'live', format => 'flv');
my ($paused) = map { $_->{file_id} } $t->files(app => 'waits');
my $future = '2099-01-01T00:00:00Z';

is($api->code('DeleteMedia', { FileId => $id }),
   'AuthFailure.UnauthorizedOperation', 'without a key nothing is deleted');
is($api->code('ModifyMediaInfo', { FileId => $id, ExpireTime => $future }),
   'AuthFailure.UnauthorizedOperation', 'nor modified');

for (
    [ DeleteMedia => {}, 'MissingParameter' ],
    [ DeleteMedia => { FileId => undef }, 'MissingParameter' ],
    [ DeleteMedia => { FileId => '1' }, 'InvalidParameterValue.FileId' ],
    [ DeleteMedia => { FileId => '' }, 'InvalidParameterValue' ],
    [ DeleteMedia => { FileId => '../x' }, 'InvalidParameterValue' ],
    [ DeleteMedia => { FileId => '9' x 30 }, 'InvalidParameterValue' ],
    [ DeleteMedia => { FileId => 1 }, 'InvalidParameter' ],
    [ DeleteMedia => { FileId => [$id] }, 'InvalidParameter' ],
    [ DeleteMedia => { FileId => $id, Force => 1 }, 'UnknownParameter' ],
    [ DeleteMedia => { FileId => $id, DeleteParts => [{}] },
      'InvalidParameterValue' ],
    [ DeleteMedia => { FileId => $growing }, 'ResourceInUse' ],
    [ DeleteMedia => { FileId => $paused }, 'ResourceInUse' ],
    [ ModifyMediaInfo => { FileId => $id }, 'MissingParameter' ],
    [ ModifyMediaInfo => { ExpireTime => $future }, 'MissingParameter' ],
    [ ModifyMediaInfo => { FileId => '1', ExpireTime => $future },
      'InvalidParameterValue.FileId' ],
    [ ModifyMediaInfo => { FileId => $growing, ExpireTime => $future },
      'InvalidParameterValue.FileId' ],
    [ ModifyMediaInfo => { FileId => $id, ExpireTime => 'tomorrow' },
      'InvalidParameterValue' ],
    [ ModifyMediaInfo => { FileId => $id, ExpireTime => 4102444800 },
      'InvalidParameter' ],
    [ ModifyMediaInfo => { FileId => $id, ExpireTime => date(1e6 * time) },
      'InvalidParameterValue' ],
    [ ModifyMediaInfo => { FileId => $id, ExpireTime => $future,
                           Name => 'x' }, 'InvalidParameterValue' ],
) {
    my ($action, $params, $code) = @$_;
    is($off->code($action, $params), $code,
       "$action " . join ' ', map { "$_ " . ($params->{$_} // 'null') }
                                  sort keys %$params);
}

my $mark = $t->log_mark;
is($t->catalogue(q{SELECT * FROM files WHERE state = 'deleted'}), 0,
   'nothing was');

# --- later, and never

is($off->code('ModifyMediaInfo', { FileId => $id, ExpireTime => $future }), '',
   'it expires');
is(told($id), $future, 'then');
$t->wait_log(qr/ModifyMediaInfo of $id by a request without a key/);
my $brief = $file{'brief/a/flv'}{file_id};
is($off->code('ModifyMediaInfo', { FileId => $brief,
                                   ExpireTime => '9999-12-31T23:59:59Z' }),
   '', 'it never does');
is(told($brief), '9999-12-31T23:59:59Z', 'as it is told');
is((files($brief))[0]{expire_us}, undef, 'and in its row');

# --- deleted

is($off->code('DeleteMedia', { FileId => $id }), '', 'deleted');
gone($id, 'deleted');
$t->wait_log(qr/notice.*file deleted: "keep\/a\/.*\.flv", \d+ bytes/);
$t->wait_log(qr/DeleteMedia of $id by a request without a key from [^"]*, stream: "keep\/a", template: "/);
is($off->code('DeleteMedia', { FileId => $id }),
   'InvalidParameterValue.FileId', 'but once');
is($api->call('DescribeMediaInfos', { FileIds => [$id] })
   ->{NotExistFileIdSet}[0], $id, 'it is not found any more');
is(scalar(grep { $_->{FileId} eq $id }
          @{ $api->call('SearchMedia', { Limit => 100 })->{MediaInfoSet} }), 0,
   'by a search either');

# --- a playlist at once, what it has later

my $hls = $file{'keep/a/hls'};
my ($dir) = $t->store . "/files/$hls->{path}" =~ s{/[^/]+\z}{}r;
is($off->code('DeleteMedia', { FileId => $hls->{file_id} }), '',
   'a playlist is deleted');
wait_for('the playlist to be gone', 20, sub { !-e "$dir/index.m3u8" });
wait_for('its row', 20, sub { (files($hls->{file_id}))[0]{retry_us} });
my ($row) = files($hls->{file_id});
my $later = ($row->{retry_us} - $row->{gone_us}) / 1e6;
cmp_ok($later, '>=', 60, 'a minute later');
cmp_ok($later, '<', 90, 'not longer');
is($row->{local}, 1, 'it is there until then');
my @segments = glob "$dir/*.ts";
cmp_ok(@segments, '>=', 2, 'its segments');
sleep 2;
is(scalar(() = glob "$dir/*.ts"), scalar @segments, 'none goes before');
sql("UPDATE files SET retry_us = 1 WHERE file_id = $hls->{file_id}");
gone($hls->{file_id}, 'deleted');
ok(!-e $dir, 'then all of it');

# --- expired: what a call has told, what its template did

sql("UPDATE files SET expire_us = 1 WHERE file_id = $brief");
gone($brief, 'expired');
$t->wait_log(qr/notice.*file expired: "brief\/a\/.*\.flv", \d+ bytes/);
is((files($paused))[0]{state}, 'paused', 'what waits does not expire');

$t->conf($conf, EXPIRE => 'expire 2s;')->reload;
publish('brief', 'b');
wait_for('all of it to have expired', 30, sub {
    2 == grep { $_->{stream} eq 'b' && $_->{state} eq 'expired' } $t->files;
});
wait_for('its file', 20, sub { !(() = glob $t->store . '/files/brief/b/*.flv') });
wait_for('their rows', 20, sub {
    2 == grep { !$_->{local} || $_->{retry_us} } $t->files(stream => 'b');
});
my ($early) = grep { $_->{gone_us} < $_->{end_us} + 2e6 }
              $t->files(stream => 'b');
is($early, undef, 'not before');
is((files($file{'brief/a/hls'}{file_id}))[0]{state}, 'finished',
   'what was finished before has its time still');

# an evicted one, of which there is nothing, stays what it is
sql(<<"SQL");
    UPDATE files SET state = 'evicted', local = 0, expire_us = 1
    WHERE file_id = $file{'brief/a/hls'}{file_id}
SQL
sleep 2;
is((files($file{'brief/a/hls'}{file_id}))[0]{state}, 'evicted',
   'what is nowhere does not expire');

my ($counts) = $t->catalogue(q{SELECT bytes FROM totals});
my ($bytes) = $t->catalogue(q{SELECT coalesce(sum(size), 0) AS bytes FROM files
    WHERE local = 1 AND (state IN ('recording', 'paused', 'finished')
    OR retry_us IS NOT NULL)});
is($counts->{bytes}, $bytes->{bytes}, 'bytes are counted as before');

$live->close;
$t->done;

sub publish {
    my ($app, $stream) = @_;

    my $publisher = $t->publisher($app, $stream);
    $publisher->send_flv($media);
    $publisher->delete_stream->close;
}

sub files {
    my ($id) = @_;
    return $t->catalogue("SELECT * FROM files WHERE file_id = $id");
}

sub told {
    my ($id) = @_;
    my ($info) = @{ $api->call('DescribeMediaInfos', { FileIds => ["$id"] })
                    ->{MediaInfoSet} };
    return $info->{BasicInfo}{ExpireTime};
}

sub date {
    my ($us) = @_;
    return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $us / 1e6);
}

# its row says so, and there is nothing of it
sub gone {
    my ($id, $state) = @_;

    my $row;
    wait_for("file $id to be gone", 20, sub {
        ($row) = files($id);
        return !$row->{local};
    });
    is($row->{state}, $state, $state);
    ok(!-e $t->store . "/files/$row->{path}", 'and not there');
    is($row->{retry_us}, undef, 'nothing is tried again');
}

sub sql {
    my ($sql) = @_;

    my ($status, $out, $err) = run('sqlite3', '-bail', '-cmd',
                                   '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
