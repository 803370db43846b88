#!/usr/bin/perl

# What is told of the store: that it cannot be used, from memory; files of a
# catalogue that was lost, once; exceptions, one of a kind in two minutes; a
# disk that fails; files that are evicted.  And what stays in the outbox:
# events for a notify that was removed, and what was done, for a week.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(ENOSPC);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Told;
use Recording::Util qw(spew wait_for);

use constant DAY => 86_400_000_000;

my @media = map { [ Recording::Rtmp::flv_messages(media(duration => 3,
    gop => 1, fps => 10, size => $_)) ] } '160x90', '192x108';

# the first one waits for its three tries while others are tested
my %unusable = unusable();

subtest 'a catalogue that was lost' => \&lost;
subtest 'a codec that changes' => \&changes;
subtest 'a disk that fails' => \&fails;
subtest 'a disk that is too slow' => \&slow_disk;
subtest 'a store without room' => \&reserve;
subtest 'a file that is evicted' => \&evicted;
subtest 'a notify that is removed' => \&removed;
subtest 'a store that cannot be used' => \&tries;

Recording::Nginx->done;

sub started {
    my ($t, $templates, %opt) = @_;

    my @names = $templates =~ /record_template (\w+)/g;
    my $applications = join '', map { "
        application $_ { live on; record_rule $_; }" } @names;

    $t->conf("thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% " . ($opt{store} || 'reserve=0') . ";
    $templates
    server {
        listen 127.0.0.1:%%PORT_0%%;$applications
    }
}
");
    return $opt{reload} ? $t->reload : $t->start;
}

sub told { return Recording::Told->new(port => $_[0]->port($_[1])) }

sub publisher {
    my ($t, $app, $name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    return $r;
}

sub publish {
    my $r = publisher(@_);
    $r->send_flv($media[0]);
    $r->delete_stream->close;
    return;
}

sub json { return map { $_->{json} } @_ }

sub sql {
    my ($t, $sql) = @_;
    $t->catalogue($sql);
    return $t;
}

sub count {
    my ($t, $where) = @_;
    return ($t->catalogue("SELECT count(*) AS n FROM outbox WHERE $where"))
           [0]{n};
}

# --- no store, no outbox

sub unusable {
    my $t = Recording::Nginx->new;

    mkdir $t->store;
    chmod 0777, $t->store;
    spew($t->store . '/files', 'in the way');

    my $takes = told($t, 1);
    my $refuses = told($t, 2)->set(status => 500);

    started($t, 'record_template a {
        format mp4; format flv;
        notify http://127.0.0.1:%%PORT_1%%/a events=status;
        notify http://127.0.0.1:%%PORT_2%%/b events=file,status;
        notify http://127.0.0.1:%%PORT_1%%/c;
    }');
    publish($t, 'a', 'one');

    return (t => $t, takes => $takes, refuses => $refuses);
}

sub tries {
    my ($t, $takes, $refuses) = @unusable{qw(t takes refuses)};

    my $what = 'recording: that a recording could not begin is not told to';
    $t->wait_log(qr/\[error\].*$what "[^"]+\/b" of template "a" any more: .*, stream: "a\/one", template: "a"$/m, 60);
    wait_for('both formats', 10, sub {
        2 == scalar(() = $t->error_log =~ /$what/g) });

    my @taken = $takes->events;
    my @refused = $refuses->events;

    is(join(' ', sort map { $_->{format} } json(@taken)), 'flv mp4',
       'once for each format, to those who want to know');
    is(join(' ', sort map { $_->{format} } json(@refused)),
       'flv flv flv mp4 mp4 mp4', 'three tries');

    my %ids = map { $_->{event_id} => 1 } json(@refused);
    is(scalar keys %ids, 2, 'of the same events');
    is(scalar(grep { !/^[0-9a-f]{32}$/ } keys %ids), 0, 'which have an id');

    for my $event (@taken, @refused) {
        my $json = $event->{json};

        is("$json->{event_type} $json->{record_event} $json->{seq}",
           '332 record_start_failed 0', 'what is told');
        is("$json->{appname}/$json->{stream_id}", 'a/one', 'of which stream');
        isnt($json->{text}, '', 'and why');
        note $json->{text};
    }

    $_->stop for $takes, $refuses;
}

# --- a catalogue that is made anew

sub lost {
    my $t = Recording::Nginx->new;
    my ($up, $down) = map { told($t, $_) } 1, 2;

    $down->stop;
    started($t, 'record_template up {
        format mp4; format hls segment=1s;
        notify http://127.0.0.1:%%PORT_1%%/told events=file,status;
    }
    record_template down {
        format mp4; format hls segment=1s;
        notify http://127.0.0.1:%%PORT_2%%/told events=file,status;
    }
    record_template later {
        format flv;
        notify http://127.0.0.1:%%PORT_1%%/told events=status;
    }');

    publish($t, $_, 'one') for qw(up down);
    my @rows = $t->wait_files(4);
    $up->wait_events(6, 20);
    wait_for('the note that they were told', 10, sub {
        2 == grep { $_->{told} } $t->files(app => 'up') });
    is(scalar(grep { $_->{told} } $t->files(app => 'down')), 0,
       'the others have none');

    # their labels say so, when a later turn has written something
    publish($t, 'later', 'one');
    $t->wait_files(1, app => 'later');
    wait_for('another turn', 10, sub {
        2 == count($t, "template = 'later' AND state = 'done'") });
    my $n = $up->events;

    $t->kill9;
    rename $_, $t->dir . '/lost' . s/.*(\.db)/$1/r for glob $t->db . '*';
    $down->start;
    $t->start;
    $t->wait_log(qr/the catalogue was missing, it was rebuilt: 5 finished/);

    my @events = $down->wait_events(2, 30);
    my %told = map { $_->{file_id} => $_ } json(@events);

    for my $row (grep { $_->{app} eq 'down' } @rows) {
        my $json = delete $told{ $row->{file_id} } || {};

        is($json->{event_type}, 100, "$row->{format}: told when it is up");
        is($json->{path}, $row->{path}, "$row->{format}: its path");
        is($json->{file_size}, $row->{size}, "$row->{format}: its size");
        is($json->{start_time}, int($row->{start_us} / 1e6),
           "$row->{format}: its start");
        is($json->{session_id} // $json->{recording_id},
           $row->{recording_id}, "$row->{format}: its recording");
    }

    is(join(' ', sort map { $_->{seq} } json(@events)), '1 2',
       'numbers begin again');
    wait_for('all to be done', 20, sub { !count($t, "state <> 'done'") });
    is(scalar(() = $up->events), $n, 'what was told is not told again');
    is(scalar(() = $down->events), 2, 'nothing else is told');
    is(scalar(grep { !$_->{told} && $_->{app} ne 'later' } $t->files), 0,
       'all have the note');

    # and it is kept: nothing is told by the next loss
    $t->stop;
    unlink glob $t->db . '*';
    my $mark = $t->log_mark;
    $t->start;
    $t->wait_log(qr/the catalogue was missing, it was rebuilt: 5 finished/,
                 20, $mark);
    is(count($t, '1'), 0, 'all were told, after another loss');
    is(scalar(grep { !$_->{told} && $_->{app} ne 'later' } $t->files), 0,
       'and have the note');

    $_->stop for $up, $down;
}

# --- exceptions

sub changes {
    my $t = Recording::Nginx->new;
    my $told = told($t, 1);

    started($t, 'record_template a {
        format mp4;
        notify http://127.0.0.1:%%PORT_1%%/a events=exception;
    }');

    my $r = publisher($t, 'a', 'one');
    my $at = 0;
    part($r, $_, \$at) for 0, 1, 0, 1;

    my @json = json($told->wait_events(2, 20));
    my ($recording) = $t->recordings;

    is(join(' ', map { "$_->{seq} $_->{exception}{type}" } @json),
       '1 -100 2 -8', 'in the order in which they came');

    for my $json (@json) {
        my $what = "exception $json->{exception}{type}";

        is($json->{event_type}, 341, "$what: its type");
        is($json->{stream_id}, 'one', "$what: its stream");
        is($json->{session_id}, $recording->{recording_id},
           "$what: its recording");
        is($json->{interface}, 'general_callback', "$what: interface");
        is($json->{exception}{occurs}, 1, "$what: occurs");
        cmp_ok(abs($json->{timestamp} - time), '<', 60, "$what: when");
    }

    is(join(' ', map { $_->{exception_level} } @json), 'info warning',
       'how bad they are');
    is($json[0]{exception}{desc}, 'video resolution changed, the file is'
       . ' changed at the next chance', 'in words');
    isnt($json[0]{exception_name}, $json[1]{exception_name}, 'their names');

    part($r, $_, \$at) for 0, 1;
    wait_for('files', 20, sub { 4 < $t->files });
    is(scalar(() = $told->events), 2, 'one of a kind in two minutes');

    # and then another one
    sql($t, 'UPDATE outbox SET event_us = event_us - 121000000');
    part($r, 0, \$at);
    my $later = ($told->wait_events(3, 20))[2]{json};
    is("$later->{seq} $later->{exception}{type}", '3 -100',
       'and then another one');
    is(scalar(grep { $_->{event_id} eq $later->{event_id} } @json), 0,
       'with an id of its own');

    $r->delete_stream->close;
    $t->wait_files(1);
    $told->stop;
}

# goes on with the media of a size
sub part {
    my ($r, $size, $at) = @_;

    $r->send_flv($media[$size], map => sub {
        my ($m) = @_;
        $m->[1] += $$at;
        return $m });
    $$at += 3000;
    return;
}

# --- a disk that fails

sub fails {
    my $disk = Recording::SlowDisk->new;
    my $t = Recording::Nginx->new(store => $disk->store);
    my $told = told($t, 1);

    started($t, 'record_template a {
        format mp4; format flv;
        notify http://127.0.0.1:%%PORT_1%%/a events=status,exception;
    }');

    # while files grow
    my $r = publisher($t, 'a', 'grows');
    $r->send_flv($media[0], to => 1000);
    my @rows = $t->wait_growing(2);
    wait_for('frames on the disk', 20, sub {
        2 == grep { -s $t->store . "/work/$_->{file_id}"
                    . ($_->{format} eq 'mp4' ? '.index' : '.flv') } @rows });
    $disk->set(armed => 1, error => ENOSPC, call => 'write', where => 'files');
    $r->send_flv($media[0], from => 1000, rate => 1);
    $t->wait_log(qr/failed, frames are dropped, exception -104/);

    my @json = told_of($told, 'grows', sub {
        2 == grep { ($_->{record_event} || '') eq 'record_error' } @_ });
    my ($exception) = grep { $_->{event_type} == 341 } @json;
    is($exception->{exception}{type}, -104, 'an exception');
    is($exception->{exception_level}, 'error', 'which is an error');
    like($exception->{exception}{desc}, qr/No space left/, 'its reason');
    my @errors = grep { ($_->{record_event} || '') eq 'record_error' } @json;
    is(join(' ', sort map { $_->{format} } @errors), 'flv mp4',
       'each format that misses frames');
    like($_->{text}, qr/^$_->{format}: .*\(28: No space left/,
         "$_->{format}: its reason") for @errors;
    $r->delete_stream->close;
    $disk->set(error => 0);

    # one of the formats
    $r = publisher($t, 'a', 'one');
    $r->send_flv($media[0], to => 1000);
    $t->wait_growing(2, stream => 'one');
    $disk->match('.mp4');
    $disk->set(error => ENOSPC);
    $r->send_flv($media[0], from => 1000);
    $t->wait_log(qr/mp4: write .* failed, frames are dropped.*"a\/one"/);
    $r->delete_stream->close;
    $disk->set(error => 0);
    $disk->match('');
    @json = told_of($told, 'one', sub {
        2 == grep { ($_->{record_event} || '') eq 'record_ended' } @_ });
    @errors = grep { ($_->{record_event} || '') eq 'record_error' } @json;
    is(join(' ', map { $_->{format} } @errors), 'mp4',
       'only the one that misses frames');
    $disk->set(error => ENOSPC);

    # from the start, at several key frames
    $disk->set(call => 'open');
    $r = publisher($t, 'a', 'starts');
    $r->send_flv($media[0], rate => 1);
    @json = told_of($told, 'starts', sub { @_ >= 5 });
    is(events(@json), 'lost record_error record_error'
       . ' record_start_succeeded record_start_succeeded',
       'each format has begun, and has failed');
    isnt($_->{text}, '', "$_->{format}: the reason")
        for grep { ($_->{record_event} || '') eq 'record_error' } @json;

    # and then it does
    $disk->set(error => 0);
    my $at = 3100;
    part($r, 0, \$at);
    $t->wait_growing(2, stream => 'starts');
    $r->delete_stream->close;
    wait_for('all to be done', 20, sub {
        2 == grep { $_->{state} eq 'finished' }
             $t->files(stream => 'starts') });
    @json = told_of($told, 'starts', sub {
        2 == grep { ($_->{record_event} || '') eq 'record_ended' } @_ });
    is(events(@json), 'lost record_ended record_ended record_error'
       . ' record_error record_start_succeeded record_start_succeeded',
       'nothing of that a second time');

    # the disk goes with this
    $t->stop;
    $told->stop;
}

sub events {
    return join ' ', sort map { $_->{record_event} || $_->{exception_name} }
                          @_;
}

# --- a disk that is too slow

sub slow_disk {
    my $disk = Recording::SlowDisk->new;
    my $t = Recording::Nginx->new(store => $disk->store);
    my $told = told($t, 1);
    my @large = Recording::Rtmp::flv_messages(
        media(duration => 6, gop => 1, size => '320x240',
              key_bytes => 300_000));

    started($t, 'record_buffer 1m;
    record_template a {
        format mp4; format flv;
        notify http://127.0.0.1:%%PORT_1%%/a events=status,exception;
    }');

    my $r = publisher($t, 'a', 'slow');
    $r->send_flv(\@large, to => 1000);
    $t->wait_growing(2);
    $disk->set(armed => 1, only => '/work/');
    $disk->hold(1, on => ['write']);
    $r->send_flv(\@large, from => 1000);
    $t->wait_log(qr/record_buffer is full, .* exception -104/);
    $disk->release;

    my @json = told_of($told, 'slow', sub {
        2 == grep { ($_->{record_event} || '') eq 'record_error' } @_ });
    my ($exception) = grep { $_->{event_type} == 341 } @json;

    is($exception->{exception}{type}, -104, 'an exception');
    is($exception->{exception}{desc},
       'record_buffer is full, frames are dropped', 'its reason');
    is($_->{text}, $exception->{exception}{desc}, "$_->{format}: the reason")
        for grep { ($_->{record_event} || '') eq 'record_error' } @json;

    $r->delete_stream->close;
    $t->wait_files(2);
    $t->stop;
    $told->stop;
}

# waits for what is told of a stream
sub told_of {
    my ($told, $stream, $enough) = @_;

    my @json;

    wait_for("events of $stream", 20, sub {
        @json = grep { $_->{stream_id} eq $stream } json($told->events);
        return $enough->(@json);
    }, sub { events(@json) });

    return @json;
}

# --- max=

sub reserve {
    my $t = Recording::Nginx->new;
    my $told = told($t, 1);

    started($t, 'record_template a {
        format flv; format mp4;
        notify http://127.0.0.1:%%PORT_1%%/a events=file,status;
    }', store => 'reserve=1000000g');

    my $r = publisher($t, 'a', 'full');
    $r->send_flv($media[0], rate => 1);
    my @json = json($told->wait_events(2, 30));

    is($_->{record_event}, 'record_start_failed', $_->{format}) for @json;
    is(join(' ', sort map { $_->{format} } @json), 'flv mp4', 'both formats');
    like($json[0]{text}, qr/less than reserve= is left/, 'why');
    $r->delete_stream->close;

    $told->stop;
}

sub evicted {
    my $t = Recording::Nginx->new;
    my $told = told($t, 1);
    my $templates = 'record_template a {
        format flv;
        notify http://127.0.0.1:%%PORT_1%%/a events=removed;
    }';

    started($t, $templates);
    publish($t, 'a', $_) for 1 .. 3;
    my @rows = $t->wait_files(3);
    $t->stop;
    started($t, $templates, store => 'reserve=0 max=' . int(2.5 * $rows[0]{size}));

    my ($event) = $told->wait_events(1, 30);
    my $json = $event->{json};

    is($json->{event_type}, 10001, 'a file is gone');
    is($json->{reason}, 'evicted', 'why');
    is($json->{stream_id}, $rows[0]{stream}, 'of which stream');
    is($json->{$_}, $rows[0]{$_}, $_) for qw(file_id path);
    is($json->{file_size}, $rows[0]{size}, 'its size');
    cmp_ok(abs($json->{event_time} - time), '<', 60, 'when');
    wait_for('it to go', 20, sub { !-e $t->path($rows[0]) });
    is(-e $t->path($rows[0]), undef, 'it is');

    $told->stop;
}

# --- what stays

sub removed {
    my $t = Recording::Nginx->new;
    my $told = told($t, 1);
    my $template = 'record_template a { format flv; %s }';
    my $notify = 'notify http://127.0.0.1:%%PORT_1%%/a events=file,status;';

    $told->stop;
    started($t, sprintf $template, $notify);
    publish($t, 'a', 'one');
    $t->wait_files(1);
    wait_for('three events', 10, sub { 3 == count($t, '1') });

    my $url = 'http://127.0.0.1:' . $t->port(1) . '/a';
    my $which = qr/"\Q$url\E" of template "a", which is not configured/;
    my $warned = qr/\[warn\].*3 events wait for $which/;

    for my $how ('reload', 'start') {
        my $mark = $t->log_mark;

        $t->stop if $how eq 'start';
        started($t, sprintf($template, ''), reload => $how eq 'reload');
        ok($t->wait_log($warned, 20, $mark), "warned of by a $how");
    }

    $told->start;
    publish($t, 'a', 'two');
    $t->wait_files(2);
    is(count($t, "state = 'waiting'"), 3, 'nobody is told of another one');
    is(scalar(() = $told->events), 0, 'nor of the first');

    # it is back
    started($t, sprintf($template, $notify), reload => 1);
    sql($t, 'UPDATE outbox SET next_us = 0');
    my @json = json($told->wait_events(3, 20));
    is(join(' ', map { "$_->{stream_id} $_->{seq}" } @json),
       'one 1 one 2 one 3', 'told when it is there again');
    wait_for('all to be done', 20, sub { 3 == count($t, "state = 'done'") });

    # of what is done that of a week stays
    sql($t, 'UPDATE outbox SET done_us = done_us - '
            . 'iif(seq = 1, 6, 8) * ' . DAY);
    my $mark = $t->log_mark;
    $t->reload;
    wait_for('old ones to be removed', 20, sub { 1 == count($t, '1') });
    is(($t->catalogue('SELECT seq FROM outbox'))[0]{seq}, 1,
       'what is younger stays');
    unlike(substr($t->error_log, $mark), qr/not configured/,
           'nothing is warned of');

    $told->stop;
}
