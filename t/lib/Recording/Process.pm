package Recording::Process;

# A program in the background: a push, an nginx master.  Every process that
# was started is remembered; Recording::Nginx's end-of-test check asks
# alive_ones() and nothing outlives the test file.

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Scalar::Util qw(weaken);
use Recording::Util qw(slow wait_for slurp);

my %all;

# spawn(cmd => [..], cwd => dir, env => {..}, err => file)
sub spawn {
    my ($class, %opt) = @_;

    my $self = bless { name => $opt{name} || $opt{cmd}[0] }, $class;

    $self->{tmp} = File::Temp->new(TEMPLATE => 'recording-err-XXXXXX',
                                   TMPDIR => 1) if !$opt{err};
    $self->{err} = $opt{err} || $self->{tmp}->filename;
    $self->{owner} = $$;

    defined(my $pid = fork) or die "fork: $!";
    _exec(\%opt, $self->{err}) if $pid == 0;

    $self->{pid} = $pid;
    $all{$pid} = $self;
    weaken($all{$pid});

    return $self;
}

sub _exec {
    my ($opt, $err) = @_;

    my @cmd = @{ $opt->{cmd} };

    $SIG{INT} = $SIG{TERM} = $SIG{PIPE} = 'DEFAULT';
    local %ENV = (%ENV, %{ $opt->{env} || {} });

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', $opt->{out} || '/dev/null';
    open STDERR, '>>', $err;
    chdir $opt->{cwd} or POSIX::_exit(126) if $opt->{cwd};

    exec { $cmd[0] } @cmd or print STDERR "exec $cmd[0]: $!\n";
    POSIX::_exit(127);
}

sub pid { return $_[0]{pid} }

sub alive {
    my ($self) = @_;

    return 0 if defined $self->{status};

    local $?;
    my $pid = waitpid $self->{pid}, POSIX::WNOHANG();
    return 1 if $pid == 0;

    # -1: somebody else reaped it
    my $status = $pid == $self->{pid} ? $? : 0;
    $self->{status} = $status & 127 ? 128 + ($status & 127) : $status >> 8;
    delete $all{ $self->{pid} };

    return 0;
}

# the exit status (128 + signal); dies at the deadline
sub wait {
    my ($self, $timeout) = @_;

    wait_for("end of $self->{name}", $timeout || 120,
             sub { !$self->alive }, sub { "\n" . $self->stderr });

    return $self->{status};
}

sub status { return $_[0]{status} }

sub signal {
    my ($self, $signal) = @_;

    kill $signal, $self->{pid} if $self->alive;
    return $self;
}

# SIGTERM: ffmpeg unpublishes and ends
sub stop {
    my ($self, $timeout) = @_;

    $self->signal('TERM');
    return $self->wait($timeout || 30);
}

# SIGKILL: the connection is lost without a word
sub kill {
    my ($self) = @_;

    $self->signal('KILL');
    return $self->wait(30);
}

sub stderr { return -e $_[0]{err} ? slurp($_[0]{err}) : '' }

sub alive_ones {
    return grep { $_ && $_->{owner} == $$ && $_->alive } values %all;
}

sub DESTROY {
    my ($self) = @_;

    return if !$self->{pid} || $self->{owner} != $$;

    local ($?, $@, $!);
    return if !$self->alive;

    CORE::kill('KILL', $self->{pid});
    waitpid $self->{pid}, 0;
}

END {
    local $?;

    for my $process (alive_ones()) {
        CORE::kill('KILL', $process->{pid});
        waitpid $process->{pid}, 0;
    }
}

1;
