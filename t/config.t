#!/usr/bin/perl

# Configuration: every error is found by nginx -t, with file and line, the
# value and what is allowed; what is right gives no message.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Util qw(spew);

my $t = Recording::Nginx->new;
my $dir = $t->dir;
spew("$dir/file", '');

# the parts store, main and app stand on lines 2, 3 and 7

my $conf = <<'CONF';
rtmp {
    %%STORE_PART%%
    %%MAIN_PART%%
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            %%APP_PART%%
        }
    }
}
thread_pool later threads=1;
CONF

my %line = (store => 2, main => 3, template => 3, app => 7, nostore => 7,
            rewind => 7);
my $size = ' of record_store, it must be a number of bytes, or with k, m or g';
my $rule = 'live on; record_rule default;';
my %right = (store => "record_store $dir/store;", main => '', app => $rule);

my $known = 'unknown placeholder, known are {AppName}, {StreamID}, '
    . '{StreamHash}, {Domain}, {RecordId}, {RandomID}, {RecordSource}, '
    . '{Format}, and {Start...} and {End...} with Year, Month, Day, '
    . 'Hour, Minute, Second, '
    . 'Millisecond';
my $component = 'empty, "." or ".." component in path';
my $long = join '/', ('{AppName}') x 11;
my $parts = '{Format}' x 65;

# where, what, the message

