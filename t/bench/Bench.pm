package Bench;

# What recording costs: nginx-rtmp alone, what it can record itself, and this
# module's formats, one after the other under the same load.
#
#     my %opt = (streams => 50, seconds => 10, warm => 3, rounds => 3);
#     my @variants = Bench::run_all(%opt);
#     print Bench::report(\@variants, %opt);
#
# Each variant is an nginx of its own with one worker.  All figures are of
# that worker with all its threads, in a window during which every stream
# is published: the generator says when it begins and when it ends, and goes
# on until all is counted, so that no end of a stream is in them.  With
# count => 1 the worker runs under callgrind, alone and some fifty times
# slower, which counts the instructions where perf cannot.

use strict;
use warnings;

use File::Path qw(make_path);
use JSON::XS ();
use List::Util qw(sum);
use Time::HiRes qw(time sleep);

use Recording::Nginx;
use Recording::Process;
use Recording::Util qw(root run slow slurp spew wait_for);

# of the kernel's clock as /proc shows it
my $hz = 100;

# a variant: name, title, conf of the application, template, directives of
# rtmp {}
sub variants {
    my ($sync) = @_;

    my @off = $sync ? ('record_sync off;') : ();

    return (
        { name => 'alone', title => 'nginx-rtmp alone' },
        { name => 'record', title => 'nginx-rtmp record all',
          app => 'record all; record_path %%DIR%%/media;'
                 . ' record_unique on;' },
        { name => 'rtmp-hls', title => 'nginx-rtmp hls',
          app => 'hls on; hls_path %%DIR%%/media; hls_fragment 6s;'
                 . ' hls_playlist_length 1h; hls_cleanup off;' },
        map({ { name => $_->[0], title => $_->[0], module => 1,
                formats => $_->[1], rtmp => "@off" } }
            [ flv => [ 'flv' ] ], [ mp4 => [ 'mp4' ] ],
            [ hls => [ 'hls' ] ], [ aac => [ 'aac' ] ],
            [ all => [ 'mp4', 'flv', 'hls', 'aac' ] ]),
        map({ { name => "$_-sync", title => "$_, record_sync 5s",
                module => 1, formats => [ $_ ], rtmp => '' } }
            $sync ? qw(flv mp4 hls) : ()),
    );
}

# whether the module has record_sync: it is a part of the figures then
sub has_sync {
    my $t = Recording::Nginx->new;

    $t->conf('thread_pool default threads=4; rtmp { record_store %%STORE%%;'
             . ' record_sync off; server { listen 127.0.0.1:%%PORT_0%%;'
             . ' application live { live on; record_rule default; } } }');

    return ($t->test_conf)[0] == 0;
}

# 720p30 of 2 Mbit/s, a key frame every two seconds, AAC of 128 kbit/s: 77
# messages and 270 kB a second
sub media {
    my $dir = $ENV{TEST_MEDIA} || root() . '/build/media';
    my $file = "$dir/bench-720p30-2000k.flv";

    return $file if -s $file;

    make_path($dir);

    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-y',
        '-nostdin', '-f', 'lavfi', '-i',
        'testsrc2=s=1280x720:r=30,noise=alls=12:allf=t',
        '-f', 'lavfi', '-i', 'aevalsrc=sin(2*PI*440*t)/4+random(0)/8'
        . '|sin(2*PI*550*t)/4+random(1)/8:s=48000', '-t', 20,
        '-c:v', 'libx264', '-preset', 'ultrafast', '-g', 60,
        '-keyint_min', 60, '-sc_threshold', 0, '-bf', 0,
        '-pix_fmt', 'yuv420p', '-b:v', '2000k', '-maxrate', '2000k',
        '-bufsize', '2000k', '-threads', 1, '-c:a', 'aac', '-b:a', '128k',
        '-bitexact', '-f', 'flv', "$file.$$.tmp");
    die "ffmpeg: $err" if $status;

    rename "$file.$$.tmp", $file or die "rename: $!\n";

    return $file;
}

