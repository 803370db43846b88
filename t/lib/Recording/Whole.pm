package Recording::Whole;

# Whether a store is whole: files are as their rows say, every frame in them
# can be decoded, and nothing is left over.
#
#     is(join("\n", Recording::Whole::disagreements($t)), '');
#     my $found = Recording::Whole::look($t, $row);
#     is(join("\n", @{ $found->{problems} }), '');

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Find ();

use Recording::Hls;
use Recording::Mp4;
use Recording::Probe qw(decode_problem nal_hashes packets raw_aac_hashes);
use Recording::Util qw(slurp);

my %looked;

# What is not at its end: rows, and all in work/ but the locks of living
# workers.
sub growing {
    my ($t) = @_;

    my %living = map { $_ => 1 } $t->worker_pids;
    my @left = grep { my ($pid) = m{/worker\.(\d+)\.\d+$};
                      !($pid && $living{$pid}) && !m{/catalogue\.lock$} }
               glob $t->store . '/work/*';

    return map({ name($_) . " is $_->{state}" }
               grep { $_->{state} =~ /recording|paused|finishing/ }
               $t->files),
           map({ "recording $_->{recording_id}" }
               -s $t->db ? $t->recordings(end_us => undef) : ()),
           map { (m{([^/]+)$})[0] . ' of ' . (-s $_ || 0) . ' bytes' } @left;
}

sub name { return join ' ', @{ $_[0] }{qw(file_id format stream)} }

# rows without their files, files without their rows
sub disagreements {
    my ($t) = @_;

    my (%known, @problems);

    for my $row ($t->files) {
        if ($row->{state} eq 'finished') {
            my @parts = parts($t, $row);
            my $size = 0;
            $size += -s $_ || 0 for @parts;

            push @problems, name($row) . ": $size bytes, in its row "
                . $row->{size} if $size != $row->{size};
            @known{@parts} = ();

        } elsif ($row->{state} ne 'lost') {
            push @problems, name($row) . " is $row->{state}";
        }
    }

    my $dir = $t->store . '/files';

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @problems, "$_ is in no row" if -f && !exists $known{$_};
    } }, $dir) if -d $dir;

    return @problems;
}

# the files of a row
sub parts {
    my ($t, $row) = @_;

    my $file = $t->path($row);
    return $file if $row->{format} ne 'hls' || !-e $file;

    my ($dir) = $file =~ m{(.*)/};
    return ($file, map { "$dir/$_" } slurp($file) =~ /^([^#\n].*)/mg);
}

sub digest {
    my ($t, $row) = @_;

    return $row->{state} if $row->{state} ne 'finished';
    return sha256_hex(join '', map { -e $_ ? slurp($_) : 'none' }
                                   parts($t, $row));
}

# { problems, v, a (hashes), count (of frames, not of HLS) }; a file that is
# the same in another store is not looked at again
sub look {
    my ($t, $row) = @_;

    my $digest = digest($t, $row);
    return $looked{$digest} if $looked{$digest};

    my %found = (v => [], a => [], problems => []);
    eval { _look(\%found, $t->path($row), $row); 1 }
        or push @{ $found{problems} }, $@;

    return $looked{$digest} = \%found;
}

sub _look {
    my ($found, $file, $row) = @_;

    my $format = $row->{format};

    push @{ $found->{problems} }, grep { length } decode_problem($file),
        $format eq 'mp4' ? Recording::Mp4->read($file)->faststart_problems
      : $format eq 'hls' ? @{ Recording::Hls->check($file, ended => 1)
                              ->{problems} } : ();

    if ($format eq 'hls') {
        $found->{v} = [ nal_hashes($file) ] if $row->{video_codec};
        $found->{a} = [ raw_aac_hashes($file) ] if $row->{audio_codec};
        return;
    }

    for my $track ($format eq 'aac' ? 'a' : ('v', 'a')) {
        $found->{$track} = [ map { $_->{hash} } packets($file, $track) ];
        $found->{count} += @{ $found->{$track} };
    }
}

1;
