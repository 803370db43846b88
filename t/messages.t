#!/usr/bin/perl

# What a publisher chooses, in messages: a name, a query or a path with a line
# break, a quote or an escape sequence makes no message of its own, ends none
# too early and cannot be taken for a part of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;

my $flv = media(duration => 2, size => '160x90');
my $forged = '2026/02/14 09:30:12 [crit] 1#1: forged';

# a stream, its query, and what messages say of both
my @cases = (
    [ "a\n$forged", "record_type=x\n$forged",
      'a\x0A' . $forged, 'x\x0A' . $forged ],
    [ qq(b", template: "forged), 'record_type=", client: forged',
      'b\x22, template: \x22forged', '\x22, client: forged' ],
    [ "c\e[2J\x7f\r", "record_type=\t\e]0;forged\a",
      'c\x1B[2J\x7F\x0D', '\x09\x1B]0;forged\x07' ],
    [ "d\xc2\x9b2J\xe2\x80\xae", "record_type=\xff",
      'd\xC2\x9B2J\xE2\x80\xAE', '\xFF' ],
    [ 'e\\x0A', 'record_type=\\', 'e\x5Cx0A', '\x5C' ],
    [ "f\xc3\xa4 %s%V", "record_type=%n%V", "f\xc3\xa4 %s%V", '%n%V' ],
    [ 'g' . "\n" x 200, 'a=b', 'g' . '\x0A' x 99 . '...' ],
    [ 'h', 'record_type=' . "\n" x 200, 'h', '\x0A' x 100 . '...' ],
);

# nginx-rtmp prints names as they are, on level info
my $t = Recording::Nginx->new(level => 'notice');
$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%% max=1;
    record_template all { format flv; format hls; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule all; }
    }
}
CONF

for my $case (@cases) {
    my ($stream, $query) = @$case;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live');
    like($r->publish("$stream?$query"), qr/Publish\.Start/, 'published');
    $r->send_flv($flv);
    $r->delete_stream;
    $r->close;
}

# finished files are evicted, too
$t->wait_log(qr/file evicted/);
$t->stop;

my $log = $t->error_log;

for my $case (@cases) {
    my (undef, undef, $name, $type) = @$case;

    my ($text) = map { substr $_, 0, 20 } $name;
    my @lines = grep { index($_, qq(, stream: "live/$name", template: "all"))
                       >= 0 } split /\n/, $log;

    is((grep { /recording \d+ started/ } @lines), 1, "$text: started");
    is((grep { /file finished: "live\// } @lines), 2, 'two files finished');
    is(() = $log =~ /unknown record_type "\Q$type\E" ignored.*, stream: "live\/\Q$name\E"/g,
       1, 'and its query') if defined $type;
}

is(join("\n", grep { /file evicted/
                     && !/, stream: "live\/.*", template: "all"$/ }
              split /\n/, $log), '', 'evicted files name their stream');

# the name is a part of the path
my @paths = $log =~ /file (?:finished|evicted): "(.*?)"/g;
cmp_ok(@paths, '>', @cases, 'paths');
is(join(' ', grep { !m{\.flv$|/index\.m3u8$} } @paths), '',
   'each is there to its end');

# each line is one of nginx, and has nothing that a terminal obeys
my @wrong = grep { !m{^\d{4}/\d\d/\d\d [\d:]{8} \[[a-z]+\] \d+#\d+: }
                   || /[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae/ }
            split /\n/, $log;
is(join("\n", @wrong), '', 'every line is a message');

$t->done;