my @wrong = (
    nostore => '', 'record_rule needs a record_store',
    store => 'record_store;',
        'invalid number of arguments in "record_store" directive',
    (map { (store => qq(record_store "$_";),
            qq(record_store "$_" is not an absolute path)) }
        '', 'store', './store', '~/store'),
    store => "record_store $dir/no/store;",
        'only the last component of a record_store is created, there is no'
        . qq( directory "$dir/no" (2: No such file or directory)),
    store => "record_store $dir/file;",
        qq(record_store "$dir/file" is not a directory),
    store => 'record_store /s min=1g;',
        'unknown parameter "min=1g" of record_store, known are url=, reserve=,'
        . ' max=, rows= and zone=',
    store => 'record_store /s max=many;',
        qq(invalid size in "max=many") . $size,
    store => 'record_store /s max=0;', qq(invalid size in "max=0") . $size,
    store => 'record_store /s reserve=-1;',
        qq(invalid size in "reserve=-1") . $size,
    store => 'record_store /s max=1g max=2g;', 'duplicate parameter "max=2g"',
    map({ (store => "record_store /s rows=$_;", qq(invalid time in "rows=$_")
           . ' of record_store, it must be from 1s to 100y') }
        qw(0 0s many -1s 101y)),
    store => 'record_store /s rows=1d rows=2d;', 'duplicate parameter "rows=2d"',
    map({ (store => "record_store /s zone=$_;", qq(invalid size in "zone=$_")
           . ' of record_store, it must be off, or from 8k to 1024m') }
        qw(0 1k many -1 2g)),
    store => 'record_store /s zone=1m zone=off;',
        'duplicate parameter "zone=off"',
    store => 'record_store /s url=ftp://host/;',
        'url "ftp://host/" of record_store must begin with http:// or'
        . ' https://',
    store => 'record_store /s; record_store /s;',
        '"record_store" directive is duplicate',
    main => 'record_thread_pool a; record_thread_pool a;',
        '"record_thread_pool" directive is duplicate',
    main => 'record_thread_pool nosuch;', 'unknown thread pool "nosuch"',
    main => 'record_buffer 1k;',
        'invalid size "1k" of record_buffer, it must be at least 1m',
    main => 'record_buffer much;',
        'invalid size "much" of record_buffer, it must be at least 1m',
    main => 'record_buffer 16m total=8m;',
        'invalid total "8m" of record_buffer, it must be a size of at least'
        . ' "16m"',
    main => 'record_buffer 16m all=1g;',
        'unknown parameter "all=1g" of record_buffer, only total= is known',
    main => 'record_buffer 1m; record_buffer 1m;',
        '"record_buffer" directive is duplicate',
    (map { (main => "record_timezone $_;",
            qq(invalid record_timezone "$_", it must be utc, local, or)
            . ' +HH:MM or -HH:MM') } qw(CST +25:00 +0800 +08:60)),
    main => 'record_timezone utc; record_timezone utc;',
        '"record_timezone" directive is duplicate',
    main => 'record_resolver;',
        'invalid number of arguments in "record_resolver" directive',
    main => 'record_resolver valid=10s;', 'record_resolver has no address',
    (map { (main => "record_resolver 127.0.0.1 valid=$_;",
            qq(invalid time in "valid=$_" of record_resolver, it must be at)
            . ' least 1s') } '', '0', 'x', '1ms'),
    main => 'record_resolver ::1 valid=1s;',
        'invalid address "::1" of record_resolver, it must be that of a name'
        . ' server, with or without a port',
    (map { (main => "record_resolver $_;",
            qq(invalid address "$_" of record_resolver, it must be that of a)
            . ' name server, with or without a port') }
        'ns.example.com', '127.0.0.1:0', '127.0.0.1:x', '[::1', 'unix:/x',
        'ipv6=off'),
    main => 'record_resolver 127.0.0.1 valid=1s valid=2s;',
        'duplicate parameter "valid=2s"',
    main => 'record_resolver 127.0.0.1; record_resolver 127.0.0.1;',
        '"record_resolver" directive is duplicate',
    main => "record_trusted_certificate $dir/none;",
        qq{record_trusted_certificate "$dir/none" cannot be read (2: No such}
        . ' file or directory)',
    (map { (main => "record_template $_ { }",
            qq(invalid template name "$_", it must not be empty or off, or)
            . ' contain "="') } qw(off a=b)),
    main => 'record_template x { } record_template x { }',
        qq(duplicate template "x", the first is in $dir/test.conf:3),
    template => 'format;',
        'invalid number of arguments in "format" directive',
    template => 'format gif;',
        'unknown format "gif", it must be flv, mp4, hls or aac',
    template => 'format mp4; format mp4;',
        'format "mp4" is named twice in template "x"',
    (map { (template => "format mp4 interval=$_;",
            qq(invalid time in "interval=$_", it must be from 1s to 12h) )
         } qw(0 999ms 13h often)),
    (map { (template => "format hls segment=$_;",
            qq(invalid time in "segment=$_", it must be from 1s to 60s) )
         } qw(500ms 61s)),
    (map { (template => "format hls interval=$_;",
            qq(invalid time in "interval=$_", it must be from 1m to 12h for)
            . ' format hls' ) } qw(0 59999ms 13h)),
    (map { (template => "$_->[0];",
            qq(clock= of format "$_->[1]" in template "x" needs interval=)) }
        [ 'format mp4 clock=on', 'mp4' ],
        [ 'format flv clock=off', 'flv' ],
        [ 'format aac resume=9s clock=on', 'aac' ],
        [ 'format hls segment=2s clock=on', 'hls' ]),
    template => 'format mp4 interval=1h clock=yes;',
        'invalid value in "clock=yes", it must be on or off',
    template => 'format mp4 clock=off interval=1h clock=on;',
        'duplicate parameter "clock=on"',
    template => 'format mp4 interval=1h clock=;',
        'unknown parameter "clock=" of format, known are interval=, clock=,'
        . ' resume= and segment=',
    template => 'format mp4 segment=6s;',
        '"segment=6s" is only for format hls',
    template => 'format mp4 wait=9s;', 'unknown parameter "wait=9s" of'
        . ' format, known are interval=, clock=, resume= and segment=',
    template => 'format mp4 resume=1801s;',
        'invalid time in "resume=1801s", it must be from 0 to 1800s',
    template => 'format mp4 resume=0 resume=0;',
        'duplicate parameter "resume=0"',
    template => 'format mp4 interval=1m interval=2m;',
        'duplicate parameter "interval=2m"',
    (map { (template => "expire $_;", "invalid time \"$_\" of expire, it must "
            . 'be from 1s to 100y, or 0, which is for good') }
        qw(never 101y -1d 1.5h 10ms)),
    template => 'expire 1d; expire 1d;', '"expire" directive is duplicate',
    template => 'path a b;',
        'invalid number of arguments in "path" directive',
    template => 'path a; path b;', '"path" directive is duplicate',
    (map { (template => qq(path "$_->[0]";),
            qq(invalid path at "$_->[1]": $_->[2])) }
        [ '', '', 'empty path' ],
        [ '/a', '/a', "the path must be relative, it lies in the store's"
                      . ' files/' ],
        [ 'a//b', 'a//b', $component ],
        [ 'a/../b', 'a/../b', $component ],
        [ "a\x01", "a\x01", 'control character or backslash in path' ],
        [ 'a/{Start', '{Start', 'missing "}"' ],
        [ 'a/{AppNam}', '{AppNam}', $known ],
        [ $parts, $parts, 'more than 64 parts' ],
        [ $long, $long, 'the path can grow longer than 2048 bytes' ]),
    template => 'format hls interval=1m clock=on; path "a/{EndYear}";',
        '"{EndYear}" in the path of template "x" cannot be known while hls'
        . ' is recorded',
    template => 'format hls; path "a/{EndYear}";',
        '"{EndYear}" in the path of template "x" cannot be known while hls'
        . ' is recorded',
    app => 'live on; record_rule;',
        'invalid number of arguments in "record_rule" directive',
    app => 'live on; record_rule nosuch;',
        'unknown template "nosuch" in record_rule',
    app => 'live on; record_rule stream=a;',
        'record_rule names no template and is not off',
    app => 'live on; record_rule default off;',
        'off cannot stand beside a template',
    app => 'live on; record_rule default default;',
        'template "default" is named twice',
    app => 'live on; record_rule default keep=5s;', 'unknown parameter'
        . ' "keep=5s" of record_rule, known are domain=, stream=, rewind= and'
        . ' args=',
    (map { (app => "live on; record_rule off rewind=$_;",
            qq(invalid time "$_" of rewind=, it must be from 1s to 24h)) }
        '', '0', '500ms', '24h1s', '-1s', '1x'),
    app => 'live on; record_rule off rewind=5s rewind=5s;',
        'duplicate parameter "rewind=5s"',
    app => 'live on; record_rule rewind=5s;',
        'record_rule names no template and is not off',
    app => 'live on; record_rule off rewind=5s;',
        'rewind= needs a record_api',
    rewind => 'live on; record_rule off rewind=5s;',
        'rewind= needs a record_store',
    app => 'live on; record_rule default args=maybe;',
        'invalid value "maybe" of args=, it must be on or off',
    app => 'live on; record_rule default domain=.;',
        'empty value of "domain=." in record_rule',
    app => 'live on; record_rule default domain=a. domain=A;',
        'duplicate parameter "domain=a"',
    app => 'live on; record_rule default stream=;',
        'empty value of "stream=" in record_rule',
    app => 'live on; record_rule default stream=a stream=b;',
        'duplicate parameter "stream=b"',
    app => 'live on; record_rule default domain=A; record_rule off domain=a.;',
        'duplicate record_rule for domain "a" and stream "", the first is in'
        . " $dir/test.conf:7",
    app => 'record_rule default;',
        'record_rule needs "live on" in application "live"',
);

# what is right, anywhere; nothing is said of it

my @quiet = (
    [ app => 'live on; record_rule default stream=a domain=h args=off;' ],
    [ store => "record_store $dir/store/ url=https://host;" ],
    [ store => "record_store $dir/store url=http://host/ reserve=2g max=20g"
               . ' rows=90d;' ],
    [ main => 'record_buffer 1m total=1m; record_timezone -03:30;' ],
    [ main => 'record_resolver 127.0.0.1 [::1]:5353 valid=1m;' ],
    [ main => 'record_thread_pool later;' ],
    [ template => 'format mp4 interval=1s; format flv interval=12h; format'
                  . ' hls segment=60s; format aac; path "{StartYear}/a";' ],
    [ template => 'format hls interval=1m segment=60s; format mp4'
                  . ' interval=7m clock=on; format aac clock=off interval=1s;'
                  . ' format flv interval=12h clock=on resume=30m;' ],
    [ template => 'format hls clock=on interval=12h; path "{RandomID}";' ],
    [ template => 'format mp4; path "{AppName}/{EndMillisecond}";' ],
    [ main => 'record_template default { format aac; }' ],
    [ main => 'record_rule default;', app => '' ],
    [ store => '', app => 'live on; record_rule off;' ],
    [ store => '', main => 'record_template x { }',
      app => 'live on; record_rule x;' ],
    [ app => 'live on; record_rule off; record all; record_path /tmp;' ],
    [ app => "$rule record off; record_path /tmp;" ],
);

# nginx-rtmp's recorder beside this one

my $twice = 'application "live" is recorded twice, by record_rule and by'
    . " nginx-rtmp's record or recorder: remove one of them";
my $idle = "nginx-rtmp's record_* directives have no effect on record_rule"
    . ' in application "live"';

my @warned = (
    "$rule record all; record_path /tmp;", $twice,
    "$rule recorder a { record audio; record_path /tmp; }", $twice,
    (map { ("$rule $_;", $idle) } 'record_path /tmp', 'record_suffix .mp4',
        'record_interval 1m', 'record_unique on', 'record_notify on'),
);

while (my ($where, $text, $message) = splice @wrong, 0, 3) {
    my ($status, $err) = test_conf(
        $where eq 'nostore' ? (store => '')
        : $where eq 'rewind' ? (store => '', app => $text)
        : ($where => $text));

    is($err, "nginx: [emerg] $message in $dir/test.conf:$line{$where}\n",
       $text =~ /^(.{1,50})/ ? $1 : $where);
    is($status, 1, 'refused');
}

for my $parts (@quiet) {
    my ($status, $err) = test_conf(@$parts);
    is("$status $err", '0 ', "@$parts");
}

while (my ($text, $message) = splice @warned, 0, 2) {
    my ($status, $err) = test_conf(app => $text);
    is("$status $err", "0 nginx: [warn] $message\n", $text);
}

# what is kept needs who orders it, wherever that stands

for my $rule ('off rewind=1s', 'default rewind=24h', 'rewind=5m off stream=a') {
    my ($status, $err) = $t->test_conf(<<"CONF");
http { server { listen 127.0.0.1:%%PORT_1%%;
                location /api/ { record_api; } } }
rtmp { record_store %%STORE%%;
       server { listen 127.0.0.1:%%PORT_0%%;
                application live { live on; record_rule $rule; } } }
CONF
    is($status, 0, $rule) or diag $err;
}

# the http module's part may stand before rtmp

my ($status, $err) = $t->test_conf(<<'CONF');
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /vod/ { alias %%STORE%%/files/; }
    }
}
rtmp { record_store %%STORE%%;
       server { listen 127.0.0.1:%%PORT_0%%;
                application live { live on; record_rule default; } } }
CONF

is($status, 0, 'http before rtmp') or diag $err;
ok(!-e $t->store, 'nginx -t creates no store');

$t->done;

# the exit status, and what nginx -t says besides its own summary
sub test_conf {
    my (%part) = @_;

    $part{main} = "record_template x { $part{template} }"
        if defined $part{template};
    %part = (%right, %part);

    my ($status, $err) = $t->test_conf($conf, map {
        (uc "${_}_part" => $part{$_}) } qw(store main app));

    $err =~ s/^nginx: (?:the )?configuration file .*\n//mg;
    return ($status, $err);
}
