#!/usr/bin/perl

# make install and make uninstall, below a directory as packagers do.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find ();
use File::Temp qw(tempdir);
use Test::More;

use Recording::Util qw(root run slurp);

my $dir = tempdir('recording-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $module = 'ngx_rtmp_recording_module.so';

my ($status, undef, $err) = make('install');
is("$status $err", '0 ', 'make install');

my %files = map { $_ => 1 } files();
my @want = ("usr/lib/nginx/modules/$module",
            'usr/share/nginx/modules-available/60-mod-rtmp-recording.conf',
            'etc/nginx/modules-enabled/60-mod-rtmp-recording.conf',
            'usr/local/bin/recordings',
            'usr/local/share/man/man1/recordings.1');
ok($files{$_}, "$_ is there") for @want;

like((run("$dir/usr/local/bin/recordings", '--help'))[1],
     qr/^usage: recordings /, 'the command runs');

# what the manual page and the command say of options is the same
my $page = slurp("$dir/usr/local/share/man/man1/recordings.1") =~ s/\\-/-/gr;
my $usage = (run("$dir/usr/local/bin/recordings", '--help'))[1];
my %in = map { $_ => 1 } "$page $usage" =~ /(--[a-z]+)/g;
ok(-1 != index($page, $_) && -1 != index($usage, $_),
   "$_ is in both") for sort keys %in;

($status, undef, $err) = make('uninstall');
is("$status $err", '0 ', 'make uninstall');
is(join(' ', files()), '', 'leaves no file');
ok(!-e "$dir/usr/share/ngx-rtmp-recording-module", 'nor a directory of its own');

done_testing;

sub make {
    my ($target) = @_;

    return run('make', '-s', '-C', root(), $target, "DESTDIR=$dir");
}

sub files {
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, substr $_, length($dir) + 1 if -l $_ || -f $_;
    } }, $dir);
    return sort @found;
}
