package Recording::PowerCut;

# A disk whose power is cut while everything else goes on.
#
#     Recording::PowerCut::isolate();           # first of all
#     my $why = Recording::PowerCut::missing('ext4');
#     my $disk = Recording::PowerCut->new('ext4');
#     my $t = Recording::Nginx->new(store => $disk->store);
#     ...
#     my $cut = $disk->cut(cache => 'lost');
#     my $store = $cut->mount;                  # as after the next boot
#     ...
#     $cut->remove;
#
# A file system to be tested, on a loop device, whose file lies on a second
# one, whose file lies on a third.  The two below are XFS, for its reflinks: a
# clone of a file is taken under the lock that every write takes, so that it
# is the file at one moment, with each write of the loop device above it
# either whole in it or not at all, and it takes a millisecond.  There is no
# other way to such a copy: copying takes time in which the file changes, and
# freezing a file system makes it write what a power cut would lose.
#
# Of what the tested file system wrote, a clone of its disk's file has all:
# that is a disk whose cache survives, or that has none.  A clone of the disk
# below it has what the second file system wrote.  It writes when the tested
# one asks its disk to flush, and otherwise as it likes, half a minute later:
# that is a disk which loses its cache.

use strict;
use warnings;

use File::Path qw(remove_tree);
use File::Spec;
use File::Temp ();

use Recording::Util qw(not_tested run);

use constant {
    BELOW => '8G',              # sparse, and XFS takes no less than 300 MB
    MIDDLE => '2G',
    SIZE => '512M',
};

my @all;
my $copies = 0;

# A mount namespace of the test's own: no mount is left, whatever ends it.
sub isolate {
    return if $ENV{TEST_ISOLATED} || $> != 0
              || (run('unshare', '-m', 'true'))[0];

    $ENV{TEST_ISOLATED} = 1;
    exec 'unshare', '-m', $^X, $0, @ARGV or die "unshare: $!\n";
}

# why there can be no such disk, '' if there can
sub missing {
    my ($fs) = @_;

    return not_tested('only root can mount') if $> != 0;

    for my $kind ('xfs', $fs) {
        my ($status) = run("mkfs.$kind", '-V');
        return "no mkfs.$kind" if $status;
    }

    my $disk = eval { Recording::PowerCut->new($fs) };
    return $disk ? do { $disk->remove; '' } : $@ =~ s/\s+\z//r;
}

sub new {
    my ($class, $fs) = @_;

    my $self = bless { fs => $fs, owner => $$, mounts => [] }, $class;
    push @all, $self;

    my $dir = $self->{dir} = File::Temp::tempdir('recording-power-XXXXXX',
                                                 DIR => _place());
    chmod 0755, $dir;

    eval {
        $self->_disk('xfs', "$dir/below.img", BELOW, "$dir/below");
        $self->_disk('xfs', "$dir/below/img", MIDDLE, "$dir/middle");
        $self->_disk($fs, "$dir/middle/img", SIZE, "$dir/disk");
        1;
    } or do { my $error = $@; $self->remove; die $error };

    # where it begins is no matter of the test
    _must('sync', '-f', $_) for @{ $self->{mounts} };
    return $self;
}

# memory if there is some: a cut must be taken while little happens
sub _place {
    my ($status, $out) = run('df', '--output=avail', '-k', '/dev/shm');

    return !$status && $out =~ /(\d+)\s*$/ && $1 > 2 << 20 && -w '/dev/shm'
           ? '/dev/shm' : File::Spec->tmpdir;
}

sub _must {
    my ($status, $out, $err) = run(@_);
    die "@_: $err\n" if $status;
    return $out;
}

sub _disk {
    my ($self, $fs, $image, $size, $at) = @_;

    _must('truncate', '-s', $size, $image);
    _must("mkfs.$fs", '-q', $fs eq 'xfs'
          ? ('-m', 'reflink=1')
          : ('-E', 'lazy_itable_init=0,lazy_journal_init=0'), $image);
    $self->_mount($fs, $image, $at);
}

# XFS refuses the same file system twice, which a copy is
sub _mount {
    my ($self, $fs, $image, $at) = @_;

    -d $at or mkdir $at or die "mkdir $at: $!\n";
    _must('mount', '-t', $fs, '-o', $fs eq 'xfs' ? 'loop,nouuid' : 'loop',
          $image, $at);
    unshift @{ $self->{mounts} }, $at;
}

sub dir { return "$_[0]{dir}/disk" }
sub store { return $_[0]->dir . '/store' }

# cache => 'lost' or 'kept'
sub cut {
    my ($self, %opt) = @_;

    my $lost = $opt{cache} eq 'lost';
    my $image = "$self->{dir}/" . ($lost ? 'below' : 'middle');

    my $cut = bless { fs => $self->{fs}, lost => $lost, owner => $$,
                      dir => $self->{dir}, mounts => [],
                      image => "$image/cut-" . ++$copies },
              'Recording::PowerCut::Copy';

    _must('cp', '--reflink=always', "$image/img", $cut->{image});
    unshift @all, $cut;

    return $cut;
}

sub remove {
    my ($self) = @_;

    for my $at (splice @{ $self->{mounts} }) {
        my ($status) = run('umount', $at);
        run('umount', '-l', $at) if $status;
    }

    @all = grep { $_ != $self } @all;
    $self->_delete;
}

sub _delete { remove_tree($_[0]{dir}) if $_[0]{dir} }

END {
    my $status = $?;
    my @mine = grep { $_->{owner} == $$ } @all;
    $_->remove for @mine;
    $? = $status;
}


package Recording::PowerCut::Copy;

our @ISA = ('Recording::PowerCut');

# the store in it, after the file systems have repaired themselves
sub mount {
    my ($self) = @_;

    my $image = $self->{image};

    if ($self->{lost}) {
        $self->_mount('xfs', $image, "$self->{dir}/cut-middle");
        $image = "$self->{dir}/cut-middle/img";
    }

    $self->_mount($self->{fs}, $image, "$self->{dir}/cut");
    return $self->store;
}

sub dir { return "$_[0]{dir}/cut" }

sub _delete { unlink $_[0]{image} }

1;
