package Recording::Early;

# An nginx that delivers what it records while it records it, in parts of 5 MB,
# by way of a proxy that fails as it is ordered to (Recording::Delivery), and
# what is to be seen in the bucket meanwhile.
#
#     my $e = Recording::Early->new(workers => 2);
#     my $s = $e->stream('flv')->send(20);
#     $e->wait_parts(2, "$s->{name}.flv");
#     my %took = $e->ended($s);             # seconds to the complete object
#     $e->whole($_) for $e->rows($s);
#     $e->done;
#
# Applications are named by what they record: flv, mp4, aac, hls and all; back
# is all of it, with resume=10s, and cut are flv and mp4, a file each 12 s.

use strict;
use warnings;

use File::Temp ();
use JSON::XS ();
use Time::HiRes qw(sleep time);

use Recording::Bulk;
use Recording::Mp4;
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(slow slurp wait_for within);

use parent 'Recording::Delivery';

use constant PART => 5 << 20;

my %formats = (
    flv => 'format flv;', mp4 => 'format mp4;', aac => 'format aac;',
    hls => 'format hls segment=2s;',
);
my %type = (mp4 => 'video/mp4', flv => 'video/x-flv', aac => 'audio/aac',
            hls => 'application/vnd.apple.mpegurl', ts => 'video/mp2t');

# as Recording::Delivery; formats => of an application more, named more
sub new {
    my ($class, %opt) = @_;

    my $all = join ' ', map { $formats{$_} } sort keys %formats;
    my $resume = slow(10) . 's';
    my %apps = (%formats, all => $all, back => $all =~ s/;/ resume=$resume;/gr,
        cut => 'format flv interval=12s; format mp4 interval=12s;',
        $opt{formats} ? (more => $opt{formats}) : ());
    my $path = sub { $_[0] eq 'cut' ? '{StreamID}-{RandomID}' : '{StreamID}' };

    return $class->SUPER::new(
        rtmp => 'record_sync 1s; record_buffer 64m total=512m;',
        templates => join(' ', map {
            "record_template $_ { $apps{$_} path '" . $path->($_)
            . "'; upload archive when=recording; }" } sort keys %apps),
        applications => join(' ', map {
            "application $_ { live on; record_rule $_; }" } sort keys %apps),
        %opt);
}

# another nginx, which takes over: with another store, if that is given
sub taken_over {
    my ($self, %opt) = @_;

    my $old = $self->nginx;
    my $t = $self->{t} = Recording::Nginx->new(%opt);
    $t->conf($old->{text}, %{ $old->{subst} })->start;
    return $t;
}

# --- streams

# one that is published and has sent nothing yet
sub stream {
    my ($self, $app, %opt) = @_;

    my $s = Recording::Bulk->new($self->nginx, $app, "$app" . ++$self->{n},
                                 %opt);
    push @{ $self->{streams} }, $s;
    return $s->publish;
}

# on this worker, while all others are stopped
sub publish_at {
    my ($self, $s, $worker) = @_;

    my $t = $self->nginx;
    my @others = grep { $_ != $worker } $t->worker_pids;
    my $r = eval {
        kill STOP => @others;
        wait_for('stopped workers', 5, sub {
            !grep { slurp("/proc/$_/stat") !~ /\) T / } @others });
        Recording::Rtmp->new(port => $t->port);
    };
    my $error = $@;

    kill CONT => @others;
    die $error if !$r;
    return $s->publish($r);
}

# streams that have nothing to send live on
sub wait_on {
    my ($self, $what, $seconds, $condition, $explain) = @_;

    return wait_for($what, $seconds, sub {
        $_->poll for grep { $_->{r} } @{ $self->{streams} };
        return $condition->();
    }, $explain);
}

# the rows of files
sub rows {
    my ($self, $s) = @_;
    return $self->nginx->files(stream => $s->name);
}

# the row that says what is to be done about a key
sub outbox {
    my ($self, $key) = @_;
    my ($row) = $self->nginx->catalogue("SELECT * FROM outbox WHERE"
        . " kind = 'upload' AND key = '$key'");
    return $row;
}

# --- while they grow

