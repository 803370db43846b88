#!/usr/bin/perl

# A catalogue that is lost knows, when it is made anew, when files expire and in
# which buckets they are, as their labels say; so they go from there on time, and
# what a call has for good stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Delivery;
use Recording::Media qw(media);
use Recording::Port qw(free_port);
use Recording::Util qw(not_tested run wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $media = media(duration => 3, gop => 1, fps => 10, size => '160x90');
my $port = free_port();
my $d = Recording::Delivery->new(
    templates => 'record_template t { format flv; format hls segment=1s;'
               . ' format mp4; format aac; upload archive; expire 1h; }',
    applications => 'application live { live on; record_rule t; }',
    main => "http { server { listen 127.0.0.1:$port;"
          . ' location /off/ { record_api; record_api_key off; } } }');
my @formats = qw(aac flv hls mp4);
my ($t, $s3, $films) = ($d->nginx, $d->s3, $d->films);
my $off = Recording::Api->new(port => $port, path => '/off/');

my $publisher = $t->publisher('live', 'a');
$publisher->send_flv($media);
$publisher->delete_stream->close;
wait_for('all to be delivered', 60, sub {
    @formats == grep { $_->{objects} ne '[]' && $_->{state} eq 'finished' }
                $t->files;
});
expires(flv => '2099-01-02T03:04:05Z');
expires(mp4 => '9999-12-31T23:59:59Z');
expires(aac => '2099-01-02T03:04:05Z');
wait_for('labels', 20, sub {
    @formats == grep { label($_) =~ /"objects":"\[\{/ } map { row($_) } @formats });
my %before = map { $_ => row($_) } @formats;
like($before{hls}{objects}, qr/"bucket":"archive"/, 'an object');
is($before{flv}{expire_us}, '4071006245000000', 'and a time');
is($before{mp4}{expire_us}, undef, 'or none');
is($before{hls}{expire_us}, $before{hls}{end_us} + 3600e6, 'or the template\'s');

# as a version had it in which nothing could expire
label($before{aac}, label($before{aac}) =~ s/,"expire_us":[^,]*//r);
$before{aac}{expire_us} = undef;

# --- lost, and once more while nginx runs

$t->stop;
unlink glob $t->db . '*';
$t->start;
$t->allow(qr/the catalogue was missing/);
known('a start');

# what is delivered again has its label written again
wait_for('what is delivered', 60, sub {
    !$t->catalogue(q{SELECT id FROM outbox WHERE kind = 'upload'
                     AND state <> 'done'}) });
unlink $t->db, map { $t->db . $_ } '-wal', '-shm';
known('nginx runs');

# it may be sent again, which finds that it is there
wait_for('what is delivered', 60, sub {
    !$t->catalogue(q{SELECT id FROM outbox WHERE kind = 'upload'
                     AND state <> 'done'}) });
sql('UPDATE files SET expire_us = 1 WHERE format = \'flv\'');
wait_for('it to go', 60, sub { row('flv')->{objects} eq '[]' });
is(scalar(grep { /\.flv\z/ } $s3->keys($films)), 0, 'it is in no bucket any more');
isnt(scalar(grep { /\.m3u8\z/ } $s3->keys($films)), 0, 'the other one is');

$d->done;

sub row { return ($t->files(format => $_[0]))[0] }

sub expires {
    my ($format, $time) = @_;
    is($off->code('ModifyMediaInfo', { FileId => row($format)->{file_id},
                                       ExpireTime => $time }), '',
       "$format expires at $time");
}

# each as it was
sub known {
    my ($when) = @_;

    wait_for('rows', 30, sub {
        @formats == (() = eval { $t->files(state => 'finished') }) });

    for my $format (@formats) {
        is(row($format)->{$_}, $before{$format}{$_}, "$when: $format: $_")
            for qw(file_id expire_us objects finished_us);
    }
}

# what it says, or has to say from now on
sub label {
    my ($row, @text) = @_;

    my ($status, $out) = run('python3', '-c', 'import os, sys;'
        . 'os.setxattr(sys.argv[1], "user.recording", sys.argv[2].encode())'
        . ' if len(sys.argv) > 2 else None;'
        . 'sys.stdout.buffer.write(os.getxattr(sys.argv[1], "user.recording"))',
        $t->store . "/files/$row->{path}", @text);
    return $out;
}

sub sql {
    my ($sql) = @_;

    my ($status, undef, $err) = run('sqlite3', '-bail', '-cmd',
                                    '.timeout 5000', $t->db, $sql);
    die "sqlite3: $err\n" if $status || length $err;
}
