#!/usr/bin/perl

# exec_record_done and on_record_done of nginx-rtmp run for its own recorder
# only: beside record_rule alone a warning says so.  Otherwise they are what
# they were, also with this module loaded.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
my $file = $t->dir . '/test.conf';

# the parts stand on lines 3, 5 and 8

my $conf = <<'CONF';
rtmp {
    record_store %%STORE%%;
    %%MAIN_PART%%
    server {
        %%SERVER_PART%%
        listen 127.0.0.1:%%PORT_0%%;
        application live {
            live on; %%APP_PART%%
        }
        application other {
            live on;
        }
    }
}
CONF

my %line = (main => 3, server => 5, app => 8);
my %use = ('exec_record_done /bin/echo $path' =>
               q("notify 'exec:/path/of/program ...'"),
           'on_record_done http://127.0.0.1/done' => '"notify URL"');
my $rule = 'record_rule default;';

for my $directive (sort keys %use) {
    my ($name) = $directive =~ /^(\w+)/;

    for my $where (qw(main server app)) {
        my $warning = qq(nginx: [warn] "$name" in $file:$line{$where} never)
            . ' runs for what record_rule records in application "live", only'
            . " for nginx-rtmp's own record: use $use{$directive} in a"
            . " record_template or in rtmp\n";

        said("$name in $where", $warning, app => $rule,
             $where => ($where eq 'app' ? "$rule " : '') . "$directive;");
        said('nothing is recorded', '', app => 'record_rule off;',
             $where => ($where eq 'app' ? 'record_rule off; ' : '')
                       . "$directive;");
        said('no rule', '', $where => "$directive;");
        said('record off', $warning, app => "$rule record off;",
             $where => ($where eq 'app' ? "$rule record off; " : '')
                       . "$directive;");
    }

    my $twice = 'nginx: [warn] application "live" is recorded twice, by'
        . " record_rule and by nginx-rtmp's record or recorder: remove one of"
        . " them\n";

    said("$name with record", $twice,
         app => "$rule record all; record_path /tmp; $directive;");
    said("$name in a recorder", $twice, app =>
         "$rule recorder a { record all; record_path /tmp; $directive; }");
    said('record alone', '', app => "record all; record_path /tmp;"
                                    . " $directive;");
}

# --- errors are nginx's, and those of the module that it belongs to

for my $wrong (
    [ 'exec_record_done' =>
      'invalid number of arguments in "exec_record_done" directive' ],
    [ 'on_record_done' =>
      'invalid number of arguments in "on_record_done" directive' ],
    [ 'on_record_done http://127.0.0.1/ b' =>
      'invalid number of arguments in "on_record_done" directive' ],
    [ 'on_record_done http://127.0.0.1:x/' =>
      'invalid port in url "127.0.0.1:x/"' ],
)
{
    my ($directive, $message) = @$wrong;

    for my $where (qw(main server app)) {
        said("$where: $directive", "nginx: [emerg] $message in $file:"
             . "$line{$where}\n", $where => "$directive;");
    }
}

my (undef, $http) = $t->test_conf("http { exec_record_done a; }\n");
like($http, qr/"exec_record_done" directive is not allowed here/,
     'not in http');

# --- and they run for nginx-rtmp's recorder, own and inherited

my $flv = media(duration => 2, size => '160x90');

$t->conf(<<'CONF')->start;
rtmp {
    exec_record_done touch %%DIR%%/inherited;
    record all;
    record_path %%DIR%%;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application above { live on; }
        application own {
            live on;
            exec_record_done touch %%DIR%%/own;
        }
    }
}
CONF

for my $app (qw(above own)) {
    my $push = push_stream($flv, $t->url("$app/cam"), speed => 0);
    is($push->wait, 0, "pushed to $app") or diag $push->stderr;
}

for my $name (qw(inherited own)) {
    my $path = $t->dir . "/$name";
    ok(wait_for("$name runs", 10, sub { -e $path }), "$name runs");
}

$t->stop;
$t->done;

sub said {
    my ($name, $want, %part) = @_;

    my (undef, $err) = $t->test_conf($conf, map {
        (uc "${_}_part" => defined $part{$_} ? $part{$_} : '') }
        qw(main server app));

    $err =~ s/^nginx: (?:the )?configuration file .*\n//mg;
    is($err, $want, $name);
}