# run_all(streams, seconds, rounds, warm, speed, only => qr/name/, count,
# progress => sub, check => sub): the variants, each with the figures of its
# rounds; check is called with a variant, its nginx and what was sent
sub run_all {
    my (%opt) = @_;

    my @variants = grep { !$opt{only} || $_->{name} =~ $opt{only} }
                   variants(has_sync());
    my $perf = !$opt{count} && has_perf();

    for my $round (1 .. $opt{rounds}) {

        # another order in each round: nobody is always the first
        push @variants, shift @variants if $round > 1;

        for my $variant (@variants) {
            $opt{progress}->($variant, $round) if $opt{progress};
            push @{ $variant->{rounds} },
                 run_one($variant, %opt, perf => $perf);
        }
    }

    my %order;
    my @names = map { $_->{name} } variants(1);
    @order{@names} = 0 .. $#names;

    return sort { $order{ $a->{name} } <=> $order{ $b->{name} } } @variants;
}

# --- one variant, once

sub run_one {
    my ($variant, %opt) = @_;

    my $t = start($variant, $opt{count});
    my ($pid) = $opt{count} ? $t->pid : $t->worker_pids;
    my $idle = memory($pid);

    my $load = Load->new($t, %opt);
    $load->wait('begin');

    my $perf = $opt{count} ? Callgrind->new($pid, $t->dir)
             : $opt{perf} ? Perf->new($pid) : undef;
    my $profile = $opt{profile} && !$opt{count}
                  ? profile($pid, $variant, %opt) : undef;
    my $before = counters($pid);

    my $end = $load->wait('end');

    my $after = counters($pid);
    my $counted = $perf ? $perf->stop($end) : {};

    $profile->signal('INT')->wait(60) if $profile;
    $perf->keep("$opt{profile}/$variant->{name}.callgrind")
        if $opt{profile} && $opt{count};

    my $ending = counters($pid);
    my $done = $load->stop->wait('done');

    finished($variant, $t, $opt{streams});
    my $finished = counters($pid);

    $opt{check}->($variant, $t, $done->{frames}) if $opt{check};

    my $unit = $opt{streams} * ($after->{time} - $before->{time});
    my %result = (
        load => $end,
        cpu => ($after->{cpu} - $before->{cpu}) * 1000 / $unit,
        writes => ($after->{writes} - $before->{writes}) / $unit,
        kb => ($after->{bytes} - $before->{bytes}) / 1000 / $unit,
        memory => ($after->{peak} - $idle->{now}) / $opt{streams},
        closing => ($finished->{cpu} - $ending->{cpu}) * 1000
                   / $opt{streams},
        map({ $_ => defined $counted->{$_}
                    ? $counted->{$_} / 1000 / $opt{streams}
                      / $counted->{seconds} : undef }
            qw(user kernel)),
    );

    $t->check_errors;

    # what one has written is not to be paid by the next
    File::Path::remove_tree($t->store, $t->dir . '/media');
    run('sync');

    return \%result;
}

sub start {
    my ($variant, $count) = @_;

    my $t = Recording::Nginx->new(recording => $variant->{module} || 0,
                                  level => 'warn',
                                  under => $count && Callgrind::command());
    my $master = $count ? 'off' : 'on';
    my $template = '';
    my $app = $variant->{app} || '';

    if ($variant->{module}) {
        $template = "record_store %%STORE%%; $variant->{rtmp}"
            . ' record_template bench {'
            . join('', map { " format $_;" } @{ $variant->{formats} })
            . ' }';
        $app = 'record_rule bench;';
    }

    make_path($t->dir . '/media');

    # valgrind has descriptors of its own, and does not give them away
    $t->allow(qr/setrlimit\(RLIMIT_NOFILE/) if $count;

    $t->conf(<<"CONF")->start;
master_process $master;
worker_processes 1;
worker_rlimit_nofile 20000;
thread_pool default threads=4;
events { worker_connections 8192; }
rtmp {
    $template
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; $app }
        application plain { live on; }
    }
}
CONF

    return $t;
}

# all files of a variant are whole
sub finished {
    my ($variant, $t, $streams) = @_;

    return if !$variant->{module};

    $t->wait_files($streams * @{ $variant->{formats} }, _timeout => 120);
}

# --- what a process has used

