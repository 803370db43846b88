package Recording::Nginx;

# An nginx of its own for a test file: a directory, ports, a configuration,
# and the catalogue that the module leaves in it.
#
#     my $t = Recording::Nginx->new;
#     $t->conf(<<'CONF')->start;
#     rtmp { record_store %%STORE%%;
#            server { listen 127.0.0.1:%%PORT_0%%;
#                     application live { live on; record_rule default; } } }
#     CONF
#     ...
#     $t->done;
#
# done() stops every nginx of the test file, adds the tests that all test
# files share (no [alert] or [emerg], no sanitizer output, exit status 0, no
# process and no descriptor of a worker left) and calls done_testing.  A test
# that provokes an alert on purpose says so with allow(qr/.../).
#
# The environment: TEST_NGINX_BINARY, TEST_RTMP_MODULE and
# TEST_RECORDING_MODULE (empty: linked statically), TEST_NGINX_PRELOAD
# (LD_PRELOAD for nginx only, as a sanitizer's runtime needs it),
# TEST_KEEP (the directory stays), TEST_SLOW.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Find ();
use File::Path qw(remove_tree);
use File::Spec;
use File::Temp ();
use Scalar::Util qw(weaken);
use Test::More ();

use Recording::Catalogue;
use Recording::Port qw(free_port);
use Recording::Process;
use Recording::Rtmp;
use Recording::Util qw(root slow wait_for run slurp spew tail);

our @ISA = ('Recording::Catalogue');

my @instances;
my $sanitizer = qr/ERROR: \w+Sanitizer|LeakSanitizer|runtime error:/;

$SIG{INT} ||= sub { exit 130 };
$SIG{TERM} ||= sub { exit 143 };

# new(recording => 0: without the module, daemon => 1, user => 'name',
#     level => 'info', store => 'path', binary => 'path',
#     under => [a command that runs it])
sub new {
    my ($class, %opt) = @_;

    my $dir = File::Temp::tempdir('recording-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    my $self = bless {
        recording => 1, daemon => 0, level => 'info', %opt,
        limit => _limit(), dir => abs_path($dir), ports => [], allow => [],
        owner => $$,
    }, $class;

    $self->{user} = 'root' if !defined $self->{user} && $> == 0;
    $self->{store} ||= "$self->{dir}/store";

    push @instances, $self;
    return $self;
}

# descriptors that do for all tests, if they may be had
sub _limit {
    my (undef, $hard) = run('sh', '-c', 'ulimit -Hn');
    return $hard =~ /^(\d+)$/ && $1 < 16384 ? $1 : 16384;
}

sub dir { return $_[0]{dir} }
sub store { return $_[0]{store} }

# the nth port, taken at its first use and held until the test file ends
sub port {
    my ($self, $n) = @_;

    return $self->{ports}[$n || 0] ||= free_port();
}

# rtmp://127.0.0.1:PORT/path
sub url {
    my ($self, $path, $n) = @_;

    return 'rtmp://127.0.0.1:' . $self->port($n) . "/$path";
}

# a connection that publishes a stream: a Recording::Rtmp
sub publisher {
    my ($self, $app, $stream, %opt) = @_;

    my $r = Recording::Rtmp->new(port => $self->port, %opt);
    $r->connect(app => $app);

    my $status = $r->publish($stream);
    die "publish of $app/$stream: $status\n"
        if $status ne 'NetStream.Publish.Start';

    return $r;
}

# --- configuration

# conf($text, NAME => value): %%PORT_n%%, %%DIR%%, %%STORE%% and %%NAME%% are
# substituted.  Everything that is added stands on the text's first line, so
# line numbers in messages are those of the text.
sub conf {
    my ($self, $text, %subst) = @_;

    $self->{text} = $text;
    $self->{subst} = \%subst;
    spew("$self->{dir}/nginx.conf", $self->_expand($text, 'error.log'));

    return $self;
}

