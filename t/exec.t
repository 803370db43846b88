#!/usr/bin/perl

# Programs that a notify names: what they are given, what becomes of those
# that fail, flood, hang or outlive their worker; and that there are never two
# at once for a file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS ();
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(not_tested run slurp spew wait_for within);

my $media = media(duration => 1, fps => 10, size => '160x90');
my $name = "told.$$";

# What it does is its first argument.  It notes what it does in a log, and
# holds a lock, with all that it starts: if there is another one of the same
# file, it notes that.
my $program = <<'PERL';
#!/usr/bin/perl
use strict;
use warnings;
use Fcntl qw(:flock);
use JSON::XS ();
use Time::HiRes qw(sleep time);

my @fds = map { readlink("/proc/self/fd/$_") // () } 0 .. 1023;
my ($dir) = $0 =~ m{(.*)/};
my ($what, @args) = @ARGV;
my ($file, $attempt) = @ENV{qw(RECORDING_FILE_ID RECORDING_ATTEMPT)};

$| = 1;
note('twice') if !flock open_to("lock.$file"), LOCK_EX|LOCK_NB;
note('begin');
{ no strict 'refs'; &{"do_$what"}() }
note('end');

my @locks;

sub open_to {
    open my $fh, '>>', "$dir/$_[0]" or die "$dir/$_[0]: $!";
    push @locks, $fh;
    return $fh;
}

sub note {
    my $fh = open_to('log');
    syswrite $fh, "$_[0] $file $attempt $$ " . time . "\n";
    close $fh;
}

sub give {
    open my $in, '<', '/proc/self/status';
    my %all = (args => [ map { unpack 'H*', $_ } @args ], fds => \@fds,
               env => { map { $_ => unpack 'H*', $ENV{$_} } keys %ENV },
               in => join('', map { unpack 'H*', $_ } <STDIN>),
               cwd => readlink('/proc/self/cwd'),
               map { /^(\w+):\s*(.*?)\s*$/ ? ($1 => $2) : () } <$in>);
    open my $fh, '>', "$dir/given.new";
    print {$fh} JSON::XS->new->encode(\%all);
    close $fh;
    rename "$dir/given.new", "$dir/given.$file";
}

sub do_give { give() }
sub do_fail { print "attempt $attempt\nsays why"; exit 3 if $attempt < 3 }
sub do_never { exit 4 }

sub do_flood {
    fork || exec 'sleep', 100 for 1 .. 2;
    print 'x' x 300, "\n" for 1 .. 100_000;
    print 'y' x 10_000_000;
}

sub do_wait { sleep 0.02 until -e "$dir/go" }

# neither it nor a child in a session of its own wants to end
sub do_stay {
    $SIG{TERM} = $SIG{HUP} = $SIG{INT} = 'IGNORE';
    my $child = fork;
    if (!$child) { setpgrp; note('child') }
    do_wait();
    exit 0 if !$child;
}
PERL

subtest 'what it is given' => \&given;
subtest 'as whom it runs' => \&user;
subtest 'a program that fails' => \&fails;
subtest 'a program that does too much' => \&too_much;
subtest 'a program that hangs keeps no other waiting' => \&others;
subtest 'max= waits for it' => \&kept;
subtest 'its worker dies' => \&orphan;
subtest 'all of nginx dies' => \&orphans;
subtest 'its worker exits' => \&exits;
subtest 'what runs it is killed' => \&runner;
subtest 'its worker does not wait for ever' => \&hurried;

Recording::Nginx->done;

# --- what it is given

sub given {
    local $ENV{TEST_SECRET} = 'secret';
    my $t = nginx(<<'CONF', 'url=http://media.test/vod/', 'env TEST_SECRET;');
        notify 'exec:%%PROGRAM%% give {Stream} "a b" "" x{App}y {Path} {Url}
                {Basename} {Format} {FileId} "{Stream} {Stream}" *';
CONF
    my $dir = $t->dir;
    my @names = ('plain', 'a b', qq(q"'`\\), "n\nl", '$(touch ' . "$dir/x)",
                 ";touch $dir/x;", "i\xff\xfe", '-rf', '{Path}', '*',
                 "\xd1\x82", 'n' x 200);

    publish($t, "live/$_?q=1") for @names;
    my @rows = $t->wait_files(scalar @names);
    told($t, scalar @names);

    for my $name (@names) {
        (my $shown = substr $name, 0, 20)
            =~ s/([^ -~])/sprintf '\x%02x', ord $1/ge;
        subtest "stream $shown" => sub { was_given($t, $name) };
    }

    ok(!-e "$dir/x", 'no shell was between');
    is(twice($t), 0, 'never two at once');
    is_left($t);
}

sub was_given {
    my ($t, $name) = @_;

    my ($row) = $t->files(stream => $name) or return fail('no row');
    my ($event) = $t->catalogue('SELECT * FROM outbox WHERE file_id = '
                                . $row->{file_id});
    my $all = had($t, $row);
    my $json = JSON::XS->new->utf8->decode(pack 'H*', $all->{in});
    my %env = map { $_ => pack 'H*', $all->{env}{$_} } keys %{ $all->{env} };
    my $path = $t->path($row);
    my ($base) = $path =~ m{([^/]+)\.flv$};

    # as in all events, what is not UTF-8 is U+FFFD
    my $known = $name =~ s/[\xfe\xff]/\xef\xbf\xbd/gr;
    is_deeply([ map { pack 'H*', $_ } @{ $all->{args} } ],
              [ $known, 'a b', '', 'xlivey', $path, $row->{play_url}, $base,
                'flv', $row->{file_id}, "$known $known", '*' ], 'arguments');

    is_deeply(\%env, {
        PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LANG => 'C.UTF-8', HOME => $t->store, RECORDING_PATH => $path,
        RECORDING_URL => $row->{play_url}, RECORDING_STREAM => $known,
        RECORDING_STREAM_PARAM => 'q=1', RECORDING_APP => 'live',
        RECORDING_DOMAIN => $row->{domain}, RECORDING_TEMPLATE => 'told',
        RECORDING_TASK_ID => '', RECORDING_FORMAT => 'flv',
        RECORDING_VIDEO_CODEC => 'h264', RECORDING_AUDIO_CODEC => 'aac',
        RECORDING_RESOLUTION => '160x90',
        RECORDING_START => int($row->{start_us} / 1e6),
        RECORDING_END => int($row->{end_us} / 1e6),
        RECORDING_DURATION => sprintf('%.3f', $row->{duration_ms} / 1000),
        RECORDING_SIZE => -s $path, RECORDING_FILE_ID => $row->{file_id},
        RECORDING_ID => $row->{recording_id}, RECORDING_RECOVERED => 0,
        RECORDING_EVENT => $event->{event}, RECORDING_SEQ => 1,
        RECORDING_EVENT_ID => $event->{event_id}, RECORDING_ATTEMPT => 1,
    }, 'environment, and nothing else');

    is($json->{event_type}, 100, 'input: a file');
    is($json->{file_id}, $row->{file_id}, 'input: which');
    is($json->{event_id}, $event->{event_id}, 'input: the id of the event');
    is($json->{path}, utf8($row->{path}), 'input: its path');
    is($json->{stream_id}, utf8($known), 'input: the stream');

    is($all->{cwd}, $t->store, 'working directory');
    is_deeply([ map { s/\d{2,}|\s.*//gr } grep { !m{/told\.\d+$} }
                @{ $all->{fds} } ],
              [ '/memfd:input', 'pipe:[]', 'pipe:[]' ], 'descriptors');

    # perl itself ignores SIGFPE
    is($all->{$_} =~ s/80$/00/r, '0' x 16, "signals, $_")
        for qw(SigBlk SigIgn SigCgt);
}

sub had {
    my ($t, $row) = @_;
    return JSON::XS->new->decode(slurp($t->dir . "/given.$row->{file_id}"));
}

sub utf8 {
    my ($bytes) = @_;

    utf8::decode($bytes);
    return $bytes;
}

sub user {
    plan skip_all => not_tested('only root can start workers of another user')
        if $> != 0;

    my ($uid, $gid) = (getpwnam 'www-data')[2, 3];
    my $t = nginx(Recording::Nginx->new(user => 'www-data'),
                  "notify 'exec:%%PROGRAM%% give';");

    # of a file that a worker left
    my $r = $t->publisher('live', 'one');
    $r->send_flv($media);
    my ($grows) = $t->wait_growing(1);
    my ($last) = grep { ord(substr $_->[2], 1) == 1 }
                 reverse Recording::Rtmp::flv_messages($media);
    wait_for('its frames', 20, sub {
        my $work = $t->store . "/work/$grows->{file_id}.flv";
        return -e $work && index(slurp($work), $last->[2]) >= 0;
    });
    $t->signal('KILL', $t->worker_pids);
    $t->allow(qr/exited on signal 9/);
    my ($row) = $t->wait_files(1);
    $r->close;
    told($t, 1);

    my $all = had($t, $row);
    is("$all->{Uid} $all->{Gid} $all->{Groups}" =~ s/\s+/ /gr,
       join(' ', ($uid) x 4, ($gid) x 5), 'as the user of the workers');
    is(hex $all->{CapEff}, 0, 'which has no capabilities');
    is(pack('H*', $all->{env}{RECORDING_RECOVERED}), 1, 'a recovered file');
    like(pack('H*', $all->{in}), qr/"recovered":true\b/, 'says the input, too');
    is_left($t);
}

# --- those that fail

sub fails {
    my $t = nginx("notify 'exec:%%PROGRAM%% fail';");

    publish($t, 'live/one');
    my ($row) = $t->wait_files(1);

    for my $attempt (1, 2) {
        my ($event) = waits($t, $attempt);

        is($event->{error}, 'exited with 3, saying "says why"',
           "attempt $attempt has failed, and why");
        cmp_ok(abs($event->{next_us} / 1e6 - time - 60), '<', 30,
               'and is followed by another one in a minute');
        is(($t->files)[0]{told}, 0, 'the file was not told');
        hurry($t);
    }

    told($t, 1);
    is(($t->catalogue('SELECT attempts FROM outbox'))[0]{attempts}, 3,
       'the third one does well');
    is_deeply([ map { "$_->[0] $_->[2]" } noted($t) ],
              [ 'begin 1', 'begin 2', 'begin 3', 'end 3' ],
              'each ran once, one to its end');

    my $path = $t->dir . "/$name";
    my $about = qr/, stream: "live\/one", template: "\w+"$/m;
    like($t->error_log, qr/\[notice\].*: $path: attempt $_$about/,
         "what attempt $_ said is in the log") for 1 .. 3;
    like($t->error_log, qr/: $path: says why$about/,
         'also without a line feed');
    my $said = () = $t->error_log
        =~ /\[error\].* was not told to "exec:$path" .*, saying "says why"; .*$about/g;
    is($said, 2, 'and that it failed, each time');

    is_left($t);
}

# --- those that do too much

sub too_much {
    my $t = nginx(<<'CONF', '', '', <<'MORE');
        notify 'exec:%%PROGRAM%% wait';
CONF
    record_template flood { format flv; notify 'exec:%%PROGRAM%% flood'; }
MORE

    # one that floods its output
    publish($t, 'flood/one');
    told($t, 1);
    my $path = $t->dir . "/$name";
    my $lines = () = $t->error_log =~ /: $path: x{10}/g;
    is($lines, 100, 'of a flood 100 lines are logged');
    like($t->error_log, qr/: $path: \d{8} bytes of output are left out.*"flood\/one"/,
         'and how much is left out');
    cmp_ok(length $t->error_log, '<', 200_000, 'the log stays small');

    # and leaves others behind
    like($t->error_log, qr/\[warn\].*: $path: has left 2 processes in the /,
         'what it has left in the background was killed, which is said');

    # one that runs for ever is killed by hand
    publish($t, 'live/ever');
    my $begin = (wait_noted($t, 'begin', 2))[1];
    kill KILL => $begin->[3];
    my ($event) = waits($t, 1);
    is($event->{error}, 'killed by signal 9', 'a program was killed');
    hurry($t);
    wait_noted($t, 'begin', 3);
    go($t);
    told($t, 2);
    unlink $t->dir . '/go';

    # many at a time
    my %locks = map { $_ => 1 } locks($t);
    publish($t, "live/many$_") for 1 .. 7;
    $t->wait_files(9);
    wait_noted($t, 'begin', 7);
    sleep 1.5;
    is(scalar(grep { $_->[0] eq 'begin' } noted($t)), 7, 'four at a time');
    is(taken($t), 4, 'four rows are taken');
    is(scalar(grep { !$locks{$_} } locks($t)), 4, 'each with a lock');
    go($t);
    told($t, 9);

    my @noted = noted($t);
    is(scalar(grep { $_->[0] eq 'end' } @noted), 9, 'each has succeeded once');
    is_left($t);
}

# --- one that hangs, in two templates, and another one

sub others {
    my $t = nginx(<<'CONF', '', '', <<'MORE');
        notify 'exec:%%PROGRAM%% wait';
        notify "exec:/bin/sh -c 'echo >> %%DIR%%/other'";
CONF
    record_template flood { format flv; notify 'exec:%%PROGRAM%% wait'; }
MORE

    publish($t, "live/other$_") for 1 .. 6;
    publish($t, "flood/other$_") for 1 .. 2;
    ok(wait_for('the other program', 20, sub {
        my $ran = $t->dir . '/other';
        return -e $ran && -s $ran == 6;
    }), 'another program is run for all files');
    wait_noted($t, 'begin', 3);
    is(scalar(grep { $_->[0] eq 'begin' } noted($t)), 3, 'beside three');

    go($t);
    told($t, 8);
    is_left($t);
}

# --- max=

sub kept {
    my $t = nginx("notify 'exec:%%PROGRAM%% wait';", '', '', <<'MORE');
    record_template flood { format flv; }
MORE

    publish($t, 'live/held');
    my ($held) = $t->wait_files(1);
    wait_noted($t, 'begin', 1);
    my $max = 'max=' . int($held->{size} * 2.5);

    # it runs on in a worker that goes
    $t->conf($t->{text} =~ s/(%%STORE%%)/$1 $max/r, %{ $t->{subst} });
    $t->reload;

    my $state = sub { return ($t->files(stream => 'held'))[0]{state} };
    my $more = 0;
    my $evict = sub {
        my $first = $more + 1;
        publish($t, 'flood/' . ++$more) for 1 .. 3;
        wait_for('room', 20, sub {
            my $n = grep { $_->{state} eq 'finished' } $t->files;
            return $n <= 2 && $t->files == $more + 1; });
        is(($t->files(stream => $first))[0]{state}, 'evicted',
           'a later file goes');
    };

    $evict->();
    is($state->(), 'finished', 'a file stays as long as its program runs');

    kill KILL => (wait_noted($t, 'begin', 1))[0][3];
    waits($t, 1);
    $evict->();
    is($state->(), 'finished', 'and if it has failed');

    # more than a week later
    sql($t, "UPDATE outbox SET first_us = first_us - 700000000000,"
            . " next_us = 0 WHERE state = 'waiting'");
    kill KILL => (wait_noted($t, 'begin', 2))[1][3];
    wait_for('a dead letter', 20, sub {
        grep { $_->{state} eq 'dead' } $t->catalogue('SELECT * FROM outbox') });
    $t->wait_log(qr/\[error\].*is not told to "exec:.*any more/);
    publish($t, 'flood/last');
    wait_for('the end of it', 20, sub { $state->() eq 'evicted' });
    pass('and may go when it is given up');

    is_left($t);
}

# --- a worker dies

sub orphan {
    my $t = nginx("notify 'exec:%%PROGRAM%% stay';", '',
                  'worker_processes 2;');

    publish($t, 'live/stay');

    for my $n (1, 2) {
        my @pids = map { $_->[3] } (wait_noted($t, 'begin', $n))[$n - 1],
                                   (wait_noted($t, 'child', $n))[$n - 1];
        is(scalar(grep { alive($_) } @pids), 2, 'a program and its child run');

        my $killed = time;
        $t->signal('KILL', worker_of($t, $pids[0]));
        wait_for('end of the program', 5, sub { !grep { alive($_) } @pids });
        my ($next) = (wait_noted($t, 'begin', $n + 1))[$n];
        note(sprintf 'run again after %.1f s', $next->[4] - $killed);
        cmp_ok($next->[4] - $killed, '<', within(10), 'it is run again soon');
        cmp_ok($next->[4] - $killed, '>=', 0.4, 'but had its time to end');
    }

    $t->allow(qr/exited on signal 9/);
    go($t);
    told($t, 1);
    is(twice($t), 0, 'never two at once');
    is(scalar(grep { $_->[0] eq 'end' } noted($t)), 1, 'one has succeeded');
    is_left($t);
}

# --- all workers die, and their store is another one's at once

sub orphans {
    my $t = nginx("notify 'exec:%%PROGRAM%% stay';");
    my $other = conf(Recording::Nginx->new(store => $t->store),
                     "notify 'exec:%%PROGRAM%% stay';", $t->dir . "/$name");

    publish($t, 'live/stay');
    my @pids = map { (wait_noted($t, $_, 1))[0][3] } 'begin', 'child';
    my $killed = time;

    $t->signal('KILL', $t->pid, $t->worker_pids);
    $other->start;
    my $still = grep { alive($_) } @pids;
    note(sprintf '%d processes of the program are there after %.1f s', $still,
         time - $killed);

    wait_noted($t, 'begin', 2);
    is(scalar(grep { alive($_) } @pids), 0, 'nothing is left, then');
    go($t);
    told($other, 1);
    is(twice($t), 0, 'never two at once');
    is_left($other);
    $t->kill9;
}

# --- a worker exits

sub exits {
    my $t = nginx("notify 'exec:%%PROGRAM%% wait';", '',
                  'worker_processes 2;');

    # a reload
    publish($t, 'live/one');
    my ($begin) = wait_noted($t, 'begin', 1);
    my $worker = worker_of($t, $begin->[3]);
    $t->reload;
    sleep 1.5;
    ok(alive($worker) && alive($begin->[3]), 'a reload waits for a program');
    go($t);
    told($t, 1);
    wait_for('end of the old worker', 10, sub { !alive($worker) });
    unlink $t->dir . '/go';

    # -s quit
    publish($t, 'live/two');
    $begin = (wait_noted($t, 'begin', 2))[1];
    $t->signal('QUIT');
    sleep 1.5;
    ok(alive($begin->[3]), 'so does -s quit');
    go($t);
    $t->stop;
    is(scalar(grep { $_->{state} eq 'done' }
              $t->catalogue('SELECT state FROM outbox')), 2,
       'what became of it is written');
    unlink $t->dir . '/go';

    # -s stop
    $t->start;
    publish($t, 'live/three');
    $begin = (wait_noted($t, 'begin', 3))[2];
    $t->terminate;
    wait_for('end of the program', 5, sub { !alive($begin->[3]) });
    $t->start;
    my $again = (wait_noted($t, 'begin', 4))[3];
    is($again->[1], $begin->[1], '-s stop kills it, and a start runs it again');
    go($t);
    told($t, 3);

    is(twice($t), 0, 'never two at once');
    is(scalar(grep { $_->[0] eq 'end' } noted($t)), 3, 'each once to its end');
    is_left($t);
}

# --- its runner is killed, and then what starts runners

sub runner {
    my $t = nginx("notify 'exec:%%PROGRAM%% wait';");

    publish($t, 'live/one');
    my ($begin) = wait_noted($t, 'begin', 1);
    my %all = all_processes();
    my $starter = $all{ $all{ $begin->[3] }[2] }[2];

    kill KILL => $all{ $begin->[3] }[2];
    my ($event) = waits($t, 1);
    is($event->{error}, 'its runner was killed', 'it has not succeeded');
    wait_for('end of the program', 5, sub { !alive($begin->[3]) });

    # what comes next fails, and has it started again
    kill KILL => $starter;
    wait_for('end of it', 5, sub { !alive($starter) });
    hurry($t);
    ($event) = waits($t, 2);
    like($event->{error}, qr/sendmsg\(\)/, 'the next one cannot be started');
    hurry($t);
    wait_noted($t, 'begin', 2);
    go($t);
    told($t, 1);

    is(twice($t), 0, 'never two at once');
    is_left($t);
}

# --- a worker that exits is in a hurry

sub hurried {
    my $t = nginx("notify 'exec:%%PROGRAM%% stay';", '',
                  'worker_shutdown_timeout 1s;');

    publish($t, 'live/one');
    my ($begin) = wait_noted($t, 'begin', 1);
    my $worker = worker_of($t, $begin->[3]);

    $t->reload;
    wait_for('end of the old worker', 10, sub { !alive($worker) });
    wait_for('end of the program', 5, sub { !alive($begin->[3]) });
    my ($event) = waits($t, 1);
    is($event->{error}, 'was stopped', 'what is stopped has not succeeded');
    hurry($t);
    wait_noted($t, 'begin', 2);
    go($t);
    told($t, 1);

    is(twice($t), 0, 'never two at once');
    is_left($t);
}

# --- nginx

# with a notify in the template told, something of record_store, of main and of
# rtmp; streams of the application flood have a template of that name
sub nginx {
    my $t = ref $_[0] ? shift : Recording::Nginx->new;
    my ($notify, $store, $main, $rtmp) = @_;

    chmod 0777, $t->dir;
    my $file = spew($t->dir . "/$name", $program);
    chmod 0755, $file;

    return conf($t, $notify, $file, $store, $main, $rtmp)->start;
}

sub conf {
    my ($t, $notify, $file, $store, $main, $rtmp) = @_;

    my $rule = $rtmp ? 'flood' : 'told';
    $_ //= '' for $store, $main, $rtmp;

    return $t->conf(<<"CONF", PROGRAM => $file);
$main
thread_pool default threads=4;
rtmp {
    record_store %%STORE%% reserve=0 $store;
    record_template told {
        format flv;
        $notify
    }
    $rtmp
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule told; }
        application flood { live on; record_rule $rule; }
    }
}
CONF
}

sub publish {
    my ($t, $stream) = @_;

    my $r = $t->publisher(split m{/}, $stream, 2);
    $r->send_flv($media);
    $r->delete_stream;
    $r->close;
    return;
}

sub sql {
    my ($t, $sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
    return;
}

# what waits does not wait any more
sub hurry {
    return sql($_[0], "UPDATE outbox SET next_us = 0 WHERE state = 'waiting'");
}

# the one row that has failed so often
sub waits {
    my ($t, $attempts) = @_;

    my @rows;
    wait_for("$attempts attempts", 20, sub {
        @rows = $t->catalogue("SELECT * FROM outbox WHERE state = 'waiting'"
                              . " AND attempts = $attempts AND owner = ''"
                              . ' AND next_us > 0');
        return @rows == 1;
    });
    return @rows;
}

sub taken {
    return scalar grep { $_->{state} eq 'taken' }
                  $_[0]->catalogue('SELECT state FROM outbox');
}

# so many are told, and no other one waits
sub told {
    my ($t, $n) = @_;

    my @rows;
    wait_for("$n that are told", 30, sub {
        @rows = $t->catalogue('SELECT * FROM outbox');
        return @rows >= $n && !grep { $_->{state} ne 'done' } @rows;
    }, sub { join "\n", '', map { "$_->{state} $_->{attempts} $_->{error}" }
                            @rows });
    is(scalar(grep { $_->{told} } $t->files), $n, "$n files are told");
    return;
}

# --- what programs have noted: what, file, attempt, pid, time

sub noted {
    my ($t) = @_;

    my $log = $t->dir . '/log';
    my @lines = -e $log ? map { [ split ' ' ] } split /\n/, slurp($log) : ();

    # an array, so that a count can be asked for as well
    return @lines;
}

sub wait_noted {
    my ($t, $what, $n) = @_;

    my @lines;
    wait_for("$n times \"$what\"", 20, sub {
        @lines = grep { $_->[0] eq $what } noted($t);
        return @lines >= $n;
    });
    return @lines;
}

sub twice { return scalar grep { $_->[0] eq 'twice' } noted($_[0]) }

# those that wait end
sub go { return spew($_[0]->dir . '/go', '') }

# --- processes and locks

# pid => [ name, state, parent ]
sub all_processes {
    my %all;

    for my $file (glob '/proc/[0-9]*/stat') {
        my ($pid, $name, $state, $parent) = (eval { slurp($file) } || '')
            =~ /^(\d+) \((.*)\) (\S) (\d+)/s or next;
        $all{$pid} = [ $name, $state, $parent ];
    }

    return %all;
}

sub alive {
    my ($pid) = @_;

    my %all = all_processes();
    return $all{$pid} && $all{$pid}[1] !~ /[ZX]/;
}

# by the parents of a program
sub worker_of {
    my ($t, $pid) = @_;

    my %all = all_processes();
    my %workers = map { $_ => 1 } $t->worker_pids(all => 1);

    for (1 .. 5) {
        return $pid if $workers{$pid};
        $pid = $all{$pid} ? $all{$pid}[2] : 0;
    }

    die "no worker of program $_[1]\n";
}

sub locks {
    my ($t) = @_;

    my @locks = glob $t->store . '/work/worker.*';
    return @locks;
}

# nothing is left of programs: no zombie, no process, no lock but the workers'
sub is_left {
    my ($t) = @_;

    my @left;
    eval { wait_for('the end of all', 5, sub {
        my %all = all_processes();
        my %own = map { $_ => 1 } $t->processes;
        my @pids = grep { $all{$_}[0] eq $name || $all{$_}[1] eq 'Z'
                          && $own{ $all{$_}[2] } } keys %all;
        @left = map { "$_: @{ $all{$_} }" } @pids;
        return !@left && locks($t) == $t->worker_pids;
    }) };

    is("@left", '', 'no process is left');
    is(scalar(locks($t)), scalar($t->worker_pids), 'and no lock in work/');
    $t->stop;
    return;
}
