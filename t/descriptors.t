#!/usr/bin/perl

# Descriptors are a budget: a file that grows holds one, one that waits to be
# finished none; what would need more is refused, said and counted, and all
# others go on, live streams too.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use List::Util qw(max min sum0);
use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Sender;
use Recording::SlowDisk;
use Recording::Util qw(run slow slurp wait_for);

my @small = (fps => 10, size => '160x90');
my $media = media(@small, duration => 4);

my $conf = <<'CONF';
thread_pool default threads=4;
worker_rlimit_nofile %%LIMIT%%;
worker_processes %%WORKERS%%;
events { worker_connections %%CONNECTIONS%%; }
rtmp {
    record_store %%STORE%%;
    record_template one { format %%FORMAT%%; }
    record_template two { format flv; format mp4; }
    record_template back { format flv resume=10m; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
        application both { live on; record_rule two; }
        application back { live on; record_rule back; }
    }
}
CONF

for my $format (qw(flv mp4 hls aac)) {
    subtest "of a stream in $format" => sub { stream($format) };
}

subtest 'files that wait to be finished' => \&jumps;
subtest 'more streams than descriptors' => \&refused;
subtest 'connections that take all others' => \&taken;

subtest 'a file that came back and does not fit' => \&returned;

subtest 'a store that can be opened late' => \&late;

subtest 'a limit that is too low' => \&warned;

Recording::Nginx->new->done;

sub nginx {
    my (%opt) = @_;

    my $store = delete $opt{store};
    my $text = delete $opt{conf} || $conf;
    my $t = Recording::Nginx->new($store ? (store => $store) : ());
    $t->conf($text, LIMIT => 1024, WORKERS => 1, CONNECTIONS => 64,
             FORMAT => 'mp4', %opt)->start;

    return $t;
}

sub sender {
    my ($t, $name, $app) = @_;

    my $s = Recording::Sender->new(app => $app || 'live', name => $name,
                                   media => $media);
    $s->connect($t->port);
    return $s;
}

