#!/usr/bin/perl

# What nginx -t knows of the store: the workers' user has no access to it, or
# the disk that it should be on is not mounted.  Two rtmp blocks.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path);
use Test::More;

use Recording::Nginx;
use Recording::Util qw(not_tested run slurp spew);

plan skip_all => not_tested('needs root, for another user and for mounts')
    if $> != 0;

my $t = Recording::Nginx->new(user => 'www-data');
my $dir = $t->dir;
my $store = "$dir/in/store";
my ($www, $group) = (getpwnam 'www-data')[2, 3];
my $conf = <<'CONF';
rtmp { record_store %%WHERE%%;
       server { listen 127.0.0.1:%%PORT_0%%;
                application live { live on; record_rule default; } } }
CONF

# --- access

make_path("$dir/in");
warned('the store is not there yet', undef);

mode("$dir/in", 0700);
warned('nor can it be reached', $store);

mkdir $store;
warned('one that is there', $store);

mode("$dir/in", 0755);
mode($store, 0755);
warned('it belongs to root', $store);

mode($store, 0770, 0, $group);
warned('but to a group of the user', undef);

mode($store, 0750, $www);
mkdir "$store/$_" for qw(files work);
warned('what is in it belongs to root', "$store/files");

mode("$store/files", 0755, $www);
warned('one part of it', "$store/work");

mode("$store/work", 0750, $www);
spew("$store/catalogue.db", '');
mode("$store/catalogue.db", 0644);
warned('the catalogue', "$store/catalogue.db");

mode("$store/catalogue.db", 0640, $www);
warned('all is well', undef);

# an order to record nothing needs no store
mode($store, 0700, 0);
my ($status, $err) = $t->test_conf($conf =~ s/record_rule default/record_rule
    off/r, WHERE => $store);
unlike($err, qr/warn/, 'nothing is recorded: nothing is said');
mode($store, 0750, $www);

