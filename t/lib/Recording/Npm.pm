package Recording::Npm;

# What a test needs from npm: a folder of t/ has package.json and its lock file.
#
#     my $why = installed('t/sdk', 'build/sdk');  # why it cannot be had, or ''
#
# It stays in build/; of tests that run side by side one fetches it.

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(:flock);
use File::Copy qw(copy);
use File::Path qw(make_path);

use Recording::Util qw(root run spew slurp);

our @EXPORT_OK = qw(installed);

sub installed {
    my ($from, $to) = map { root() . "/$_" } @_;

    for my $program ('node', 'npm') {
        return "no $program" if !grep { -x "$_/$program" }
                                split /:/, $ENV{PATH};
    }

    make_path($to);
    open my $held, '>', "$to/lock" or return "$to/lock: $!";
    flock $held, LOCK_EX or return "flock: $!";

    my $lock = slurp("$from/package-lock.json");
    return '' if -e "$to/installed" && slurp("$to/installed") eq $lock;

    copy("$from/$_", "$to/$_") for 'package.json', 'package-lock.json';
    my ($status, undef, $err) = run('timeout', '120', 'npm', 'ci', '--prefix',
        $to, '--ignore-scripts', '--no-audit', '--no-fund');
    return "npm cannot get what $_[0] names: " . (split /\n/, "$err\n")[0]
        if $status;

    spew("$to/installed", $lock);
    return '';
}

1;
