#!/usr/bin/perl

# What nginx -t knows of a program of notify: whether the workers' user may
# execute it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Util qw(not_tested spew);

plan skip_all => not_tested('needs root, for another user') if $> != 0;

my $t = Recording::Nginx->new(user => 'www-data');
my $dir = $t->dir;
my $program = "$dir/in/program";
my ($www, $group) = (getpwnam 'www-data')[2, 3];

mkdir "$dir/in";
spew($program, "#!/bin/sh\n");
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

    my ($status, $err) = $t->test_conf(<<'CONF', PROGRAM => $program);
rtmp {
    record_store %%STORE%%;
    notify 'exec:%%PROGRAM%%';
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule default; }
    }
}
CONF

    is($status, 0, $what);
    return unlike($err, qr/cannot be executed/, 'nothing is said') if !$errno;

    like($err, qr/"\Q$program\E"\ of\ notify\ cannot\ be\ executed\ by\ the
                  \ worker\ processes\ of\ user\ "www-data":\ no\ access\ to
                  \ "\Q$at\E".*\($errno:/x, 'which is said');
    return;
}
