#!/usr/bin/perl

# Files whose rows do not say what became of them: after a power cut between
# the rename and the row, when the catalogue is lost while nginx runs, in a
# worker that exits, and when nobody works on them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use Test::More;

use Recording::Ledger;
use Recording::Live;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::SlowDisk;
use Recording::Util qw(run wait_for);

my $disk = Recording::SlowDisk->new;
my $t = Recording::Nginx->new(store => $disk->store);
my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0 url=http://example.com/vod;
    record_template flv { format flv; }
    record_template mp4 { format mp4; }
    record_template aac { format aac; %%EXPIRE%% }
    record_template end {
        format flv; path '{StreamID}-{EndHour}{EndMinute}{EndSecond}';
    }
    record_template waits { format flv resume=6s; }
    record_template long { format flv resume=30m; format hls resume=30m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application flv { live on; record_rule flv; }
        application mp4 { live on; record_rule mp4; }
        application aac { live on; record_rule aac; }
        application end { live on; record_rule end; }
        application waits { live on; record_rule waits; }
        application long { live on; record_rule long; }
    }
}
CONF
$t->conf($conf, EXPIRE => '')->start;

my $flv = media(duration => 40, gop => 1, size => '160x90');

row($_) for qw(flv mp4 aac end);
lost();
leaving();
forgotten();

$t->done;

sub publish {
    my ($app, $name, $to) = @_;

    my $live = Recording::Live->new(file => $flv, app => $app,
        name => $name, ports => [ $t->port ]);
    $live->run($to);
    return $live;
}

sub change {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-cmd', '.timeout 10000',
                                    $t->db, $sql);
    is($status, 0, 'the catalogue is changed') or diag($err);
}

# the row as it was when the file began, which a power cut brings back
sub row {
    my ($app) = @_;

    my $live = publish($app, 'row', 3000);
    my $path = $app eq 'end' ? ', path = NULL, play_url = \'\'' : '';

    # its own, and not that of the catalogue's first copy
    my ($grows) = $t->wait_growing(1, app => $app);
    $disk->set(armed => 1, only => "/$grows->{file_id}");
    $disk->hold(1, on => ['rename'], after => 1, skip => '.journal');
    $live->end;
    wait_for('the rename', 20, sub { $disk->held });
    $t->kill9;
    $disk->release;
    $disk->set(only => '');

    change("UPDATE files SET state = 'recording', end_us = NULL, size = 0,"
           . " duration_ms = 0, video_codec = '', audio_codec = '',"
           . " resolution = '', frames_in = 0, frames_written = 0$path"
           . " WHERE app = '$app'");
    $t->conf($conf, EXPIRE => 'expire 1h;') if $app eq 'aac';
    $t->start;

    my ($row) = $t->wait_files(1, app => $app, stream => 'row');
    is($row->{state}, 'finished', "$app: finished");
    cmp_ok($row->{duration_ms}, '>', 2500, "$app: duration");
    cmp_ok($row->{end_us} - $row->{start_us}, '>', 2.5e6, "$app: end");
    is($row->{audio_codec}, 'aac', "$app: audio");
    is($row->{video_codec}, $app eq 'aac' ? '' : 'h264', "$app: video");
    is($row->{recovered}, 1, "$app: recovered");
    is($row->{expire_us}, undef, "$app: for good, as its label says");
    is($row->{size}, -s $t->path($row), "$app: size");
    like($row->{play_url}, qr{^http://example.com/vod/.}, "$app: URL");
    is(join("\n", Recording::Ledger::problems($t, [ $live->frames ],
        { app => $app, stream => 'row' }, killed => 1)), '',
       "$app: every frame is accounted for") if $app ne 'aac';
    cmp_ok($row->{frames_written}, '>', 100, "$app: frames");
}

# a file that waits is finished in time, or goes on
sub lost {
    publish('waits', 'lost', 2500)->end;
    publish('long', 'lost', 2500)->end;
    $t->wait_log(qr{paused.*stream: "$_/lost"}) for qw(waits long);

    unlink $t->db, map { $t->db . $_ } '-wal', '-shm';

    # for a moment there is none
    my ($row) = wait_for('the file is finished', 40, sub {
        (eval { $t->files(stream => 'lost', app => 'waits',
                          state => 'finished') })[0] });
    cmp_ok($row->{duration_ms}, '>', 2000, 'lost: finished after its time');

    wait_for('the others wait', 30, sub {
        2 == $t->files(stream => 'lost', app => 'long', state => 'paused') });
    my $mark = $t->log_mark;
    publish('long', 'lost', 2000)->end;
    $t->wait_log(qr{paused.*stream: "long/lost"}, 20, $mark);
    like(substr($t->error_log, $mark), qr/recording \d+ resumed/,
         'lost: what waits longer goes on');
}

# a worker that exits has other publishers still
sub leaving {
    my ($stays, $ends) = map { Recording::Live->new(file => $flv,
        app => 'flv', name => $_, ports => [ $t->port ]) } 'stays', 'ends';
    $_->run(2500) for $stays, $ends;
    $t->reload;

    $disk->once(error => EIO, call => 'rename', match => '.flv');
    $ends->end;

    my ($row) = eval { wait_for('the file is finished', 20, sub {
        ($t->files(stream => 'ends', state => 'finished'))[0] }) };
    ok($row, 'leaving: another worker finishes the file') or diag($@);
    ok($disk->hit, 'leaving: it had failed');
    is(scalar(() = $t->files(stream => 'stays', state => 'recording')), 1,
       'leaving: the other stream is still recorded');
    is(join("\n", Recording::Ledger::problems($t, [ $ends->frames ],
        { stream => 'ends' })), '', 'leaving: every frame is accounted for');
    like($t->error_log, qr{/work/\d+" is left to another worker},
         'leaving: it is said');
    $stays->end;
    $t->wait_files(1, stream => 'stays');
}

# rows that are a living worker's, of which it does not know
sub forgotten {
    publish('long', 'forgotten', 2500)->end;
    $t->wait_log(qr{paused.*stream: "long/forgotten"});

    my ($owner) = map { m{([^/]+)$} } glob $t->store . '/work/worker.*';
    change("UPDATE files SET state = 'finishing', owner = '$owner'"
           . " WHERE stream = 'forgotten'");

    my @rows = eval { $t->wait_files(2, stream => 'forgotten',
                                     _timeout => 40) };
    is(scalar(grep { $_->{state} eq 'finished' } @rows), 2,
       'forgotten: finished all the same') or diag($@);
}
