#!/usr/bin/perl

# A worker, or all of nginx, ends at each stage of a delivery: the file arrives
# all the same, an upload in parts goes on with the parts that are missing, and
# nothing is left of one that was broken off.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Delivery;
use Recording::Util qw(not_tested wait_for within);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $d = Recording::Delivery->new(workers => 2);
my ($t, $fault) = ($d->nginx, $d->fault);
my ($small, $large) = ($d->small, $d->large);
$t->allow(qr/worker process \d+ exited on signal 9/);

# the stages: at which request, of what
my @stages = (
    [ 'is looked for', one => $small, HEAD => '' ],
    [ 'is sent', one => $small, PUT => '' ],
    [ 'in parts is begun', one => $large, POST => qr/uploads/ ],
    [ 'in parts is sent', one => $large, PUT => qr/partNumber=2/ ],
    [ 'in parts is complete', one => $large, POST => qr/uploadId/ ],
    [ 'in parts is looked for', one => $large, HEAD => '', 1 ],
    [ 'in segments is sent', list => $small, PUT => qr/00001\.ts/ ],
    [ 'in segments is ended', list => $small, PUT => qr/m3u8/ ],
);

# the answer to it never comes, and who waits for it is killed: in turn, or both
# if TEST_FULL is set
my @killed = ([ 'a worker is killed' => \&worker ],
              [ 'nginx is killed' => \&all ]);

for my $i (0 .. $#stages) {
    my ($what, @stage) = @{ $stages[$i] };
    ends("$_->[0]: what $what", $_->[1], @stage)
        for $ENV{TEST_FULL} ? @killed : $killed[$i % 2];
}

ends('a fast stop', sub { $t->terminate; $t->start },
     one => $large, PUT => qr/partNumber=2/);
ends('a graceful stop', \&stopped, one => $large, PUT => qr/partNumber=2/);
ends('a reload', sub { $t->reload }, one => $large, PUT => qr/partNumber=2/);

subtest 'it goes on with the parts that are missing' => sub {
    $fault->clear;
    $fault->on(PUT => qr/partNumber=3/, hang => 0);
    my $name = $d->published('one', $large);
    wait_for('parts', 30, sub {
        my @parts = grep { ($_->{status} || 0) == 200 }
                    $fault->requests(qr/^PUT .*$name.*partNumber=[12]&/);
        return @parts == 2
            && $fault->requests(qr/^PUT .*$name.*partNumber=3/);
    });
    $fault->clear;
    all();
    $d->arrived($name);

    my @parts = map { $_->{target} =~ /partNumber=(\d)/ }
                $fault->requests(qr/^PUT .*$name.*partNumber/);
    is(join(' ', sort @parts), '1 2 3 3', 'only one was sent again');
    my @begun = $fault->requests(qr/^POST .*$name.*uploads/);
    is(scalar(@begun), 1, 'in one upload');
};

subtest 'a request of one that was killed comes late' => sub {
    $fault->clear;
    $fault->on(PUT => qr/partNumber=2/, hang => 'answer', times => 0);
    my $name = $d->published('one', $large);
    wait_for('a part', 30,
             sub { $fault->requests(qr/^PUT .*$name.*partNumber=2/) });
    $fault->clear;
    $fault->on(POST => qr/uploadId/, delay => 6);
    all();
    wait_for('the end', 30,
             sub { $fault->requests(qr/^POST .*$name.*uploadId/) });
    $d->{s3}->request('POST', 'films', "$name.flv", query => { uploads => '' });
    wait_for('another upload alone', 20,
             sub { 1 == $d->{s3}->uploads('films') });
    $d->arrived($name);
};

$d->done;

sub ends {
    my ($what, $end, $app, $media, $method, $target, $skip) = @_;

    subtest $what => sub {
        $fault->clear;
        my $seen = $fault->requests(qr/./);
        $fault->on($method, $target, hang => 'answer', times => 0,
                   skip => $skip || 0);
        my $name = $d->published($app, $media);
        wait_for('the request', 30, sub {
            my @all = $fault->requests(qr/./);
            splice @all, 0, $seen;
            return grep { $_->{did} } @all;
        });
        $end->();
        $fault->clear;
        $d->arrived($name);
    };
}

sub worker {
    my ($pid) = map { $_->{owner} =~ /(\d+)/ } $t->catalogue(
        "SELECT owner FROM outbox WHERE state = 'taken'");
    my ($victim) = grep { $_ == $pid } $t->worker_pids;
    ok($victim, 'who delivers it') or ($victim) = $t->worker_pids;
    kill KILL => $victim;
}

sub all {
    $t->kill9;
    $t->start;
}

sub stopped {
    my $begun = time;
    $t->stop;
    cmp_ok(time - $begun, '<', within(15), 'nobody waits for it');
    my ($row) = $t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'"
                              . " AND state <> 'done'");
    is($row->{state}, 'waiting', 'it was given back');
    is($row->{attempts}, 0, 'and not tried');
    like($row->{progress}, qr/"upload_id":"./, 'it can go on');
    $t->start;
}
