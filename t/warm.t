#!/usr/bin/perl

# A program that is kept loaded answers as one that is run: its output, its
# errors, its status and its directory; and it ends with the test.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp;
use Test::More;

use Recording::Media qw(media);
use Recording::Util qw(in_parallel root run spew wait_for);

my $dir = File::Temp->newdir('recording-XXXXXX', TMPDIR => 1);
my $flv = media(duration => 1, fps => 10, size => '160x90');

same('what it finds', qw(ffprobe -v error -show_packets), $flv);
same('an error', qw(ffprobe -v error), "$dir/none");
same('frames', qw(ffmpeg -nostdin -v error -i), $flv, qw(-f framemd5 -));
same('rows', 'sqlite3', '-json', ':memory:',
     "SELECT 'a b\n\xe9' AS x, '' AS y");
same('a wrong statement', 'sqlite3', ':memory:', 'SELECT x FROM y');
same('an empty argument', 'sqlite3', '', 'SELECT 1');

spew("$dir/here.sql", "SELECT 'here';\n");
chdir $dir or die "chdir: $!";
same('in its directory', 'sqlite3', ':memory:', '.read here.sql');
chdir root() or die "chdir: $!";

is((run('sqlite3', ':memory:', '.shell kill -9 $PPID'))[0], 128 + 9,
   'killed by a signal');

is(join('', in_parallel(3, sub { (run('sqlite3', ':memory:',
                                      "SELECT $_[0]"))[1] }, 1 .. 9)),
   join("\n", 1 .. 9, ''), 'for processes, each its own');

my ($status, $pid) = run($^X, '-I', root() . '/t/lib', '-MRecording::Util=run',
    '-e', 'run("sqlite3", ":memory:", "SELECT 1"); $| = 1; print $$;'
          . ' kill KILL => $$');
is($status, 128 + 9, 'a test is killed');
wait_for('end of what it had loaded', 10, sub { !loaded($pid) });
pass('and nothing is left');

done_testing();

sub same {
    my ($what, @command) = @_;

    my @warm = run(@command);
    local $ENV{TEST_COLD} = 1;
    is_deeply(\@warm, [ run(@command) ], $what);
}

# by the name of its socket
sub loaded {
    my ($pid) = @_;

    open my $fh, '<', '/proc/net/unix' or die "/proc/net/unix: $!";
    return grep { /\@recording-warm-$pid-/ } <$fh>;
}
