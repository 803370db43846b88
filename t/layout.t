#!/usr/bin/perl

# Who may touch what: a folder includes and calls only those before it, each
# library and each foreign header has its place, a function that runs on a
# pool thread stays away from what belongs to the event loop, and sizes are
# kept.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Util qw(root slurp);

my @paths = map { glob root() . $_ } '/src/*.c', '/src/*/*.[ch]';
my %source = map { m{([^/]+)$} ? ($1 => slurp($_)) : () } @paths;
my %folder = map { m{([^/]+)/([^/]+)$} ? ($2 => $1) : () } @paths;

cmp_ok(scalar keys %source, '>', 20, 'sources are there');
is(scalar keys %source, scalar @paths, 'each name is there once');

# --- folders: in the order of config

my ($folders) = slurp(root() . '/config')
                =~ /^ngx_recording_folders="([\w\s\\]+)"$/m;
my @folders = ($folders =~ /\w+/g, 'src');
my %rank = map { $folders[$_] => $_ } 0 .. $#folders;
my %apart = (catalogue => ['format'], format => ['catalogue'],
             deliver => ['recorder'], api => ['recorder', 'deliver']);
my %home = map { my $file = $_; map { $_ => $file } public($source{$file}) }
           grep { /\.c$/ } keys %source;

# the console is no C
is(join(' ', sort grep { $_ ne 'console' } map { m{([^/]+)/?$} }
             grep { -d } glob root() . '/src/*'),
   join(' ', sort grep { $_ ne 'src' } @folders), 'folders of config');

for my $file (sort keys %source) {
    my $code = code($source{$file});
    my %sees = map { $_ => $folder{$_} }
               grep { $folder{$_} } $code =~ /^#include\s+"(\w+\.h)"/mg;
    $sees{$_} = $folder{ $home{$_} }
        for grep { $home{$_} } $code =~ /\b(ngx_r\w+)\b(?!\.h)/g;

    my $own = $folder{$file};
    my %apart = map { $_ => 1 } @{ $apart{$own} || [] };
    is(join(' ', grep { $rank{ $sees{$_} } > $rank{$own}
                        || $apart{ $sees{$_} } } sort keys %sees),
       '', "$own/$file: what is before it");
}

# --- no circle inside a folder, where X.c and X_part.c count as one with X.h

my %noun = map { $_ => noun($_) } keys %source;

for my $own (@folders) {
    my %next;

    for my $file (grep { $folder{$_} eq $own } sort keys %source) {
        my $code = code($source{$file});
        my @sees = ($code =~ /^#include\s+"(\w+\.h)"/mg,
                    map { $home{$_} || () } $code =~ /\b(ngx_r\w+)\b(?!\.h)/g);

        $next{ $noun{$file} }{ $noun{$_} } = 1
            for grep { ($folder{$_} || '') eq $own
                       && $noun{$_} ne $noun{$file} } @sees;
    }

    $_ = [ sort keys %$_ ] for values %next;

    my ($found) = grep { $_ } map { circle(\%next, [ $_ ]) } sort keys %next;
    is($found || '', '', "$own: no circle of files");
}

# --- a public function stands in the file of its header, and has its prefix

my %header;
$header{ $noun{$_} } .= code($source{$_}) for grep { /\.h$/ } keys %source;


