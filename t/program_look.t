#!/usr/bin/perl

# What nginx -t knows of a program: whether the workers' user may execute it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Program;
use Recording::Util qw(not_tested spew);

plan skip_all => not_tested('needs root, for another user') if $> != 0;

my $t = Recording::Nginx->new(user => 'www-data');
my $p = Recording::Program->new($t);
my $dir = $t->dir;
my $program = "$dir/in/program";
my ($www, $group) = (getpwnam 'www-data')[2, 3];

mkdir "$dir/in";
refused('missing', 2, $program);

spew($program, "#!/bin/sh\n");
mode($program, 0644);
refused('not executable', 13, $program);

mode($program, 0755);
refused('all is well', 0);

mode($program, 0700);
refused('of another user', 13, $program);

mode($program, 0750, 0, $group);
refused('of a group of the user', 0);

mode($program, 0070, $www, 0);
refused('its owner may not, others do', 13, $program);

mode($program, 0755, 0, 0);
mode("$dir/in", 0700);
refused('in a directory of another user', 13, "$dir/in");

mode("$dir/in", 0755);
symlink $program, "$dir/link";
$program = "$dir/link";
refused('by a link', 0);

$program = "$dir/in";
refused('a directory', 13, "$dir/in");

$program = "$dir/in/program/more";
refused('in a file', 20, $program);

$t->done;

sub mode {
    my ($file, $mode, @owner) = @_;

    chown @owner, $file if @owner == 2;
    chmod $mode, $file;
    return;
}

sub refused {
    my ($what, $errno, $at) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($status, $err) = $t->test_conf(<<'CONF', TEST => $p->module,
load_module %%TEST%%;
test_executable %%PROGRAM%%;
events { worker_connections 512; }
CONF
                                       PROGRAM => $program);

    return is($status, 0, $what) || diag $err if !$errno;

    isnt($status, 0, $what);
    like($err, qr/"\Q$program\E"\ cannot\ be\ executed\ by\ the\ worker
                  \ processes\ of\ user\ "www-data":\ "\Q$at\E"
                  \ \($errno:/x, 'which is said');
    return;
}
