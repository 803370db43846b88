#!/usr/bin/perl

# A stream that ends before the catalogue has said what holds for it is
# recorded, however it ends: its frames wait, and its name is kept with them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(wait_for);

my $flv = media(duration => 2, fps => 10, size => '160x90');
my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

# a call that hangs leaves no thread to look
$t->conf(<<'CONF')->start;
thread_pool default threads=1;
rtmp {
    record_store %%STORE%%;
    record_template one { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

# what a stream has that nothing holds up
my $whole = published('whole', sub { $_[0]->delete_stream->close });

for (['deleteStream', sub { $_[0]->delete_stream->close }],
     ['nothing', sub { $_[0]->close }]) {
    my ($name, $end) = @$_;

    $disk->set(armed => 1, only => '/catalogue.db');
    $disk->hold(1, on => [qw(open read write sync unlink truncate)]);
    wait_for('a call that hangs', 20, sub { $disk->held });

    my $row = published($name, $end, sub {
        is(scalar(my @none = $t->files(stream => $name)), 0,
           "$name: it has ended, and nothing is known of it");
        $disk->release;
        $disk->set(armed => 0, only => '');
    });

    is($row->{$_}, $whole->{$_}, "$name: $_")
        for qw(state app stream frames_in frames_written duration_ms);
}

$t->done;

# the row of a stream, with its name as it is in `whole`
sub published {
    my ($name, $end, $meanwhile) = @_;

    my $publisher = $t->publisher('live', $name);
    $publisher->send_flv($flv);
    $publisher->ping;
    $end->($publisher);
    $meanwhile->() if $meanwhile;

    my ($row) = $t->wait_files(1, stream => $name);
    is($row->{stream}, $name, "$name: its name");
    return { %$row, stream => 'any' };
}
