#!/usr/bin/perl

# Any 2xx is success, whatever follows the status: a body that is too long,
# breaks off or never ends.  Nothing else is, and what is refused is an error in
# the log, also by a host that has failed before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Receiver;
use Recording::Util qw(run wait_for);

# by the path that the receiver is told at
my @taken = qw(ok status/204 status/299 chunked until close continue long more
               half half/hang half/head body body/chunked headers trailers);
my %refused = (
    'status/302' => qr/^answered with 302$/,
    'status/404' => qr/^answered with 404$/,
    'none' => qr/closed the connection without an answer$/,
    'garbage' => qr/it has no status line of HTTP/,
);

my $t = Recording::Nginx->new;

# one for each, as one that fails is not tried for a while
my $n = 0;
my %port = map { $_ => ++$n } @taken, sort keys %refused;
my @http = map { Recording::Receiver->http(port => $t->port($_)) } 1 .. $n;
my $late = ++$n;                            # nobody listens there yet
my $notifies = join '', map { "
        notify http://127.0.0.1:%%PORT_$port{$_}%%/$_;" } sort keys %port;

$t->conf("thread_pool default threads=4;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template told {
        format flv;$notifies
        notify http://127.0.0.1:%%PORT_$late%%/status/404;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule told; }
    }
}
")->start;

my $r = $t->publisher('live', 'one');
$r->send_flv(media(duration => 1, fps => 10, size => '160x90'));
$r->delete_stream->close;
$t->wait_files(1);

my %row;

wait_for('an attempt of all', 40, sub {
    %row = map { $_->{target} =~ m{//[^/]+/(.*)}; $1 => $_ }
           grep { index($_->{target}, late()) } $t->catalogue('SELECT * FROM outbox');
    return keys %row == keys %port
           && !grep { $_->{state} eq 'taken' || !$_->{attempts} } values %row;
});

is("$row{$_}{state} $row{$_}{attempts}", 'done 1', "$_: taken")
    or diag($row{$_}{error}) for @taken;

is($row{$_}{state}, 'waiting', "$_: not taken"),
    like($row{$_}{error}, $refused{$_}, "$_: why") for sort keys %refused;

# --- one that nobody has told, and that is refused when somebody is there

wait_for('an attempt', 20, sub { row()->{attempts} });
like(row()->{error}, qr/^connect/, 'nobody is there');
push @http, Recording::Receiver->http(port => $t->port($late));
my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd', '.timeout 5000',
                                $t->db, 'UPDATE outbox SET next_us = 0');
is("$status$err", 0, 'it is tried again');
ok($t->wait_log(qr/\[error\].* was not told to "@{[ late() ]}.*: answered with 404;/),
   'an error in the log');

$t->stop;
$_->stop for @http;
$t->done;

sub late { return 'http://127.0.0.1:' . $t->port($late) . '/' }

sub row {
    return (grep { index($_->{target}, late()) == 0 }
            $t->catalogue('SELECT * FROM outbox'))[0];
}
