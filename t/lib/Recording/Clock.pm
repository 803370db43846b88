package Recording::Clock;

# A wall clock of nginx's own, which a test sets: for every nginx that is
# started while it exists.
#
#     my $clock = Recording::Clock->new;
#     $clock->set(-600);             # seconds from what it is
#     $clock->pass(3600);            # so many go by at once
#
# The monotonic clock goes on, and passes with it.  See t/tools/set_clock.c.

use strict;
use warnings;

use File::Temp;

use Recording::Library qw(library);

sub new {
    my ($class) = @_;

    my $dir = File::Temp->newdir('recording-clock-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    $ENV{CLOCK_FILE} = "$dir/clock";
    $ENV{TEST_NGINX_PRELOAD} = join ':', grep { $_ }
        $ENV{TEST_NGINX_PRELOAD}, library('set_clock');

    # workers read it as another user
    open my $file, '+>', $ENV{CLOCK_FILE} or die "clock: $!\n";
    chmod 0644, $ENV{CLOCK_FILE};

    my $self = bless { dir => $dir, file => $file, set => 0, passed => 0 },
                     $class;
    $self->set(0);
    return $self;
}

sub set {
    my ($self, $seconds) = @_;

    $self->{set} = $seconds;
    $self->_write;
}

sub pass {
    my ($self, $seconds) = @_;

    $self->{passed} += $seconds;
    $self->_write;
}

# in one write, so that nobody reads a part of it
sub _write {
    my ($self) = @_;

    sysseek $self->{file}, 0, 0;
    syswrite $self->{file}, pack 'qq', $self->{set}, $self->{passed};
}

1;
