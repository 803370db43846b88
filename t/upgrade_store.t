#!/usr/bin/perl

# A store that a version before has left: what is finished stays as it is,
# what grew when nginx was killed is finished, what waits for its stream goes on
# when that is back, events that wait are told, and files that are finished now
# are to be delivered.
#
# The stores are kept in t/upgrade, see make.pl there.  As a file does not wait
# for longer than half an hour, nginx is told that it is that time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA;
use File::Basename qw(basename);
use File::Temp;
use Test::More;

use Recording::Clock;
use Recording::Exact;
use Recording::Nginx;
use Recording::Probe qw(decode_problem);
use Recording::Rtmp;
use Recording::Told;
use Recording::Util qw(root run slurp spew wait_for);

my @formats = qw(aac flv hls mp4);
my $dir = File::Temp->newdir('recording-upgrade-XXXXXX', TMPDIR => 1);
chmod 0755, $dir;

my $clock = Recording::Clock->new;
my @archives = glob root() . '/t/upgrade/*.tar.xz';
cmp_ok(scalar @archives, '>', 0, 'there are stores');

my $t;
opened($_) for @archives;
$t->done;

sub opened {
    my ($archive) = @_;

    my $name = basename($archive, '.tar.xz');
    my $place = "$dir/$name";
    mkdir $place or die "mkdir: $!\n";
    my ($status, undef, $err) = run('tar', '-xJf', $archive, '-C', $place);
    is($status, 0, "$name: unpacked") or diag($err);

    my ($made) = slurp("$place/time") =~ /^(\d+)/;
    my $flv = "$place/media.flv";
    my @all = Recording::Rtmp::flv_messages($flv);
    my ($key) = grep { $_ > 2000 } keys_of(\@all);

    $clock->set($made + 60 - time);
    my $told = Recording::Told->new(port => 9136);
    $t = started("$place/store");
    told($name, $told) if $name eq 'catalogue_5';
    $told->stop;

    # what grew
    my @grown = $t->wait_files(4, stream => 'grows');
    is(formats(@grown), "@formats", "$name: files that grew are finished");

    # when the catalogue is of this version
    my @before = $t->files(stream => 'finished');
    is(formats(@before), "@formats", "$name: finished files");
    my %sum = map { $_->{path} => sum($t->path($_)) } @before;

    for my $row (@grown) {
        is($row->{recovered}, 1, "$row->{format} was recovered");
        is($row->{frames_written}, sent(\@all, $row->{format}, 3000),
           "$row->{format} has all frames");
        is($row->{frames_in}, $row->{frames_written},
           "$row->{format}: none was dropped");
        is(decode_problem($t->path($row)), '', "$row->{format} decodes");
        is_deeply([ deliveries($row) ], [ "old/$row->{path}" ],
                  "$row->{format} is to be delivered");
    }

    is_deeply([ map { deliveries($_) } @before ], [],
              "$name: what was finished is not");

    # what waits
    is(formats($t->files(state => 'paused')), "@formats",
       "$name: what waits is left alone");

    my $r = Recording::Rtmp->new(port => 9135);
    $r->connect(app => 'waits');
    $r->publish('waits');
    $r->send_flv(\@all, from => $key);
    $t->wait_log(qr/recording \d+ resumed/);
    $r->delete_stream->close;
    wait_for('the pause', 20, sub { 4 == $t->files(state => 'paused') });

    # it waits no longer when half an hour is over, as the machine says that was
    # started meanwhile
    $t->stop;
    unlink "$place/store/clock" or die "clock: $!\n";
    $clock->set($made + 7200 - time);
    $t->start;
    my @rows = $t->wait_files(4, stream => 'waits');
    is(formats(@rows), "@formats", "$name: and finished when it is over");

    for my $row (@rows) {

        # where it goes on it may be half a picture out of place
        my @problems = Recording::Exact::compare(pushed => [$flv],
            files => [ $t->path($row) ], times => 0);
        is("@problems", '', "$row->{format}, gone on with, is exact");
        is($row->{frames_written}, sent(\@all, $row->{format}, 9000),
           "$row->{format}, gone on with, has all frames");
    }

    # what was finished
    my @after = $t->files(stream => 'finished');
    is_deeply(\@after, \@before, "$name: rows of finished files are the same");
    is(sum($t->path($_)), $sum{ $_->{path} },
       "$_->{format}, finished, is the same") for @after;

    is(join(' ', grep { !/worker\./ } map { basename($_) }
            glob "$place/store/work/*"), '', "$name: nothing is left in work/");
    $t->stop;
}

# the events of what was finished
sub told {
    my ($name, $told) = @_;

    my @events = map { $_->{json} } $told->wait_events(4, 90);
    is(join(' ', sort map { $_->{file_format} } @events), "@formats",
       "$name: events that waited are told");
    wait_for('the end of that', 20, sub {
        4 == grep { $_->{told} } $t->files(stream => 'finished') });
    return;
}

sub deliveries {
    my ($row) = @_;

    return map { $_->{key} } $t->catalogue('SELECT key FROM outbox'
        . " WHERE kind = 'upload' AND file_id = $row->{file_id}");
}

# nobody listens where files go to
sub started {
    my ($store) = @_;

    my $nginx = Recording::Nginx->new(store => $store);
    my $file = spew($nginx->dir . '/credentials', "[default]\n"
        . "aws_access_key_id = one\naws_secret_access_key = two\n");
    chmod 0644, $file;

    return $nginx->conf(<<'CONF', FILE => $file)->start;
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_bucket archive {
        endpoint http://127.0.0.1:9137;
        bucket films;
        prefix old/;
        credentials %%FILE%%;
    }
    upload archive;
    notify http://127.0.0.1:9136/;
    record_template all {
        format flv; format mp4; format aac; format hls segment=1s;
    }
    record_template waits {
        format flv resume=30m; format mp4 resume=30m; format aac resume=30m;
        format hls resume=30m segment=1s;
    }
    server {
        listen 127.0.0.1:9135;
        application live { live on; record_rule all; }
        application waits { live on; record_rule waits; }
    }
}
CONF
}

sub formats { return join ' ', sort map { $_->{format} } @_ }

# of all that a file has, a playlist with its segments
sub sum {
    my ($path) = @_;

    my $sha = Digest::SHA->new(1);
    $sha->addfile($_) for $path =~ m{(.*)/index\.m3u8$} ? sort glob "$1/*"
                                                        : $path;
    return $sha->hexdigest;
}

# frames from the first key frame on, and before a time
sub sent {
    my ($messages, $format, $to) = @_;

    my ($start) = keys_of($messages);

    return scalar grep {
        my ($type, $ts, $data) = @$_;
        ($type == 8 || ($type == 9 && $format ne 'aac'))
            && ord(substr $data, 1, 1) == 1 && $ts >= $start && $ts < $to;
    } @$messages;
}

# timestamps of key frames
sub keys_of {
    my ($messages) = @_;

    return map { $_->[1] } grep { $_->[0] == 9 && $_->[2] =~ /^\x17\x01/ }
                           @$messages;
}
