package Recording::Warm;

# Programs that are loaded once and run often: of what ffprobe costs for a short
# file nearly all is to load its libraries.  See t/tools/warm.c.
#
#     $? = Recording::Warm::run($out, $err, 'ffprobe', '-v', ...);
#
# Output is appended to the files $out and $err.  The loaded program ends with
# the process that ran it first.  With TEST_COLD=1 in the environment nothing is
# kept loaded.

use strict;
use warnings;

use Cwd qw(getcwd);
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

use Recording::Library qw(library);

my %loaded;

# whether a program is one of those
sub knows {
    my ($name) = @_;
    return $name =~ /^(?:ffmpeg|ffprobe|sqlite3)$/ && !$ENV{TEST_COLD};
}

sub run {
    my ($out, $err, @command) = @_;

    my $request = join '', map { "$_\0" } getcwd() // '/', $out, $err, @command;
    utf8::encode($request) if utf8::is_utf8($request);

    local $SIG{PIPE} = 'IGNORE';
    my $socket = _connect($loaded{ $command[0] } ||= _load($command[0]));
    print $socket pack 'L/a*', $request;
    $socket->flush;

    my $status = '';

    while (length $status < 4) {
        my $n = sysread $socket, $status, 4 - length $status, length $status;
        next if !defined $n && $!{EINTR};
        die "$command[0]: no end of it\n" if !$n;
    }

    return unpack 'l', $status;
}

sub _connect {
    my ($program) = @_;
    return IO::Socket::UNIX->new(Peer => "\0$program->{socket}")
        || die "$program->{name} does not run: $!\n";
}

sub _load {
    my ($name) = @_;

    my $library = library('warm');
    # a process may go on as another one, in another place: exec(2)
    my $program = { name => $name, owner => $$,
                    socket => "recording-warm-$$-" . time . "-$name" };

    defined($program->{pid} = fork) or die "fork: $!";
    _exec($program, $library) if $program->{pid} == 0;

    local $@;

    for (my $end = time + 90; !eval { _connect($program) }; sleep 0.01) {
        local $?;
        die "$name does not start\n" if time > $end
            || waitpid($program->{pid}, POSIX::WNOHANG()) == $program->{pid};
    }

    return $program;
}

sub _exec {
    my ($program, $library) = @_;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM PIPE);
    @ENV{qw(LD_PRELOAD WARM_SOCKET)} = ($library, $program->{socket});

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    exec { $program->{name} } $program->{name} or POSIX::_exit(127);
}

END {
    local $?;

    for my $program (grep { $_->{owner} == $$ } values %loaded) {
        kill 'KILL', $program->{pid};
        waitpid $program->{pid}, 0;
    }

    %loaded = ();
}

1;
