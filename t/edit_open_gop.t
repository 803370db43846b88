#!/usr/bin/perl

# EditMedia copies frames: where a part begins with a key frame of an open GOP,
# which is no IDR picture, pictures behind the joint may be damaged, and that is
# said; not where nothing is, as of IDR pictures, of a first part, and of files
# that follow each other as they were cut.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use Test::More;

use Recording::Edit;
use Recording::SlowDisk;
use Recording::Util qw(run wait_for);

my $disk = Recording::SlowDisk->new;
my $edit = Recording::Edit->started(disk => $disk->store,
    templates => <<'CONF', applications => { map { $_ => $_ } qw(all cut) });
record_template all { format mp4; format flv; format hls segment=2s; }
    record_template cut { format mp4 interval=2s; }
CONF
my ($t, $api) = @$edit{qw(nginx api)};

# key frames each 2 s: IDR pictures with closed GOPs, else the first one only
my %media = map { $_ => made($_) } qw(open closed);

my %file;
for my $name (sort keys %media) {
    $edit->publish('all', $name, $media{$name});
    wait_for("files of $name", 30, sub {
        my @rows = $t->files(app => 'all', stream => $name,
                             state => 'finished');
        $file{$name}{ $_->{format} } = $_->{file_id} for @rows;
        return @rows == 3;
    });
}

my $said = qr/^where file (\d+) follows, pictures may be damaged: .* no IDR/;

for my $format (qw(mp4 flv hls)) {
    for my $type (qw(mp4 hls)) {
        my $task = splice_of('open', $format, $type, [0, 3], [6, 8]);
        is($task->{ErrCode}, 0, "$format as $type: it is made");
        like($task->{Message}, $said, 'and what is wrong is said');
        is(($task->{Message} =~ $said)[0], $file{open}{$format}, 'of which');
        unlike($task->{Message}, qr/more/, 'there is no other');

        $task = splice_of('closed', $format, $type, [0, 3], [6, 8]);
        is($task->{Message}, '', "$format as $type: nothing of IDR pictures");
    }
}

my @lines;
wait_for('a line for each', 20, sub {
    @lines = grep { /a file of others was made, but/ }
             split /\n/, $t->error_log;
    return @lines >= 6;
});
is(scalar @lines, 6, 'once in the log for each');
like($lines[0], qr/\[error\].*file $file{open}{mp4} .*task: "edit-\d+".*all\/open/,
     'with its file, task and stream');

my $task = splice_of('open', 'mp4', 'mp4', [6, 8]);
is($task->{Message}, '', 'nothing of a first part');

$task = splice_of('open', 'mp4', 'mp4', [2, 4], [0, 3]);
is($task->{Message}, '', 'nor of a second one that begins with an IDR picture');

$task = splice_of('open', 'mp4', 'mp4', [2, 4], [6, 8], [0, 1], [4, 5]);
like($task->{Message}, qr/$said; so it is in 1 more places$/, 'each is counted');

my ($made) = $t->catalogue('SELECT state FROM edits WHERE edit_id = '
                           . ($task->{TaskId} =~ s/^edit-//r));
is($made->{state}, 'finished', 'as one that is finished');
my ($list) = grep { $_->{TaskId} eq $task->{TaskId} }
             @{ $api->call('DescribeTasks', {})->{TaskSet} };
is($list->{EditMediaTask}{Message}, $task->{Message}, 'DescribeTasks has it');

# --- files that were cut at such key frames, as they follow

$edit->publish('cut', 'open', $media{open});
my @rows;
wait_for('the files', 30, sub {
    my @all = $t->files(app => 'cut');
    @rows = sort { $a->{start_us} <=> $b->{start_us} }
            grep { $_->{state} eq 'finished' } @all;
    return @rows == @all && 9500 < sum0(map { $_->{duration_ms} } @rows);
});
cmp_ok(scalar @rows, '>', 2, 'files are cut there');
is($edit->make([ map { { FileId => $_->{file_id} } } @rows ])->{Message}, '',
   'nothing of files that follow');
for ([2, 1], [0, 2]) {
    my $made = $edit->make([ map { { FileId => $_->{file_id} } } @rows[@$_] ]);
    like($made->{Message}, $said, "but of others: @$_");
}

# --- a kill when the journal says how far it is, each time that it does

my $killed = 0;
while (1) {
    $disk->set(armed => 1, only => '.journal', error => 0);
    $disk->hold($killed + 1, on => ['fdatasync'], after => 1);
    my $id = $edit->order([ map { { FileId => $file{open}{mp4},
        StartTimeOffset => $_, EndTimeOffset => $_ + 2 } } 0, 6 ]);
    wait_for('it to hang, or to be over', 30, sub {
        $disk->held || $edit->detail($id)->{Status} eq 'FINISH';
    });
    my $held = $disk->held;
    kill 9, $t->worker_pids if $held;
    $disk->release;
    $disk->set(armed => 0);
    $edit->ready;
    like($edit->wait($id)->{Message}, $said, 'killed at ' . ($held || 'no place'));
    last if !$held || $killed++ > 10;
}
cmp_ok($killed, '>', 1, 'it was killed there');

$t->allow(qr/a file of others was made, but where file|exited on signal 9/);
$t->done;

sub splice_of {
    my ($name, $format, $type, @parts) = @_;

    return $edit->make([ map { {
        FileId => $file{$name}{$format}, StartTimeOffset => $_->[0],
        EndTimeOffset => $_->[1] } } @parts ], { Type => $type });
}

sub made {
    my ($name) = @_;

    my $file = $t->dir . "/$name.flv";
    my $open = $name eq 'open' ? 1 : 0;
    my ($status, undef, $err) = run('ffmpeg', '-v', 'error', '-nostdin',
        '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=10:d=10',
        '-f', 'lavfi', '-i', 'anoisesrc=r=44100:a=0.1:d=10',
        '-c:v', 'libx264', '-preset', 'medium', '-x264-params',
        "keyint=20:min-keyint=20:scenecut=0:open-gop=$open:bframes=3:b-adapt=0",
        '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-bitexact', $file);
    die "ffmpeg: $err" if $status;

    return $file;
}
