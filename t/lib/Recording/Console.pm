package Recording::Console;

# The console in Debian's Chromium, which node drives: what scripts in t/console
# say becomes tests.
#
#     my $why = Recording::Console::missing();
#     plan skip_all => $why if $why;
#     ...
#     Recording::Console::conf($t, 1)             # a server for the port
#     Recording::Console::drive('live.js', { base => $url, ... });

use strict;
use warnings;

use JSON::XS ();
use Test::More ();

use Recording::Npm qw(installed);
use Recording::Util qw(root run slurp);

my $json = JSON::XS->new->utf8->canonical;
my $chromium = $ENV{TEST_CHROMIUM} || '/usr/bin/chromium-headless-shell';

# the header of docs/console.md, which is what tests have
my $policy = slurp(root() . '/docs/console.md')
             =~ /(add_header\s+Content-Security-Policy\s+"[^"]+";)/ ? $1 : die;

# why there is no browser, or no console, or nothing
sub missing {
    return "no $chromium" if !-x $chromium;
    return 'the console has no libraries: run "make console"'
        if !-e root() . '/build/console/vendor/preact.js';

    return installed('t/console', 'build/drive');
}

# a server as docs/console.md has it, on a port of the test; api => lines of
# its location
sub server {
    my ($n, %opt) = @_;

    my $api = $opt{api} // 'record_api;';
    my $console = root() . '/build/console/';

    return <<"CONF";
server {
    listen 127.0.0.1:%%PORT_$n%%;
    location /console/ {
        alias $console;
        types { text/html html; text/css css; image/svg+xml svg;
                application/javascript js; }
        $policy
    }
    location /api/ { $api }
    location /vod/ {
        alias %%STORE%%/files/;
        types { application/vnd.apple.mpegurl m3u8; video/mp2t ts;
                video/mp4 mp4; video/x-flv flv; audio/aac aac; }
    }
}
CONF
}

# runs a script; each of its lines is a test, or something else that it found:
# these are returned
sub drive {
    my ($script, $given) = @_;

    local $ENV{NODE_PATH} = root() . '/build/drive/node_modules';
    local $ENV{TEST_CHROMIUM} = $chromium;
    my $path = root() . "/t/console/$script";
    my (undef, $out, $err) = run('timeout', '-k', '5', '420', 'node', $path,
                                 $json->encode($given));
    my $end = 0;
    my @found;

    for my $line (map { eval { $json->decode($_) } || () } split /\n/, $out) {
        $end = 1 if $line->{end};
        push @found, $line if !defined $line->{what} && !$line->{end};
        next if !defined $line->{what};
        utf8::encode($_) for @$line{qw(what more)};
        Test::More::ok($line->{ok}, $line->{what})
            or Test::More::diag($line->{more});
    }

    Test::More::ok($end, "$script came to its end") or Test::More::diag($err);
    return @found;
}

1;
