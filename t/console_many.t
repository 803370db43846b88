#!/usr/bin/perl

# The console's library in Chromium, with 10,000 files.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Console;
use Recording::Nginx;
use Recording::Past;

my $why = Recording::Console::missing();
plan skip_all => $why if $why;

my $files = 10_000;
my $t = Recording::Nginx->new;
my $server = Recording::Console::server(1);

$t->conf(<<"CONF")->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=1m;
    server { listen 127.0.0.1:%%PORT_0%%; application live { live on; } }
}
http { $server }
CONF

Recording::Past::fill($t, $files);
Recording::Console::drive('many.js', {
    base => 'http://127.0.0.1:' . $t->port(1), files => $files });

$t->done;
