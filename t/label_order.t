#!/usr/bin/perl

# Two workers that write the label of a file at a time: it says what the row
# says, whichever of them is the last.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
$t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template t { format flv; expire 1h; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule t; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the store', 20, sub { eval { !$api->code('DescribeStore') } });

my $publisher = $t->publisher('live', 'a');
$publisher->send_flv(media(duration => 1, fps => 10, size => '160x90'));
$publisher->delete_stream->close;
my ($row) = $t->wait_files(1);

# the first one has read the row, and has not opened the file yet
$disk->set(armed => 1, only => '.flv');
$disk->hold(1, on => ['open']);
defined(my $pid = fork) or die "fork: $!";

if (!$pid) {
    expires('2099-01-01T00:00:00Z');
    POSIX::_exit(0);
}

wait_for('its label', 30, sub { $disk->held });
like($disk->held, qr/open.*\.flv/, 'one writes a label');
is(expires('9999-12-31T23:59:59Z'), '', 'for good, says another one');
is(($t->files)[0]{expire_us}, undef, 'and its row');
$disk->release;
waitpid $pid, 0;

$t->stop;
unlink glob $t->db . '*';
$t->start;
$t->allow(qr/the catalogue was missing/);
($row) = $t->wait_files(1);
is($row->{expire_us}, undef, 'and what is made of its label');

$t->done;

sub expires {
    my ($time) = @_;
    return $api->code('ModifyMediaInfo', { FileId => $row->{file_id},
                                           ExpireTime => $time });
}
