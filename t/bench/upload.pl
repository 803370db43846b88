#!/usr/bin/perl

# make bench-upload: prints what delivery to a bucket costs a worker process,
# over http and https: its time of CPU, threads included.
#
#   BENCH_UPLOAD=1024  MB that are uploaded

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use List::Util qw(sum0);
use Test::More ();
use Time::HiRes qw(time);

use Recording::Certificates;
use Recording::Gateway;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(slurp wait_for);

# the test library's checks are heard only when they fail
Test::More->builder->output('/dev/null');
Test::More->builder->no_ending(1);
$| = 1;

my $missing = Recording::Gateway->missing;
die "bench-upload: $missing\n" if $missing;

my $flv = media(duration => 4, fps => 5, gop => 1, key_bytes => 4_000_000);
my $files = int(1 + ($ENV{BENCH_UPLOAD} || 1024) * (1 << 20) / -s $flv);
my $ca = Recording::Certificates->new;
my $gateway = Recording::Gateway->new(tls => [ $ca->issue('gateway',
    san => 'IP:127.0.0.1') ]);
my $s3 = $gateway->s3;
$gateway->bucket('films');

print "to        MB   seconds   user s   system s   CPU s/GB\n";
printf "%-6s %5d %9.1f %8.2f %10.2f %10.2f\n", @$_
    for map { measured(@$_) } [ http => $gateway->port ],
                              [ https => $gateway->tls_port ];

$gateway->stop;
exit(Test::More->builder->is_passing ? 0 : 1);

# the files are there before the bucket can be used
sub measured {
    my ($scheme, $port) = @_;

    my $t = Recording::Nginx->new;
    my $credentials = $gateway->credentials($t->dir . '/credentials');

    $t->conf(<<'CONF', CA => $ca->file, URL => "$scheme://127.0.0.1:$port",
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_trusted_certificate %%CA%%;
    record_bucket archive {
        endpoint %%URL%%;
        bucket films;
        credentials %%FILE%%;
    }
    record_template one { format flv; path '{StreamID}'; upload archive; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 8m;
        application live { live on; record_rule one; }
    }
}
CONF
        FILE => $credentials)->start;

    unlink $credentials;
    push_to($t, $_) for 1 .. $files;
    $t->wait_files($files, _timeout => 120);

    my ($worker) = $t->worker_pids;
    my ($begun, @before) = (time, times_of($worker));
    $gateway->credentials($credentials);

    wait_for('deliveries', 600, sub {
        my ($row) = $t->catalogue("SELECT count(*) AS n FROM outbox WHERE"
                                  . " kind = 'upload' AND state = 'done'");
        return $row->{n} == $files;
    });

    my @after = times_of($worker);
    my $took = time - $begun;
    my ($user, $system) = map { $after[$_] - $before[$_] } 0, 1;
    my $size = sum0 map { $_->{size} } $t->files;

    $t->stop;
    $s3->delete('films', $_) for $s3->keys('films');

    return [ $scheme, $size / (1 << 20), $took, $user, $system,
             ($user + $system) * (1 << 30) / $size ];
}

sub push_to {
    my ($t, $name) = @_;

    my $r = $t->publisher('live', $name);
    $r->send_flv($flv);
    $r->delete_stream->close;
    return;
}

# user and system time of a process and its threads, s
sub times_of {
    my ($pid) = @_;

    my @fields = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //r;
    return map { $_ / 100 } @fields[11, 12];
}
