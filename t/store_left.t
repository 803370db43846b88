#!/usr/bin/perl

# A reload takes the store away: no configuration has it any more, so that no
# stream comes back to it.  The old workers finish what grows there at its end,
# and at once what waits, though it would wait for half an hour.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 2;
rtmp {
    %%RECORD%%
    record_template all {
        format flv resume=30m; format mp4 resume=30m; format hls resume=30m;
        format aac;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; %%RULE%% }
    }
}
CONF

my $flv = media(duration => 4, gop => 1, size => '160x90');
my @all = Recording::Rtmp::flv_messages($flv);

subtest 'another store' => sub {
    left('record_store %%DIR%%/second reserve=0;', 'record_rule all;') };
subtest 'no store' => sub { left('', '') };
subtest 'nothing is recorded' => sub {
    left('record_store %%STORE%% reserve=0;', '') };
subtest 'nothing grows' => \&idle;

Recording::Nginx->new->done;

sub nginx {
    my $t = Recording::Nginx->new;

    configure($t, 'record_store %%STORE%% reserve=0;', 'record_rule all;');
    return $t->start;
}

sub configure {
    my ($t, $record, $rule) = @_;

    $record =~ s/%%(\w+)%%/$1 eq 'DIR' ? $t->dir : $t->store/e;
    return $t->conf($conf, RECORD => $record, RULE => $rule);
}

sub paused {
    my ($t) = @_;

    for my $name (qw(one two)) {
        my $r = $t->publisher('live', $name);
        $r->send_flv(\@all);
        $r->delete_stream->close;
    }

    wait_for('files that wait', 20, sub {
        6 == $t->files(state => 'paused') });
}

sub left {
    my ($record, $rule) = @_;

    my $t = nginx();
    paused($t);

    my $r = $t->publisher('live', 'lives');
    $r->send_flv(\@all, to => 2000);
    $t->wait_growing(4, stream => 'lives');

    configure($t, $record, $rule)->reload;
    finished($t, 8, 'what waited is finished', qw(one two));
    is(scalar(() = $t->files(stream => 'lives', state => 'recording')), 4,
       'what grows goes on');

    $r->send_flv(\@all, from => 2000);
    $r->delete_stream->close;
    finished($t, 4, 'and is finished at its end', 'lives');
    wait_for('the old workers to go', 20, sub {
        2 == $t->worker_pids(all => 1) });
    is(scalar(() = glob $t->store . '/work/[0-9]*'), 0, 'nothing is left');
    $t->stop;
}

# workers without a stream have nothing else to stay for
sub idle {
    my $t = nginx();

    paused($t);
    configure($t, 'record_store %%DIR%%/second reserve=0;',
              'record_rule all;')->reload;
    finished($t, 8, 'what waited is finished', qw(one two));
    $t->stop;
}

sub finished {
    my ($t, $n, $what, @streams) = @_;

    my %wanted = map { $_ => 1 } @streams;
    my @rows = eval { wait_for($what, 20, sub {
        my @done = grep { $wanted{ $_->{stream} } && $_->{state} eq 'finished' }
                   $t->files;
        return @done == $n && \@done;
    }) };

    ok(@rows, $what) or diag(join ' ', map { "$_->{stream}:$_->{state}" }
                             $t->files);

    for my $row (@rows ? @{ $rows[0] } : ()) {
        my $problem = join "\n", Recording::Exact::compare(pushed => [$flv],
            files => [ $t->path($row) ]);
        is($problem, '', "$row->{stream}: $row->{format} is exact")
            if $problem;
        is($row->{recovered}, 0, "$row->{format} is none that was recovered")
            if $row->{recovered};
    }
}
