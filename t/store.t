#!/usr/bin/perl

# The store: how it is created, who owns it, what happens while it cannot be
# used, and two workers in one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Library qw(library);
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(not_tested root run slurp spew wait_for);

my $media = media(duration => 1, fps => 10, size => '160x90');

subtest created => \&created;
subtest 'swapped when it was created' => \&swapped;
subtest unusable => \&unusable;
subtest 'two workers' => \&two_workers;

my $t = Recording::Nginx->new;
configure($t, '')->start;
publish($t, 'columns')->delete_stream->close;
$t->wait_files(2);
columns($t, $_) for qw(recordings files);

$t->done;

sub configure {
    my ($t, $main) = @_;

    return $t->conf(<<'CONF', MAIN => $main);
%%MAIN%%
thread_pool default threads=4;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format mp4; path 'same/x'; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF
}

sub connected {
    my ($t, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    is($r->publish($stream), 'NetStream.Publish.Start', "publish $stream");
    return $r;
}

sub publish {
    my $r = connected(@_);
    $r->send_flv($media);
    return $r;
}

# for the worker's user, which is another one when root starts nginx
sub created {
    my $t = Recording::Nginx->new;
    my $user = $> == 0 ? 'nobody' : getpwuid $>;

    not_tested('a worker of another user than the master') if $> != 0;
    configure($t, $> == 0 ? 'user nobody nogroup;' : '')->start;
    my $line = 'record_store "' . $t->store
               . '" did not exist and was created';
    like($t->error_log, qr/\[warn\].*\Q$line\E/, 'a warning');

    publish($t, 'a')->delete_stream->close;
    my ($row) = $t->wait_files(2);

    is(mode($t->store), "0750 $user", 'the store');
    is(mode($t->store . "/$_"), "0750 $user", $_) for qw(files work);
    is(mode($t->db), "0640 $user", 'catalogue.db');
    is((split ' ', mode($t->path($row)))[1], $user, 'a file');

    # a store that is there is taken as it is, and not spoken of
    $t->stop;
    chmod 0700, $t->store;
    my $mark = $t->log_mark;
    $t->start;
    publish($t, 'a')->delete_stream->close;
    $t->wait_files(4);
    is(mode($t->store), "0700 $user", 'is left as it is');
    unlike(substr($t->error_log, $mark), qr/\[warn\]/, 'no warning');
}

sub mode {
    my ($file) = @_;

    my @stat = stat $file or return "no $file";
    return sprintf '%04o %s', $stat[2] & 07777, scalar getpwuid $stat[4];
}

# Somebody who may write the directory above has it changed at once, for a
# link to a directory of root's, or for that directory: it stays root's.
sub swapped {
    return plan(skip_all => not_tested('only root gives the store away'))
        if $> != 0;

    my $t = Recording::Nginx->new->allow(qr/record_store/);
    my $preload = join ':', grep { $_ } $ENV{TEST_NGINX_PRELOAD},
                  library('swap_dir');
    configure($t, 'user nobody nogroup;');

    for my $move ('', 1) {
        my $victim = $t->dir . "/victim$move";
        my $now = $move ? $t->store : $victim;

        mkdir $victim, 0755;
        spew("$victim/secret", '');

        my ($status) = run('timeout', 10, 'env', "LD_PRELOAD=$preload",
            'SWAP_NAME=store', "SWAP_TO=$victim",
            $move ? "SWAP_MOVE=1" : (), $t->binary, '-p', $t->dir . '/',
            '-c', $t->dir . '/nginx.conf', '-e', $t->dir . '/error.log');

        is($status, 1, 'nginx does not start');
        is(mode($now), '0755 root', $move ? 'a directory' : 'behind a link');
        unlink $t->store;
    }

    like($t->error_log, qr/\[emerg\].*$_ record_store ".*" failed/, $_)
        for qw(open chown);
}

# live goes on; what the buffer still has is recorded once it is repaired
sub unusable {
    my $t = Recording::Nginx->new;

    mkdir $t->store;
    chmod 0777, $t->store;
    spew($t->store . '/files', 'in the way');

    configure($t, '')->start;
    my $error = 'store "' . $t->store . '" cannot be used, nothing is recorded:'
                . ' open files/ failed (20: Not a directory)';
    ok($t->wait_log(qr/\[error\].*\Q$error\E/), 'the reason is logged');

    publish($t, 'short')->delete_stream->close;
    ok($t->wait_log(qr{nothing was recorded, stream: "live/short"}),
       'a stream that is over says so');

    my $r = connected($t, 'long');
    my $player = Recording::Rtmp->new(port => $t->port);
    $player->connect(app => 'live');
    $player->play('long');
    $r->send_flv($media);
    cmp_ok($player->wait_messages(9, 10), '>=', 10, 'live goes on');

    is(slurp($t->store . '/files'), 'in the way', 'nothing is removed');
    is(scalar(my @none = $t->files), 0, 'nothing is recorded');

    unlink $t->store . '/files';
    $t->wait_growing(2, stream => 'long');
    $r->delete_stream->close;
    my @rows = $t->wait_files(2, stream => 'long');

    is(join("\n", map { Recording::Exact::compare(pushed => [$media],
        files => [$_]) } $t->paths(@rows)), '', 'recorded from its start');
    is(scalar(@rows = $t->files), 2, 'and nothing else');
}

# all files of both have one path, and both begin at once in a new store
sub two_workers {
    my $t = Recording::Nginx->new;
    configure($t, 'worker_processes 2;')->start;
    my @workers = $t->worker_pids;
    my @r;

    # one sleeps, so that the other accepts
    for my $i (0, 1) {
        asleep($t, $workers[$i]);
        push @r, map { connected($t, "w$i-$_") } 1 .. 4;
        $t->signal('CONT', $workers[$i]);
    }

    asleep($t, @workers);
    $_->send_flv($media) for @r;
    $_->wait_delivered for @r;
    $t->signal('CONT', @workers);
    $_->delete_stream->close for @r;

    my @rows = $t->wait_files(16);
    my %owners = map { $_->{owner} => 1 } $t->recordings;
    my %streams = map { $_->{stream} => 1 } @rows;
    my %paths = map { $_->{path} => -s $t->path($_) } @rows;

    is(scalar keys %owners, 2, 'both record');
    is(scalar keys %streams, 8, 'every stream');
    is((grep { $_ } values %paths), 16, 'each in files of its own');
    is((grep { $_->{frames_dropped} } @rows), 0, 'nothing is dropped');
    unlike($t->error_log, qr/\[error\]/, 'no error');
}

sub asleep {
    my ($t, @pids) = @_;

    $t->signal('STOP', @pids);
    wait_for('sleep', 10, sub {
        @pids == grep { slurp("/proc/$_/stat") =~ /\) T / } @pids });
}

# what the docs name is what the catalogue has
sub columns {
    my ($t, $table) = @_;

    my $docs = slurp(root() . '/docs/operations.md');
    my ($rows) = $docs =~ /^### Table $table\n.*?^\| column .*?\n(.*?)\n\n/ms;
    my @named = ($rows || '') =~ /^\| `(\w+)` \|/mg;
    my @have = map { $_->{name} } $t->catalogue("PRAGMA table_info($table)");

    is("@named", "@have", "columns of $table");
}
