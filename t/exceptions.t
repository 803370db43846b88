#!/usr/bin/perl

# The table of exceptions and the documentation say the same: each number with
# its sentence, and each message that has a number with the level of that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Util qw(root slurp);

my %level = (NGX_LOG_ERR => 'error', NGX_LOG_WARN => 'warn',
             NGX_LOG_NOTICE => 'notice');

my $table = slurp(root() . '/src/core/ngx_recording_exception.c');
my $docs = slurp(root() . '/docs/operations.md');

my %exception = map { $_->[2] => { name => $_->[1], level => $level{ $_->[3] },
                                   sentence => $_->[4] } }
    map { /^(\w+)\] = \{\s*"(\w+)", (-\d+), (NGX_LOG_\w+),\s*"(.*?)"\s*\}/s
          ? [ $1, $2, $3, $4, $5 =~ s/"\s*"//gr ] : () }
    split /\[NGX_RECORDING_EXCEPTION_/, $table;

cmp_ok(scalar keys %exception, '>', 5, 'exceptions');
is(scalar(() = $table =~ /\[NGX_RECORDING_EXCEPTION_\w+\] = \{/g),
   scalar keys %exception, 'each has a number of its own');

# --- the numbers

my ($numbers) = $docs =~ /^The exceptions have numbers:\n\n(.*?)\n\n/ms;
my %documented = $numbers =~ /^\| (-\d+) \| (.*?) \|$/mg;

is_deeply(\%documented, { map { $_ => $exception{$_}{sentence} }
                          keys %exception }, 'the documented ones');

# --- the messages

my %said;

for my $line ($docs =~ /^(\| .*\bexception -\d.*)$/mg) {
    my (undef, $message, $level) = split /\s*\|\s*/, $line;

    for my $number ($message =~ /(?<=exception |or )(-\d+)\b/g) {
        $said{$number}++;
        is($exception{$number} && $exception{$number}{level}, $level,
           "level of: $message");
    }
}

is(join(' ', sort keys %said), join(' ', sort keys %exception),
   'each has a message');

# --- the code: a number stands in the table alone

my @strange = grep { !m{/ngx_recording_exception\.c$}
                     && slurp($_) =~ /exception (?:-\d|%[di])[^%]*"\s*[,)]/ }
    glob root() . '/src/*/*.c';
@strange = grep { !m{/ngx_recording_notice\.c$} } @strange;

is("@strange", '', 'no number in other texts');

done_testing();
