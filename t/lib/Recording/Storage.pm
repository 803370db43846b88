package Recording::Storage;

# What the servers of S3 have in common that tests start, Recording::Gateway
# and Recording::Swift: a directory, ports, a client of their own, and an end,
# whatever that of the test is.
#
# The programs of a server are children of a keeper, a process of the test's.
# The keeper is told when the test ends, even if that is killed; it kills them,
# and removes the directory.  They are killed if the keeper is.
#
# A test asks for the kind that it is to be run with, which the environment may
# name, TEST_STORAGE=Swift, as `make swift` does:
#
#     my $kind = Recording::Storage->kind;
#     plan skip_all => not_tested($_) for grep { $_ } $kind->missing;
#     my $server = $kind->new(tls => [$certificate, $key]);
#     my $bucket = $server->bucket('films');
#     my $file = $server->credentials($t->dir . '/credentials');
#     ... 'http://127.0.0.1:' . $server->port ...
#     print map { "$_\n" } $server->s3->keys($bucket);
#     $server->stop;
#
# What a kind of server adds: missing(), why it cannot be started here; and, in
# the keeper, start_here($self), which starts it with $self->daemon(), and dies
# if that fails.

use strict;
use warnings;

use File::Path qw(remove_tree);
use File::Temp ();
use IO::Socket::INET;
use JSON::XS ();
use POSIX qw(SIGTERM SIG_BLOCK SIG_UNBLOCK sigprocmask);
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep);

use Recording::Port qw(free_port);
use Recording::Process;
use Recording::S3;
use Recording::Util qw(root slurp spew tail wait_for);

my $json = JSON::XS->new->canonical->utf8;
my $told = POSIX::SigSet->new(SIGTERM);
my @all;

sub kind {
    my $class = 'Recording::' . ($ENV{TEST_STORAGE} || 'Gateway');

    eval "require $class; 1" or die $@;
    return $class;
}

# new(tls => [certificate, key], port, tls_port)
sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        access => 'AKIATESTRECORDING001', region => 'us-east-1',
        secret => 'a/secret+of=the/tests', host => 'localhost', %opt,
        owner => $$,
    }, $class;

    $self->{port} ||= free_port();
    $self->{tls_port} ||= free_port() if $self->{tls};
    $self->{ports} = [ map { free_port() } 1 .. $self->ports_within ];
    $self->{dir} = File::Temp::tempdir('recording-s3-XXXXXX', TMPDIR => 1);
    chmod 0755, $self->{dir};

    push @all, $self;
    weaken($all[-1]);

    return $self->start;
}

sub port { return $_[0]{port} }
sub tls_port { return $_[0]{tls_port} }
sub access { return $_[0]{access} }
sub secret { return $_[0]{secret} }
sub region { return $_[0]{region} }
sub dir { return $_[0]{dir} }

# how many ports it needs beside those that it is asked at
sub ports_within { return 0 }

# a client of it: s3(), s3(ca => 'file') over TLS, s3(virtual => 1)
sub s3 {
    my ($self, %opt) = @_;

    return Recording::S3->new(
        map({ $_ => $self->{$_} } qw(access secret region host)),
        port => $opt{ca} ? $self->{tls_port} : $self->{port}, %opt);
}

sub bucket {
    my ($self, $name) = @_;
    return $self->s3->create($name);
}

# A file of credentials as AWS's programs have it, readable by a group only,
# that of the user who is to read it.
# credentials($file, user => 'name', access, secret, token, profile)
sub credentials {
    my ($self, $file, %opt) = @_;

    my %has = (access => $self->{access}, secret => $self->{secret},
               profile => 'default', %opt);

    # its place is taken by a whole one at once
    spew("$file.new", "[$has{profile}]\n"
        . "aws_access_key_id = $has{access}\n"
        . "aws_secret_access_key = $has{secret}\n"
        . ($has{token} ? "aws_session_token = $has{token}\n" : ''));
    chmod 0640, "$file.new" or die "chmod: $!\n";

    if ($opt{user}) {
        my $group = (getpwnam $opt{user})[3] // die "no user $opt{user}\n";
        chown -1, $group, "$file.new" or die "chown: $!\n";
    }

    rename "$file.new", $file or die "rename: $!\n";
    return $file;
}

# --- its life

