#!/usr/bin/perl

# Each kind of call to the disk, and SQLite's own, fails for four seconds of
# a stream in all formats, with ENOSPC, EIO, EINTR or EMFILE, or takes ten
# seconds: no crash, no hang, live is untouched, every frame is accounted for,
# and the recording goes on by itself.  Each cell of the table is an nginx of
# its own; all have the same stream at the same time.  Of each kind of call one
# cell, of each fault two, by chance; all of them if TEST_FULL is set.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EINTR EIO EMFILE ENOSPC);
use Test::More;

use Recording::Chance qw(seeded);
use Recording::Ledger;
use Recording::Live;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::SlowDisk;
use Recording::Util qw(in_parallel slurp wait_for);

my %calls = (map({ $_ => { call => $_, where => 'files' } }
                 qw(open write sync rename allocate truncate unlink)),
             catalogue => { where => 'catalogue' });

# an interrupted call succeeds at last, as the kernel would have it
my %faults = (enospc => { error => ENOSPC }, eio => { error => EIO },
              eintr => { error => EINTR, times => 3 },
              slow => { delay => 10_000 });

# ms of the stream: the fault begins and ends, and all is well again
my ($begin, $end, $again) = (4500, 8500, 11_500);

my $flv = media(duration => 14, fps => 10, size => '160x90', rate => 22050,
                channels => 1);

# so many frames that its sample table needs room: fallocate(2)
my $long = media(duration => 60, fps => 200, size => '64x48', bframes => 2,
                 gop => 2, rate => 22050, channels => 1);
my @long = Recording::Rtmp::flv_messages($long);

my @calls = sort keys %calls;
my @faults = sort keys %faults;
my $turn = $ENV{TEST_FULL} ? undef : seeded() && int rand @faults;
my @cells = map { my $n = $_;
                  map { [ $calls[$n], $_ ] }
                  defined $turn ? $faults[($n + $turn) % @faults] : @faults
                } 0 .. $#calls;

# no descriptor is left: only what opens can meet that
$faults{emfile} = { error => EMFILE };
push @cells, [ 'open', 'emfile' ];

# as many side by side as a disk takes that others use, too
my $t;

while (my @some = map { cell(@$_) } splice @cells, 0, 11) {
    my $live = faults(@some);
    my @problems = in_parallel(3, sub { problems($live, $_[0], $some[$_[0]]) },
                               0 .. $#some);

    is($problems[$_], '', "$some[$_]{call} $some[$_]{fault}") for 0 .. $#some;
    $_->{t}->stop for @some;
    $t = $some[0]{t};
}

$t->done;

# one stream for cells, in the midst of which their faults come and go
sub faults {
    my @cells = @_;

    my $live = Recording::Live->new(file => $flv, app => 'live',
        name => 'cell', ports => [ map { $_->{t}->port } @cells ]);
    my @allocate = grep { $_->{call} eq 'allocate' } @cells;
    $_->{long} = publish_long($_->{t}) for @allocate;

    $live->run($begin);
    my $last = ($live->frames)[-1][2];
    my @late = @cells;
    $live->wait_for('frames on all disks', 120, sub {
        @late = grep { !written($_->{t}, $last) } @late;
        return !@late });
    $live->wait_for('what is durable', 120, sub {
        !grep { $_->{call} eq 'sync' && !durable($_->{t}) } @cells });

    $_->{disk}->set(armed => 1, %{ $calls{$_->{call}} },
                    %{ $faults{$_->{fault}} }) for @cells;
    $_->{long}->delete_stream for @allocate;
    $live->run($end);
    $live->wait_for('all to have met their faults', 60, sub {
        !grep { !met($_) } @cells });
    $_->{disk}->set(error => 0, delay => 0) for @cells;
    $live->run;
    $live->end;
    $_->{long}->close for @allocate;

    return $live;
}

sub cell {
    my ($call, $fault) = @_;

    my $disk = Recording::SlowDisk->new;
    my $t = Recording::Nginx->new(store => $disk->store);

    # flv is written last, see written()
    $t->conf(<<'CONF')->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_template all {
        format mp4 interval=2s; format aac interval=2s; format hls segment=2s;
        format flv interval=2s;
    }
    record_template long { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
        application long { live on; record_rule long; }
    }
}
CONF

    return { call => $call, fault => $fault, disk => $disk, t => $t,
             pid => join ' ', $t->worker_pids };
}

sub publish_long {
    my ($t) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'long');
    $r->publish('long');
    $r->send_flv(\@long);
    $r->wait_delivered;

    return $r;
}