sub _expand {
    my ($self, $text, $log) = @_;

    my %subst = (DIR => $self->{dir}, STORE => $self->{store},
                 %{ $self->{subst} || {} });

    $text =~ s/%%PORT_(\d+)%%/$self->port($1)/ge;
    $text =~ s/%%(\w+)%%/defined $subst{$1} ? $subst{$1} : "%%$1%%"/ge;
    $text =~ s/^(\s*http\s*\{)/$1 . $self->_http_defaults/me;

    # nginx-rtmp has a log of its own, in the distribution's place
    $text =~ s/^(\s*rtmp\s*\{)/$1 access_log $self->{dir}\/rtmp.log;/m;

    return $self->_preamble($text, $log) . $text;
}

sub _preamble {
    my ($self, $text, $log) = @_;

    my $daemon = $self->{daemon} ? 'on' : 'off';
    my @lines = (
        map("load_module $_;", $self->modules),
        "pid $self->{dir}/nginx.pid;",
        "error_log $self->{dir}/$log $self->{level};",
        "daemon $daemon;",
        'worker_processes 1;',
        $self->{limit} ? "worker_rlimit_nofile $self->{limit};" : (),
        $self->{user} ? "user $self->{user};" : (),
        'events { worker_connections 1024; }',

        # what an upgrade of the executable hands on
        defined $ENV{LSAN_OPTIONS}
            ? map { "env $_;" } qw(LD_PRELOAD ASAN_OPTIONS LSAN_OPTIONS) : (),
    );

    return join ' ', grep { !_stands_in($text, $_) } @lines, '';
}

# a directive that the test's text gives itself is not given twice
sub _stands_in {
    my ($text, $line) = @_;

    my ($name) = $line =~ /^(\w+)/ or return 0;
    return 0 if $name eq 'load_module';

    # only what stands outside all blocks counts
    $text =~ s/#.*//g;
    1 while $text =~ s/\{[^{}]*\}/;/g;
    return $text =~ /(?:^|;)\s*$name\b/;
}

# the built-in temporary paths belong to the distribution's nginx
sub _http_defaults {
    my ($self) = @_;

    my $built = $self->_built;
    my @names = grep { $built !~ /--without-http_${_}_module/ }
                     qw(proxy fastcgi uwsgi scgi);

    return join ' ', " access_log $self->{dir}/access.log;",
        map("${_}_temp_path $self->{dir}/${_}_temp;",
            'client_body', @names), '';
}

sub binary {
    my ($self) = @_;

    return _absolute($self->{binary} || $ENV{TEST_NGINX_BINARY}
                     || '/usr/sbin/nginx');
}

# nginx starts in another directory than the test
sub _absolute {
    my ($path) = @_;
    return length $path ? File::Spec->rel2abs($path) : '';
}

sub _built {
    my ($self) = @_;

    $self->{built} ||= (run($self->binary, '-V'))[2];
    return $self->{built};
}

# the modules to load, nginx-rtmp before this one
sub modules {
    my ($self) = @_;

    return grep { defined && length } $self->_rtmp_module,
        $self->{recording} ? $self->_recording_module : '';
}

sub _rtmp_module {
    my ($self) = @_;

    return _absolute($ENV{TEST_RTMP_MODULE})
        if defined $ENV{TEST_RTMP_MODULE};

    my ($path) = $self->_built =~ /--modules-path=(\S+)/ or return '';
    my $file = "$path/ngx_rtmp_module.so";
    return -e $file ? $file : '';
}

sub _recording_module {
    my ($self) = @_;

    return _absolute($ENV{TEST_RECORDING_MODULE})
        if defined $ENV{TEST_RECORDING_MODULE};

    my $name = 'ngx_rtmp_recording_module.so';
    my $build = root() . '/build';
    return "$build/$name" if -e "$build/$name";

    my @found;
    File::Find::find(sub { push @found, $File::Find::name if $_ eq $name },
                     $build) if -d $build;
    @found = sort { -M $a <=> -M $b } @found;

    return $found[0] || die "no $name in $build: build it first, or name it"
                            . " in TEST_RECORDING_MODULE\n";
}

# test_conf($text or what conf() wrote): (exit status, stderr) of nginx -t
sub test_conf {
    my ($self, $text, %subst) = @_;

    local $self->{subst} = { %{ $self->{subst} || {} }, %subst };
    $text = $self->{text} if !defined $text;

    # a log of its own: its [emerg] is no fault of the running nginx
    my $file = "$self->{dir}/test.conf";
    my $log = "$self->{dir}/test.log";
    spew($file, $self->_expand($text, 'test.log'));

    local $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_PRELOAD}
        if $ENV{TEST_NGINX_PRELOAD};

    my ($status, undef, $err) = run($self->binary, '-t', '-p',
        "$self->{dir}/", '-c', $file, '-e', $log);

    push @{ $self->{problems} }, grep { $_ =~ $sanitizer }
        split /\n/, $err;

    return ($status, $err);
}

# --- life

sub start {
    my ($self) = @_;

    die "nginx runs already\n" if $self->processes;

    unlink "$self->{dir}/nginx.pid";
    delete $self->{expect_signal};

    # The directory is the mark by which processes() knows the master, the
    # workers and whatever they start.
    $self->{process} = Recording::Process->spawn(
        name => 'nginx', cwd => $self->{dir}, err => "$self->{dir}/stderr",
        env => { $ENV{TEST_NGINX_PRELOAD}
                 ? (LD_PRELOAD => $ENV{TEST_NGINX_PRELOAD}) : () },
        cmd => [ @{ $self->{under} || [] }, $self->binary,
                 '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf",
                 '-e', "$self->{dir}/error.log" ]);

    wait_for('start of nginx', 30, sub { $self->_started },
             sub { "\n" . tail($self->error_log, 20) });
    $self->{fds} = { map { $_ => scalar $self->_foreign(_targets($_)) }
                     $self->worker_pids };

    return $self;
}

sub _started {
    my ($self) = @_;

    if (!$self->{process}->alive
        && (!$self->{daemon} || $self->{process}->status))
    {
        die "nginx did not start:\n" . slurp("$self->{dir}/stderr")
            . tail($self->error_log, 20) . "\n";
    }

    return 0 if !$self->pid;

    my ($n) = ($self->{text} || '') =~ /^\s*worker_processes\s+(\S+);/m;
    $n = $self->{subst}{$1} if $n && $n =~ /^%%(\w+)%%$/;
    return 1 if ($self->{text} || '') =~ /^\s*master_process\s+off/m;
    return $self->worker_pids >= ($n || 1);
}

# the master's pid as the pid file has it
sub pid {
    my ($self) = @_;

    my $file = "$self->{dir}/nginx.pid";
    return 0 if !-s $file;
    my ($pid) = slurp($file) =~ /^(\d+)\n/;
    return $pid && kill(0, $pid) ? $pid : 0;
}

# all processes of this nginx, orphans and programs it started included: by
# their directory, or, where that may not be read, by their parent
sub processes {
    my ($self) = @_;

    my (%mine, %parent);

    for my $pid (map { m{(\d+)$} } glob '/proc/[0-9]*') {
        my $cwd = _cwd($pid);
        $mine{$pid} = 1 if defined $cwd && $cwd eq $self->{dir};
        $parent{$pid} = $1 if _stat($pid) =~ /.*\) [^ZX] (\d+)/s;
    }

    my $master = $self->pid;
    $mine{$master} = 1 if $master && $parent{$master};

    while (my @more = grep { !$mine{$_} && $mine{ $parent{$_} } }
                           keys %parent)
    {
        @mine{@more} = (1) x @more;
    }

    delete $mine{$$};
    return keys %mine;
}