# as to a disk that is not there
symlink "$dir/none", "$dir/leads" or die "leads: $!";
($status, $err) = $t->test_conf($conf, WHERE => "$dir/leads");
is($status, 0, 'a link that leads to nothing: no error');
like($err, qr/\[warn\].* access to "\Q$dir\E\/leads", .*\(2: No such file/,
     'said');

# it is no error: what is live goes on
mode("$store/work", 0750, 0);
$t->conf($conf, WHERE => $store)->start;
$t->wait_log(qr/\[error\].*store "\Q$store\E" cannot be used/);
is(scalar($t->worker_pids), 1, 'nginx runs all the same');
mode("$store/work", 0750, $www);
my $gid = (split ' ', (slurp('/proc/' . $t->pid . '/status')
                       =~ /^Gid:\s+(.*)/m)[0])[1];
is($gid, 0, 'the master is who it was');
like(slurp('/proc/' . $t->pid . '/status'), qr/^Uid:\t0\t0\t0\t0$/m,
     'in every way');
$t->stop;

# --- a mount

SKIP: {
    my ($able) = run('unshare', '-m', 'true');
    skip 'no mount namespaces', 8 if $able;

    my $link = "$dir/link";
    symlink "$dir/in", $link or die "$link: $!";

    mounts('no such line', '', undef);
    mounts('the directory itself', "dev $store ext4 defaults 0 0", $store);
    mounts('one above it', "dev $dir/in/ ext4 defaults 0 0", "$dir/in/");
    mounts('the nearest one', "dev $dir/in ext4 defaults 0 0\n"
           . "dev $dir ext4 defaults 0 0", "$dir/in");
    mounts('a name that only begins alike',
           "dev $dir/in/st ext4 defaults 0 0", undef);
    mounts('the root', "dev / ext4 defaults 0 1\nnone none swap sw 0 0",
           undef);
    mounts('by a link', "dev $dir/in ext4 defaults 0 0", "$dir/in",
           where => "$link/store");
    mounts('it is mounted', "dev $dir/in ext4 defaults 0 0", undef,
           first => "mount --bind $dir/in $dir/in");
}

# --- files/ and work/, between which files are moved

SKIP: {
    my ($able) = run('unshare', '-m', 'true');
    skip 'no mount namespaces', 13 if $able;

    my $tmpfs = 'mount -t tmpfs tmpfs';
    my $same = "mount --bind $dir/other $store/files";
    mkdir "$dir/other" or die "other: $!";
    mode("$dir/other", 0750, $www);

    moves('on one disk', 'true', 1);
    moves('files/ on another one', "$tmpfs $store/files", 0);
    moves('work/ on another one', "$tmpfs $store/work", 0);
    moves('a mount of the same disk', $same, 0);
    moves('the store is a mount', "mount --bind $store $store", 1);

    # instead of files that are never finished
    my $apart = Recording::Nginx->new(store => $store, user => 'www-data',
        under => [ 'unshare', '-m', 'sh', '-c', "$same && exec \"\$@\"",
                   'sh' ]);
    $apart->conf($conf, WHERE => $store)->start;
    ok($apart->wait_log(qr/\[error\].*files\/ and work\/ must be in one mount/),
       'a worker says so, too');
    $apart->stop;

    rmdir "$store/work" or die "work: $!";
    moves('work/ is not there yet', "$tmpfs $store/files", 0);
}

# --- two blocks

($status, $err) = $t->test_conf("$conf\n$conf", WHERE => $store);
like($err, qr/there is a second "rtmp" block, all servers must stand in one/,
     'two rtmp blocks');
like($err, qr/\[emerg\].* in \S+test.conf:5$/m, 'the place of the second');
is($status, 1, 'are refused');

$t->done;

sub mode {
    my ($path, $mode, $uid, $gid) = @_;

    chown $uid || 0, $gid || 0, $path or die "$path: $!";
    chmod $mode, $path or die "$path: $!";
}

# the path that it warns of, or nothing
sub warned {
    my ($name, $path) = @_;

    my ($status, $err) = $t->test_conf($conf, WHERE => $store);
    my @said = $err =~ /\[warn\] (.*)/g;

    is($status, 0, "$name: no error");
    return is("@said", '', "$name: nothing is said") if !defined $path;
    is("@said", qq(record_store "$store" cannot be used by the worker)
       . qq( processes of user "www-data": no access to "$path",)
       . ' nothing will be recorded (13: Permission denied)', "$name: said");
}

# the directory of an fstab that it warns of, or nothing
sub mounts {
    my ($name, $fstab, $mount, %opt) = @_;

    spew("$dir/fstab", "$fstab\n");
    $t->test_conf($conf, WHERE => $opt{where} || $store);

    my $first = $opt{first} || 'true';
    my ($status, $err) = mounted("$first && mount --bind $dir/fstab"
                                 . ' /etc/fstab');
    my ($said) = $err =~ /\[warn\] record_store "[^"]+" lies in "(.*?)", which/;

    is($status, 0, "$name: no error") or diag $err;
    is($said, $mount, "$name: what is said");
}

# whether files can be moved from work/ to files/
sub moves {
    my ($name, $first, $can) = @_;

    $t->test_conf($conf, WHERE => $store);
    my ($status, $err) = mounted($first);
    my @said = $err =~ /\[warn\] (.*)/g;

    is($status, 0, "$name: no error") or diag $err;
    is("@said", $can ? '' : qq(record_store "$store" cannot be used: files/)
       . ' and work/ must be in one mount, nothing will be recorded'
       . ' (18: Invalid cross-device link)', "$name: what is said");
}

# (exit status, stderr) of nginx -t after a command that mounts
sub mounted {
    my ($first) = @_;

    my ($status, undef, $err) = run('unshare', '-m', 'sh', '-c',
        "$first && exec " . $t->binary
        . " -t -p $dir/ -c $dir/test.conf -e $dir/test.log");
    return ($status, $err);
}
