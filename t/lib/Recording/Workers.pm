package Recording::Workers;

# Publishers on chosen workers of an nginx, each in a process of its own:
# they come, freeze, thaw and go at the same time.
#
#     my $t = Recording::Nginx->new;
#     my $w = Recording::Workers->new($t);         # starts three of them
#     my %done = $w->side_by_side(one => sub { ...; return $s }, ...);
#
# in which a sub publishes a Recording::Parts and returns it:
#
#     my $frozen = $w->part($s, $w->pid(0), { ms => 3000, freeze => 1 });
#     $w->part($s, $w->pid(1), { ms => 4000, end => 'delete' });
#     $w->end($frozen);

use strict;
use warnings;

use Fcntl qw(:flock);
use JSON::XS ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Recording::Rtmp;
use Recording::Util qw(slow slurp spew wait_for);

use constant RESUME => 4;       # s

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 3;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 resume=%%N%%s; format hls resume=%%N%%s segment=1s;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

sub new {
    my ($class, $t) = @_;

    $t->conf($conf, N => RESUME)->start;
    return bless { t => $t, pids => [ $t->worker_pids ], test => $$,
                   lock => $t->dir . '/connecting', children => [] }, $class;
}

sub pid { return $_[0]{pids}[$_[1]] }
sub pids { return @{ $_[0]{pids} } }

# a worker dies; the others move up
sub kill_first {
    my ($self) = @_;

    $self->{t}->signal('KILL', shift @{ $self->{pids} });
}

# Connects to a worker while the others are stopped, and publishes.  Those
# milliseconds are all that any stream may be late by.
sub publish_at {
    my ($self, $s, $worker) = @_;

    open my $fh, '>>', $self->{lock} or die "$self->{lock}: $!\n";
    flock $fh, LOCK_EX or die "flock: $!\n";

    my @others = grep { $_ != $worker } $self->pids;
    my $end = time + slow(5);
    my $r = eval {
        kill 'STOP', @others;

        while (grep { slurp("/proc/$_/stat") !~ /\) T / } @others) {
            die "a worker does not stop\n" if time > $end;
            sleep 0.001;
        }

        Recording::Rtmp->new(port => $self->{t}->port);
    };
    my $error = $@;

    kill 'CONT', @others;
    close $fh;
    die $error if !$r;
    return $s->publish($r);
}

# Publishes a part in a process of its own, which then ends as it is told or
# freezes: { ms, end, freeze, keep: timestamps go on }.  The frozen process,
# or 0.
sub part {
    my ($self, $s, $worker, $step) = @_;

    my $file = "$s->{name}-" . scalar $s->parts . '.json';
    my $pid = $self->_child(sub { $self->_publish($s, $worker, $step, $file) },
                            $file);

    my $path = $self->{t}->dir . "/$file";
    wait_for("publisher $file", 30, sub { -e $path });

    my $sent = _read($path);
    die $sent->{error} if $sent->{error};
    push @{ $s->{parts} }, $sent;

    waitpid $pid, $step->{freeze} ? POSIX::WUNTRACED() : 0;
    return $step->{freeze} ? $pid : 0;
}

sub _publish {
    my ($self, $s, $worker, $step, $file) = @_;

    my $r = $self->publish_at($s, $worker);
    my $sent = $s->send($r, $step->{ms}, keep => $step->{keep});

    $s->taken($r);

    if ($step->{freeze}) {
        $self->_write($file, $sent);
        kill 'STOP', $$;

        # killed, or thawed
        $s->send($r, 2000, keep => $step->{keep});
        return $sent;
    }

    $s->close($r, $step->{end});
    return $sent;
}

# a frozen publisher ends
sub end {
    my ($self, $pid) = @_;

    kill 'KILL', $pid;
    waitpid $pid, 0;
}

# Runs subs in processes of their own; name => the Recording::Parts that each
# has returned, with what it has sent.
sub side_by_side {
    my ($self, %code) = @_;

    my %pid = map { my $code = $code{$_};
                    $_ => $self->_child(sub { _sent($code->()) }, "$_.json")
                  } sort keys %code;

    return map { $_ => $self->_done($_, $pid{$_}) } sort keys %pid;
}

sub _sent {
    my ($s) = @_;

    return { path => "$s->{app}/$s->{name}", media => $s->{media},
             parts => [ $s->parts ] };
}

sub _done {
    my ($self, $name, $pid) = @_;

    wait_for("end of $name", 120, sub {
        waitpid($pid, POSIX::WNOHANG()) == $pid });

    my $done = _read($self->{t}->dir . "/$name.json");
    die "$name: $done->{error}" if $done->{error};

    my $s = Recording::Parts->new($self->{t}, @$done{qw(path media)});
    @{ $s->{parts} } = @{ $done->{parts} };
    return $s;
}

# runs code in a process that no END block of the test disturbs; what it
# returns is written to a file
sub _child {
    my ($self, $code, $file) = @_;

    my $group = $$ != $self->{test};
    defined(my $pid = fork) or die "fork: $!";

    if ($pid) {
        push @{ $self->{children} }, $pid if !$group;
        return $pid;
    }

    # what a process starts is in its group, so that nothing is left behind
    POSIX::setpgid(0, 0) if !$group;

    my $result = eval { $code->() };
    $self->_write($file, $@ ? { error => "$@" } : $result);
    POSIX::_exit(0);
}

sub _write {
    my ($self, $file, $data) = @_;

    my $path = $self->{t}->dir . "/$file";
    spew("$path.new", JSON::XS::encode_json($data));
    rename "$path.new", $path or die "rename $path: $!\n";
}

sub _read { return JSON::XS::decode_json(slurp($_[0])) }

sub DESTROY {
    my ($self) = @_;

    local $?;
    kill 'KILL', map { -$_ } @{ $self->{children} } if $$ == $self->{test};
}

1;
