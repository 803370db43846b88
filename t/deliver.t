#!/usr/bin/perl

# Finished files are delivered to a bucket: each format, as it is on the disk,
# under its key, with its type and metadata; large ones in parts; a playlist
# after its segments.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use JSON::XS ();
use Test::More;

use Recording::Certificates;
use Recording::Storage;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(not_tested slurp wait_for);

my $missing = Recording::Storage->kind->missing;
plan skip_all => not_tested($missing) if $missing;

my $ca = Recording::Certificates->new;
my $gateway = Recording::Storage->kind->new(tls => [ $ca->issue('gateway',
    san => 'DNS:localhost,DNS:films.localhost,IP:127.0.0.1') ]);
my $s3 = $gateway->s3;
my $films = $gateway->bucket('films');
my $media = media(duration => 3, gop => 1, size => '160x90');

my %type = (mp4 => 'video/mp4', flv => 'video/x-flv', aac => 'audio/aac',
            hls => 'application/vnd.apple.mpegurl', ts => 'video/mp2t');

my %how = (
    http => 'endpoint http://127.0.0.1:' . $gateway->port . ';',
    https => 'endpoint https://127.0.0.1:' . $gateway->tls_port . ';',
);

for my $how (sort keys %how) {
    subtest $how => sub { formats($how) };
}

subtest 'in parts' => \&parts;
subtest 'a key that is taken' => \&taken;

$gateway->stop;
Recording::Nginx->done;

sub started {
    my ($endpoint, %opt) = @_;

    my $t = Recording::Nginx->new;
    my $file = $gateway->credentials($t->dir . '/credentials');

    $t->conf(<<'CONF', ENDPOINT => $endpoint, FILE => $file, CA => $ca->file,
thread_pool default threads=4;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=0 url=http://store.test/;
    record_trusted_certificate %%CA%%;
    record_bucket archive {
        %%ENDPOINT%%
        bucket films;
        credentials %%FILE%%;
        url https://cdn.test/films;
        %%BUCKET%%
    }
    record_template all {
        %%FORMATS%%
        upload archive;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 8m;
        application live { live on; record_rule all; }
    }
}
CONF
        BUCKET => '', FORMATS => 'format mp4; format flv; format aac;'
        . ' format hls segment=1s;', %opt)->start;

    return $t;
}

sub delivered {
    my ($t, $n) = @_;

    my @rows;
    wait_for('deliveries', 60, sub {
        @rows = $t->catalogue(q{SELECT * FROM outbox WHERE kind = 'upload'});
        return $n == grep { $_->{state} eq 'done' } @rows;
    }, sub { join "\n", '', map { "$_->{key}: $_->{state} $_->{error}" }
                            @rows });
    return @rows;
}

# what is in the bucket is the file, byte for byte
sub same {
    my ($t, $path, $key, $format) = @_;

    my $file = $t->store . "/files/$path";
    $s3->fetch($films, $key, $t->dir . '/fetched');
    ok(slurp($t->dir . '/fetched') eq slurp($file), "$format: as it is");

    my $head = $s3->head($films, $key);
    is($head->{'content-type'}, $type{$format}, "$format: its type");
    return $head;
}

sub formats {
    my ($how) = @_;

    my $name = "a b+c%20d'(e)*!~\xc3\xa9-$how";
    my $t = started($how{$how}, BUCKET => "prefix $how/;");
    push_to($t, $name);
    my @files = $t->wait_files(4);
    delivered($t, 4);

    for my $row ($t->files) {
        my $format = $row->{format};
        my $key = "$how/$row->{path}";
        my $head = same($t, $row->{path}, $key, $format);

        is($head->{'x-amz-meta-file-id'}, $row->{file_id}, "$format: its id");
        is($head->{'x-amz-meta-recording-id'}, $row->{recording_id},
           "$format: its recording");
        like($head->{'x-amz-meta-stream'}, qr{^live/a%20b}, "$format: stream");
        like($head->{"x-amz-meta-$_"},
             qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "$format: $_")
            for qw(start end);

        my ($object, @more) = @{ JSON::XS->new->decode($row->{objects}) };
        is(scalar(@more), 0, "$format: one object");
        is($object->{bucket}, 'archive', "$format: its bucket");
        is($object->{key}, $key, "$format: its key");
        like($object->{url}, qr{^https://cdn\.test/films/live/a%20b},
             "$format: its URL");

        if ($format ne 'hls') {
            is($object->{size}, $row->{size}, "$format: its size");
            next;
        }

        my ($dir) = $row->{path} =~ m{(.*/)};
        my @segments = slurp($t->path($row)) =~ /^(\w+\.ts)$/mg;
        cmp_ok(scalar(@segments), '>', 1, 'segments');
        same($t, "$dir$_", "$how/$dir$_", 'ts') for @segments;
    }

    is($s3->uploads($films), 0, 'no upload is left');
}

sub push_to {
    my ($t, $name, $flv) = @_;

    my $r = $t->publisher('live', $name);
    $r->send_flv($flv || $media);
    $r->delete_stream->close;
    return;
}

# --- large files

sub parts {
    my $t = started($how{http},
                    BUCKET => 'prefix parts/; part_size 5m;',
                    FORMATS => 'format mp4; format flv;');
    my $large = media(duration => 4, fps => 5, gop => 1,
                      key_bytes => 4_000_000);
    push_to($t, 'large', $large);
    $t->wait_files(2);
    delivered($t, 2);

    for my $row ($t->files) {
        my $format = $row->{format};
        cmp_ok($row->{size}, '>', 10 << 20, "$format: it is large");
        same($t, $row->{path}, "parts/$row->{path}", $format);

        my ($object) = @{ JSON::XS->new->decode($row->{objects}) };
        like($object->{etag}, qr/^[0-9a-f]{32}-\d+$/, "$format: in parts");
    }

    is($s3->uploads($films), 0, 'no upload is left');
}

# --- never overwritten

sub taken {
    my $t = started($how{http}, BUCKET => 'prefix taken/;',
                    FORMATS => q(path '{StreamID}'; format flv; format mp4;));

    $s3->put($films, 'taken/mine.flv', 'of somebody else');
    $s3->put($films, 'taken/mine.mp4', 'of somebody else',
             'x-amz-meta-file-id' => 4711);
    push_to($t, 'mine');
    $t->wait_files(2);

    my @rows;
    wait_for('dead letters', 60, sub {
        @rows = $t->catalogue(q{SELECT * FROM outbox WHERE state = 'dead'});
        return @rows == 2;
    });

    is($s3->get($films, $_->{key}), 'of somebody else',
       "$_->{key}: as it was"),
        like($_->{error}, qr/has another object of that key/, "$_->{key}: why")
        for @rows;
    is(scalar(grep { $_->{local} } $t->files), 2, 'the local ones stay');

    my $said = qr/\[error\] .*is not delivered to bucket .*, stream: "[^"]+", template: "[^"]+"$/m;
    $t->wait_log(qr/$said.*$said/s);
    my @said = $t->error_log =~ /$said/g;
    is(scalar(@said), 2, 'the log says so');

    # sent again when the key is free
    $s3->delete($films, $_->{key}) for @rows;
    $t->catalogue(q{UPDATE outbox SET state = 'waiting', attempts = 0,
                    next_us = 0, first_us = NULL WHERE state = 'dead'});
    delivered($t, 2);
    same($t, $_->{path}, "taken/$_->{path}", $_->{format}) for $t->files;
}
