#!/usr/bin/perl

# A bucket that is down, with a backup: files go there, too; the local copy
# stays until the first bucket has it; what was begun for the backup is not left
# in it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Fault;
use Recording::Gateway;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(not_tested slurp wait_for);

my $missing = Recording::Gateway->missing;
plan skip_all => not_tested($missing) if $missing;

my $gateway = Recording::Gateway->new;
my %fault = map { $_ => Recording::Fault->new(to => $gateway->port) }
            qw(films spare);
my $s3 = $gateway->s3;
$gateway->bucket($_) for keys %fault;
my $small = media(duration => 3, gop => 1, size => '160x90');
my $large = media(duration => 4, fps => 5, gop => 1, key_bytes => 4_000_000);

my $t = Recording::Nginx->new;
$t->conf(<<'CONF', map({ uc, $fault{$_}->port } keys %fault),
thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_bucket first {
        endpoint http://127.0.0.1:%%FILMS%%;
        bucket films;
        part_size 5m;
        credentials %%FILE%%;
    }
    record_bucket second {
        endpoint http://127.0.0.1:%%SPARE%%;
        bucket spare;
        part_size 5m;
        credentials %%FILE%%;
    }
    record_template one {
        format flv;
        path '{StreamID}';
        upload first backup=second local=remove;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 8m;
        application one { live on; record_rule one; }
    }
}
CONF
    FILE => $gateway->credentials($t->dir . '/credentials'))->start;

my %bytes;

$fault{films}->down;
published('small', $small);
wait_row('backup:second', 'small', sub { $_[0]{state} eq 'done' });
ok($s3->get('spare', 'small.flv') eq $bytes{small}, 'the backup has it');
is(local_copy('small'), 1, 'and it stays here, too');

# one that is broken off, in a bucket that then refuses everything, at once
$fault{spare}->on(PUT => qr/partNumber=2/, status => 500, code => 'InternalError',
                  times => 0);
published('large', $large);
wait_row('backup:second', 'large', sub { ($_[0]{progress} || '') =~ /upload_id":"./ });
$fault{spare}->on('' => '', status => 403, code => 'AccessDenied', times => 0);
wait_row('backup:second', 'large', sub { $_[0]{error} =~ /AccessDenied/ });
is(scalar($s3->uploads('spare')), 1, 'an upload was begun');

$fault{films}->up;
wait_row('upload:first', $_, sub { $_[0]{state} eq 'done' }) for qw(small large);
ok($s3->get('films', "$_.flv") eq $bytes{$_}, "$_: the bucket has it")
    for qw(small large);

$fault{spare}->clear;
wait_for('no upload is left', 90, sub { !$s3->uploads('spare') });
wait_for('no local copy is left', 90, sub {
    return !local_copy('small') && !local_copy('large');
});

$_->stop for values %fault;
$gateway->stop;
Recording::Nginx->done;

sub published {
    my ($name, $media) = @_;

    my $r = $t->publisher('one', $name);
    $r->send_flv($media);
    $r->delete_stream->close;
    my ($file) = $t->wait_files(1, stream => $name);
    $bytes{$name} = slurp($t->path($file));
    return;
}

sub local_copy {
    my ($name) = @_;
    return scalar grep { -e } $t->store . "/files/$name.flv";
}

sub wait_row {
    my ($target, $name, $is) = @_;

    my $row;
    return wait_for("$target of $name", 90, sub {
        ($row) = $t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'"
            . " AND target = '$target' AND facts ->> 'stream' = '$name'");
        return $row && $is->($row);
    }, sub { $row ? "\n$row->{state} $row->{error} $row->{progress}" : '' });
}
