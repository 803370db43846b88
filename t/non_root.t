#!/usr/bin/perl

# Tests that need root say so loudly when they are run by another user: what
# was not tested must not look like what was.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp ();
use Test::More;

use Recording::Util qw(root run slurp);

my $dir = File::Temp->newdir('recording-nobody-XXXXXX', TMPDIR => 1);
chmod 0777, $dir;

# who runs this, or nobody
my @as = $> == 0 ? qw(setpriv --reuid=nobody --regid=nogroup --clear-groups)
                 : ();

plan skip_all => 'another user cannot read the sources'
    if (run(@as, 'test', '-r', root() . '/t/lib/Recording/Util.pm'))[0];

for my $test (qw(full_disk reserve readme store_look)) {
    my ($status, $out, $err) = run(@as, 'env', "TMPDIR=$dir", $^X, '-I',
        root() . '/t/lib', root() . "/t/$test.t");

    is($status, 0, "$test is no failure") or diag $err;
    like($out, qr/^1\.\.0 # SKIP/m, "$test is skipped");
    like($err, qr/^# NOT TESTED in $test\.t: /m, 'and says so aloud');
}

# every place that looks whether it is root
my @silent = grep { my $text = slurp($_);
                    $text =~ /\$> != 0/ && $text !~ /not_tested/ }
             glob(root() . '/t/*.t'), glob root() . '/t/lib/Recording/*.pm';
is("@silent", '', 'no other test skips in silence');

done_testing();
