#!/usr/bin/perl

# A program that ends at any moment of its runner: how is told, and its worker
# lives.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Library qw(library);
use Recording::Nginx;
use Recording::Program;

# the runner is held up between its looks, in which programs end
$ENV{WAIT_LATE} = 300;
$ENV{TEST_NGINX_PRELOAD} = join ' ', grep { $_ }
    $ENV{TEST_NGINX_PRELOAD}, library('late_wait');

my $t = Recording::Nginx->new(level => 'notice');
my $p = Recording::Program->new($t);

$t->conf(<<'CONF', TEST => $p->module)->start;
load_module %%TEST%%;
env WAIT_LATE;
events { }
test_programs %%DIR%%/orders;
rtmp { record_store %%STORE%%;
       server { listen 127.0.0.1:%%PORT_0%%;
                application live { live on; record_rule default; } } }
CONF

my ($worker) = $t->worker_pids;

ends('exit 0', 0, 'exited with 0');
ends('sleep 0.1', 0, 'exited with 0');
ends('sleep 0.1; exit 3', -1, 'exited with 3');
ends('sleep 0.1; kill -9 $$', -1, 'killed by signal 9');
ends('sleep 0.1; exec /nowhere', -1, 'exited with 127');
ends('(sleep 0.2; exit 4) & sleep 0.1; exit 5', -1, 'exited with 5');

is(($t->worker_pids)[0], $worker, 'the worker is the same');
$t->done;

sub ends {
    my ($text, $rc, $error) = @_;
    is_deeply($p->ended($p->sh($text)), [ $rc, $error ], $text);
}
