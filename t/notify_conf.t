#!/usr/bin/perl

# The directive notify: every error is found by nginx -t, with file and line,
# the value and what is allowed; and whether a program can be executed by the
# workers' user.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Nginx;
use Recording::Util qw(spew);

my $root = $> == 0;
my $t = Recording::Nginx->new($root ? (user => 'www-data') : ());
my $dir = $t->dir;
my $program = "$dir/program";

chmod 0755, $dir or die "$dir: $!\n";
file('program', "#!/bin/sh\n", 0755);
file('plain', '', 0644);
file('key', "secret\n", 0600);
file('open.key', "secret\n", 0644);
file('empty.key', "\n", 0600);
file('long.key', 'k' x 4097, 0600);
file('longest.key', 'k' x 4096, 0600);
mkdir "$dir/dir" or die "$dir/dir: $!\n";

# the parts stand on lines 3 and 5

my $conf = <<'CONF';
rtmp {
    record_store %%STORE%%;
    %%MAIN_PART%%
    record_template x { format mp4;
        %%TEMPLATE_PART%%
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule x default; }
    }
}
CONF

my %line = (main => 3, template => 5);
my $url = 'http://127.0.0.1:8080/told';
my $must = '; it must be a URL of http:// or https://, or exec: with the path'
    . ' of a program';
my $kinds = 'known are file, status, exception, removed and delivered';
my $list = '{Path}, {Url}, {Basename}, {Stream}, {App}, {Format} and {FileId}';
my $known = "known are $list";

# the arguments of notify, the message

