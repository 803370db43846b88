#!/usr/bin/perl

# The configuration of the README works as it stands there, in Debian's
# /etc/nginx.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Util qw(not_tested root run slurp spew);

my $debian = '/etc/nginx/nginx.conf';

plan skip_all => not_tested('needs root, as nginx -t does there')
    if $> != 0;
plan skip_all => "there is no $debian of Debian's" if !-e $debian
    || slurp($debian) !~ m{include /etc/nginx/modules-enabled/\*\.conf;};

my $t = Recording::Nginx->new;
my $dir = $t->dir;
my $readme = slurp(root() . '/README.md');
my %block = $readme =~ m{```nginx\n\# /etc/nginx/(\S+)\n(.*?)```}sg;

is(join(' ', sort keys %block), 'conf.d/recording.conf rtmp.conf', 'blocks');

my ($include) = $readme =~ m{`echo '(include [^']+)' \| sudo tee -a $debian`};
is($include, 'include /etc/nginx/rtmp.conf;', 'what includes one of them');

# in a copy of /etc/nginx; the module as make install enables it
run('cp', '-rL', '/etc/nginx', "$dir/etc");
unlink glob "$dir/etc/conf.d/*";
unlink glob "$dir/etc/sites-enabled/*";
spew("$dir/etc/$_", $block{$_}) for keys %block;
spew("$dir/etc/modules-enabled/60-mod-rtmp-recording.conf",
     join '', map { "load_module $_;\n" } ($t->modules)[-1]);

my $conf = slurp("$dir/etc/nginx.conf") . "$include\n";
$conf =~ s{/etc/nginx/}{$dir/etc/}g;
$conf =~ s{^pid .*}{pid $dir/nginx.pid;}m;
$conf =~ s{/var/log/nginx/}{$dir/}g;
spew("$dir/etc/nginx.conf", $conf);

# nginx-rtmp keeps its own log where nginx was built to
my ($status, undef, $err) = run($t->binary, '-t', '-c',
                                "$dir/etc/nginx.conf", '-e', "$dir/error");
is($status, 0, 'nginx -t');
is(join("\n", grep { !/syntax is ok|test is successful/ } split /\n/, $err),
   '', 'and no warning');

# the least, with the modules of the last block before it
my ($least) = $readme =~ m{```nginx\n(rtmp \{.*?)```}s;
my ($load) = $readme =~ m{```nginx\n((?:load_module .*\n)+)```};
is(join(' ', $load =~ m{modules/(\w+)\.so;}g),
   'ngx_rtmp_module ngx_rtmp_recording_module', 'modules in their order');
($status, $err) = $t->test_conf($least);
is($status, 0, 'the least') or diag $err;

$t->done;