sub counters {
    my ($pid) = @_;

    my %io = slurp("/proc/$pid/io") =~ /^(\w+): (\d+)$/mg;

    return { time => time, cpu => cpu($pid), writes => $io{syscw},
             bytes => $io{wchar}, peak => memory($pid)->{peak} };
}

# seconds: of all threads to the nanosecond, or as /proc/PID/stat has it
sub cpu {
    my ($pid) = @_;

    my @threads = glob "/proc/$pid/task/*/schedstat";
    my @ns = map { eval { (split ' ', slurp($_))[0] } } @threads;

    return sum(@ns) / 1e9 if @ns && @ns == @threads;

    my ($stat) = slurp("/proc/$pid/stat") =~ /.*\) (.*)/s;
    my @fields = split ' ', $stat;

    return ($fields[11] + $fields[12]) / $hz;
}

# bytes
sub memory {
    my ($pid) = @_;

    my %kb = slurp("/proc/$pid/status") =~ /^(VmHWM|VmRSS):\s+(\d+) kB/mg;

    return { now => $kb{VmRSS} * 1024, peak => $kb{VmHWM} * 1024 };
}

# whether this machine counts instructions
sub has_perf {
    my ($status, undef, $err) = eval {
        run('perf', 'stat', '-x,', '-e', 'instructions:u,instructions:k',
            'true');
    };

    return defined $status && $status == 0 && $err !~ /not supported/
           && $err =~ /^\d+,.*instructions:k/m;
}

# perf record, with a clock that every machine has
sub profile {
    my ($pid, $variant, %opt) = @_;

    make_path($opt{profile});

    return Recording::Process->spawn(name => 'perf record', cmd => [
        'perf', 'record', '-q', '-e', 'cpu-clock', '-F', 1999, '-g', '-p',
        $pid, '-o', "$opt{profile}/$variant->{name}.data" ]);
}

# --- the report

sub median {
    my (@values) = sort { $a <=> $b } grep { defined } @_;

    return undef if !@values;
    return @values % 2 ? $values[ @values / 2 ]
           : ($values[ @values / 2 ] + $values[ @values / 2 - 1 ]) / 2;
}

# the medians of a variant's rounds
sub figures {
    my ($variant) = @_;

    my @rounds = @{ $variant->{rounds} };
    my %f;

    for my $key (qw(cpu writes kb memory closing user kernel)) {
        $f{$key} = median(map { $_->{$key} } @rounds);
    }

    $f{instructions} = defined $f{user}
        ? median(map { $_->{user} + ($_->{kernel} || 0) } @rounds) : undef;

    for my $name (qw(ping other_ping lag)) {
        for my $key (qw(p50 p99 max)) {
            $f{"${name}_$key"} = median(map { $_->{load}{$name}{$key} }
                                        grep { $_->{load}{$name} } @rounds);
        }
    }

    my @cpu = sort { $a <=> $b } map { $_->{cpu} } @rounds;
    $f{cpu_least} = $cpu[0];
    $f{cpu_most} = $cpu[-1];

    return \%f;
}

# title, figure, format, whether it is true under callgrind as well
my @columns = (
    [ 'user k', 'user', '%.0f', 1 ],
    [ 'kernel k', 'kernel', '%.0f' ],
    [ 'instr k', 'instructions', '%.0f' ],
    [ 'added', 'instructions_added', '%.0f', 1 ],
    [ 'share', 'instructions_share', '%.2f', 1 ],
    [ 'CPU ms', 'cpu', '%.2f' ],
    [ 'least', 'cpu_least', '%.2f' ],
    [ 'most', 'cpu_most', '%.2f' ],
    [ 'added', 'cpu_added', '%.2f' ],
    [ 'share', 'cpu_share', '%.2f' ],
    [ 'writes', 'writes', '%.1f' ],
    [ 'kB', 'kb', '%.0f', 1 ],
    [ 'MB', 'megabytes', '%.2f' ],
    [ 'ping p50', 'ping_p50', '%.1f' ],
    [ 'p99', 'ping_p99', '%.1f' ],
    [ 'max', 'ping_max', '%.1f' ],
    [ 'other p99', 'other_ping_p99', '%.1f' ],
    [ 'lag p99', 'lag_p99', '%.1f', 1 ],
    [ 'closing ms', 'closing', '%.1f' ],
);

