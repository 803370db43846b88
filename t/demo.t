#!/usr/bin/perl

# make demo's script: off a terminal it says that its addresses end, and what
# it shows is right; on one it serves the console, the API and the files, with
# two streams live, until Ctrl-C.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use POSIX qw(WNOHANG);
use Test::More;

use Recording::Api;
use Recording::Util qw(not_tested root run slurp spew wait_for);

for my $program (qw(curl ffmpeg nginx script sqlite3)) {
    plan skip_all => not_tested("needs $program")
        if system("PATH=\$PATH:/usr/sbin command -v $program > /dev/null");
}

$ENV{DEMO_SECONDS} = 5;

# a build directory of its own, as the demo of a user might run
my $dir = tempdir('recording-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $module = 'ngx_rtmp_recording_module.so';
chmod 0755, $dir;
copy(root() . "/build/$module", "$dir/$module") or die "$module: $!";
make_path("$dir/console/vendor");
spew("$dir/console/index.html", 'the page');

my ($status, $out, $err) = run(root() . '/t/demo/demo.sh', $dir);
is($status, 0, 'off a terminal') or diag "$out$err";
like($out, qr{^console: http://127.0.0.1:\d+/console/\n}, 'the console first');
like($out, qr/npm fetches: install npm/, 'that it lacks its libraries');
like($out, qr/Everything is as it was pushed/, 'all is right');
like($out, qr/The addresses have ended with it/, 'that its addresses end');
cmp_ok(scalar(() = $out =~ /\n/g), '<=', 20, 'twenty lines') or diag $out;

# on a terminal, as script makes one
if (system("script -qec true /dev/null < /dev/null > /dev/null 2>&1")) {
    not_tested('no pseudo terminal can be had');
    done_testing;
    exit;
}

pipe my $read, my $write or die "pipe: $!";
spew("$dir/shown", '');
my $pid = fork // die "fork: $!";

if ($pid == 0) {
    open STDOUT, '>', "$dir/shown";
    open STDIN, '<&', $read;
    close $write;

    # in place of the shell, whose own status after Ctrl-C would be the one
    exec 'script', '-qefc', 'exec ' . root() . "/t/demo/demo.sh $dir",
         '/dev/null';
}

close $read;
my ($server, $port);
wait_for('two streams', 120, sub {
    my $shown = slurp("$dir/shown");
    ($server, $port) = $shown =~ m{^console: (http://127.0.0.1:(\d+))/}m;
    die "it has ended: $shown" if waitpid($pid, WNOHANG) == $pid;
    return $shown =~ /Ctrl-C ends it/;
}, sub { "\n" . slurp("$dir/shown") });

my $api = Recording::Api->new(port => $port);
my %live;
wait_for('both', 60, sub {
    my $set = $api->call('DescribeRecordings', { State => 'open' });
    %live = map { $_->{StreamName} => 1 } @{ $set->{RecordingSet} || [] };
    return 2 == grep { $live{$_} } qw(camera concert);
}, sub { "\n" . slurp("$dir/shown") . slurp("$dir/demo/error.log") });
pass('two streams are live');

($status, undef, $err) = run(root() . '/t/demo/demo.sh', $dir);
is("$status $err", "1 demo: one runs here already, Ctrl-C ends it\n",
   'a second one does not touch it');

is((run('curl', '-sf', "$server/console/index.html"))[1], 'the page',
   'the console is served');
like((run('curl', '-sI', "$server/console/index.html"))[1],
     qr/^Content-Security-Policy: default-src 'none';/mi, 'with its policy');

my ($file) = @{ $api->call('SearchMedia')->{MediaInfoSet} };
is((run('curl', '-sf', '-o', '/dev/null', $file->{BasicInfo}{MediaUrl}))[0], 0,
   'and what was recorded');

like(slurp("$dir/shown"), qr/Everything is as it was pushed/, 'right as well')
    or diag slurp("$dir/demo/error.log");

print $write "\x03";
$write->flush;
waitpid $pid, 0;
is($?, 0, 'Ctrl-C ends it') or diag slurp("$dir/shown");
is((run('curl', '-s', "$server/"))[0], 7, 'and its nginx');

done_testing;