# The first thread of a process that is killed may be gone while another one,
# which a disk holds, has all descriptors still open.
sub _cwd {
    my ($pid) = @_;

    my $cwd = readlink "/proc/$pid/cwd";
    return $cwd if defined $cwd || !$!{ENOENT};

    return (grep { defined } map { readlink } glob "/proc/$pid/task/*/cwd")[0];
}

sub _stat {
    my ($pid) = @_;

    open my $fh, '<:raw', "/proc/$pid/stat" or return '';
    my $line = <$fh>;
    return defined $line ? $line : '';
}

sub _title {
    my ($pid) = @_;

    open my $fh, '<:raw', "/proc/$pid/cmdline" or return '';
    local $/;
    my $title = <$fh>;
    return defined $title ? $title : '';
}

# the workers that serve; all => 1: those that shut down too
sub worker_pids {
    my ($self, %opt) = @_;

    my @pids = grep {
        my $title = _title($_);
        $title =~ /^nginx: worker process/
            && ($opt{all} || $title !~ /shutting down/)
    } $self->processes;

    # an array, so that a count can be asked for as well
    return @pids = sort { $a <=> $b } @pids;
}

sub signal {
    my ($self, $signal, @pids) = @_;

    @pids = $self->pid if !@pids;

    # 0 would be the test itself, and all that it runs in
    die "no process for SIG$signal\n" if !@pids || grep { !$_ } @pids;
    kill $signal, @pids;
    return $self;
}

