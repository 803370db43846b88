#!/usr/bin/perl

# t/tools/deps.sh: nothing that is installed gets another version.  apt-get is
# a script here that plans as a real one does: a new perl wants a new
# perl-base, the old one is to be had or not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

use Recording::Util qw(not_tested root run slurp spew);

# else it asks sudo
plan skip_all => not_tested('needs root') if $> != 0;

my $dir = tempdir('recording-XXXXXX', TMPDIR => 1, CLEANUP => 1);
make_path("$dir/t/tools", "$dir/bin");
copy(root() . '/t/tools/deps.sh', "$dir/t/tools") or die "deps.sh: $!";

delete $ENV{UPGRADE};
program('dpkg-query', '[ "$4" = there ] && printf installed');
program('apt-get', <<'SH');
case "$*" in
    *" -s install "*perl=1*)
        [ "$APT_OLD" ] || exit 100
        echo "Inst perl (1 Debian:12 [amd64])" ;;
    *" -s install "*)
        echo "Inst perl-base [1] (2 Debian-Security:12 [amd64])"
        echo "Inst perl (2 Debian-Security:12 [amd64])" ;;
    *" update") echo "many lines" ;;
    *) echo "$*" > "$APT_DONE" ;;
esac
SH

# the policy that keeps services from being started is not for this machine
program($_, 'true') for qw(tee chmod);

$ENV{PATH} = "$dir/bin:$ENV{PATH}";
$ENV{APT_DONE} = "$dir/done";

my ($status, $out, $err) = deps('there');
is("$status $out$err", '0 ', 'all is there: nothing is done or said');

($status, $out, $err) = deps('there', 'perl');
is($status, 1, 'an upgrade that cannot be done without is refused');
like($err, qr/would[ ]upgrade[ ]perl-base\n .* UPGRADE=yes .*
              --only-upgrade[ ]perl-base\n/sx,
     'and told');
ok(!-e "$dir/done", 'nothing was installed');

{
    local $ENV{UPGRADE} = 'yes';
    ($status, $out, $err) = deps('there', 'perl');
    is("$status $err", '0 ', 'or is done, when that is asked for');
    is($out, "upgrading perl-base\ninstalling 1 packages for perl\n",
       'and what it upgrades is told');
    like(slurp("$dir/done"), qr/--no-install-recommends .* install perl$/,
         'in its newest version');
    unlink "$dir/done";
}

$ENV{APT_OLD} = 1;
($status, $out, $err) = deps('there', 'perl');
is("$status $err", '0 ', 'the version that goes with it');
is($out, "installing 1 packages for perl\n", 'in a line');
like(slurp("$dir/done"), qr/--no-install-recommends .* install perl perl=1$/,
     'is what is installed');
like(slurp("$dir/build/deps.log"), qr/^many lines$/m, 'a log has the rest');

done_testing;

sub deps { return run('sh', "$dir/t/tools/deps.sh", @_) }

sub program {
    my ($name, $text) = @_;

    spew("$dir/bin/$name", "#!/bin/sh\n$text\n");
    chmod 0755, "$dir/bin/$name";
}
