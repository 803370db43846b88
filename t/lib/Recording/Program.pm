package Recording::Program;

# Programs that a worker runs, by the module in t/program, which takes orders
# from a directory and logs what comes of them.
#
#     my $t = Recording::Nginx->new;
#     my $p = Recording::Program->new($t);
#     $t->conf("load_module %%TEST%%; test_programs %%DIR%%/orders; ...",
#              TEST => $p->module)->start;
#     my $order = $p->sh('exit 3', timeout => 1000);
#     is_deeply($p->ended($order), [ -1, 'exited with 3' ]);

use strict;
use warnings;

use Fcntl qw(:flock);
use File::Temp ();

use Recording::Util qw(root run slurp spew wait_for);

sub new {
    my ($class, $t) = @_;

    my $library = File::Temp->newdir('recording-program-XXXXXX', TMPDIR => 1);
    chmod 0755, $library;
    mkdir $t->dir . '/orders';

    my $self = bless { t => $t, dir => $t->dir, n => 0, library => $library },
        $class;
    $self->_build;

    return $self;
}

sub module { return "$_[0]{library}/test.so" }

sub _build {
    my ($self) = @_;

    my $nginx = '/usr/share/nginx/src/src';
    my $build = root() . '/build';
    my @folders = ("$build/debian", "$build/src/nginx-rtmp",
                   glob(root() . '/src/*/'),
                   map { "$nginx/$_" }
                       qw(core event event/modules event/quic os/unix));

    my ($status, undef, $err) = run('cc', '-shared', '-fPIC', '-O1', '-W',
        '-Wall', '-Wno-unused-parameter', '-Werror',
        map({ ('-I', $_) } @folders), '-o', $self->module,
        root() . '/t/program/ngx_recording_program_test_module.c');
    die "the module in t/program: $err\n" if $status;
}

# --- orders; program(@argv, { timeout => ms, input => bytes, lock => file,
#     cwd => directory }): the order's name

sub program {
    my ($self, @argv) = @_;
    my %opt = ref $argv[-1] ? %{ pop @argv } : ();

    my $order = 'p' . ++$self->{n};
    my $file = "$self->{dir}/orders/$order";

    spew("$file.new", join("\n", $opt{timeout} || 60000, $opt{input} || 0,
                           $opt{lock} || '', $opt{cwd} || '/', @argv) . "\n");
    rename "$file.new", "$file.order";

    return $order;
}

sub sh {
    my ($self, $text, %opt) = @_;
    return $self->program('/bin/bash', '-c', $text, \%opt);
}

# a file that can be executed
sub script {
    my ($self, $text) = @_;

    my $file = "$self->{dir}/script.$self->{n}";
    spew($file, $text);
    chmod 0755, $file;

    return $file;
}

sub kill {
    my ($self, $order) = @_;
    return spew("$self->{dir}/orders/$order.kill", '');
}

# --- what comes of them

# [ rc, error ]
sub ended {
    my ($self, $order, $timeout) = @_;

    my $line = $self->{t}->wait_log(qr/program $order: (rc .*)/,
                                    $timeout || 20);
    return [ $line =~ /^rc (-?\d+), .*? ms: (.*)/ ];
}

# bytes of output that no line was made of
sub left_out {
    my ($self, $order) = @_;
    return $self->{t}->wait_log(qr/program $order: rc \S+ left out (\d+)/, 20);
}

# lines of output, so far
sub told {
    my ($self, $order) = @_;

    # an array, so that a count can be asked for as well
    return my @lines = $self->{t}->error_log
                       =~ /program $order: line "(.*)"$/mg;
}

# all of them
sub output {
    my ($self, $order) = @_;

    $self->ended($order);
    return $self->told($order);
}

# --- processes

# pids that programs have written into a file, when they are so many
sub pids {
    my ($self, $file, $count) = @_;

    return @{ wait_for("$count pids", 10, sub {
        my @pids = -e $file ? slurp($file) =~ /(\d+)\n/g : ();
        return @pids == $count && \@pids;
    }) };
}

# those that are left after a while
sub left {
    my ($self, @pids) = @_;

    eval { wait_for('end', 2, sub { !_alive(@pids) }) };
    return join ' ', _alive(@pids);
}

# a zombie is none, as the orphan of a container may become
sub _alive {
    my (@pids) = @_;

    return grep { -e "/proc/$_/stat" && (eval { slurp("/proc/$_/stat") } || '')
                                        =~ /.*\) [^ZX] /s } @pids;
}

# whether a lock can be had
sub is_free {
    my ($self, $file) = @_;

    open my $fh, '<', $file or die "$file: $!";
    return flock $fh, LOCK_EX | LOCK_NB;
}

1;
