#!/usr/bin/perl

# The directives in C and the headings of docs/directives.md are the same,
# both ways, and so are their contexts, the parameters of a bucket, and the
# formats with their codecs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Util qw(root slurp);

# a table of commands says where its directives stand, or its block does
my %context = (NGX_RTMP_MAIN_CONF => 'rtmp', NGX_RTMP_SRV_CONF => 'server',
               NGX_RTMP_APP_CONF => 'application',
               NGX_HTTP_MAIN_CONF => 'http', NGX_HTTP_SRV_CONF => 'server',
               NGX_HTTP_LOC_CONF => 'location');

my %code;

for my $file (map { glob root() . $_ } '/src/*.c', '/src/*/*.c') {
    my $source = slurp($file);

    while ($source =~ /ngx_command_t\s+(\w+)\[\]\s*=\s*\{(.*?)
                       ngx_null_command/sgx)
    {
        my ($table, $commands) = ($1, $2);
        my ($block) = $table =~ /^ngx_recording_(\w+)_commands$/;

        while ($commands =~ /\{\s*ngx_string\("(\w+)"\),\s*([\w|\s]+),/g) {
            my ($name, $type) = ($1, $2);
            my @found = map { $context{$_} || () } $type =~ /\w+/g;
            push @{ $code{$name} }, $block ? "record_$block" : (), @found;
        }

        is(scalar(() = $commands =~ /ngx_string/g),
           scalar(() = $commands =~ /\{\s*ngx_string\("\w+"\),/g),
           "$table is understood");
    }
}

# a directive may stand in several tables
$_ = join ', ', sort { $a =~ /^record_/ <=> $b =~ /^record_/ } @$_
    for values %code;

my (%docs, %twice);

for my $section (split /^(?=## )/m, slurp(root() . '/docs/directives.md')) {
    my ($name) = $section =~ /^## (\w+)\n/ or next;
    $twice{$name}++ if $docs{$name};

    my ($syntax, $default, $where) = $section =~
        /^\ {4}Syntax:\s+(.+)\n\ {4}Default:\s+(.+)\n
         \ {4}Context:\s+(.+)\n/mx;

    $docs{$name} = $where || 'none';
    like($syntax || '', qr/^\Q$name\E(?: .*)?(?:;|\{ \.\.\. \})$/,
         "$name: syntax");
    like($default || '', qr/^(?:-|\Q$name\E .+[;}])$/, "$name: default");
}

cmp_ok(scalar keys %code, '>=', 8, 'there are directives');
is_deeply(\%docs, \%code, 'the docs have what the code has, and no more');
is(join(' ', keys %twice), '', 'each once');

# --- parameters of a bucket: the table, the docs, and what a message says

my $bucket = slurp(root() . '/src/rtmp/ngx_recording_conf_bucket.c');
my ($args) = $bucket =~ /^\s+ngx_recording_conf_bucket_args\[.*?\{(.*?)
                         ngx_null_string/msx;
my @args = $args =~ /\{\s*ngx_string\("(\w+)"\)/g;
my %required = map { $_ => 1 }
               $args =~ /\{\s*ngx_string\("(\w+)"\),\s\d,\s\d,\s1,/gx;
my ($parameters) = slurp(root() . '/docs/directives.md')
                   =~ /^## record_bucket\n(.*?)^## /ms;
my @described = $parameters =~ /^\| `(\w+)` \| /mg;
my ($known) = $bucket =~ /record_bucket, known are (.*?)"\s*,/s;

is(join(' ', @described), join(' ', @args), 'parameters of record_bucket');
is($known =~ s/"\s*"//gr, join(', ', @args[0 .. $#args - 1])
   . " and $args[-1]", 'and those that a message names');
is(join(' ', sort $parameters =~ /^\| `(\w+)` \| [^|]+ \| required \| /mg),
   join(' ', sort keys %required), 'which are required');

# --- formats: the table, and what the directive takes

my ($table) = slurp(root() . '/src/format/ngx_recording_formats.c')
              =~ /^\s+ngx_recording_formats\[.*?\{(.*?)NULL/ms;
my %codecs;

for my $source (map { slurp($_) } glob root() . '/src/format/*.c') {
    my ($name, $codecs) = $source =~
        /^const\ ngx_recording_format_t\s.*?=\s\{\s*\w+,\s*"(\w+)",
         \s*\S+,\s*(.*?),\n/msx or next;
    my @names = $codecs =~ /NGX_RECORDING_CODEC_(\w+)/g;
    $codecs{$name} = join(' ', sort @names) || 'any';
}

my @formats = map { "$_: " . ($codecs{$_} || 'none') }
              $table =~ /&ngx_recording_format_(\w+)/g;
my ($section) = slurp(root() . '/docs/directives.md')
                =~ /^## format\n(.*?)^## /ms;
my ($syntax) = $section =~ /^ {4}Syntax: +format ([^\[]+?) \[/m;
my @rows;

while ($section =~ /^\| `(\w+)` \| \S+ \| ([^|]+?) \|/mg) {
    my ($name, $takes) = ($1, $2);
    push @rows, "$name: " . join ' ', sort split /, /, $takes =~ s/\.//gr;
}

is(join("\n", @rows), join("\n", @formats), 'the table of formats');
is($syntax, join(' | ', map { /^(\w+)/ } @formats), 'syntax of format');

done_testing();