sub report {
    my ($variants, %opt) = @_;

    my %figures = map { $_->{name} => figures($_) } @$variants;

    $_->{megabytes} = $_->{memory} / 1048576 for values %figures;
    _shares(\%figures, $_) for qw(instructions cpu);

    my @shown = grep { !$opt{count} || $_->[3] } @columns;
    my @lines = ([ '', map { $_->[0] } @shown ]);

    for my $variant (@$variants) {
        my $f = $figures{ $variant->{name} };

        push @lines, [ $variant->{title}, map {
            defined $f->{ $_->[1] } ? sprintf $_->[2], $f->{ $_->[1] }
                                    : 'n/a'
        } @shown ];
    }

    return _header($variants, %opt) . _table(@lines) . _legend();
}

# what a variant adds to nginx-rtmp alone, and that as a share of what
# "record all" adds
sub _shares {
    my ($figures, $key) = @_;

    # which may have been left out
    my ($alone, $record) = map { ($figures->{$_} || {})->{$key} }
                           qw(alone record);

    return if !defined $alone;

    for my $f (values %$figures) {
        next if $f == $figures->{alone};

        $f->{"${key}_added"} = $f->{$key} - $alone;
        $f->{"${key}_share"} = ($f->{$key} - $alone) / ($record - $alone)
            if defined $record && $record > $alone;
    }
}

sub _header {
    my ($variants, %opt) = @_;

    my $load = $variants->[0]{rounds}[-1]{load};

    return sprintf "%d streams, windows of %.1f s, %d rounds; a stream sends"
        . " %.1f messages and %.0f kB a second;\n"
        . "load of the machine %s, of %d processors\n\n",
        $opt{streams}, $load->{seconds}, scalar @{ $variants->[0]{rounds} },
        $load->{messages} / $load->{seconds} / $opt{streams},
        $load->{bytes} / 1000 / $load->{seconds} / $opt{streams},
        (slurp('/proc/loadavg') =~ /^(\S+)/)[0], _processors();
}

sub _processors {
    my $n = () = slurp('/proc/cpuinfo') =~ /^processor\s*:/mg;
    return $n || 1;
}

