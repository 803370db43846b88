package Recording::Library;

# What tests have preloaded, t/tools/NAME.c, compiled once for all of them.
#
#     $ENV{LD_PRELOAD} = library('slow_disk');

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(make_path);

our @EXPORT_OK = qw(library);

my $top = abs_path(dirname(__FILE__) . '/../../..');

sub library {
    my ($name) = @_;

    my $source = "$top/t/tools/$name.c";
    my $library = "$top/build/tools/$name.so";
    return $library if -e $library && -M $library <= -M $source;

    # another test may do the same: each has a whole one
    make_path("$top/build/tools");
    local $?;
    system('cc', '-shared', '-fPIC', '-O2', '-o', "$library.$$", $source,
           '-ldl') == 0 or die "$name.c: cc ends with $?\n";
    rename "$library.$$", $library or die "rename: $!\n";

    return $library;
}

1;
