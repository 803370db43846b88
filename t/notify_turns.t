#!/usr/bin/perl

# The turns of the dispatch: attempts that are over at once, a catalogue that
# others write while nginx exits, rows of a worker that died whose notify is
# gone, thousands that were refused, and names and ids that are there twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time sleep);

use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Process;
use Recording::Told;
use Recording::Util qw(run spew wait_for within);

my $t = Recording::Nginx->new(level => 'notice');
my $told = Recording::Told->new(port => $t->port(1));
my $target = 'http://127.0.0.1:' . $t->port(1) . '/told';
my $db = $t->store . '/catalogue.db';

my $conf = <<'CONF';
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template life {
        format flv;
        %%NOTIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule life; }
    }
}
CONF

$t->conf($conf, NOTIFY => "notify $target;")->start;

my $flv = media(duration => 1, gop => 1);

# --- what cannot be told is over while others are begun

wait_for('a target', 20, sub {
    eval { sql('SELECT count(*) FROM targets') } });

my $facts = "json_object('format', 'flv')";

rows(8, "'no JSON'", 100);
wait_for('attempts', 30, sub {
    sql("SELECT count(*) FROM outbox WHERE attempts > 0"
        . " AND state = 'waiting'") == 8 });

$t->allow(qr/its facts are no JSON/);
unlike($t->error_log, qr/already active/, 'a turn at a time');
sql('DELETE FROM outbox');

# --- one that failed three times holds nothing back, one that is tried for the
# third time does

my ($owner) = map { m{([^/]+)$} } glob $t->store . '/work/worker.*';
my $later = '4000000000000000';

rows(1, $facts, 200, "'taken', '$owner', 3, 0");
rows(1, $facts, 200, "'waiting', '', 0, 0");
sleep 3;
is(scalar(my @none = $told->events), 0, 'it is tried for the third time');
sql("UPDATE outbox SET state = 'waiting', owner = '', next_us = $later"
    . " WHERE state = 'taken'");
is(($told->wait_events(1, 20))[0]{json}{seq}, 2, 'it has failed three times');
sql('DELETE FROM outbox');

# --- thousands wait for one, behind thousands that were refused: others write

rows(3000, $facts, 300, "'waiting', '', 3, $later", 0);
rows(1, $facts, 300, "'waiting', '', 1, $later");
rows(3000, $facts, 300, "'waiting', '', 0, 0", 0);

my $longest = 0;

for (my $end = time + 4; time < $end; sleep 0.02) {
    my $began = time;
    sql('BEGIN IMMEDIATE; ROLLBACK');
    $longest = time - $began if time - $began > $longest;
}

cmp_ok($longest, '<', within(1), 'nobody waits for what only waits');
is(scalar(my @one = $told->events), 1, 'nothing is told');
sql('DELETE FROM outbox');

# --- the catalogue may be another one while an event is told, with its ids

held(1);
rows(1, $facts, 250);
wait_for('an event under way', 20, sub {
    sql("SELECT count(*) FROM outbox WHERE state = 'taken'") });
($owner) = sql("SELECT owner FROM outbox");

sql("DELETE FROM outbox");
rows(1, $facts, 251, "'taken', '$owner', 1, 0");
is(sql('SELECT id FROM outbox'), 1, 'one of the same id');
held(0);
$told->wait_events(2, 20);
sleep 1.5;
is(sql('SELECT state FROM outbox'), 'taken', 'what was told is another one');
sql('DELETE FROM outbox');

# --- others write while nginx exits, and an event has been answered

held(1);
push_stream($flv, $t->url('live/one'), speed => 5)->wait;
wait_for('an event under way', 20, sub {
    sql("SELECT count(*) FROM outbox WHERE state = 'taken'")
    && sql('SELECT count(*) FROM recordings WHERE end_us > 0') });

my $others = others(5);
$t->signal('QUIT');
held(0);
wait_for('the end of nginx', 30, sub { !$t->processes });
$others->wait;

my %times;
$times{ $_->{headers}{'x-recording-event'} }++ for $told->events;
is(sql("SELECT count(*) FROM outbox WHERE state = 'taken'"), 0,
   'what was answered is written before the worker exits');
is(sql("SELECT count(*) FROM outbox WHERE state = 'done'"), keys(%times) - 2,
   'as done');

# --- rows of the dead, for a notify that is gone

$told->set(hang => 1);
$t->start;
rows(1, $facts, 400);
wait_for('an event under way', 30, sub {
    sql("SELECT count(*) FROM outbox WHERE state = 'taken'") });
$t->kill9;

$t->conf($conf, NOTIFY => '');
$t->start;
$t->wait_log(qr/events wait for "\Q$target\E" of template "life", which is not/,
             20);
is(sql("SELECT count(*) FROM outbox WHERE state = 'taken'"), 0,
   'nobody has them');

# --- programs whose names would be the same

my $program = $t->dir . '/program';

for my $path ($program, "$program#2") {
    spew($path, "#!/bin/sh\n");
    chmod 0755, $path;
}

$t->conf($conf, NOTIFY => "notify exec:$program; notify 'exec:$program x';"
                          . " notify 'exec:$program#2';");
$t->reload;
wait_for('targets', 10, sub { sql('SELECT count(*) FROM targets') });
is(sql('SELECT group_concat(target) FROM (SELECT target FROM targets'
       . ' ORDER BY target)'),
   join(',', map { "exec:$program$_" } '', '#2', '#2#2'), 'they are three');

$told->stop;
$t->done;

# the receiver takes what comes, and answers when it goes on
sub held {
    my ($stops) = @_;
    kill $stops ? 'STOP' : 'CONT', -$told->{process}->pid;
}

END { held(0) if $told && $told->{process} }

sub sql {
    my ($text) = @_;

    my ($status, $out, $err) = run('sqlite3', '-cmd', '.timeout 10000', $db,
                                   $text);
    die "sqlite3: $err" if $status;
    chomp $out;
    return $out;
}

# rows of as many recordings, or of one; state, owner, attempts and next_us
sub rows {
    my ($n, $facts, $from, $state, $step) = @_;

    $state ||= "'waiting', '', 0, 0";
    $step //= 1;

    return sql('INSERT INTO outbox (event_id, recording_id, kind, event,'
        . ' template, target, holds, event_us, facts, state, owner, attempts,'
        . ' next_us) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL'
        . " SELECT i + 1 FROM n WHERE i < $n - 1)"
        . " SELECT lower(hex(randomblob(16))), $from + i * $step, 'file',"
        . " 'file', 'life', '$target', 0, 0, $facts, $state FROM n");
}

sub others {
    my ($seconds) = @_;

    my $p = Recording::Process->spawn(name => 'another writer',
        err => $t->dir . '/others', cmd => [ 'sqlite3', $db, 'BEGIN IMMEDIATE',
        ".shell touch @{[$t->dir]}/writing; sleep $seconds", 'ROLLBACK' ]);

    wait_for('a writer', 10, sub { -e $t->dir . '/writing' });
    return $p;
}
