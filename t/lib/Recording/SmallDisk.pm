package Recording::SmallDisk;

# A small file system of its own, so that no real disk is filled: a tmpfs of
# 64 MB, which only root can mount.
#
#     my $small = Recording::SmallDisk->new;
#     plan skip_all => $small->missing if $small->missing;
#     my $t = Recording::Nginx->new(store => $small->path . '/store');
#     $small->leave(10 << 20);            # so many bytes are free
#
# It is unmounted when the test ends, lazily: nginx may still run after a
# failure.

use strict;
use warnings;

use File::Temp ();

use Recording::Util qw(not_tested run);

my @mounted;
my $owner = $$;

END {
    local $?;
    @mounted = () if $$ != $owner;

    for my $dir (@mounted) {
        run('umount', '-l', $dir);
        rmdir $dir;
    }
}

sub new {
    my ($class) = @_;

    return bless { missing => not_tested('needs root, for a file system of its'
                                         . ' own') }, $class if $> != 0;

    my $dir = File::Temp::tempdir('recording-fs-XXXXXX', TMPDIR => 1);
    my ($failed, undef, $err) = run('mount', '-t', 'tmpfs', '-o', 'size=64m',
                                    'recording-test', $dir);

    if ($failed) {
        rmdir $dir;
        return bless { missing => "tmpfs cannot be mounted: $err" }, $class;
    }

    push @mounted, $dir;
    return bless { dir => $dir, missing => '' }, $class;
}

# why there is none, '' if there is
sub missing { return $_[0]{missing} }

sub path { return $_[0]{dir} }

# a ballast that leaves so many bytes, or all of them; what its size is to be,
# and is
sub leave {
    my ($self, $bytes) = @_;

    # in one step: nginx looks at any time
    my $file = "$self->{dir}/ballast";
    my ($avail) = (run('df', '-B1', '--output=avail', $self->{dir}))[1]
                  =~ /(\d+)\s*$/;
    my $has = -s $file || 0;
    my $want = int($has + $avail - $bytes);
    $want = 0 if $want < 0;

    run($want < $has ? ('truncate', '-s', $want, $file)
                     : ('fallocate', '-l', $want, $file));
    return ($want, -s $file || 0);
}

1;
