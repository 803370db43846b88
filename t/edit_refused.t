#!/usr/bin/perl

# What EditMedia and DescribeTaskDetail refuse, each with its code, and nothing
# of it is done; files that are needed for a task are neither deleted nor
# modified, nor do they expire; what a file does not have any more is told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Edit;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(slurp spew wait_for);

my $media = media(duration => 3, gop => 1, fps => 10, size => '160x90');
my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);

my $conf = <<'CONF';
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template two { format mp4; format hls segment=1s; }
    record_template waits { format mp4 resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule two; }
        application waits { live on; record_rule waits; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
        location /key/ { record_api; }
    }
}
CONF
$t->conf($conf)->start;

my $api = Recording::Api->new(port => $t->port(1));
my $edit = Recording::Edit->new(nginx => $t, api => $api);
$t->allow(qr/a file of others cannot be made/);
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

publish($_, 'a') for qw(live waits);
publish('live', "n$_") for 0 .. 5;
my $growing = $t->publisher('live', 'grows');
$growing->send_flv($media);
wait_for('the files', 30, sub {
    14 == (grep { $_->{state} eq 'finished' } $t->files)
    && 1 == (grep { $_->{state} eq 'paused' } $t->files)
    && 2 == (grep { $_->{state} eq 'recording' } $t->files);
});

my ($id) = map { $_->{file_id} } $t->files(app => 'live', stream => 'a',
                                           format => 'mp4');
my ($grows) = map { $_->{file_id} } $t->files(stream => 'grows');
my ($paused) = map { $_->{file_id} } $t->files(app => 'waits');
my ($away) = map { $_->{file_id} } $t->files(stream => 'n0', format => 'mp4');
my ($lost) = $t->files(stream => 'n1', format => 'mp4');
my ($broken) = $t->files(stream => 'n2', format => 'mp4');
my ($short) = $t->files(stream => 'n3', format => 'hls');

# as it is when the local copy has gone
$t->catalogue(qq{UPDATE files SET local = 0, objects = '[{"bucket": "b",}
              . qq{ "key": "k", "url": ""}]' WHERE file_id = $away});

my ($value, $file) = ('InvalidParameterValue', 'InvalidParameterValue.FileId');
my $one = [ { FileId => $id } ];

for (
    [ {}, 'MissingParameter', 'nothing' ],
    [ { InputType => 'File' }, 'MissingParameter', 'no files' ],
    [ { InputType => 'File', FileInfos => [] }, 'MissingParameter', 'none' ],
    [ { FileInfos => $one }, 'MissingParameter', 'no type' ],
    [ { InputType => 'Disk', FileInfos => $one }, $value, 'another type' ],
    [ { InputType => 'File', FileInfos => $id }, 'InvalidParameter', 'text' ],
    [ { InputType => 'File', FileInfos => [ $id ] }, 'InvalidParameter',
      'a text' ],
    [ { InputType => 'File', FileInfos => [ {} ] }, 'MissingParameter',
      'no id' ],
    [ { InputType => 'File', FileInfos => [ ($one->[0]) x 101 ] }, $value,
      '101 files' ],
    [ { InputType => 'File', FileInfos => [ ($one->[0]) x 1000 ] }, $value,
      'a thousand files' ],
    [ files({ FileId => '17' }), $file, 'an unknown file' ],
    [ files(@$one, { FileId => '17' }), $file, 'one of two' ],
    [ files({ FileId => '../x' }), $value, 'no id' ],
    [ files({ FileId => $grows }), 'ResourceInUse', 'a file that grows' ],
    [ files({ FileId => $paused }), 'ResourceInUse', 'one that waits' ],
    [ files({ FileId => $away }), 'UnsupportedOperation', 'of a bucket' ],
    [ files({ FileId => $id, Nothing => 1 }), 'UnknownParameter', 'more' ],
    [ part(-1, 2), $value, 'a negative offset' ],
    [ part(0, -1), $value, 'a negative end' ],
    [ part(2, 1), $value, 'reversed' ],
    [ part(1, 1), $value, 'nothing' ],
    [ part(1e3, 0), $value, 'behind its end' ],
    [ part(1e300, 0), $value, 'huge' ],
    [ part('9' x 40, 0), $value, 'a huge text' ],
    [ part('1e9', 0), 'InvalidParameter', 'a text with an exponent' ],
    [ part('NaN', 0), 'InvalidParameter', 'NaN' ],
    [ part('inf', 0), 'InvalidParameter', 'inf' ],
    [ part('0x10', 0), 'InvalidParameter', '0x10' ],
    [ part('-1', 0), 'InvalidParameter', 'a negative text' ],
    [ part('1.2.3', 0), 'InvalidParameter', '1.2.3' ],
    [ part([], 0), 'InvalidParameter', 'a list' ],
    [ out('x'), 'InvalidParameter', 'an output that is no object' ],
    [ out({ Type => 'flv' }), $value, 'another format' ],
    [ out({ MediaName => 'x' x 65 }), $value, 'a long name' ],
    [ out({ MediaName => "a\0b" }), 'InvalidParameter', 'a null character' ],
    [ out({ ExpireTime => 'tomorrow' }), $value, 'no time' ],
    [ out({ ExpireTime => '2001-01-01T00:00:00Z' }), $value, 'past' ],
    [ out({ VideoStream => {} }), $value, 'what is not supported' ],
    [ out({ Nothing => 1 }), 'UnknownParameter', 'what is not known' ],
    [ { %{ files(@$one) }, SessionId => 'x' x 51 }, $value, 'long' ],
    [ { %{ files(@$one) }, Definition => 30 }, $value, 'a definition' ],
    [ { %{ files(@$one) }, ProcedureName => 'x' }, $value, 'a procedure' ],
) {
    my ($params, $code, $name) = @$_;
    is($api->code('EditMedia', $params), $code, $name);
}

is($api->code('EditMedia', undef, body => '{"InputType": "File", "FileInfos": '
              . qq([{"FileId": "$id", "StartTimeOffset": NaN}]})),
   'InvalidParameter', 'NaN is no JSON');
