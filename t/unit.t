#!/usr/bin/perl

# The C unit tests: each program of build/unit prints TAP of its own.  What
# mp4_large leaves behind is read here as a player would.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(basename);
use File::Temp ();
use Test::More;

use Recording::Mp4;
use Recording::Util qw(root run);

my $dir = File::Temp->newdir('recording-unit-XXXXXX', TMPDIR => 1);
my @names = map { basename($_, '.c') } sort glob root() . '/t/unit/*.c';

cmp_ok(@names, '>', 0, 'there are unit tests');

for my $name (@names) {
    my @arguments = $name eq 'mp4_large' ? "$dir"
                    : $name eq 'sigv4' ? root() . '/t/unit/signature.txt' : ();
    my $out = unit($name, @arguments);

    large($out) if $name eq 'mp4_large';
}

done_testing();

# runs a program; what it wrote
sub unit {
    my ($name, @arguments) = @_;

    my $program = root() . "/build/unit/$name";
    my ($status, $out, $err) = -x $program ? run($program, @arguments)
                               : (127, '', 'not built: run "make unit"');

    my ($plan) = $out =~ /^1\.\.(\d+)$/m;
    my $count = () = $out =~ /^(?:not )?ok\b/mg;
    my @bad = $out =~ /^(not ok\b.*\n(?:#.*\n)*)/mg;

    ok(!$status && !@bad && defined $plan && $plan == $count && $count,
       "$name: $count tests")
        or diag("status $status\n", @bad, $err);

    diag($_) for $out =~ /^# (print: .*)$/mg;

    return $out;
}

# "# file: path=... vide=... soun=... batches=... every=... ms=..."
sub large {
    my ($out) = @_;

    my $files = 0;

    for my $line ($out =~ /^# file: (.*)$/mg) {
        my %want = map { split /=/, $_, 2 } split ' ', $line;

        subtest basename($want{path}) => sub { large_file(%want) };
        $files++;
    }

    is($files, 3, 'large MP4 files');
}

sub large_file {
    my (%want) = @_;

    my $mp4 = Recording::Mp4->read($want{path});
    my %track = map { $_->{type} => $_ } @{ $mp4->{tracks} };

    is(join("\n", $mp4->faststart_problems), '', 'structure');
    diag(sprintf '%s: %d bytes, %d of them unused', basename($want{path}),
         $mp4->{size}, $mp4->unused);

    for my $type (qw(vide soun)) {
        my $track = $track{$type};

        is($track->{samples}, $want{$type}, "samples of $type");
        is($track->{chunks}, $want{batches}, "chunks of $type");
        is($track->{co64} ? 1 : 0, $want{"co64_$type"}, "co64 of $type");
        chunks($want{path}, $track, $type, $want{every});
    }

    duration(%want);
}

# a chunk begins with its number
sub chunks {
    my ($path, $track, $type, $every) = @_;

    open my $fh, '<:raw', $path or die "$path: $!\n";

    my $letter = $type eq 'vide' ? 'V' : 'A';
    my (@wrong, $n);

    for ($n = 0; $n < @{ $track->{offsets} }; $n += $every) {
        seek $fh, $track->{offsets}[$n], 0 or die "seek: $!\n";
        CORE::read($fh, my $mark, 16);

        push @wrong, "chunk $n at $track->{offsets}[$n]"
            if $mark ne sprintf "$letter%015d", $n;
    }

    splice @wrong, 5 if @wrong > 5;
    is("@wrong", '', "chunks of $type are where the table says");
}

sub duration {
    my (%want) = @_;

    my ($status, $out, $err) = run('ffprobe', '-v', 'error',
        '-show_entries', 'format=duration', '-of', 'csv=p=0', $want{path});

    is($status, 0, 'ffprobe reads it') or diag($err);
    cmp_ok(abs($out - $want{ms} / 1000), '<', 0.1, 'duration');
}
