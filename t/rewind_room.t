#!/usr/bin/perl

# The room that rewind= takes: it counts for max=, and is the first to go when
# there is less than reserve= soon, or nothing else to be evicted; what a task
# has claimed stays until it is read.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rewind;
use Recording::SmallDisk;
use Recording::Util qw(wait_for);

my $MB = 1024 * 1024;
my $small = Recording::SmallDisk->new;
plan skip_all => $small->missing if $small->missing;

my $conf = <<'CONF';
worker_processes 1;
rtmp {
    record_store %%STORE%% %%ROOM%%;
    record_template flv { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            live on;
            record_rule off rewind=1h;
            record_rule flv stream=file;
        }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

# 0.3 MB a second, longer than anything here takes
my $flv = media(duration => 90, fps => 10, gop => 1, size => '320x180',
                key_bytes => 300_000, audio => 0);

# --- two servers: one whose store may have 3 MB, and one whose disk is full

my $max = Recording::Nginx->new;
my $reserve = Recording::Nginx->new(store => $small->path . '/store');
$max->conf($conf, ROOM => 'reserve=0 max=3m')->start;
$reserve->conf($conf, ROOM => 'reserve=32m')->start;
my $w = Recording::Rewind->new($max);
my $v = Recording::Rewind->new($reserve);

my $r = Recording::Rtmp->new(port => $max->port);
$r->connect(app => 'live');
$r->publish('file');
$r->send_flv($flv, to => 8000);
$r->delete_stream->close;
my ($file) = $max->wait_files(1);
cmp_ok($file->{size}, '>', 1.5 * $MB, 'a file');
is($file->{state}, 'finished', 'that is there');

my $begin = time;
$_->publish('s', $flv, rate => 1.4) for $w, $v;
wait_for('its eviction', 30, sub {
    grep { $_->{state} eq 'evicted' } $max->files });
cmp_ok($w->bytes, '>', 0.8 * $MB, 'what is kept counts for max=');

# --- with less free than the reserve and a tenth chunks go that nobody reads

wait_for('a second chunk', 40, sub { numbers($v) =~ /0 1/ });
is(numbers($v), '0 1', 'there are two');
$small->leave($MB * 34);
wait_for('the first one goes', 20, sub { numbers($v) eq '1' });
like($reserve->error_log, qr/no room for all that rewind= says, less is kept/,
     'it is said');
unlike($reserve->error_log, qr/less than reserve=/, 'before recordings end');

# --- and so it is when there is more than max=

wait_for('a chunk goes', 40, sub { numbers($w) =~ /^[1-9]/ });
like($max->error_log, qr/no room for all that rewind= says, less is kept/,
     'it is said');
cmp_ok(time - $begin, '<', 3600, 'long before it is too old');

# --- below the reserve nothing more is kept, and then it goes on

$small->leave($MB * 30);
$reserve->wait_log(qr/less is free than reserve=, what rewind= keeps has a gap/);
$v->wait_still;
my $bytes = $v->bytes;
sleep 1.2;
is($v->bytes, $bytes, 'nothing is kept');
$small->leave($MB * 50);
$reserve->wait_log(qr/what rewind= keeps goes on/);
my $asked = time;
my $task = $v->task('s', template => 'flv', StartTime => $begin);
wait_for('a recording', 20, sub {
    grep { $_->{task_id} eq $task } $reserve->files });
is($v->stop($task), '', 'stopped');
$v->files($task, 1);
my ($start) = sort { $a <=> $b } map { $_->{start_us} / 1e6 }
              grep { $_->{task_id} eq $task } $reserve->files;
cmp_ok($start, '>', $begin + 5, 'from the oldest that there is');
cmp_ok($start, '<', $asked - 1, 'which is not now');

$_->unpublish('s', kill => 1) for $w, $v;
wait_for('the end of all', 20, sub { !$w->chunks && !$v->chunks });
$small->leave($MB * 60);
Recording::Nginx->done;

# the chunks that are there
sub numbers {
    my ($of) = @_;
    return join ' ', sort { $a <=> $b }
           map { /^rewind\.\d+\.(\d+)\./ ? $1 : () } $of->chunks;
}
