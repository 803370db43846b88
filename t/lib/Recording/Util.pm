package Recording::Util;

# What the other test packages share: waiting for a condition with a
# deadline, running a program, the place of the source tree.
#
# Deadlines are given in seconds of a quiet machine; TEST_SLOW multiplies
# them (sanitizers, emulation, a loaded builder).

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use File::Spec;
use File::Temp ();
use List::Util qw(max min);
use Cwd qw(abs_path);
use POSIX ();
use Storable ();
use Test::More ();
use Time::HiRes qw(time sleep);

use Recording::Warm;

our @EXPORT_OK = qw(root slow within wait_for run in_parallel not_tested slurp
                    spew tail);

my $root = abs_path(File::Spec->catdir(dirname(__FILE__),
                                       ('..') x 3));

# the top of the source tree
sub root { return $root }

sub slow {
    my ($seconds) = @_;
    return $seconds * ($ENV{TEST_SLOW} || 1);
}

# The upper bound for what takes no longer than that on a machine that has time:
# three times as much, since machines have their moments.  What is wrong must
# take longer than that.
sub within {
    my ($seconds) = @_;
    return 3 * slow($seconds);
}

# wait_for('what', 30, sub { condition }): the condition's first true value.
# Dies at the deadline, within() what it is told, so that a test which misses
# its condition is loud.
sub wait_for {
    my ($what, $timeout, $condition, $explain) = @_;

    my $most = within($timeout || 30);
    my $begin = time;
    my $end = $begin + $most;
    my $pause = 0.02;

    while (1) {
        my $value = $condition->();
        return $value if $value;

        last if time > $end;
        sleep $pause;

        # what takes long is asked less often: tests must not be the load
        $pause = min($pause * 1.2, max(0.1, (time - $begin) / 20), 0.25);
    }

    my $more = $explain ? $explain->() : '';
    die "no $what within $most s$more\n";
}

# run(@command): (exit status, stdout, stderr), without a shell.  Output goes
# through files: no pipe can fill up and stop the program.
sub run {
    my (@command) = @_;

    my $out = File::Temp->new;
    my $err = File::Temp->new;

    # an END block or a caller's $? is not disturbed
    local $?;

    if (Recording::Warm::knows($command[0])) {
        $? = Recording::Warm::run($out->filename, $err->filename, @command);
    } else {
        _fork($out, $err, @command);
    }

    my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    return ($status, slurp($out->filename), slurp($err->filename));
}

sub _fork {
    my ($out, $err, @command) = @_;

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $out;
        open STDERR, '>&', $err;
        exec { $command[0] } @command
            or _exit_now("exec $command[0]: $!");
    }

    waitpid $pid, 0;
    return;
}

sub _exit_now {
    my ($text) = @_;

    # perl's own exit would run the END blocks of the test in the child
    print STDERR "$text\n";
    POSIX::_exit(127);
}

# in_parallel(3, sub, @items): what the sub returns for each, a string, made
# by so many processes.  Nothing else comes back from them, no test either.
sub in_parallel {
    my ($n, $function, @items) = @_;

    my @results = ('') x @items;
    my @children;

    for my $first (0 .. $n - 1) {
        my $file = File::Temp->new;
        defined(my $pid = fork) or die "fork: $!";

        if ($pid == 0) {
            my %result = map { $_ => _result($function, $items[$_]) }
                         grep { $_ % $n == $first } 0 .. $#items;
            Storable::nstore(\%result, $file->filename);
            POSIX::_exit(0);
        }

        push @children, [ $pid, $file ];
    }

    for my $child (@children) {
        my ($pid, $file) = @$child;

        local $?;
        waitpid $pid, 0;
        die "a process ended with $?\n" if $?;

        my $result = Storable::retrieve($file->filename);
        @results[keys %$result] = values %$result;
    }

    return @results;
}

sub _result {
    my ($function, $item) = @_;

    my $result = eval { $function->($item) };
    return defined $result ? $result : "died: $@";
}

sub slurp {
    my ($file) = @_;

    open my $fh, '<:raw', $file or die "cannot read $file: $!\n";
    local $/;
    my $text = <$fh>;
    return defined $text ? $text : '';
}

sub spew {
    my ($file, $text) = @_;

    open my $fh, '>:raw', $file or die "cannot write $file: $!\n";
    print $fh $text;
    close $fh or die "cannot write $file: $!\n";
    return $file;
}

# Says loudly, also without -v, that a part of a test does not run here, as a
# user other than root would not notice otherwise; returns the reason.
sub not_tested {
    my ($why) = @_;

    my ($file) = $0 =~ m{([^/]+)$};
    Test::More::diag("\nNOT TESTED in $file: $why");
    return $why;
}

# the last lines of a text, for messages
sub tail {
    my ($text, $lines) = @_;

    my @all = split /\n/, $text;
    splice @all, 0, @all - $lines if @all > $lines;
    return join "\n", @all;
}

1;