my @wrong = (
    '' => 'invalid number of arguments in "notify" directive',
    (map { ($_ => qr/^invalid "\Q$_\E" of notify: .*\Q$must\E$/) }
        'ftp://host/', 'host', 'key=a', 'http://', 'EXEC:/bin/true'),
    "$url all=1" => 'unknown parameter "all=1" of notify, known are key=,'
        . ' events= and appid=',
    "$url events" => 'unknown parameter "events" of notify, known are key=,'
        . ' events= and appid=',
    (map { my ($value, $kind) = @$_;
           ("$url events=$value" => qq(unknown kind "$kind" in)
            . qq( "events=$value" of notify, $kinds)) }
        [ '', '' ], [ 'files', 'files' ], [ 'file,', '' ], [ ',file', '' ],
        [ 'file,,status', '' ], [ 'FILE', 'FILE' ],
        [ 'file,upload', 'upload' ]),
    "$url events=status,file,status" =>
        'kind "status" is named twice in "events=status,file,status" of'
        . ' notify',
    "$url events=file events=status" => 'duplicate parameter "events=status"',
    (map { ("$url appid=$_" => qq(invalid number in "appid=$_" of notify, it)
            . ' must be from 0 to 9223372036854775807') }
        '', 'x', '-1', '1k', '9223372036854775808'),
    "$url appid=0 appid=1" => 'duplicate parameter "appid=1"',
    "$url key=" => '"key=" of notify names no file',
    "$url key=no.key" => qq(cannot open the key file "$dir/no.key" of notify)
        . ' (2: No such file or directory)',
    "$url key=$dir/no.key" => qq(cannot open the key file "$dir/no.key" of)
        . ' notify (2: No such file or directory)',
    "$url key=dir" => qq(cannot read the key file "$dir/dir" of notify)
        . ' (21: Is a directory)',
    "$url key=empty.key" => qq(the key file "$dir/empty.key" of notify is)
        . ' empty, it must have from 1 to 4096 bytes',
    "$url key=long.key" => qq(the key file "$dir/long.key" of notify is too)
        . ' long, it must have from 1 to 4096 bytes',
    "$url key=key key=key" => 'duplicate parameter "key=key"',
    (map { ("'$_'" => qq("$_" of notify names no program)) }
        'exec:', "exec: \t"),
    (map { ("'exec:$_'" => qq(the program "$_" of notify is not an absolute)
            . ' path') } 'true', './true', '~/true'),
    "exec:$dir/none" => qq(the program "$dir/none" of notify cannot be found)
        . ' (2: No such file or directory)',
    "exec:$dir/dir" => qq(the program "$dir/dir" of notify is not a file),
    "exec:$dir/plain" =>
        qq(the program "$dir/plain" of notify is not executable),
    (map { (qq("exec:$program $_->[0]") => 'a quote is not closed in'
            . qq( "exec:$program $_->[1]" of notify)) }
        [ q(it's), q(it's) ], [ q(\\"a 'b'), q("a 'b') ],
        [ q('a\\" b), q('a" b) ]),
    (map { ("'exec:$program a $_->[0]'" => 'unknown placeholder'
            . qq( "$_->[1]" in "exec:$program a $_->[0]" of notify, $known)) }
        [ '{path}', '{path}' ], [ '"x {Path}{Nosuch}"', '{Nosuch}' ]),
    "'exec:$program" . ' a' x 257 . "'" => 'there are more than 256 arguments'
        . qq( in "exec:$program) . ' a' x 257 . '" of notify',
    (map { ("exec:$program events=$_" => qq("events=$_" of notify: a program)
            . ' is run for finished files only, which is events=file') }
        'status', 'file,status', 'exception', 'removed', 'delivered'),
);

# one in rtmp, the next one in the template

my @where = qw(main template);

while (my ($args, $message) = splice @wrong, 0, 2) {
    push @where, my $where = shift @where;

    my ($status, $err) = test_conf($where => "notify $args;");
    my $at = "$dir/test.conf:$line{$where}";
    my ($got) = $err =~ /^nginx: \[emerg\] (.*) in \Q$at\E\n\z/;

    $got = $err if !defined $got;
    ref $message ? like($got, $message, "$where: $args")
                 : is($got, $message, "$where: $args");
    is($status, 1, 'refused');
}

# --- twice

for my $same ([ $url, "$url events=status" ],
              [ "exec:$program", "'exec:$program'" ],
              [ qq('exec:$program a "b c"'), qq("exec:$program  a 'b c'") ])
{
    my $name = $same->[0] =~ /(exec:\S+?|http\S+)(?=['\s]|$)/ ? $1 : '';

    for my $where (qw(main template)) {
        my $in = $where eq 'main' ? 'rtmp' : 'template "x"';
        my (undef, $err) = test_conf(
            $where => join ' ', map { "notify $_;" } @$same);

        is($err, qq(nginx: [emerg] notify "$name" is there twice in $in, the)
           . " first is in $dir/test.conf:$line{$where} in"
           . " $dir/test.conf:$line{$where}\n", "$where: $name");
    }
}

# --- what is right

my @quiet = (
    $url, "$url events=file,status,exception,removed,delivered appid=1250000000 key=key",
    "$url key=$dir/longest.key", "$url appid=9223372036854775807",
    "exec:$program", "exec:$program events=file key=key appid=7",
    qq('exec:$program -i {Path} "{Basename}.x" "" {Stream}{FileId}'),
    "'exec:$program" . ' a' x 256 . "'",
    qq('exec:$program {"a":1} {} {1} {Path'),
    "exec:/bin/sh", "http://[::1]:8080/", "http://192.0.2.1",
    "$url; notify $url/2; notify exec:$program; notify 'exec:$program a'",
);

for my $args (@quiet) {
    for my $where (qw(main template)) {
        my ($status, $err) = test_conf($where => "notify $args;");
        is("$status $err", '0 ', "$where: $args");
    }
}

my ($status, $err) = test_conf(main => "notify $url;",
                               template => "notify $url;");
is("$status $err", '0 ', 'in a template and as the default of others');

($status, $err) = test_conf(template => "notify $url key=open.key;");
is("$status $err", qq(0 nginx: [warn] the key file "$dir/open.key" of notify)
   . ' can be read by every user of the system in'
   . " $dir/test.conf:$line{template}\n", 'a key for everybody');
unlike($err, qr/secret/, 'which is not said');

# --- arguments of exec_record_done

for my $arg ('$path', '/mnt/$basename.mp4', 'a b $name', '"a b" $args') {
    my ($variable) = $arg =~ /(\$\w+)/;
    my $exec = "exec:$program $arg";

    ($status, $err) = test_conf(template => "notify '$exec';");
    is("$status $err", qq(0 nginx: [warn] "$variable" in "$exec" of notify is)
       . ' given as it is, it is a variable of exec_record_done only,'
       . " replaced are $list in $dir/test.conf:$line{template}\n",
       "$variable is not replaced");
}

for my $arg ('$paths', '$', '$1', '-c "cp $path $name"', '{Path}$') {
    ($status, $err) = test_conf(template => "notify 'exec:$program $arg';");
    is("$status $err", '0 ', "$arg is no such variable");
}

# --- the workers' user

SKIP: {
    skip 'needs root, for another user', 4 if !$root;

    my $user = qq( of user "www-data");

    chmod 0700, $program;
    warned('root alone may execute it', $program);
    chmod 0755, $program;
    chmod 0711, $dir;
    warned('the directory can be passed', '');

    mkdir "$dir/in" or die "$dir/in: $!\n";
    rename $program, "$dir/in/program" or die "rename: $!\n";
    $program = "$dir/in/program";
    warned('one more', '');
    chmod 0700, "$dir/in";
    warned('a directory of root alone', "$dir/in");

    # the default is one of each template: x and the built-in one
    my (undef, $twice) = test_conf(main => "notify exec:$program;");
    is($twice, qq(nginx: [warn] the program "$program" of notify cannot be)
       . qq( executed by the worker processes$user: no access to "$dir/in",)
       . " in $dir/test.conf:3"
       . " (13: Permission denied)\n", 'said once');
}

$t->done;

sub warned {
    my ($name, $bad) = @_;

    my ($code, $said) = test_conf(template => "notify 'exec:$program a';");

    is("$code $said", $bad ? qq(0 nginx: [warn] the program "$program" of)
       . ' notify cannot be executed by the worker processes of user'
       . qq( "www-data": no access to "$bad", in $dir/test.conf:5)
       . " (13: Permission denied)\n"
       : '0 ', $name);
}

sub file {
    my ($name, $text, $mode) = @_;

    spew("$dir/$name", $text);
    chmod $mode, "$dir/$name" or die "$dir/$name: $!\n";
}

# the exit status, and what nginx -t says besides its own summary
sub test_conf {
    my (%part) = @_;

    my ($code, $said) = $t->test_conf($conf, map {
        (uc "${_}_part" => defined $part{$_} ? $part{$_} : '') }
        qw(main template));

    $said =~ s/^nginx: (?:the )?configuration file .*\n//mg;
    return ($code, $said);
}
