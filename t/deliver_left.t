#!/usr/bin/perl

# What waits for a bucket that is not configured any more is said as that, at
# each start and when more of it comes, and goes on when it is again; so is what
# a worker has left that died.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(run spew wait_for);

my $t = Recording::Nginx->new;
my $conf = <<'CONF';
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;
    record_bucket archive {
        endpoint http://127.0.0.1:%%PORT_1%%;
        bucket films;
        credentials %%FILE%%;
    }
    record_bucket other {
        endpoint http://127.0.0.1:%%PORT_1%%;
        bucket other;
        credentials %%FILE%%;
    }
    record_template films { format flv; %%UPLOAD%% }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule films; }
    }
}
CONF
my $file = spew($t->dir . '/credentials', "[default]\n"
    . "aws_access_key_id = one\naws_secret_access_key = two\n");
my @upload = (FILE => $file, UPLOAD => 'upload archive backup=other;');

chmod 0644, $file;
$t->conf($conf, @upload)->start;

# nobody listens
my $r = $t->publisher('live', 'one');
$r->send_flv(media(duration => 3, gop => 1, size => '160x90'));
$r->delete_stream->close;
$t->wait_files(1);
$t->wait_log(qr/bucket "archive" cannot be used/);
$t->wait_log(qr/files of template "films" go to bucket "other"/, 40);

# a worker dies with both
$t->stop;
sql("UPDATE outbox SET state = 'taken', owner = 'of nobody'");
my $mark = $t->log_mark;
$t->conf($conf, FILE => $file, UPLOAD => '')->start;
$t->wait_log(qr/2 events and deliveries of a worker process that died/, 20,
             $mark);

for my $bucket (qw(archive other)) {
    like($t->wait_log(qr/\[warn\].*deliveries wait for bucket "$bucket".*/, 20,
                      $mark),
         qr/: 1 deliveries wait for bucket "$bucket" of template "films", which /,
         "$bucket: said");
}

unlike(substr($t->error_log, $mark), qr/events wait for/, 'not as an event');

# they go on
$t->conf($conf, @upload);
$mark = $t->log_mark;
$t->reload;
$t->wait_log(qr/bucket "archive" cannot be used/, 40, $mark);
is(sql("SELECT count(*) FROM outbox WHERE state = 'dead'"), 0, 'none is dead');

# what comes to wait later, as of a file that grows then, is said, too; also if
# nobody at all is to be told of anything any more
comes_later('two', $conf, FILE => $file, UPLOAD => 'upload other;');
comes_later('three', $conf =~ s/record_bucket \w+ \{[^}]*\}//gr,
            UPLOAD => '');

$t->done;

sub comes_later {
    my ($name, @without) = @_;

    $t->conf($conf, FILE => $file,
             UPLOAD => 'upload archive when=recording;');
    $mark = $t->log_mark;
    $t->reload;
    $t->wait_log(qr/bucket "archive" cannot be used/, 40, $mark);

    my $r = $t->publisher('live', $name);
    $r->send_flv(media(duration => 3, gop => 1, size => '160x90'));
    wait_for("$name to be recorded", 20, sub {
        sql("SELECT count(*) FROM outbox WHERE facts ->> 'stream' = '$name'");
    });

    $mark = $t->log_mark;
    $t->conf(@without);
    $t->reload;

    wait_for('nothing to be on its way', 20, sub {
        !sql("SELECT count(*) FROM outbox WHERE state = 'taken'") });
    my $before = sql("SELECT count(*) FROM outbox WHERE state = 'waiting'"
                     . " AND target = 'upload:archive'");
    my $said = sub { qr/\[warn\].* $_[0] deliveries wait for bucket "archive"/ };
    $t->wait_log($said->($before), 20, $mark);
    $r->delete_stream->close;
    $t->wait_log($said->($before + 1), 40, $mark);
    pass("$name: said");
    return;
}

sub sql {
    my ($text) = @_;

    my ($status, $out, $err) = run('sqlite3', '-cmd', '.timeout 10000', $t->db,
                                   $text);
    die "sqlite3: $err" if $status;
    chomp $out;
    return $out;
}