is($api->code('EditMedia', files(@$one), headers => { 'X-TC-Version' =>
                                                      '2018-08-01' }),
   'NoSuchVersion', 'another version');
is(Recording::Api->new(port => $t->port(1), path => '/key/')
   ->code('EditMedia', files(@$one)), 'AuthFailure.UnauthorizedOperation',
   'without a key');
is(scalar $t->catalogue('SELECT * FROM edits'), 0, 'nothing was ordered');

is($api->code('DescribeTaskDetail', {}), 'MissingParameter', 'no task');
is($api->code('DescribeTaskDetail', { TaskId => $_ }),
   'ResourceNotFound.TaskId', "task $_")
    for 'edit-17', 'edit-', '17', "edit-$id-", 'edit-' . '9' x 19,
        "edit-1' OR '1", '../x';

# --- names are made safe

for (['../../etc/x', '_._.._etc_x'], ['.hidden', '_hidden'], ['a/b', 'a_b'],
     ["\x{6d41}" x 64, "\x{6d41}" x 64])
{
    my ($name, $path) = @$_;
    my $task = $edit->make($one, { MediaName => $name });
    my $row = $edit->row($task);
    utf8::decode(my $got = $row->{path});
    is($got, "live/a/$path.mp4", 'a name that is safe');
    ok(-f $edit->path($task), 'is one in the store');
}

my ($again) = map { $edit->row($edit->make($one, { MediaName => 'a/b' })) } 1;
like($again->{path}, qr{^live/a/a_b.+\.mp4$}, 'none is overwritten');

# --- a session is used once

is($api->code('EditMedia', { %{ files(@$one) }, SessionId => 's' }), '', 'one');
is($api->code('EditMedia', { %{ files(@$one) }, SessionId => 's' }),
   'InvalidParameterValue.SessionId', 'and no other');

# --- what is needed stays: as long as the task is not over

my $path = ($t->files(file_id => $id))[0]{path};
$disk->set(armed => 1, only => $path);
$disk->hold(1, on => ['read']);
my $reads = $edit->order($one);
wait_for('it to read', 30, sub { $disk->held });
is($api->code('DeleteMedia', { FileId => $id }), 'ResourceInUse', 'in use');
is($api->code('ModifyMediaInfo', { FileId => $id, ExpireTime =>
                                   '2099-01-01T00:00:00Z' }),
   'ResourceInUse', 'nor may it be modified');
$t->catalogue("UPDATE files SET expire_us = 1 WHERE file_id = $id");
$disk->release;
$disk->set(armed => 0, only => '');
is($edit->wait($reads)->{Message}, '', 'and done');
wait_for('it to expire, then', 20, sub {
    ($t->files(file_id => $id))[0]{state} eq 'expired';
});

# --- files that are not as their rows say

unlink $t->store . "/files/$lost->{path}";
spew($t->store . "/files/$broken->{path}", 'x' x 5000);
my ($dir) = ($t->store . "/files/$short->{path}") =~ m{(.*)/};
unlink "$dir/00001.ts";

for ([ $lost, 60000, qr/cannot be opened: No such file/ ],
     [ $broken, 60000, qr/is no whole mp4 file/ ],
     [ $short, 60000, qr/its segment 00001\.ts cannot be opened/ ])
{
    my ($row, $code, $why) = @$_;
    my $task = $edit->make([ { FileId => $row->{file_id} } ],
                           { MediaName => "of $row->{stream}" });
    is($task->{ErrCode}, $code, "of $row->{stream}");
    like($task->{Message}, qr/^file $row->{file_id}: .*$why/, 'with words');
}

my %open = map { ($_->{file_id} => 1) }
           grep { $_->{state} =~ /^(?:recording|paused)$/ } $t->files;
wait_for('work/ without them', 20, sub {
    !grep { /^(\d+)/ && !$open{$1} } work($t->store . '/work') });
pass('nothing is left of them in work/');
is(scalar(grep { $_->{task_id} && $_->{state} ne 'finished' } $t->files), 0,
   'no row is left of what failed');

$growing->delete_stream->close;

# --- no room

wait_for('it to end', 30, sub {
    !grep { $_->{state} =~ /^(?:recording|finishing)$/ } $t->files;
});
$t->conf($conf =~ s/reserve=0/reserve=9000000g/r);
$t->allow(qr/less than reserve=/);
$t->reload;
my ($any) = map { $_->{file_id} } $t->files(stream => 'n4', format => 'mp4');
wait_for('the reserve to count', 30, sub {
    $api->code('EditMedia', files({ FileId => $any }))
    eq 'ResourceInsufficient';
});
pass('no room');
$t->done;

sub files { return { InputType => 'File', FileInfos => [@_] } }

sub part {
    return files({ FileId => $id, StartTimeOffset => $_[0],
                   EndTimeOffset => $_[1] });
}

sub out { return { %{ files(@$one) }, OutputConfig => $_[0] } }

sub publish {
    my ($app, $name) = @_;

    my $publisher = $t->publisher($app, $name);
    $publisher->send_flv($media);
    $publisher->delete_stream->close;
}

sub work {
    opendir my $dir, $_[0] or die "work: $!";
    return sort grep { !/^\./ } readdir $dir;
}