sub _table {
    my (@lines) = @_;

    my @width;

    for my $line (@lines) {
        for my $i (0 .. $#$line) {
            $width[$i] = length $line->[$i]
                if length $line->[$i] > ($width[$i] || 0);
        }
    }

    return join '', map {
        my $line = $_;
        join('  ', map { sprintf '%' . ($_ ? '' : '-') . "$width[$_]s",
                         $line->[$_] } 0 .. $#$line) . "\n"
    } @lines;
}

sub _legend {
    return <<'TEXT';

For each second of a stream: instructions in thousands (n/a: not counted by
this machine), CPU time with its least and most of the rounds, write calls and
what they wrote.  added: over nginx-rtmp alone; share: of what its "record
all" adds.  MB: memory of the worker at its peak over that of an idle one, a
stream.  ping: ms, on the streams themselves; other: on a stream that is not
recorded.  lag: of the generator, ms; figures with more than some tens of it
mean little.  closing ms: CPU time from the end of a stream until its files
are finished.
TEXT
}

# --- the generator

package Load;

use Recording::Util qw(root slow slurp wait_for);

sub new {
    my ($class, $t, %opt) = @_;

    my $out = $t->dir . '/load.out';
    my $program = root() . '/build/bench/rtmp_load';

    die "no $program: run \"make load\"\n" if !-x $program;

    my $process = Recording::Process->spawn(
        name => 'rtmp_load', out => $out,
        cmd => [ $program, '-p', $t->port, '-f', Bench::media(),
                 '-n', $opt{streams}, '-a', 'live', '-x', 'plain',
                 '-w', $opt{warm}, '-t', $opt{seconds},
                 '-s', $opt{speed} || 1, '-k' ]);

    return bless { process => $process, out => $out }, $class;
}

# waits for an event; what came with it
sub wait {
    my ($self, $event) = @_;

    return wait_for("\"$event\" of the load", 300, sub {
        my $ended = !$self->{process}->alive;
        my $text = -e $self->{out} ? slurp($self->{out}) : '';

        return JSON::XS::decode_json($1)
            if $text =~ /^(\{"event":"$event".*\})$/m;
        die 'rtmp_load ended: ' . $self->{process}->stderr . "\n" if $ended;
        return 0;
    });
}

# ends the streams, which go on behind the window
sub stop {
    my ($self) = @_;

    $self->{process}->signal('TERM');
    return $self;
}

# --- perf stat on a running process

package Perf;

use Time::HiRes qw(time);
use Recording::Util qw(slurp wait_for);

sub new {
    my ($class, $pid) = @_;

    my $tmp = File::Temp->new;
    my $process = Recording::Process->spawn(
        name => 'perf', cmd => [ 'perf', 'stat', '-x,', '-o',
            $tmp->filename, '-e', 'instructions:u,instructions:k',
            '-p', $pid ]);

    return bless { process => $process, tmp => $tmp, since => time }, $class;
}

# what was counted, and in how many seconds
sub stop {
    my ($self) = @_;

    my $seconds = time - $self->{since};

    $self->{process}->signal('INT');
    $self->{process}->wait(30);

    my $text = slurp($self->{tmp}->filename);
    my ($user) = $text =~ /^(\d+),.*instructions:u/m;
    my ($kernel) = $text =~ /^(\d+),.*instructions:k/m;

    return defined $user && defined $kernel
           ? { user => $user, kernel => $kernel, seconds => $seconds } : {};
}

# --- callgrind on a process that was started under it

package Callgrind;

use File::Copy ();
use File::Path qw(make_path);
use File::Basename qw(dirname);
use Recording::Util qw(run slurp);

# why it cannot run a program with libavcodec here, '' if it can: it does not
# know each instruction of each processor
sub missing {
    my ($status, undef, $err) = eval {
        run('valgrind', '-q', '--tool=none', 'ffmpeg', '-version') };

    return defined $status ? $status ? "valgrind cannot run ffmpeg: $err" : ''
                           : 'valgrind is not installed';
}

# in the directory of nginx
sub command {
    return [ 'valgrind', '-q', '--tool=callgrind',
             '--callgrind-out-file=callgrind' ];
}

sub new {
    my ($class, $pid, $dir) = @_;

    my $self = bless { pid => $pid, file => "$dir/callgrind.2" }, $class;

    $self->_control('--dump');
    return $self;
}

# As of perf: what was counted, and in how many seconds of the load.  A dump
# begins and ends some tenths of a second after it was asked for, so these are
# told by the messages that came meanwhile.
sub stop {
    my ($self, $load) = @_;

    $self->_control('--dump');

    my $dump = slurp($self->{file});
    my ($user) = $dump =~ /^totals: (\d+)$/m;
    my $came = _calls($dump, 'ngx_rtmp_receive_message');
    die "callgrind has counted nothing\n" if !$user || !$came;

    # of the stream that is only asked as well
    my $sent = $load->{messages} * (1 + 1 / $load->{streams})
               + $load->{ping}{n} + $load->{other_ping}{n};
    return { user => $user, seconds => $came * $load->{seconds} / $sent };
}

# how often a function was called
sub _calls {
    my ($dump, $function) = @_;

    my ($called, $calls, %name) = ('', 0);

    # a name stands where its number is used first
    for (split /\n/, $dump) {
        if (/^(c?)fn=\((\d+)\)(?: (\S+))?/) {
            $name{$2} = $3 if defined $3;
            $called = $name{$2} if $1;
        } elsif (/^calls=(\d+)/ && $called eq $function) {
            $calls += $1;
        }
    }

    return $calls;
}

sub keep {
    my ($self, $path) = @_;

    make_path(dirname($path));
    File::Copy::copy($self->{file}, $path) or die "$path: $!\n";
}

sub _control {
    my ($self, $what) = @_;

    my ($status, undef, $err) = run('callgrind_control', $what, $self->{pid});
    die "callgrind_control: $err\n" if $status;
}

1;
