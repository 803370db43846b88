package Recording::SlowDisk;

# A store whose disk is slow or fails, by t/tools/slow_disk.c in nginx's
# LD_PRELOAD.
#
#     my $disk = Recording::SlowDisk->new;       # before $t->start
#     my $t = Recording::Nginx->new(store => $disk->store);
#     $disk->set(armed => 1, delay => 1000);
#     is($disk->get('main'), 0, 'no call from the event loop');
#     $disk->set(error => ENOSPC, call => 'write', where => 'files');
#
# Only calls whose path has a text are delayed or fail: only => '.index'.
#
# A thread can be held at a call, for nginx to be killed just there:
#
#     $disk->hold(1, on => ['sync']);
#     wait_for('it', 10, sub { $disk->held });
#     note $disk->held;               # 'fsync /work/176.mp4'
#     $disk->release;
#
# A test with several disks calls ->use_next before it starts the nginx that
# a disk is for.

use strict;
use warnings;

use File::Temp;

use Recording::Library qw(library);

my @fields = qw(armed delay error call where times main calls hits
                hold holds after held length slowest most lose);

# behind them: offset and size
my %texts = (name => [0, 32], skip => [32, 32], place => [64, 256],
             only => [320, 32], match => [352, 32]);

# bits of `call` and `holds`
# fsync is what makes files whole, fdatasync what is done while they grow
my %kinds = (open => 1 + 128, write => 2, sync => 4 + 512, rename => 8,
             allocate => 16, unlink => 32, read => 64, truncate => 256,
             fdatasync => 4, fsync => 512);

# names of values
my %names = (call => \%kinds, where => { files => 1, catalogue => 2 });

my $preload = $ENV{TEST_NGINX_PRELOAD};

# They stay until nginx has ended, though the test may have forgotten them.
my @dirs;

# new(store => path): another directory than one that it makes
sub new {
    my ($class, %opt) = @_;

    my $dir = File::Temp->newdir('recording-disk-XXXXXX', TMPDIR => 1);
    push @dirs, $dir;
    chmod 0755, $dir;

    my $self = bless { dir => $dir, store => "$dir/store", %opt }, $class;

    open my $file, '>', "$dir/control" or die "$dir/control: $!";
    print $file "\0" x 4096;
    close $file;

    return $self->use_next;
}

# the next nginx that starts has this disk
sub use_next {
    my ($self) = @_;

    $ENV{SLOW_STORE} = $self->{store};
    $ENV{SLOW_CONTROL} = "$self->{dir}/control";
    $ENV{TEST_NGINX_PRELOAD} = join ':', grep { $_ }
        $preload, library('slow_disk');

    return $self;
}

sub store { return $_[0]{store} }

sub set {
    my ($self, %value) = @_;

    # first of all: no other call is hit meanwhile
    $self->_write(_at('only'), pack 'a32', $value{only})
        if defined $value{only};

    for my $i (0 .. $#fields) {
        my $field = $fields[$i];
        next if !exists $value{$field};
        my $value = $names{$field}{$value{$field}} // $value{$field};
        $self->_write(8 * $i, pack 'q', $value);
    }
}

# only calls on paths that end so are hit: '.index'; '' are all
sub match { $_[0]->_write(_at('match'), pack 'a32', $_[1]) }

# The next call is hit that is one of these: error => EIO, call => 'sync',
# and as set() has it; match => 'the end of its path'
sub once {
    my ($self, %opt) = @_;

    $self->set(error => 0);
    $self->match(delete $opt{match} // '');
    $self->set(armed => 1, most => $self->get('hits') + 1, %opt);
}

# whether it was
sub hit { return $_[0]->get('hits') >= $_[0]->get('most') }

sub get {
    my ($self, $field) = @_;

    my ($i) = grep { $fields[$_] eq $field } 0 .. $#fields;
    return unpack 'q', $self->_read(8 * $i, 8);
}

# the last call that the main thread made
sub name { return $_[0]->_text('name') }

# hold($n): the nth call from now that changes something is held, those of the
# main thread apart.  on => [kinds]: only these are counted; skip => 'text':
# none whose path has it, nor, after set(only => 'text'), any other; after => 1:
# it is held when it was made, not before.
sub hold {
    my ($self, $n, %opt) = @_;

    my $kinds = 0;
    $kinds |= $kinds{$_} for @{ $opt{on} || [] };

    $self->set(hold => 0);
    $self->_write(_at('skip'), pack 'a32', $opt{skip} || '');
    $self->set(holds => $kinds, after => $opt{after} || 0, hold => $n);

    # what is held now goes on to it
    $self->set(held => 0);
}

# the call that is held, and its path in the store; '' if there is none
sub held {
    my ($self) = @_;
    return $self->get('held') ? $self->_text('place') : '';
}

sub release { $_[0]->set(hold => 0, held => 0) }

sub _at { return 8 * @fields + $texts{$_[0]}[0] }

sub _text {
    my ($self, $name) = @_;
    return unpack 'Z*', $self->_read(_at($name), $texts{$name}[1]);
}

sub _write {
    my ($self, $at, $bytes) = @_;

    open my $file, '+<', "$self->{dir}/control" or die "control: $!";
    sysseek $file, $at, 0;
    syswrite $file, $bytes;
}

sub _read {
    my ($self, $at, $size) = @_;

    open my $file, '<', "$self->{dir}/control" or die "control: $!";
    sysseek $file, $at, 0;
    sysread $file, (my $bytes), $size;

    return $bytes;
}

1;