sub start {
    my ($self) = @_;

    my $class = ref $self;
    my $up = "$self->{dir}/up";
    my $err = "$self->{dir}/keeper.err";
    unlink $up;

    # what the keeper is told before it can hear it is not lost
    sigprocmask(SIG_BLOCK, $told);

    $self->{process} = Recording::Process->spawn(
        name => "keeper of $class", err => $err,
        cmd => [ qw(setpriv --pdeathsig TERM), $^X, '-I', root() . '/t/lib',
                 "-M$class", '-e', "$class->keep(\@ARGV)", $$,
                 $json->encode({ %$self }) ]);
    sigprocmask(SIG_UNBLOCK, $told);

    wait_for("start of $class", 90, sub {
        die "$class did not start: " . $self->_errors . "\n"
            if !$self->{process}->alive;
        return -e $up;
    }, sub { $self->_errors });

    return $self;
}

sub _errors {
    my ($self) = @_;
    return join "\n", map { tail(slurp($_), 5) } glob "$self->{dir}/*.err";
}

sub stop {
    my ($self) = @_;

    (delete $self->{process})->stop if $self->{process};
    remove_tree($self->{dir}, { safe => 0 })
        if -d $self->{dir} && !$ENV{TEST_KEEP};
    return $self;
}

sub DESTROY {
    my ($self) = @_;

    return if !$self->{owner} || $self->{owner} != $$;
    local ($?, $@, $!);
    eval { $self->stop };
    return;
}

END {
    local $?;
    $_ && $_->DESTROY for @all;
}

# --- in the keeper

my $ended = 0;

sub keep {
    my ($class, $test, $text) = @_;

    my $self = bless { %{ $json->decode($text) }, children => [] }, $class;
    delete $self->{owner};

    setpgrp;
    $SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { $ended = 1 };
    sigprocmask(SIG_UNBLOCK, $told);
    chdir $self->{dir} or die "$self->{dir}: $!";

    # it may have ended before this was to be told of it
    $ended = 1 if getppid != $test;
    my $good = !$ended && eval { $self->start_here; 1 };
    print STDERR $@ if !$ended;
    spew("$self->{dir}/up", '') if $good;
    while ($good && !$ended) {
        $self->tend;
        sleep 1;
    }

    $self->_kill;
    chdir '/';
    remove_tree($self->{dir}, { safe => 0 }) if $ended && !$ENV{TEST_KEEP};
    POSIX::_exit(!$good);
}

# what is to be done each second, in the keeper
sub tend { return }

# a program that stays
sub daemon {
    my ($self, @command) = @_;

    my $pid = $self->_fork(@command);
    push @{ $self->{children} }, $pid;
    return $pid;
}

# a program that does its work and ends
sub command {
    my ($self, @command) = @_;

    my $pid = $self->daemon(@command);
    waitpid $pid, 0;
    die "ended\n" if $ended;
    die "$command[0] ended with $?\n" if $?;

    pop @{ $self->{children} };
    return;
}

# waits until a daemon takes connections
sub wait_port {
    my ($self, $pid, $port) = @_;

    return $self->wait_here("connection to port $port", sub {
        die "the server of port $port ended with $?\n"
            if waitpid($pid, POSIX::WNOHANG()) == $pid;
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $port);
    });
}

# waits for something, unless the test ends meanwhile
sub wait_here {
    my ($self, $what, $condition) = @_;

    return wait_for($what, 60, sub {
        die "ended\n" if $ended;
        return $condition->();
    });
}

# killed with the keeper, even if that is killed
sub _fork {
    my ($self, @command) = @_;

    my ($name) = $command[0] =~ m{([^/]+)$};
    defined(my $pid = fork) or die "fork: $!";
    return $pid if $pid;

    $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', "$self->{dir}/$name.out";
    open STDERR, '>>', "$self->{dir}/$name.err";
    exec { 'setpriv' } 'setpriv', '--pdeathsig', 'KILL', @command
        or POSIX::_exit(127);
}

# The last one first.  None is asked to end: they would wait for each other.
sub _kill {
    my ($self) = @_;

    for my $pid (reverse @{ $self->{children} }) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }

    # and what they have started
    local $SIG{TERM} = 'IGNORE';
    kill 'TERM', -$$;
    return;
}

1;
