package Recording::Intact;

# Whether a store is intact after interruptions: the catalogue and the
# directories agree, and each frame that had to be kept is in one file.
#
#     my $intact = Recording::Intact->new($t, Recording::Frames->sent($flv));
#     $intact->add($load, margin => 1, at => $time);
#     is(join("\n", $intact->settle, $intact->problems), '', 'intact');
#
# add(): of the streams that were lost all frames must be there which the
# server's kernel had `margin` seconds before the time `at`, of the others
# all.  With recovered => 1 the files in which lost streams ended must say
# that they were recovered, with left => 1 any may, else none.  Each load has a
# name of its own.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find ();
use List::Util qw(shuffle sum0);

use Recording::Probe qw(decode_problems);
use Recording::Util qw(slurp wait_for);

my @formats = qw(flv mp4 hls aac);

# decode => how many files of each format and load are decoded; 0: all
sub new {
    my ($class, $t, $sent, %opt) = @_;

    return bless { t => $t, sent => $sent, decode => 10, %opt,
                   loads => [], worst => 0 }, $class;
}

sub add {
    my ($self, $load, %limit) = @_;

    push @{ $self->{loads} }, { name => $load->{name}, %limit,
                                streams => $load->streams };
}

# Waits until every file is finished and only living workers have a lock;
# what is left at the deadline is a problem.
sub settle {
    my ($self) = @_;

    my $t = $self->{t};

    my $done = eval {
        wait_for('end of all files', 30, sub { !$self->_growing });
        wait_for('end of the work', 10, sub { !$self->orphans });
    };
    return () if $done;

    return ((map { my $row = $_; join ' ', 'unfinished:',
                   map { "$_=$row->{$_}" } sort keys %$row }
                 $self->_growing),
            map { "work/$_ is an orphan" } $self->orphans);
}

sub _growing {
    my ($self) = @_;

    return $self->{t}->catalogue('SELECT file_id, format, stream, state,'
        . " owner FROM files WHERE state IN ('recording', 'paused',"
        . " 'finishing') LIMIT 10");
}

# what lies in work/ and belongs to no living worker
sub orphans {
    my ($self) = @_;

    my $t = $self->{t};
    my %alive = map { $_ => 1 } $t->worker_pids(all => 1);

    return grep { $_ ne 'catalogue.lock'
                  && !(/^worker\.(\d+)\./ && $alive{$1}) }
           map { m{([^/]+)$} } glob $t->store . '/work/*';
}

# all of what was added since the last call
sub problems {
    my ($self) = @_;

    my @problems = $self->catalogue_problems;
    my @loads = splice @{ $self->{loads} };

    return (@problems, map { $self->_load_problems($_) } @loads);
}

# the worst that was lost: seconds from a frame's coming to the interruption
sub worst { return $_[0]{worst} }

# --- the catalogue and the directories

sub catalogue_problems {
    my ($self) = @_;

    my $t = $self->{t};
    my ($check) = map { values %$_ } $t->catalogue('PRAGMA integrity_check');
    my %there = map { $_ => 1 } $self->_tree;
    my @problems = $check eq 'ok' ? () : ("the catalogue: $check");

    for my $row ($t->files) {
        my $name = "$row->{stream} $row->{format} $row->{file_id}";

        push @problems, map { "$name: $_" } _row_problems($row),
             $row->{state} eq 'finished' ? $self->_place_problems($row) : ();

        delete @there{ $self->_files_of($row) }
            if $row->{state} eq 'finished';
    }

    return (@problems, map { "$_ has no row" } sort keys %there);
}

sub _row_problems {
    my ($row) = @_;

    my @problems;

    push @problems, "state $row->{state}"
        if $row->{state} !~ /^(?:finished|lost)$/;
    push @problems, "owner $row->{owner}" if length $row->{owner};
    push @problems, "in $row->{frames_in}, written $row->{frames_written},"
                    . " dropped $row->{frames_dropped}"
        if $row->{frames_in}
           != $row->{frames_written} + $row->{frames_dropped};
    push @problems, "$row->{frames_written} frames in a lost file"
        if $row->{state} eq 'lost' && $row->{frames_written};

    return @problems;
}

sub _place_problems {
    my ($self, $row) = @_;

    my @files = $self->_files_of($row);
    my @missing = grep { !-f } @files;
    return "no file @missing" if @missing;

    my $size = sum0(map { -s } @files);
    return $size == $row->{size} ? ()
           : "size $row->{size}, on the disk $size";
}