# HUP; returns when only new workers serve
sub reload {
    my ($self, $timeout) = @_;

    my %old = map { $_ => 1 } $self->worker_pids;
    my $mark = $self->log_mark;

    $self->signal('HUP');

    wait_for('new workers', $timeout || 30, sub {
        my $log = substr $self->error_log, $mark;
        die "reload: $1\n" if $log =~ /(.*\[emerg\].*)/;

        my @now = $self->worker_pids;
        return @now && !grep { $old{$_} } @now;
    });

    return $self;
}

# USR2: a new master and its workers beside the old ones; the pid of the old
# master, which goes on
sub upgrade {
    my ($self, $timeout) = @_;

    my $old = $self->pid;
    my %before = map { $_ => 1 } $self->worker_pids;

    $self->signal('USR2', $old);

    wait_for('a new master', $timeout || 30, sub {
        my $pid = $self->pid;
        my @new = grep { !$before{$_} } $self->worker_pids;
        return $pid && $pid != $old && @new >= keys %before;
    }, sub { "\n" . tail($self->error_log, 10) });

    return $old;
}

# QUIT: graceful; every process must be gone before the deadline
sub stop { return $_[0]->_end('QUIT', $_[1]) }

# TERM: fast
sub terminate { return $_[0]->_end('TERM', $_[1]) }

# The same, with as much time as it takes: the master would kill a worker after
# 1.5 s.
sub terminate_workers {
    my ($self) = @_;

    my $master = $self->pid;

    $self->signal('STOP', $master);
    wait_for('stop', 10, sub { _stat($master) =~ /\) T /s });
    $self->signal('TERM', $self->worker_pids);
    wait_for('the end of the workers', 30, sub {
        !$self->worker_pids(all => 1) });
    $self->signal('TERM', $master);
    $self->signal('CONT', $master);
    return $self->terminate;
}

sub _end {
    my ($self, $signal, $timeout) = @_;

    $timeout ||= 30;
    return $self if !$self->{process};

    push @{ $self->{problems} }, $self->_leaks;

    my $pid = $self->pid;
    $self->signal($signal, $pid) if $pid;

    eval { wait_for('end', $timeout, sub { $self->_gone }) };

    if ($@) {
        my @left = map { "$_ " . _title($_) } $self->processes;
        $self->kill9;
        Test::More::fail("nginx ends on SIG$signal within "
                         . slow($timeout) . ' s');
        Test::More::diag("left: @left");
        return $self;
    }

    $self->_exit_status;
    return $self;
}

# Descriptors that workers hold though nothing grows or is finished any more,
# as lines.  A worker that records or sleeps is left out.
sub _leaks {
    my ($self) = @_;

    my (%held, $busy);

    # What a job has open for the moment, or finishes, goes.  A stream that has
    # just begun has no row yet.
    eval { wait_for('the last descriptors to be closed', 15, sub {
        %held = map { $_ => [ $self->_held($_) ] }
                grep { _stat($_) !~ /\) T /s } $self->worker_pids(all => 1);
        return 1 if !grep { @$_ } values %held;

        $busy = $self->_records('recording') || $self->_delivers;
        return $busy;
    }) };

    # a disk that is slow to the end
    return () if !grep({ @$_ } values %held) || $busy
                 || $self->_records('finishing');

    return map {
        my @names = @{ $held{$_} };
        @names ? "worker process $_ holds @names" : ()
    } sort keys %held;
}

# whether there are files of a state, as far as that can be known
sub _records {
    my ($self, $state) = @_;

    my @rows = eval { $self->files(state => $state) };
    return $@ || @rows;
}

# whether files are read as they go to a bucket
sub _delivers {
    my ($self) = @_;
    return scalar eval { $self->catalogue(
        "SELECT id FROM outbox WHERE state = 'taken' AND kind = 'upload'") };
}

