#!/usr/bin/perl

# Who is dead: a worker that cannot open the locks of others, as it has no
# descriptor left or the disk fails, takes nothing of what they record, and
# says so.  Two workers, each with streams of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EACCES EIO EMFILE ENFILE);
use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Sender;
use Recording::SlowDisk;
use Recording::Util qw(slow slurp wait_for);

my %faults = (EMFILE => EMFILE, ENFILE => ENFILE, EIO => EIO,
              EACCES => EACCES);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store)
                        ->allow(qr/exited on signal 9/);

$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% max=10g;
    record_template all { format flv; format mp4; format aac; }
    record_template waits { format mp4 resume=1m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application waits { live on; record_rule waits; }
    }
}
CONF

my $media = media(duration => 4, fps => 10, gop => 1, size => '160x90');
my @workers = $t->worker_pids;

# two streams on each worker, and one more that leaves and comes back there
my @senders = (sender('live', 'a', 0), sender('live', 'b', 0),
               sender('live', 'c', 1), sender('live', 'd', 1),
               sender('waits', 'back', 0));

push_while('growing files', 20, sub {
    13 == $t->files(state => 'recording') });
my %owner = owners();

for my $name (sort keys %faults) {
    subtest "locks cannot be opened: $name" => sub { blind($name) };
}

# a publisher that returns to the other worker: nobody can tell whether the
# one that has its recording lives
subtest 'the owner of a recording cannot be looked at' => \&returns;

subtest 'a dead one, when it can be looked at again' => \&dead;

$t->done;

sub sender {
    my ($app, $name, $worker) = @_;

    my $s = Recording::Sender->new(app => $app, name => $name,
                                   media => $media);
    connect_at($s, $worker);
    return $s;
}

# the other worker sleeps until this one has the connection
sub connect_at {
    my ($s, $worker) = @_;

    my ($other) = grep { $_ != $workers[$worker] } @workers;

    $t->signal('STOP', $other);
    wait_for('sleep', 10, sub { slurp("/proc/$other/stat") =~ /\) T / });
    $s->connect($t->port);
    $t->signal('CONT', $other);
}

# the streams go on while a condition is waited for
sub push_while {
    my ($what, $timeout, $condition) = @_;

    my $end = time + slow($timeout);
    my ($next, $true) = (0, 0);

    Recording::Sender::push_until($end, \@senders, sub {
        return 0 if time < $next;
        $next = time + 0.2;
        return $true = $condition->();
    });

    ok($true, $what);
}

sub owners {
    return map { $_->{file_id} => $_->{owner} } $t->files(state => 'recording');
}

sub blind {
    my ($name) = @_;

    my $mark = $t->log_mark;
    my $said = qr/\[error\].*catalogue\ failed:
         \ (?:it\ is\ not\ known\ whether\ "worker\.[\d.]+"\ lives
            |read\ what\ other\ workers\ tell\ in\ work\/):/x;

    $disk->set(armed => 1, error => $faults{$name}, call => 'open',
               where => 'files', only => '/work/worker.');

    # both look at each other's lock once a second; without a descriptor each
    # look is more than one open(2)
    push_while('both say it', 20, sub {
        my $log = substr $t->error_log, $mark;
        return 2 <= (() = $log =~ /$said/g) });

    my $hits = $disk->get('hits');
    push_while('looks that fail', 20, sub { $disk->get('hits') > $hits + 8 });
    is_deeply({ owners() }, \%owner, 'nothing changed its owner');

    $disk->set(armed => 0);
    push_while('the end of it', 20, sub {
        my $log = substr $t->error_log, $mark;
        return 2 <= (() = $log =~ /catalogue can be written again/g) });

    is_deeply({ owners() }, \%owner, 'nor did it then');
    is(() = glob($t->store . '/work/worker.*'), 2, 'no lock is removed');
    unlike(substr($t->error_log, $mark), qr/recovered|file finished/,
           'nothing is recovered');
}

# after 5 seconds it gets a recording of its own, and the other one stays
sub returns {
    my $back = pop @senders;
    my ($row) = $t->files(app => 'waits');
    my $mark = $t->log_mark;

    # its connection stays, without a word
    my $again = Recording::Sender->new(app => 'waits', name => 'back',
                                       media => $media);

    $disk->set(armed => 1, error => EIO, call => 'open', where => 'files',
               only => '/work/worker.');

    connect_at($again, 1);
    push @senders, $again;

    push_while('a recording of its own', 20, sub {
        return 2 == $t->recordings(app => 'waits') });

    my ($first, $second) = $t->files(app => 'waits');
    is($first->{owner}, $row->{owner}, 'the first one has its owner');
    is($first->{state}, 'recording', 'and grows');
    isnt($second->{owner}, $row->{owner}, 'the second one has another');
    like(substr($t->error_log, $mark), qr{\[error\].*it\ is\ not\ known
         \ whether.*stream:\ "waits/back"}x, 'it is said');

    $disk->set(armed => 0);
    $_->{r}->delete_stream, $_->close for $back, pop @senders;

    wait_for('paused files', 20, sub {
        2 == $t->files(app => 'waits', state => 'paused') });
}

# it is killed while nobody can look: what it has left stays until somebody
# can
sub dead {
    my @own = grep { $_->{app} eq 'live' } $t->files(state => 'recording');
    my ($dead) = map { $_->{owner} } grep { $_->{stream} eq 'a' } @own;
    my $pid = (split /\./, $dead)[1];

    $disk->set(armed => 1, error => EMFILE, call => 'open', where => 'files',
               only => "/work/$dead");

    $t->signal('KILL', $pid);
    splice @senders, 0, 2;
    my $hits = $disk->get('hits');

    push_while('looks that fail', 20, sub { $disk->get('hits') > $hits + 4 });

    my %now = map { $_->{file_id} => "$_->{state} $_->{owner}" } $t->files;
    is($now{ $_->{file_id} }, "recording $_->{owner}", "$_->{stream} stays")
        for @own;
    ok(-e $t->store . "/work/$dead", 'and the lock');

    $disk->set(armed => 0);

    push_while('recovered files', 20, sub {
        return 6 == $t->files(state => 'finished', recovered => 1) });

    my %sent = map { $_->{name} => scalar @{ $_->{sent} } } @senders;
    $_->{r}->delete_stream, $_->close for @senders;

    for my $row ($t->wait_files(12, app => 'live')) {
        next if !$sent{ $row->{stream} };
        is($row->{recovered}, 0, "$row->{stream} is not");
        is($row->{frames_in}, $row->{frames_written}, 'nothing is dropped');
        is($row->{frames_in}, $sent{ $row->{stream} }, 'all that was sent')
            if $row->{format} ne 'aac';
    }
}