# the upload of a key that is neither complete nor aborted: its id; the one that
# the row knows, if one before it had no answer
sub upload {
    my ($self, $key) = @_;

    my @ids = map { $_->{id} } grep { $_->{key} eq $key }
              $self->s3->uploads($self->films);
    return $ids[0] // '' if @ids < 2;

    my ($known) = $self->outbox($key)->{progress} =~ /"upload_id":"([^"]+)/;
    return (grep { $_ eq ($known // '') } @ids)[0] // '';
}

# its parts, as the server has them
sub parts {
    my ($self, $key) = @_;

    my $id = $self->upload($key) or return;
    return $self->s3->parts($self->films, $key, $id);
}

# until there are so many from the second one on, while it grows
sub wait_parts {
    my ($self, $n, @keys) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $key (@keys) {
        my %size;

        $self->wait_on("$n parts of $key", 30, sub {
            %size = map { $_->{number} => $_->{size} } $self->parts($key);
            return !grep { !$size{$_} } 2 .. $n + 1;
        }, sub { "\nhas " . join(' ', sort keys %size) . "\n"
                 . $self->told($key) });

        my @other = grep { $_ < 2 || $size{$_} != PART } keys %size;
        Test::More::is("@other", '',
            "$key: parts are there while it grows, but the first one");
        Test::More::is($self->s3->head($self->films, $key), undef,
                       "$key: and no object");

        my ($row) = $self->nginx->catalogue('SELECT state FROM files WHERE'
            . " file_id = (SELECT file_id FROM outbox WHERE key = '$key')");
        Test::More::like($row->{state}, qr/^(?:recording|paused)$/,
                         "$key: it grows");
    }

    return;
}

# until the playlist of a growing one has so many segments
sub wait_segments {
    my ($self, $n, $key) = @_;

    my $list;
    $self->wait_on("$n segments of $key", 30, sub {
        $list = $self->s3->get($self->films, $key) // '';
        return $n <= (() = $list =~ /^\w+\.ts$/mg);
    }, sub { "\n$list\n" . $self->told($key) });
    return $list;
}

sub told {
    my ($self, $key) = @_;

    my $row = $self->outbox($key) or return 'no row';
    return join ' ', map { "$_=" . ($row->{$_} // '') }
                     qw(state attempts error progress);
}

# --- at the end

# The seconds that it takes from now, or from `since`, until objects are
# complete, by their keys.
sub complete {
    my ($self, $keys, $since) = @_;

    my %at;
    $since //= time;

    $self->wait_on('complete objects', 60, sub {
        $at{$_} //= $self->_is_complete($_) ? time : undef for @$keys;
        return !grep { !defined } @at{@$keys};
    }, sub { join "\n", '', map { "$_: " . $self->told($_) }
                            grep { !defined $at{$_} } @$keys });

    return map { $_ => $at{$_} - $since } @$keys;
}

# The same for what ends by itself, from when their rows say that the files
# were finished.
sub complete_rows {
    my ($self, @keys) = @_;

    my %at = $self->complete(\@keys, 0);
    my %row = map { $_->{path} => $_ } $self->nginx->files;
    return map { $_ => $at{$_} - $row{$_}{finished_us} / 1e6 } @keys;
}

sub _is_complete {
    my ($self, $key) = @_;

    return defined $self->s3->head($self->films, $key) if $key !~ /m3u8$/;
    return ($self->s3->get($self->films, $key) // '') =~ /^#EXT-X-ENDLIST/m;
}

# A stream ends, and its objects are complete in time, once their files are
# finished, which is up to the disk.  What it took.
sub ended {
    my ($self, $s, @keys) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    @keys = map { $_->{key} } $self->nginx->catalogue('SELECT key FROM outbox'
        . " WHERE kind = 'upload' AND facts ->> 'stream' = '" . $s->name . "'")
        if !@keys;
    Test::More::isnt(scalar(@keys), 0, $s->name . ': it is to be delivered');

    my $since = time;
    $s->end;
    my %took = $self->complete(\@keys, $since);

    for my $row ($self->nginx->files(stream => $s->name)) {
        my $finished = ($row->{finished_us} || 0) / 1e6 - $since;
        $took{ $row->{path} } -= $finished
            if defined $took{ $row->{path} } && $finished > 0;
    }

    return $self->in_time(\%took);
}

sub in_time {
    my ($self, $took) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $key (sort keys %$took) {
        Test::More::cmp_ok($took->{$key}, '<', within(2),
            sprintf '%s: complete after %.2f s', $key, $took->{$key});
    }

    return %$took;
}

# A finished file is in the bucket as it is here, and nothing else of it.
# whole($row, short => 1): it was not sent before its end; undef: as it may be.
sub whole {
    my ($self, $row, %opt) = (@_[0, 1], short => 0, @_[2 .. $#_]);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($t, $format, $key) = ($self->nginx, @{$row}{qw(format path)});

    $self->wait_on("delivery of $key", 60, sub {
        ($self->outbox($key) || { state => '' })->{state} eq 'done'
    }, sub { "\n" . $self->told($key) });

    my $fetched = File::Temp->new;
    $self->s3->save($self->films, $key, $fetched->filename);
    Test::More::ok(slurp($fetched->filename) eq slurp($t->path($row)),
                   "$key: as it is");
    Test::More::is(join("\n", Recording::Mp4->read($fetched->filename)
                        ->faststart_problems), '', "$key: moov first")
        if $format eq 'mp4';

    $self->_facts($row, $opt{short});
    $self->_segments($row) if $format eq 'hls';
    Test::More::is(join(' ', grep { $_ eq $key } map { $_->{key} }
                             $self->s3->uploads($self->films)), '',
                   "$key: no upload is left");
    return;
}

sub _facts {
    my ($self, $row, $short) = @_;

    my ($format, $key) = @{$row}{qw(format path)};
    my $head = $self->s3->head($self->films, $key);
    my $meta = sub { $head->{"x-amz-meta-$_[0]"} // '' };

    Test::More::is($head->{'content-type'}, $type{$format}, "$key: its type");
    Test::More::is($meta->('file-id'), $row->{file_id}, "$key: its id");
    Test::More::is($meta->('recording-id'), $row->{recording_id},
                   "$key: its recording");
    Test::More::is($meta->('stream'), "$row->{app}/$row->{stream}",
                   "$key: its stream");
    Test::More::like($meta->('start'), qr/^20\d\d-\d\d-\d\dT[\d:.]+Z$/,
                     "$key: its start");

    # a playlist is written at the end, as a short file
    Test::More::is($meta->('end'), '', "$key: no end, which was not known")
        if !$short && defined $short && $format ne 'hls';
    Test::More::like($meta->('end'), qr/^20\d\d-/, "$key: its end") if $short;

    my ($object, @more) = @{ JSON::XS->new->decode(
        ($self->nginx->files(file_id => $row->{file_id}))[0]{objects}) };
    Test::More::is(scalar(@more), 0, "$key: one object");
    Test::More::is($object->{key}, $key, "$key: its key is told");
    return;
}

sub _segments {
    my ($self, $row) = @_;

    my ($dir) = $row->{path} =~ m{^(.*/)};
    my $files = $self->nginx->store . '/files';
    my @names = slurp("$files/$row->{path}") =~ /^(\w+\.ts)$/mg;
    my @wrong = grep { ($self->s3->get($self->films, "$dir$_") // '')
                       ne slurp("$files/$dir$_") } @names;

    Test::More::cmp_ok(scalar(@names), '>', 0, "$row->{path}: segments");
    Test::More::is("@wrong", '', "$row->{path}: they are as they are");

    my $there = join ' ', $self->s3->keys($self->films, $dir);
    Test::More::is($there, join(' ', sort "${dir}index.m3u8",
                                map { "$dir$_" } @names),
                   "$row->{path}: and no others");

    my $head = $self->s3->head($self->films, "$dir$names[0]");
    Test::More::is($head->{'content-type'}, $type{ts},
                   "$row->{path}: their type");
    return;
}

# --- what was asked of the bucket

# the numbers of the parts of a key that the bucket has taken, each as often as
# it was
sub sent {
    my ($self, $key) = @_;

    return sort { $a <=> $b } map { $_->{target} =~ /partNumber=(\d+)/ }
           grep { ($_->{status} || 0) == 200 }
           $self->fault->requests(qr/^PUT \S*\Q$key\E\?.*partNumber=/);
}

# how many uploads were begun of it
sub begun {
    my ($self, $key) = @_;
    my @all = $self->fault->requests(qr/^POST \S*\Q$key\E\?.*uploads/);
    return scalar grep { ($_->{status} || 0) == 200 } @all;
}

# one upload, and each part once
sub sent_once {
    my ($self, $key) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @sent = $self->sent($key);
    Test::More::is("@sent", join(' ', 1 .. @sent), "$key: each part once");
    Test::More::is($self->begun($key), 1, "$key: in one upload");
    return;
}

1;