# where the descriptors of a process lead, sockets and the like left out
sub _targets {
    my ($pid) = @_;

    return grep { m{^/} } map { readlink($_) // () } glob "/proc/$pid/fd/*";
}

sub _foreign {
    my ($self, @targets) = @_;

    # an array, so that a count can be asked for as well; spare ones are eventfds
    return @targets = grep { index($_, "$self->{store}/") != 0
                             && !/\[eventfd\]/ } @targets;
}

# What a worker has open and should not: of the store anything but one of
# files/, of work/, of its lock, and the catalogue; of others more than at its
# start.
sub _held {
    my ($self, $pid) = @_;

    my @targets = _targets($pid);
    my @foreign = $self->_foreign(@targets);
    my $store = $self->{store};
    my %seen;

    # the test has removed it
    return () if !-d $store;

    my @held = grep {
        my $own = m{^\Q$store\E/(?:files|work|work/worker\.[\d.]+)$};
        index($_, "$store/") == 0 && !m{^\Q$store\E/catalogue\.db}
            && (!$own || $seen{$_}++)
    } @targets;

    my $before = $self->{fds}{$pid};
    push @held, @foreign if defined $before && @foreign > $before;

    return @held;
}

sub _gone {
    my ($self) = @_;

    my $alive = $self->{process} && $self->{process}->alive;
    return !$alive && !$self->processes;
}

# KILL for the master first: it must not replace a worker meanwhile
sub kill9 {
    my ($self) = @_;

    $self->{expect_signal} = 1;

    wait_for('end on SIGKILL', 30, sub {
        my $master = $self->pid;
        kill 'KILL', $master if $master;
        kill 'KILL', $self->processes;
        return $self->_gone;
    });

    unlink "$self->{dir}/nginx.pid";
    delete $self->{process};
    return $self;
}

sub _exit_status {
    my ($self) = @_;

    my $process = delete $self->{process} or return;
    my $status = $process->status;

    push @{ $self->{problems} }, "nginx ended with status $status"
        if $status && !$self->{expect_signal};
}

# --- log

sub error_log {
    my ($self) = @_;

    my $file = "$self->{dir}/error.log";
    return -e $file ? slurp($file) : '';
}

# a place in the log; lines after it: wait_log(qr//, undef, $mark)
sub log_mark { return -s "$_[0]{dir}/error.log" || 0 }

# the first group, or the matching part
sub wait_log {
    my ($self, $re, $timeout, $mark) = @_;

    return wait_for("log line $re", $timeout, sub {
        my $log = $self->error_log;
        substr($log, 0, $mark) = '' if $mark;
        return $log =~ $re ? (defined $1 ? $1 : $&) : undef;
    }, sub { "\n" . tail($self->error_log, 10) });
}

# a message that the test provokes
sub allow {
    my ($self, @res) = @_;

    push @{ $self->{allow} }, @res;
    return $self;
}

# --- the end of a test

# lines of the log that no test may leave
sub bad_lines {
    my ($self) = @_;

    my $text = $self->error_log;
    $text .= slurp("$self->{dir}/stderr") if -e "$self->{dir}/stderr";

    my %seen;
    return grep {
        my $line = $_;
        ($line =~ $sanitizer
         || $line =~ /\[(?:alert|emerg)\]|\*\*\* .*detected|Assertion .*fail/)
            && !$seen{$line}++
            && !grep { $line =~ $_ } @{ $self->{allow} }
    } split /\n/, $text;
}

sub check_errors {
    my ($self) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $self->stop if $self->{process} || $self->processes;

    my @bad = ($self->bad_lines, @{ $self->{problems} || [] });
    Test::More::is(join("\n", @bad), '',
                   'no alerts, no sanitizer output, no leaks');

    if (@bad) {
        Test::More::diag("the log is in $self->{dir}");
        $self->{keep} = 1;
    }

    $self->{checked} = 1;
    return $self;
}

sub done {
    my ($self) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $_->check_errors for grep { !$_->{checked} } @instances;

    my @left = map { "$_->{name} " . $_->pid }
               Recording::Process->alive_ones;
    push @left, map { $_->processes } @instances;
    Test::More::is("@left", '', 'no process left');

    Test::More::done_testing();
}

# A test that died or was interrupted leaves nothing behind either.
sub _cleanup {
    my ($self, $failed) = @_;

    if ($self->processes || $self->{process}) {
        eval { $self->kill9 };
        Test::More::diag($@) if $@;
    }

    if ($failed && length $self->error_log) {
        Test::More::diag("end of the error log in $self->{dir}:\n"
                         . tail($self->error_log, 20));
    }

    return if $ENV{TEST_KEEP} || $self->{keep};
    remove_tree($self->{dir}, { safe => 0 }) if -d $self->{dir};
}

END {
    my $status = $?;
    my $failed = $status != 0 || !Test::More->builder->is_passing;

    for my $self (grep { $_->{owner} == $$ } @instances) {
        $self->_cleanup($failed);
    }

    $? = $status;
}

1;
