#!/usr/bin/perl

# The table of "make mutants" fits the code: what it changes is there, once.
# Whether the tests see it is another matter, which takes minutes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp ();
use Test::More;

use Recording::Util qw(root run slurp spew);

my $run = root() . '/t/mutants/run.pl';
my $table = slurp(root() . '/t/mutants/table');
my $dir = File::Temp->newdir('recording-mutants-XXXXXX', TMPDIR => 1);

my ($status, $out, $err) = run($^X, $run, '--check');
is($status, 0, 'every mutation is found') or diag $out . $err;
my ($n) = $out =~ /^(\d+) mutations are found/m;
cmp_ok($n || 0, '>=', 40, 'they are many');

my @tests = map { split } $table =~ /^tests: (.*)/gm;
is(join(' ', grep { my $file = m{^unit/} ? "$_.c" : $_;
                    !-e root() . "/t/$file" } @tests), '',
   'their tests are there');

# one that is not found any more fails the run, as does one that is ambiguous
for my $case ([ 'no such text anywhere', qr/its text is not found/ ],
              [ 'ngx_int_t  rc;', qr/its text is found more than once/ ]) {
    my ($from, $why) = @$case;

    spew("$dir/table", $table =~ s/^from: .*/from: $from/mr);
    ($status, $out) = run($^X, $run, '--check', "$dir/table");
    is($status, 1, "from: $from");
    like($out, $why, 'is said');
}

# two that no line parts would be one
spew("$dir/table", $table =~ s/^(tests: .*\n)\n/$1/mr);
($status, undef, $err) = run($^X, $run, '--check', "$dir/table");
isnt($status, 0, 'without the line between two');
like($err, qr/one field is there twice/, 'is said');

# what is no option is no directory to be built in either
for my $args (['--help'], ['--check', '--help'], ["$dir", '--help']) {
    ($status, $out, $err) = run($^X, $run, @$args);
    isnt($status, 0, "@$args[-1]: refused");
    like($err, qr/^usage: /, 'with a usage line');
}

done_testing();