for my $own (@folders) {
    my @strange = grep { my $noun = $noun{ $home{$_} };
                         $_ !~ /^\Q$noun\Es?(?:_|$)/
                         || $header{$noun} !~ /\b\Q$_\E\(/ }
                  grep { $folder{ $home{$_} } eq $own } sort keys %home;

    is("@strange", '', "$own: functions are named by their files");
}

# --- what may stand only in some files

my $conf = qr/^ngx_recording_conf\w*\.c$/;
my $job = qr/^ngx_recording_job\./;

my @places = (
    [ 'nginx-rtmp', qr/^#include\s+[<"]ngx_rtmp\w*\.h/m,
      qr/^(?:ngx_rtmp_recording_\w*module\w*\.[ch]|ngx_recording_conf\w*\.c)$/
    ],
    [ 'libav*', qr/^#include\s+[<"]lib(?:av|sw)\w+\//m, 'format' ],
    [ 'libav* functions', qr/\b(?:av|avio|avformat|avcodec)_\w+ ?\(/,
      'format' ],
    [ 'SQLite', qr/\bsqlite3|\bSQLITE_/,
      qr/^ngx_recording_sqlite(?:_\w+)?\.[ch]$/ ],
    [ 'jansson', qr/<jansson\.h>/,
      qr/^ngx_recording_(?:facts|api)\.h$/ ],
    [ 'expat', qr/<expat\.h>|\bXML_[A-Z]/, qr/^ngx_recording_xml\.c$/ ],
    [ 'the thread pool', qr/\bngx_thread_(?:pool\.h|task)/, $job ],
    [ 'a new thread pool', qr/\bngx_thread_pool_add\b/, $conf ],
    [ 'a thread', qr/\bpthread_create\b/, qr/^(?!)/ ],
    [ 'fields of the writer', qr/\bwriter->/, qr/^(?!)/ ],
    [ 'sockets', qr/\b(?:(?:socket|connect) ?\(|ngx_event_connect_peer\b)/,
      'net' ],
    [ 'HTTP', qr/["<]ngx_http/,
      qr/^ngx_(?:recording_http|recording_api|http_recording_api)\w*\.[ch]$/
    ],
);

for my $place (@places) {
    my ($what, $pattern, $where) = @$place;

    my @found = grep { code($source{$_}) =~ $pattern } sort keys %source;
    my @strange = grep { ref $where ? $_ !~ $where : $folder{$_} ne $where }
                  @found;
    is("@strange", '', "$what: only in its place");

    # a pattern that finds nothing at home would prove nothing
    isnt("@found", '', "$what: is in its place") if $where ne qr/^(?!)/;
}

# --- what a pool thread must not do, itself or by what it calls

my %body;

for my $file (grep { /\.c$/ } sort keys %source) {
    my %function = functions($source{$file});
    $body{$_} = { file => $file, text => code($function{$_}) }
        for keys %function;
}

# three folders as a whole, as their functions are called through tables, too;
# but for the loop's side of changes
my %off = map { $_ => 1 } qw(store catalogue format);
my @threads = grep { my $file = $body{$_}{file};
                     /_thread$/ || $off{ $folder{$file} || '' }
                     && $file ne 'ngx_recording_change.c' } sort keys %body;
cmp_ok(scalar @threads, '>', 10, 'functions for threads are found');

my $loop = qr/\b(?:ngx_log_error|ngx_log_debug\d|ngx_conf_log_error
                 |ngx_add_timer|ngx_del_timer|ngx_post_event|ngx_palloc
                 |ngx_pnalloc|ngx_pcalloc|ngx_create_pool|ngx_destroy_pool
                 |ngx_cycle|ngx_recording_job_post)\b/x;

for my $name (@threads) {
    my @bad;

    for my $called (reached($name)) {
        push @bad, "$called: $&" if $body{$called}{text} =~ $loop;
    }

    is("@bad", '', "$name keeps off the loop");
}

# --- headers: no circle

my %includes = map {
    $_ => [ $source{$_} =~ /^#include\s+"(ngx_recording_\w+\.h)"/mg ]
} keys %source;

is(circle(\%includes, [ $_ ]), '', "$_ includes what is below it")
    for grep { /\.h$/ } sort keys %source;

# --- sizes

for my $file (sort keys %source) {
    my @lines = split /\n/, $source{$file};
    my %function = functions($source{$file});

    my @problems = map { 'line ' . ($_ + 1) . ' is too long' }
                   grep { length $lines[$_] > 80 } 0 .. $#lines;

    my $long = $source{$file} =~ tr/\n//;
    push @problems, "$long lines" if $long >= 800;
    push @problems, 'tab or space at the end'
        if $source{$file} =~ /\t|[ ]$/m;
    push @problems, 'code that is switched off'
        if $source{$file} =~ /^#\s*if\s+0\b/m;

    for my $name (sort keys %function) {
        $long = $function{$name} =~ tr/\n//;
        push @problems, "$name has $long lines" if $long > 110;
    }

    is(join("\n", @problems), '', "$file: sizes");
}

done_testing();

# the functions that are not static
sub public {
    my ($text) = @_;

    my %function = functions($text);
    my %static = map { $_ => 1 } $text =~ /^static\b[^;{}()]*?(\w+)\(/mg;

    return grep { !$static{$_} } keys %function;
}

# without comments: they may name anything
sub code {
    my ($text) = @_;

    $text =~ s{/\*.*?\*/}{}gs;
    return $text;
}

# name => text, from the name in the first column to the closing brace
sub functions {
    my ($text) = @_;

    my %function;
    $function{$2} = $1
        while $text =~ /^((\w+)\([^;{}]*\)\n\{\n.*?^\}\n)/msg;

    return %function;
}

# a function and all of ours that it calls
sub reached {
    my ($name, $seen) = @_;

    $seen ||= {};
    return () if $seen->{$name}++ || !$body{$name};
    return ($name, map { reached($_, $seen) }
                   $body{$name}{text} =~ /\b(ngx_r\w+)\(/g);
}

# the file that another one is a part of, by the headers that are there
sub noun {
    my ($file) = @_;

    my $name = $file =~ s/\.[ch]$//r;

    for (my $noun = $name; $noun; $noun =~ s/_?[^_]*$//) {
        return $noun if $source{"$noun.h"} && !for_parts($noun);
    }

    return $name;
}

# whether a header is for the parts of another one, X_part.h of X.h: only
# those include it
sub for_parts {
    my ($name) = @_;

    my ($whole) = grep { $source{"$_.h"} } map { substr $name, 0, $_ }
                  reverse grep { substr($name, $_, 1) eq '_' }
                               1 .. length($name) - 1;
    return 0 if !$whole;

    return !grep { $source{$_} =~ /^#include\s+"$name\.h"/m
                   && !/^${whole}[_.]/ } keys %source;
}

# the way from a file back to itself, or nothing
sub circle {
    my ($next, $way) = @_;

    for my $file (@{ $next->{ $way->[-1] } || [] }) {
        return join ' > ', @$way, $file if grep { $_ eq $file } @$way;
        my $found = circle($next, [ @$way, $file ]);
        return $found if $found;
    }

    return '';
}
