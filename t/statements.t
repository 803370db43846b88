#!/usr/bin/perl

# Statements of the catalogue: each is run somewhere, and where it is named
# with its values these fit the letters of its row.  A statement that rarely
# runs would tell of one that does not fit too late.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Util qw(root slurp);

my $folder = root() . '/src/catalogue';
my %row = join('', map { slurp("$folder/ngx_recording_$_") }
                       qw(catalogue_sql.c catalogue_search_sql.h
                          policy_sql.h callback_sql.h expire_sql.h edit_sql.h
                           keep_sql.h label_sql.h))
          =~ /^\s*\[NGX_RECORDING_SQL_(\w+)\] = \{ "(\w*)",/mg;
my ($enum) = slurp("$folder/ngx_recording_catalogue_sql.h")
             =~ /^typedef enum \{(.*?)^\} ngx_recording_sql_e;/ms;
my @names = grep { $_ ne 'S' } $enum =~ /^\s+NGX_RECORDING_SQL_?(\w+)/mg;

cmp_ok(@names, '>', 20, 'statements are there');
is(join(' ', sort keys %row), join(' ', sort @names), 'a row for each name');

my %letter = (int => 'i', text => 't', str => 't', bytes => 't',
              null => 'N');
my ($calls, %used);

for my $path (sort glob "$folder/*.c") {
    my ($file) = $path =~ m{([^/]+)$};
    my $code = slurp($path);

    next if $file eq 'ngx_recording_catalogue_sql.c';

    $code =~ s{/\*.*?\*/}{}gs;
    $used{$_} = 1 for $code =~ /\bNGX_RECORDING_SQL_(\w+)/g;

    while ($code =~ /\bngx_recording_sql_(?:run|query)(\((?:[^()]|(?1))*\))/g) {
        my $arguments = $1;
        my ($name) = $arguments =~ /\bNGX_RECORDING_SQL_(\w+)/ or next;

        my ($values) = $arguments =~ /\bNGX_RECORDING_SQL_\w+,?(.*)\)$/s;
        my $got = letters($code, $values, pos $code);

        like($got, fits($row{$name} // '-'), "$file: $name($row{$name})");
        $calls++;
    }
}

cmp_ok($calls, '>', 20, 'calls are found');
is(join(' ', grep { !$used{$_} } sort @names), '', 'each is run');

done_testing();

# a letter for each value; a value in a variable is what was written to it last
sub letters {
    my ($code, $values, $end) = @_;

    my $letters = '';

    for my $value (split /,(?![^(]*\))/, flat($values)) {
        $value =~ s/^\s+|\s+$//g;

        if ($value =~ /^(\w+)$/) {
            my ($last) = substr($code, 0, $end) =~ /.*\b$1 = ([^;]+);/s;
            $value = $last || '';
        }

        my @kinds = grep { $letter{$_} }
                    $value =~ /\bngx_recording_sql_(\w+)/g;

        $letters .= $value =~ /_catalogue_sql_stream\b/ ? 'tttttt'
                    : @kinds == 1 ? $letter{ $kinds[0] }
                    : @kinds == 2 && $kinds[1] eq 'null'
                      ? uc $letter{ $kinds[0] } : '?';
    }

    return $letters;
}

# without what stands in parentheses of parentheses: no comma of a call is left
sub flat {
    my ($text) = @_;

    1 while $text =~ s/\(((?:[^()]|\([^()]*\))*),((?:[^()]|\([^()]*\))*)\)
                      /($1;$2)/x;
    return $text;
}

# a row's letters: a capital takes what may be NULL, another does not
sub fits {
    my ($letters) = @_;

    my $fits = join '', map { $_ eq lc $_ ? $_ : '[N' . lc($_) . "$_]" }
                        split //, $letters;
    return qr/^$fits$/;
}
