#!/usr/bin/perl

# A kill at whatever moment of a call leaves what it orders done or not done:
# what was answered is there, and each task that is there records its stream.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use IO::Handle;
use Time::HiRes qw(sleep time);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slurp wait_for);

my $t = Recording::Nginx->new;
my $flv = media(duration => 2, size => '160x90');

$t->conf(<<'CONF')->start;
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    server { listen 127.0.0.1:%%PORT_0%%; application live { live on; } }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
ready();

my %answered;

for my $i (0 .. 5) {
    my $pid = fork;
    orders($i) if !$pid;

    # the first one as it begins, the others when something was answered
    wait_for("$i answers", 30, sub { $i <= answered($i) });
    sleep 0.02 + 0.03 * $i;
    $t->kill9;
    waitpid $pid, 0;
    $answered{$_} = 1 for answered($i);

    $t->start;
    ready();
}

my @tasks = $t->catalogue('SELECT task_id, stream, stopped_us FROM record_tasks');
my %there = map { $_->{task_id} => $_ } @tasks;
my $n = keys %answered;
cmp_ok($n, '>', 0, "$n of " . @tasks . ' tasks were answered');
is(join(' ', grep { !$there{$_} } keys %answered), '', 'those are there');

is(scalar($t->catalogue('SELECT 1 FROM record_templates AS t WHERE NOT EXISTS'
    . ' (SELECT 1 FROM record_formats WHERE template = t.name)')), 0,
   'no template without its formats');
is(scalar($t->catalogue('SELECT 1 FROM record_formats AS f WHERE NOT EXISTS'
    . ' (SELECT 1 FROM record_templates WHERE name = f.template)')), 0,
   'nor formats without their template');

my @some = grep { $_->{stopped_us} == 0 } @tasks;
splice @some, 5 if @some > 5;

for my $task (@some) {
    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live', tcUrl => 'rtmp://push.example.com/live');
    $r->publish($task->{stream});
    $r->send_until($flv, 2000, 'its recording', sub {
        scalar $t->files(task_id => $task->{task_id}) });
    $r->delete_stream;
    $r->close;
}

wait_for('their files', 30, sub {
    my %file = map { $_->{task_id} => $_->{state} } $t->files;
    !grep { ($file{ $_->{task_id} } || '') ne 'finished' } @some });
is(scalar(my @files = $t->files), @some, 'each task records its stream');

$t->done;

sub answered {
    my ($i) = @_;

    my $file = $t->dir . "/answered$i";
    my @tasks = -e $file ? split /\n/, slurp($file) : ();
    return @tasks;
}

# one after the other, until nginx is gone
sub orders {
    my ($i) = @_;

    open my $log, '>', $t->dir . "/answered$i" or POSIX::_exit(1);
    $log->autoflush(1);

    eval {
        for my $k (0 .. 1000) {
            my $answer = $api->call('CreateRecordTask',
                { DomainName => 'push.example.com', AppName => 'live',
                  StreamName => "s$i-$k", EndTime => int(time) + 3600 });
            print $log "$answer->{TaskId}\n" if $answer->{TaskId};
            $api->call('CreateLiveRecordTemplate', { TemplateName => "t$i-$k",
                map { $_ => { Enable => 1 } } qw(FlvParam HlsParam Mp4Param) });
        }
    };

    POSIX::_exit(0);
}

sub ready {
    wait_for('the store', 30, sub {
        eval { $api->code('DescribeStore') eq '' } });
}
