#!/usr/bin/perl

# Objects of files that have expired, or were deleted, go from their buckets: of
# each format, also when the local copy is gone for long, and when the bucket is
# away for a while or a worker is killed; what is not the file's any more stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Delivery;
use Recording::Media qw(media);
use Recording::Util qw(not_tested run wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $media = media(duration => 4, gop => 1, fps => 10, size => '160x90');
my $d = Recording::Delivery->new(workers => 2, bucket => 'prefix p/;',
    templates => 'record_template both { format flv; format hls segment=1s;'
               . ' upload archive; }'
               . 'record_template away { format mp4; upload archive'
               . ' local=remove; }',
    applications => 'application both { live on; record_rule both; }'
                  . 'application away { live on; record_rule away; }');
my ($t, $s3, $films) = ($d->nginx, $d->s3, $d->films);

# what a call does is the other test's
my %file;
publish('both', $_) for qw(a foreign busy);
publish('away', 'a');
wait_for('all to be delivered', 60, sub {
    7 == (grep { $_->{objects} ne '[]' && $_->{state} eq 'finished' }
          $t->files)
    && !$t->catalogue(q{SELECT id FROM outbox WHERE kind = 'upload'
                        AND state <> 'done'});
});
wait_for('the local copy to go', 20, sub {
    !($t->files(app => 'away'))[0]{local} });
%file = map { ("$_->{app}/$_->{stream}/$_->{format}" => $_) } $t->files;

my @all = keys_of('');
cmp_ok(@all, '>=', 4 + 3 * 4, 'objects');

# --- while the bucket is away nothing is lost

$d->fault->down;
expire($file{'away/a/mp4'});
wait_for('it to have expired', 20, sub { row('away/a/mp4')->{state} eq 'expired' });
sleep 2;
is(scalar(my @there = keys_of('')), scalar(@all), 'its object is there');
isnt(row('away/a/mp4')->{objects}, '[]', 'as its row says');
$d->fault->up;
$d->fault->on('DELETE', '', status => 503, code => 'SlowDown', times => 2);
wait_for('its object to go', 60, sub {
    !grep { $_ eq "p/$file{'away/a/mp4'}{path}" } keys_of('') });
wait_for('its row', 20, sub { row('away/a/mp4')->{objects} eq '[]' });
$t->wait_log(qr/notice.*object removed: "p\/away\/a\/.*\.mp4" from bucket "arch[^"]*", stream: "away\/a", template: "away"/);

# --- a single file, its local copy too

expire($file{'both/a/flv'});
wait_for('all of it to go', 60, sub {
    row('both/a/flv')->{objects} eq '[]' && !row('both/a/flv')->{local} });
is(scalar(grep { /\.flv\z/ && m{/a/} } keys_of('p/both')), 0, 'a file');

# --- a playlist at once, its segments later

my $hls = $file{'both/a/hls'};
my ($dir) = "p/$hls->{path}" =~ m{^(.*/)};
my @segments = grep { /\.ts\z/ } keys_of($dir);
cmp_ok(@segments, '>=', 3, 'segments');
expire($hls);
wait_for('the playlist to go', 60, sub {
    !grep { $_ eq "p/$hls->{path}" } keys_of($dir) });
wait_for('its row', 20, sub { letter($hls)->{state} eq 'waiting'
                              && letter($hls)->{progress} =~ /"hidden":1/ });
cmp_ok(letter($hls)->{next_us} / 1e6 - time, '>', 40, 'segments in a minute');
sleep 2;
is(join(' ', keys_of($dir)), join(' ', @segments), 'they are there');
isnt(row('both/a/hls')->{objects}, '[]', 'and the row knows');

# the minute is over for a worker that is not the one of before
$t->kill9;
sql("UPDATE outbox SET next_us = 0 WHERE kind = 'remove'");
$t->start;
wait_for('they go', 60, sub { !keys_of($dir) });
wait_for('the row', 20, sub { row('both/a/hls')->{objects} eq '[]' });
is(letter($hls)->{state}, 'done', 'done');

# --- what is another's by now

my $foreign = $file{'both/foreign/flv'};
$s3->put($films, "p/$foreign->{path}", 'of somebody else');
expire($foreign);
wait_for('that it is left', 60, sub { row('both/foreign/flv')->{objects} eq '[]' });
ok((grep { $_ eq "p/$foreign->{path}" } keys_of('p/both')), 'it is left there');
$t->wait_log(qr/warn.*1 objects of expired or deleted .* are not that file's/);

# --- a file that is on its way stays

my $busy = $file{'both/busy/flv'};
sql("UPDATE outbox SET state = 'waiting', next_us = 9e15"
    . " WHERE kind = 'upload' AND file_id = $busy->{file_id}");
expire($busy);
sleep 3;
is(row('both/busy/flv')->{state}, 'finished', 'what is delivered does not expire');
sql("UPDATE outbox SET next_us = 0 WHERE kind = 'upload'"
    . " AND file_id = $busy->{file_id}");
wait_for('it expires then', 30, sub {
    row('both/busy/flv')->{state} eq 'expired'
    && row('both/busy/flv')->{objects} eq '[]' });

# nothing else went
is(join(' ', map { "$_->{state} " . ($_->{objects} ne '[]') }
             map { row("both/$_/hls") } qw(foreign busy)),
   'finished 1 finished 1', 'nothing else went');
is($t->catalogue(q{SELECT id FROM outbox WHERE kind = 'remove'
                   AND state <> 'done'}), 0, 'nothing waits');

$d->done;

sub publish {
    my ($app, $stream) = @_;

    my $publisher = $t->publisher($app, $stream);
    $publisher->send_flv($media);
    $publisher->delete_stream->close;
}

sub row {
    my ($app, $stream, $format) = split m{/}, $_[0];
    return ($t->files(app => $app, stream => $stream, format => $format))[0];
}

sub letter {
    my ($file) = @_;
    return ($t->catalogue("SELECT * FROM outbox WHERE kind = 'remove'"
                          . " AND file_id = $file->{file_id}"))[0]
           || { state => '', progress => '', next_us => 0 };
}

sub expire {
    my ($file) = @_;
    sql("UPDATE files SET expire_us = 1 WHERE file_id = $file->{file_id}");
}

sub keys_of { return sort grep { /^\Q$_[0]\E/ } $s3->keys($films) }

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