# the file, or the playlist and the segments that it lists
sub _files_of {
    my ($self, $row) = @_;

    my $path = $self->{t}->path($row);
    return $path if $row->{format} ne 'hls' || !-f $path;

    return $path, map { dirname($path) . "/$_" }
                  grep { !/^(?:#|$)/ } split /\n/, slurp($path);
}

sub _tree {
    my ($self) = @_;

    my @files;

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @files, $_ if !-d;
    } }, $self->{t}->store . '/files');

    return @files;
}

# --- the frames

sub _load_problems {
    my ($self, $load) = @_;

    my @rows = $self->{t}->catalogue('SELECT * FROM files WHERE stream GLOB'
        . " '$load->{name}*' ORDER BY start_us, file_id");
    my (@problems, %rows);

    for my $row (@rows) {
        push @{ $rows{ $row->{stream} }{ $row->{format} } }, $row;
        push @problems, $self->_file_problems($row)
            if $row->{state} eq 'finished';
    }

    for my $stream (sort keys %{ $load->{streams} }) {
        for my $format (@formats) {
            push @problems, map { "$stream $format: $_" }
                $self->_stream_problems($load, $stream, $format,
                                        @{ $rows{$stream}{$format} || [] });
        }
    }

    return (@problems, $self->_decode_problems(@rows));
}

# reads the file; what it has is kept in the row
sub _file_problems {
    my ($self, $row) = @_;

    my $path = $self->{t}->path($row);
    my $found = $self->{sent}->find($path);
    my $n = @{ $found->{v} } + @{ $found->{a} };

    $row->{found} = $found;

    return map { "$path: $_" } @{ $found->{problems} },
        $n == $row->{frames_written} ? ()
            : "$n frames, by its row $row->{frames_written}";
}

sub _stream_problems {
    my ($self, $load, $name, $format, @rows) = @_;

    my $stream = $load->{streams}{$name};
    my @there = grep { $_->{found} } @rows;
    my @problems;

    for my $kind ($format eq 'aac' ? 'a' : ('v', 'a')) {
        my @have = map { @{ $_->{found}{$kind} } } @there;

        push @problems, map { "$kind: $_" } _order(@have),
            $self->_missing($load, $stream, $kind, @have);
    }

    # the last one was still growing
    push @problems, "$rows[-1]{file_id} is not recovered"
        if $load->{recovered} && $stream->{lost} && @rows
           && !$rows[-1]{recovered};
    push @problems, map { "$_->{file_id} is recovered" }
        grep { $_->{recovered} && !$load->{recovered} && !$load->{left} } @rows;

    # a file that was to have no frame at all is no fault
    push @problems, map { "$_->{file_id} is lost" }
        grep { $_->{state} eq 'lost' && $_->{frames_in}
               && !$stream->{lost} } @rows;

    return @problems;
}

# each frame once, and in order
sub _order {
    my (@have) = @_;

    my $n = grep { $have[$_] <= $have[$_ - 1] } 1 .. $#have;
    return $n ? "$n frames are twice or not in order" : ();
}

sub _missing {
    my ($self, $load, $stream, $kind, @have) = @_;

    my %have = map { $_ => 1 } @have;
    my @lost = grep { !$have{ $_->[0] } } @{ $stream->{$kind} } or return;

    # nothing of a stream that was not lost may be missing
    my $until = $stream->{lost} ? $load->{at} - $load->{margin} : 9e99;
    my @missing = grep { $_->[1] < $until } @lost;

    my $age = $stream->{lost} ? $load->{at} - $lost[0][1] : 0;
    $self->{worst} = $age if $age > $self->{worst};

    return if !@missing;
    return sprintf '%d of %d frames are missing, from %d ms on%s',
        scalar @missing, scalar @{ $stream->{$kind} }, $missing[0][0],
        $stream->{lost} ? sprintf ', the oldest came %.3f s before', $age
                        : '';
}

# --- decoding

sub _decode_problems {
    my ($self, @rows) = @_;

    my @chosen;

    # a playlist without an end would be waited for
    my @whole = grep { $_->{found} && !@{ $_->{found}{problems} } } @rows;

    for my $format (@formats) {
        my @some = shuffle(grep { $_->{format} eq $format } @whole);

        $#some = $self->{decode} - 1
            if $self->{decode} && @some > $self->{decode};
        push @chosen, @some;
    }

    return decode_problems($self->{t}->paths(@chosen));
}

1;
