package Recording::Times;

# Whether the frames of recorded files are at the times at which they were
# sent.
#
#     my $sent = Recording::Times::of(@messages);   # [type, ts, payload]
#     my @problems = Recording::Times::problems($sent, 50, @files);
#
# The files of one format follow on one another, and each is measured from
# its own first frame, video if there is any.  A problem is a track with
# another number of frames than were sent, a frame more than so many ms away
# from where it was sent, a file that begins by more than two frames of audio
# away from where the one before it ends, or a track whose DTS does not grow.
# ADTS has no times: its frames are counted.

use strict;
use warnings;

use Recording::Probe qw(duration packets tracks);

# { v => [ms], a => [ms] }: frames, no headers, in their order; without the
# audio from before the first video frame, which is not recorded
sub of {
    my (@messages) = @_;

    my %sent = (v => [], a => []);

    for my $message (@messages) {
        my ($type, $ts, $payload) = @$message;

        next if $type != 8 && $type != 9 || length $payload < 3
                || ord(substr $payload, 1) != 1;

        my $time = $ts;

        if ($type == 9) {
            my $composition = unpack 'N', "\0" . substr $payload, 2, 3;
            $composition -= 0x1000000 if $composition & 0x800000;
            $time += $composition;
        }

        push @{ $sent{ $type == 9 ? 'v' : 'a' } }, $time;
    }

    my ($start) = map { $_->[1] }
        grep { $_->[0] == 9 && ord(substr $_->[2], 1) == 1 } @messages;

    $sent{a} = [ grep { $_ >= $start } @{ $sent{a} } ] if defined $start;

    return \%sent;
}

sub problems {
    my ($sent, $tolerance, @files) = @_;

    return _count($sent, @files) if $files[0] =~ /\.aac$/;

    my @problems;
    my ($at, %n) = (0, v => 0, a => 0);

    for my $file (@files) {
        my %packets = %{ tracks($file) };
        my %have = map { $_ => [ map { 1000 * $_->{pts} }
                                 @{ $packets{$_} } ] } 'v', 'a';
        my $zero = _zero($sent, \%have, \%n);

        for my $s ('v', 'a') {
            push @problems, _track($s, $file, $packets{$s}, $sent, $zero,
                                   $n{$s}, $tolerance);
            $n{$s} += @{ $have{$s} };
        }

        push @problems, sprintf '%s begins %d ms off', $file, $at - $zero
            if $at && abs($at - $zero) > 64;
        $at = 1000 * duration($file) + $zero;
    }

    for my $s ('v', 'a') {
        push @problems, "$s: $n{$s} frames, not " . @{ $sent->{$s} }
            if $n{$s} != @{ $sent->{$s} };
    }

    return @problems;
}

# the time at which the file's own zero was sent
sub _zero {
    my ($sent, $have, $n) = @_;

    for my $s ('v', 'a') {
        return $sent->{$s}[ $n->{$s} ] - $have->{$s}[0]
            if @{ $have->{$s} } && $n->{$s} < @{ $sent->{$s} };
    }

    return 0;
}

sub _track {
    my ($s, $file, $packets, $sent, $zero, $n, $tolerance) = @_;

    my @problems;

    push @problems, "$s: DTS does not grow in $file"
        if grep { $packets->[$_]{dts} <= $packets->[$_ - 1]{dts} }
                1 .. $#$packets;

    my @want = @{ $sent->{$s} }[$n .. $#{ $sent->{$s} }];
    my @off = map { 1000 * $packets->[$_]{pts} + $zero - $want[$_] }
              grep { $_ < @want } 0 .. $#$packets;
    my ($worst) = sort { abs($off[$b]) <=> abs($off[$a]) } 0 .. $#off;

    push @problems, sprintf '%s: the frame of %d ms is %d ms off in %s', $s,
        $want[$worst], $off[$worst], $file
        if defined $worst && abs($off[$worst]) > $tolerance;

    return @problems;
}

sub _count {
    my ($sent, @files) = @_;

    my $have = map { packets($_, 'a') } @files;
    my $want = @{ $sent->{a} };

    return $have == $want ? () : "a: $have frames, not $want";
}

1;