# the last frame is in the growing flv file; one that has just ended may be
# moved before it is read
sub written {
    my ($t, $frame) = @_;

    return grep { index(eval { slurp($_) } || '', $frame) >= 0 }
        glob $t->store . '/work/*.flv';
}

# the first two seconds: files that are finished, a segment that is listed
sub durable {
    my ($t) = @_;

    my %format = map { $_->{format} => 1 } $t->files(state => 'finished');
    my ($list) = glob $t->store . '/files/live/cell/*/index.m3u8';
    return 3 == keys %format && $list && slurp($list) =~ /^\w+\.ts$/m;
}

# calls that have failed, or wait; in each format if that is said
sub met {
    my ($cell) = @_;

    my $log = $cell->{t}->error_log;
    my @formats = fails($cell) ? qw(mp4 aac hls flv) : ();
    return $cell->{disk}->get('hits')
        && !grep { $log !~ /recording: $_: .* failed, frames are/ } @formats;
}

# what is wrong in a cell, a line each
sub problems {
    my ($live, $n, $cell) = @_;

    my ($t, $disk) = @$cell{qw(t disk)};

    eval {
        $t->wait_files(4, app => 'live', _timeout => 120);
        $t->wait_files(1, app => 'long', _timeout => 120) if $cell->{long};
        wait_for('empty work/', 60, sub { !left($t) }, sub {
            ': ' . join ' ', left($t) });
    };

    my @problems = $@ ? "hang: $@" : ();
    # of a file that is shorter than record_sync nothing is durable before its
    # last sync, which may fail for those that ended just before
    my $whole = whole($cell) ? [ [ 0, 1e9 ] ]
                : [ [ 0, $cell->{call} eq 'sync' ? 2000 : $begin ],
                    [ $again, 1e9 ] ];

    push @problems, 'crash: another worker'
        if $cell->{pid} ne join ' ', $t->worker_pids;
    # half of what a call takes that the loop would wait for
    push @problems, map { "live: $_" } grep { length } $live->problem($n, 5);
    push @problems, 'a call from the event loop: ' . $disk->name
        if $disk->get('main');
    push @problems, 'no call was hit' if !$disk->get('hits');

    push @problems, Recording::Ledger::problems($t, [ $live->frames ],
        { app => 'live' }, whole => $whole);
    push @problems, Recording::Ledger::problems($t,
        [ grep { Recording::Live::is_frame($_) } @long ],
        { app => 'long' }, whole => [ [ 0, 1e9 ] ]) if $cell->{long};
    push @problems, messages($cell);

    return join "\n", @problems;
}

# frames are dropped, which is said of each format
sub fails {
    my ($cell) = @_;
    return $cell->{call} =~ /^(?:open|write)$/ && !whole($cell);
}

# nothing is dropped where a later try can make up for it
sub whole {
    my ($cell) = @_;

    return $cell->{fault} =~ /eintr|slow/
           || $cell->{call} =~ /rename|allocate|truncate|unlink|catalogue/;
}

# but for files of which nothing is durable, which somebody may want
sub left {
    my ($t) = @_;

    my @work = map { m{([^/]+)$} } glob $t->store . '/work/*';
    my %lost = map { /^(\d+)\.journal\.lost$/ ? ($1 => 1) : () } @work;

    return grep { !/^(?:worker\.\d+\.\d+|catalogue\.lock)$/
                  && !(/^(\d+)\./ && $lost{$1}) } @work;
}

# the log says once what happened, and once that it is over
sub messages {
    my ($cell) = @_;

    my $log = $cell->{t}->error_log;
    my $fails = fails($cell);
    my @problems;

    for my $format (qw(mp4 aac hls flv)) {
        my $failed = () = $log =~ /recording: $format: .* failed, frames are/g;
        my $again = () = $log =~ /recording: $format is recorded again/g;

        # files that grow are synced, or not, within the time of the fault
        push @problems, "$format: $failed failures, $again recoveries"
            if $failed != $again || $failed > 1
               || $fails != $failed && $cell->{call} ne 'sync';
    }

    # a file that is not finished yet is named in its message
    my %said;
    $said{$1}++ while $log =~ /\[(?:error|warn)\] \S+ (recording: .*)/g;
    push @problems, map { "$said{$_} times: $_" }
        grep { $said{$_} > 1 } sort keys %said;

    push @problems, 'no space was inserted into the long file'
        if $cell->{long} && $cell->{fault} =~ /^e(?:nospc|io)$/
           && $log !~ /insert space into/;

    return map { "log: $_" } @problems;
}
