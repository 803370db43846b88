package Recording::Load;

# Many publishers at once, of which each frame is known: when the server's
# kernel had it (build/bench/rtmp_load -o).
#
#     my $load = Recording::Load->new($t, file => $flv, streams => 20,
#                                     name => 'a', seconds => 5);
#     $load->wait('done');
#     my $streams = $load->streams;
#     $streams->{a0}    { v => [[timestamp, time], ...], a => [...],
#                         lost => time of the connection's loss }
#
# All times are seconds as now() tells.  The streams begin within the first
# half second.

use strict;
use warnings;

use File::Temp ();
use JSON::XS ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Recording::Process;
use Recording::Rtmp;
use Recording::Util qw(root slurp wait_for);

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub new {
    my ($class, $t, %opt) = @_;

    my $program = root() . '/build/bench/rtmp_load';
    die "no $program: run \"make load\"\n" if !-x $program;

    my $self = bless { %opt, out => File::Temp->new,
                       report => File::Temp->new }, $class;

    # pings mean nothing here
    $self->{process} = Recording::Process->spawn(
        name => 'rtmp_load', out => $self->{out}->filename,
        cmd => [ $program, '-p', $t->port, '-f', $opt{file},
                 '-n', $opt{streams}, '-N', $opt{name}, '-r', 500, '-w', 0,
                 '-t', $opt{seconds}, '-g', 60000,
                 '-o', $self->{report}->filename ]);

    return $self;
}

# waits for an event: ready, begin, end, done; what came with it
sub wait {
    my ($self, $event) = @_;

    return wait_for("\"$event\" of the load", 60, sub {
        my $ended = !$self->{process}->alive;

        return JSON::XS::decode_json($1) if slurp($self->{out}->filename)
            =~ /^(\{"event":"$event".*\})$/m;
        die 'rtmp_load ended: ' . $self->{process}->stderr . "\n" if $ended;
        return 0;
    });
}

# what was sent, when the load is done
sub streams {
    my ($self) = @_;

    $self->wait('done');
    $self->{process}->wait(10);

    my %streams = map { $self->{name} . $_ => { v => [], a => [] } }
                  0 .. $self->{streams} - 1;

    for (split /\n/, slurp($self->{report}->filename)) {
        my ($stream, $what, $timestamp, $ns) = split ' ';
        my $one = $streams{ $self->{name} . $stream };

        if ($what eq 'lost') {
            $one->{lost} = $ns / 1e9;

        } else {
            push @{ $one->{$what} }, [ $timestamp, $ns / 1e9 ];
        }
    }

    return \%streams;
}

# now(), when the workers of a nginx with an application live have taken what had
# come by then: each answers a connection that it accepted while the others
# slept
sub taken {
    my ($t) = @_;

    my @workers = $t->worker_pids;
    my @r;

    for my $worker (@workers) {
        my @others = grep { $_ != $worker } @workers;
        $t->signal('STOP', @others) if @others;
        wait_for('stop', 10, sub {
            @others == grep { slurp("/proc/$_/stat") =~ /\) T / } @others });
        push @r, Recording::Rtmp->new(port => $t->port);
        $t->signal('CONT', @others) if @others;
    }

    $_->connect(app => 'live') for @r;
    my $now = now();
    $_->ping for @r;
    $_->wait_event(7) for @r;
    return $now;
}

1;
