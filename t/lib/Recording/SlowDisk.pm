package Recording::SlowDisk;

# A store whose disk is slow or fails, by t/tools/slow_disk.c in nginx's
# LD_PRELOAD.
#
#     my $disk = Recording::SlowDisk->new;       # before $t->start
#     my $t = Recording::Nginx->new(store => $disk->store);
#     $disk->set(armed => 1, delay => 1000);
#     is($disk->get('main'), 0, 'no call from the event loop');

use strict;
use warnings;

use File::Temp;

use Recording::Util qw(root run);

my @fields = qw(armed delay error call main calls);

# bits of `call`
my %kinds = (open => 1, write => 2, sync => 4, rename => 8, allocate => 16,
             unlink => 32);

sub new {
    my ($class) = @_;

    my $dir = File::Temp->newdir('recording-disk-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    my $self = bless { dir => $dir, store => "$dir/store" }, $class;

    my ($status, $out, $err) = run('cc', '-shared', '-fPIC', '-O2',
        '-D_GNU_SOURCE', '-o', "$dir/slow_disk.so",
        root() . '/t/tools/slow_disk.c', '-ldl');
    die "slow_disk.c: $err\n" if $status;

    open my $file, '>', "$dir/control" or die "$dir/control: $!";
    print $file "\0" x 4096;
    close $file;

    $ENV{SLOW_STORE} = $self->{store};
    $ENV{SLOW_CONTROL} = "$dir/control";
    $ENV{TEST_NGINX_PRELOAD} = join ':', grep { $_ }
        $ENV{TEST_NGINX_PRELOAD}, "$dir/slow_disk.so";

    return $self;
}

sub store { return $_[0]{store} }

sub set {
    my ($self, %value) = @_;

    open my $file, '+<', "$self->{dir}/control" or die "control: $!";

    for my $i (0 .. $#fields) {
        next if !exists $value{$fields[$i]};
        my $value = $value{$fields[$i]};
        $value = $kinds{$value} if exists $kinds{$value};
        sysseek $file, 8 * $i, 0;
        syswrite $file, pack 'q', $value;
    }
}

sub get {
    my ($self, $field) = @_;

    my ($i) = grep { $fields[$_] eq $field } 0 .. $#fields;

    open my $file, '<', "$self->{dir}/control" or die "control: $!";
    sysseek $file, 8 * $i, 0;
    sysread $file, my $value, 8;

    return unpack 'q', $value;
}

# the last call that the main thread made
sub name {
    my ($self) = @_;

    open my $file, '<', "$self->{dir}/control" or die "control: $!";
    sysseek $file, 8 * @fields, 0;
    sysread $file, my $name, 32;

    return unpack 'Z*', $name;
}

1;
