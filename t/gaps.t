#!/usr/bin/perl

# A publisher whose timestamps jump on and on: of a file's gaps the first
# 1,000 are kept with their places, also when it is recovered, and the others
# are counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::XS qw(decode_json);
use List::Util qw(sum0);
use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template gaps { format flv resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule gaps; }
    }
}
CONF

# every frame is a key frame, and before each the timestamps jump
my @keys = Recording::Rtmp::flv_messages(media(duration => 44, fps => 25,
    gop => 0.04, size => '64x48', audio => 0));
my $jumps = grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 } @keys;
my $by = 0;

my $r = Recording::Rtmp->new(port => $t->port);
$r->connect(app => 'live');
$r->publish('gaps');
$r->send_flv(\@keys, map => sub {
    my $m = $_[0];
    $by += 11_000 if $m->[0] == 9 && ord(substr $m->[2], 1) == 1;
    $m->[1] += $by;
    return $m;
});

# those before the first frame and the second one are none
my $gaps = $jumps - 2;
cmp_ok($gaps, '>', 1050, 'more than a file keeps');

$r->delete_stream->close;

wait_for('a file that waits', 30,
         sub { return 1 == $t->files(state => 'paused') });

check($t->files);

# the journal has them for whoever finishes the file
$t->kill9;
$t->start;

$t->catalogue("UPDATE files SET resume_us = 1");
check($t->wait_files(1));

$t->done;

sub check {
    my ($row) = @_;

    my @gaps = @{ decode_json($row->{gaps}) };
    my $more = pop @gaps;

    is(scalar @gaps, 1000, 'gaps with their places');
    is($more->{more}, $gaps - 1000, 'and a number of others');
    cmp_ok(abs(sum0(map { $_->{gap_ms} } @gaps, $more) / $gaps - 11_000),
           '<', 100, 'the sum is true');
}