# what a worker has open of a place in the store; without one all that is not
# spare
sub descriptors {
    my ($t, $place) = @_;

    my ($pid) = $t->worker_pids;
    my $below = $place ? $t->store . "/$place/" : '';

    return grep { index($_, $below) == 0 && !/\[eventfd\]/ }
           map { readlink($_) // () } glob "/proc/$pid/fd/*";
}

# those of files, which a worker's lock is not
sub of_files {
    my ($t) = @_;

    return grep { !m{/worker\.} } map { descriptors($t, $_) } qw(work files);
}

# While nothing is written, between two jobs, each file has one.  A sample
# that falls into a job has more.
sub stream {
    my ($format) = @_;

    my $n = 8;
    my $t = nginx(FORMAT => $format);
    my @senders = map { sender($t, "s$_") } 1 .. $n;
    my ($most, $least) = (0, 0);

    Recording::Sender::push_until(time + slow(20), \@senders, sub {
        my @files = of_files($t);
        my $media = grep { /\.(?:flv|mp4|aac|ts)$/ } @files;

        $most = max($most, scalar @files);
        $least ||= $n if $media == $n && @files == $n;

        return $least && $n == $t->files(state => 'recording');
    });

    is($least, $n, 'one each, between jobs, of the media data');
    note sprintf '%s: %.2f of a stream between jobs, %.2f at most', $format,
         $least / $n, $most / $n;

    $_->{r}->delete_stream, $_->close for @senders;
    my @rows = $t->wait_files($n);
    is(sum0(map { $_->{frames_dropped} } @rows), 0, 'nothing is dropped');

    wait_for('none of a file', 20, sub { !of_files($t) });
}

# Publishers that jump at each key frame, on a disk that finishes nothing: more
# files wait than there are descriptors.
sub jumps {
    my $disk = Recording::SlowDisk->new;
    my $t = nginx(store => $disk->store, LIMIT => 192);
    my $flv = media(@small, duration => 8, gop => 0.2, audio => 0);
    my @jumpers = map { jumper($t, "jump$_", $flv) } 1 .. 8;

    $disk->set(armed => 1, delay => 600_000, call => 'fsync', where => 'files');

    my $innocent = sender($t, 'innocent');
    my ($most, $files) = (0, 0);

    Recording::Sender::push_until(time + slow(40), [ $innocent ], sub {
        jump($_) for @jumpers;
        $most = max($most, scalar descriptors($t));

        $files = waiting($t);
        return $files > 192;
    });

    note "descriptors at most: $most";
    cmp_ok($files, '>', 192, 'more files wait than there are descriptors');

    $disk->set(armed => 0);
    $_->{r}->delete_stream, $_->close for $innocent, @jumpers;
    my @rows = $t->wait_files(1, stream => 'innocent', _timeout => 60);

    is(scalar @rows, 1, 'the innocent stream has one file');
    is($rows[0]{frames_dropped}, 0, 'it lost nothing');
    is($rows[0]{frames_written}, @{ $innocent->{sent} }, 'of all frames');

    wait_for('the end of all files', 60, sub { !waiting($t) });
    unlike($t->error_log, qr/\(24: /, 'nobody ran out of descriptors');
}

sub waiting {
    my ($t) = @_;

    return scalar grep { $_->{state} =~ /recording|finishing/ } $t->files;
}

sub jumper {
    my ($t, $name, $flv) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    is($r->publish($name), 'NetStream.Publish.Start', "publish $name");

    return bless { r => $r, messages => [ Recording::Rtmp::flv_messages($flv) ],
                   offset => 0 }, 'Jumper';
}

sub Jumper::close { $_[0]{r}->close }

# the next group of pictures, far from the one before
sub jump {
    my ($j) = @_;

    my $messages = $j->{messages};
    my @group;

    while (@$messages) {
        my ($type, $ts, $payload) = @{ $messages->[0] };
        my $key = $type == 9 && ord($payload) >> 4 == 1
                  && ord(substr $payload, 1) == 1;

        last if $key && grep { $_->[0] == 9 && $_->[3] } @group;
        push @group, [ $type, $ts + $j->{offset}, $payload,
                       ord(substr $payload, 1) == 1 ];
        shift @$messages;
    }

    $j->{offset} += 100_000;
    $j->{r}->send_flv([ map { [ @$_[0 .. 2] ] } @group ]) if @group;
}

# Two workers and 64 streams of two files, with room for some of them: what
# is refused is counted, and recorded as soon as others end.
sub refused {
    my $t = nginx(LIMIT => 128, WORKERS => 2);
    my @pair = $t->worker_pids;
    my @senders = map { my $n = $_;
        at($t, $pair[$n % 2], sub { sender($t, "s$n", 'both') }) } 1 .. 64;

    Recording::Sender::push_until(time + slow(30), \@senders, sub {
        my $log = $t->error_log;
        return 2 <= ($log =~ /no descriptor is left/)
                    + (20 <= $t->files(state => 'recording'));
    });

    my $error = 'mp4: no descriptor is left for a file, \d+ of at most \d+'
                . ' grow: worker_rlimit_nofile is too low, frames are'
                . ' dropped, exception -104, stream: "both/s\d+"';
    like($t->error_log, qr/\[error\].*$error/, 'it is said');

    Recording::Sender::push_until(time + slow(3), \@senders);

    my @said = $t->error_log =~ /(\w+): no descriptor.*stream: "(.*?)"/g;
    my %said;

    while (my ($format, $stream) = splice @said, 0, 2) {
        $said{"$format $stream"}++;
    }

    is(max(values %said), 1, 'once for each');

    my %owner = map { $_->{file_id} => $_->{owner} }
                $t->files(state => 'recording');

    # live goes on, also of a stream that is not recorded
    my ($name) = map { m{both/(.*)} } sort keys %said;
    my $seen = 0;
    my @players = map { at($t, $_, sub { player($t, $name) }) } @pair;

    Recording::Sender::push_until(time + slow(20), \@senders, sub {
        $_->poll for @players;
        $seen = max(map { $_->{count}{9} || 0 } @players);
        return $seen >= 10;
    });
    cmp_ok($seen, '>=', 10, 'a refused stream is live');
    $_->close for @players;

    my @workers = $t->worker_pids;
    is(scalar @workers, 2, 'both workers live');

    # those that were recorded leave
    my %refused = map { m{both/(.*)} => 1 } keys %said;
    my @stay = grep { $refused{ $_->{name} } } @senders;
    $_->{r}->delete_stream, $_->close
        for grep { !$refused{ $_->{name} } } @senders;

    my $again = qr{mp4 is recorded again, stream: "both/\Q$name\E"};
    Recording::Sender::push_until(time + slow(30), \@stay,
                                  sub { $t->error_log =~ $again });
    like($t->error_log, $again, 'it is recorded when there is room');

    $_->{r}->delete_stream, $_->close for @stay;
    my @rows = $t->wait_files(1, _timeout => 60);

    is(join(' ', map { $_->{stream} } grep { $_->{recovered} } @rows), '',
       'no file was taken');
    is(join(' ', map { $_->{stream} } grep { $owner{ $_->{file_id} }
        && $owner{ $_->{file_id} } ne '' && $_->{frames_dropped} } @rows),
       '', 'what grew lost nothing');

    for my $s (@senders) {
        for my $format (qw(flv mp4)) {
            my @of = grep { $_->{stream} eq $s->{name}
                            && $_->{format} eq $format } @rows;
            my ($in, $written) = map { my $f = $_; sum0(map { $_->{$f} } @of) }
                                 qw(frames_in frames_written);
            my $disk = sum0(map { $_->{drops} =~ /"disk":(\d+)/ } @of);

            next if $in == @{ $s->{sent} } && $written + $disk == $in
                    && ($disk == 0) == !$said{"$format both/$s->{name}"};
            fail("$s->{name} $format: " . @{ $s->{sent} }
                 . " sent, $in counted, $written written, $disk dropped");
        }
    }

    note scalar(keys %said) . ' of 128 files were refused at first';
}

# Clients come until nginx cannot take any more of them.  What grows goes on, is
# cut, and begins its next segments, with those that are kept for it.
sub taken {
    my $t = nginx(LIMIT => 128, CONNECTIONS => 120, conf => $conf =~ s{
            (template\ two\ \{).*}{$1
            format flv interval=2s; format mp4 interval=2s;
            format aac interval=2s; format hls segment=1s; \}}xr);
    my $spare = 128 / 8;
    wait_for('the spare ones', 20, sub { spare($t) == $spare });

    my @senders = map { sender($t, "s$_", 'both') } 1 .. 5;

    Recording::Sender::push_until(time + slow(20), \@senders, sub {
        return 20 == $t->files(state => 'recording') });

    my @clients = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                            PeerPort => $t->port, Timeout => 10)
                        or die "connect: $@" } 1 .. 100;

    Recording::Sender::push_until(time + slow(20), \@senders, sub {
        return $t->error_log =~ /accept4\(\) failed \(24: / });
    like($t->error_log, qr/accept4\(\) failed \(24: /, 'nginx has no more');

    Recording::Sender::push_until(time + slow(60), \@senders, sub {
        return 5 * 3 * 3 <= $t->files(state => 'finished') });

    # a stream that is over makes room for a client, not for another one's file
    my $sent = $senders[0]{sent};
    $_->{r}->delete_stream, $_->close for @senders;

    my @rows = $t->wait_files(5 * (1 + 3 * 4), _timeout => 60);
    is(join(' ', map { "$_->{stream}.$_->{format}" }
                 grep { $_->{frames_dropped} || $_->{state} ne 'finished' }
                 @rows), '', 'no file lost anything');
    is(sum0(map { $_->{frames_written} }
            grep { $_->{stream} eq 's1' && $_->{format} eq 'mp4' } @rows),
       @$sent, 'all was recorded');
    unlike($t->error_log =~ s/accept4\(\) failed \(24: //gr, qr/\(24: /,
           'nor was any without a descriptor');

    # nginx complains if it is to end while it waits for a free one
    close $_ for @clients;
    Recording::Rtmp->new(port => $t->port)->close;

    eval { wait_for('the spare ones', 20, sub { spare($t) == $spare }) };
    is(spare($t), $spare, 'those that were kept are kept again');
}

# A stream is back with pictures of another size, when as many files grow as
# may.
sub returned {
    my $t = nginx(LIMIT => 96, CONNECTIONS => 40, FORMAT => 'flv');
    my $other = media(fps => 10, duration => 4, size => '320x180');
    my ($mark, @all) = ($t->log_mark);

    my $back = $t->publisher('back', 'back');
    $back->send_flv($media);
    $t->wait_growing(1);
    $back->delete_stream->close;
    $t->wait_log(qr{paused.*back/back}, 20, $mark);

    for my $n (1 .. 30) {
        push @all, $t->publisher('both', "s$n");
        $all[-1]->send_flv($media);
        last if wait_for('files, or none', 20, sub {
            return $t->error_log =~ /no descriptor is left/ ? 'none'
                 : 2 * $n == $t->files(state => 'recording') }) eq 'none';
    }

    # there is room for the one that comes back, not for one more
    $_->delete_stream->close for splice @all, -2;
    wait_for('room', 20, sub {
        2 * @all == $t->files(state => 'recording') });
    push @all, $t->publisher('live', 'one');
    $all[-1]->send_flv($media);
    $t->wait_growing(1, stream => 'one');

    $back = $t->publisher('back', 'back');
    $back->send_flv($other);
    $t->wait_growing(1, stream => 'back');
    $_->delete_stream->close for $back, @all;

    my @rows;
    wait_for('both', 20, sub {
        @rows = $t->files(stream => 'back');
        return join(' ', map { $_->{state} } @rows) eq 'finished paused' });
    is($rows[1]{frames_dropped}, 0, 'another one, which lost nothing');
}

# connections that come before the store is open are not counted twice
sub late {
    my $text = $conf =~ s/(record_store %%STORE%%)/$1 zone=1m/r . <<'CONF';
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location = /metrics { record_metrics; }
    }
}
CONF
    my @left;

    for my $held (0, 1) {
        my $disk = Recording::SlowDisk->new;
        $disk->set(armed => 1);
        $disk->hold(1, on => ['open']) if $held;

        my $t = nginx(LIMIT => 256, CONNECTIONS => 100, conf => $text,
                      store => $disk->store);
        my @clients;

        if ($held) {
            wait_for('the opening', 20, sub { $disk->held });
            my $open = descriptors($t);

            push @clients, IO::Socket::INET->new(
                PeerAddr => '127.0.0.1', PeerPort => $t->port, Timeout => 10)
                for 1 .. 60;
            wait_for('60 connections', 20, sub {
                descriptors($t) >= $open + 60 });
        }

        $disk->release;
        wait_for('what is left', 20, sub {
            my (undef, $out) = run('curl', '-sS', 'http://127.0.0.1:'
                                   . $t->port(1) . '/metrics');
            ($left[$held]) = $out =~ /^recording_descriptors_left (\d+)/m;
            return $left[$held] });
    }

    is($left[1], $left[0], 'as many files may grow');
}

# they are duplicates of one eventfd; nginx has others
sub spare {
    my ($t) = @_;

    my ($pid) = $t->worker_pids;
    my %same;

    for my $fd (glob "/proc/$pid/fdinfo/*") {
        my ($id) = (eval { slurp($fd) } // '') =~ /^eventfd-id:\s*(\d+)/m;
        $same{$id}++ if defined $id;
    }

    return max(0, values %same) - 1;
}

# on this worker, while the others are stopped
sub at {
    my ($t, $worker, $what) = @_;

    my @others = grep { $_ != $worker } $t->worker_pids;
    kill STOP => @others;
    wait_for('stopped workers', 5, sub {
        !grep { slurp("/proc/$_/stat") !~ /\) T / } @others });
    my @made = eval { $what->() };
    my $error = $@;

    kill CONT => @others;
    die $error if $error;
    return @made;
}

sub player {
    my ($t, $name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'both');
    $r->play($name);
    return $r;
}

# 64 connections, streams of two files: 64 * 3 and 192
sub warned {
    my $t = Recording::Nginx->new;
    my %values = (WORKERS => 1, CONNECTIONS => 64, FORMAT => 'mp4');
    my $line = qr/\[warn\].*64\ worker_connections\ could\ need\ 384\ descr
                  .*streams\ with\ 2\ files\ each.*\ is\ (\d+):/x;

    my ($status, $err) = $t->test_conf($conf, %values, LIMIT => 384);
    is($status, 0, 'nginx -t');
    is($err =~ s/.*(?:syntax is ok|is successful)\n//gr, '', 'enough');

    ($status, $err) = $t->test_conf($conf, %values, LIMIT => 383);
    is($status, 0, 'it is no error');
    is(($err =~ $line)[0], 383, 'one less is warned of');

    # the limit that is inherited; the directive is not there
    (my $text = $conf) =~ s/^worker_rlimit_nofile.*//m;
    $t->{limit} = 0;
    $t->test_conf($text, %values);

    for my $limit (383, 384) {
        (undef, undef, $err) = run('sh', '-c',
            "ulimit -n $limit; exec \"\$0\" \"\$@\"", $t->binary, '-t',
            '-p', $t->dir . '/', '-c', $t->dir . '/test.conf', '-e',
            $t->dir . '/test.log');
        is(($err =~ $line)[0], $limit < 384 ? $limit : undef,
           "a system's limit of $limit");
    }
}
