#!/usr/bin/perl

# Mutations of the code that tests must see: each line of the table changes
# one place, and one of the tests that it names must fail.
#
#     t/mutants/run.pl BUILD              all of them
#     t/mutants/run.pl BUILD name ...     these ones
#     t/mutants/run.pl --check [TABLE]    only whether all of them are found
#
# All is done in a copy of the sources below BUILD.  A mutation is found by its
# text, in the file that is named, or in another one if it has moved; one that
# is not found, or found twice, fails the run, as does one that does not
# compile.  Every test must pass without any mutation first.
#
# The table t/mutants/table has blocks of lines:
#
#     name: what it breaks
#     in: file below src/
#     from: text, on one line
#     to: text
#     tests: unit/NAME name.t ...

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use Time::HiRes qw(time);

$| = 1;

# a mutation must not be met by chance only
$ENV{TEST_FULL} = 1;

my ($build, @names) = @ARGV;
die "usage: run.pl BUILD [name ...]\n       run.pl --check [TABLE]\n"
    if !$build || $build =~ /^-/ && $build ne '--check'
       || grep { /^-/ } @names;

my $root = abs_path("$FindBin::Bin/../..");
my $check = $build eq '--check';
my $table = $check && @names ? shift @names : "$FindBin::Bin/table";
$build = $check ? '' : abs_path($build);

my $tree = "$build/mutants/tree";
my $log = "$build/mutants/log";
my @table = table($table);

if (@names) {
    my %wanted = map { $_ => 1 } @names;
    @table = grep { $wanted{ $_->{name} } } @table;
    die "no such mutation\n" if @table != keys %wanted;
}

copy() if !$check;

my @failed;
my %source = map { $_ => slurp($_) }
             map { glob(($check ? $root : $tree) . $_) }
             '/src/*.c', '/src/*/*.[ch]';

# a mutation without its text is found before anything takes time
place($_) for @table;
finish() if @failed || $check;

my %tests = map { $_ => 1 } map { @{ $_->{tests} } } @table;
printf "%d mutations, %d tests\n", scalar @table, scalar keys %tests;

# the unit tests do without the module
die "the module is not built, see $log\n"
    if (grep { !m{^unit/} } keys %tests) && built('all');

for my $test (sort keys %tests) {
    my $how = test($test);
    push @failed, "$test: $how without a mutation" if $how ne 'ok';
}

finish() if @failed;
mutate($_) for @table;
finish();

# --- a mutation

sub mutate {
    my ($m) = @_;

    my $start = time;
    my $text = $source{ $m->{path} };

    substr $text, $m->{at}, length $m->{from}, $m->{to};
    spew($m->{path}, $text);

    my ($by, $broken);

    for my $test (@{ $m->{tests} }) {
        my $how = $test =~ m{^unit/} ? '' : built('all');
        $how = $how ? 'does not compile' : test($test);

        $broken = 1 if $how eq 'does not compile';
        $by = $test if $how eq 'fails';
        last if $broken || $by;
    }

    spew($m->{path}, $source{ $m->{path} });

    printf "%-9s %s%s, %.0f s\n", $broken ? 'BROKEN' : $by ? 'caught'
        : 'NOT SEEN', $m->{name}, $by ? " ($by)" : '', time - $start;
    push @failed, $broken ? "$m->{name} does not compile"
                          : "$m->{name} is not seen by @{ $m->{tests} }"
        if !$by;
}

sub place {
    my ($m) = @_;

    my @where = grep { count($source{$_}, $m->{from}) } keys %source;
    my @named = grep { m{/\Q$m->{in}\E$} } @where;

    @where = @named if @named;

    return push @failed, "$m->{name}: its text is not found" if !@where;
    return push @failed, "$m->{name}: its text is found more than once"
        if @where > 1 || count($source{ $where[0] }, $m->{from}) > 1;

    $m->{path} = $where[0];
    $m->{at} = index $source{ $where[0] }, $m->{from};
}

sub count {
    my ($text, $part) = @_;
    return scalar(() = $text =~ /\Q$part\E/g);
}

# --- building and testing

# sources and tests of their own; what takes long to get is shared
sub copy {
    system('mkdir', '-p', "$tree/build") == 0 or die "mkdir $tree\n";

    for my $what (qw(src t docs config Makefile README.md LICENSE)) {
        system("rm -rf '$tree/$what' && cp -a '$root/$what' '$tree/'") == 0
            or die "copy $what\n";
    }

    # what the last run made of a mutation is newer than the source
    system('rm', '-rf', map { "$tree/build/$_" } qw(debian lib unit));

    for my $what (qw(src media apt bench fuzz .gitignore)) {
        symlink "$build/$what", "$tree/build/$what"
            if -e "$build/$what" && !-e "$tree/build/$what";
    }
}

# '' or why not
sub built {
    my ($target) = @_;

    return '' if system("make -C '$tree' '$target' > '$log' 2>&1") == 0;
    return 'does not compile';
}

# ok, fails, or does not compile
sub test {
    my ($test) = @_;

    if ($test =~ m{^unit/}) {
        return 'does not compile' if built("$tree/build/$test");
        return system("cd '$tree' && timeout 120 build/$test > '$log' 2>&1")
               == 0 ? 'ok' : 'fails';
    }

    return system("cd '$tree' && timeout 1200 prove -I t/lib t/$test"
                  . " > '$log' 2>&1") == 0 ? 'ok' : 'fails';
}

sub finish {
    print map { "FAILED: $_\n" } @failed;
    printf "%d %s\n", @failed ? (scalar @failed, 'failed')
        : (scalar @table, 'mutations are ' . ($check ? 'found' : 'caught'));
    exit(@failed ? 1 : 0);
}

# --- files

sub table {
    my ($file) = @_;

    my @blocks = split /\n\s*\n/, slurp($file) =~ s/^#.*\n//gmr;
    my (@table, %seen);

    for my $block (@blocks) {
        my @lines = $block =~ /^(name|in|from|to|tests): ?(.*)$/gm or next;
        my %m = @lines;

        die "$file: one field is there twice in:\n$block\n"
            if @lines != 2 * keys %m;

        for my $field (qw(name in from to tests)) {
            die "$file: no $field in:\n$block\n"
                if !defined $m{$field} || ($field ne 'to' && $m{$field} eq '');
        }

        die "$file: $m{name} is there twice\n" if $seen{ $m{name} }++;
        $m{tests} = [ split ' ', $m{tests} ];
        push @table, \%m;
    }

    return @table;
}

sub slurp {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return <$in>;
}

sub spew {
    my ($file, $text) = @_;

    open my $out, '>', $file or die "$file: $!\n";
    print $out $text;
    close $out or die "$file: $!\n";
}
