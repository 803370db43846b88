#!/usr/bin/perl

# What EditMedia has made is delivered as the files it is made of; a catalogue
# that is lost knows it again, by its label; and what was not whole when its
# process was killed, is gone, and none of its rows is there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Delivery;
use Recording::Edit;
use Recording::Media qw(media);
use Recording::Port qw(free_port);
use Recording::Util qw(not_tested wait_for);

my $missing = Recording::Delivery->missing;
plan skip_all => not_tested($missing) if $missing;

my $media = media(duration => 10, gop => 1, fps => 25, size => '320x180');
my $port = free_port();
my $d = Recording::Delivery->new(
    templates => 'record_template t { format mp4; upload archive; }',
    applications => 'application live { live on; record_rule t; }',
    main => "http { server { listen 127.0.0.1:$port;"
          . ' location /api/ { record_api; record_api_key off; } } }');
my ($t, $s3, $films) = ($d->nginx, $d->s3, $d->films);
my $api = Recording::Api->new(port => $port);
my $edit = Recording::Edit->new(nginx => $t, api => $api);

$edit->publish('live', 'a', $media);

my $file;
wait_for('the file', 60, sub {
    ($file) = $t->files(state => 'finished');
});

# --- delivered

my $task = $edit->make([ { FileId => $file->{file_id}, StartTimeOffset => 2.5,
                           EndTimeOffset => 4 } ], { MediaName => 'cut' });
is($task->{Message}, '', 'a file is made');
wait_for('it to be delivered', 60, sub { $edit->row($task)->{objects} ne '[]' });
ok(scalar(grep { m{live/a/cut\.mp4\z} } $s3->keys($films)), 'it is there');
wait_for('labels', 30, sub {
    !$t->catalogue(q{SELECT id FROM outbox WHERE state <> 'done'}) });

# --- lost, while others are made

my %before = %{ $edit->row($task) };
my $bytes = 100 * -s $t->store . "/files/$file->{path}";
my ($whole, %cut) = (2);

for my $type (qw(mp4 hls)) {
    for (1 .. 5) {
        last if $cut{$type} = lost($type);
    }

    ok($cut{$type}, "$type: lost while it was made");
}

my $found = $api->call('SearchMedia', { SourceTypes => ['VideoProcessing'] });
ok(scalar(grep { $_->{FileId} eq $before{file_id} }
          @{ $found->{MediaInfoSet} }), 'it is found as before');

$d->done;

# all at once, the catalogue too; false: it was whole before
sub lost {
    my ($type) = @_;

    my $id = $edit->order([ ({ FileId => $file->{file_id} }) x 100 ],
                          { Type => $type, MediaName => 'big' });
    wait_for('it to be made', 60, sub { $t->files(task_id => $id) });
    $t->kill9;

    my ($row) = $t->files(task_id => $id);
    my @grown = (glob($t->store . "/work/$row->{file_id}.mp4"),
                 glob($t->store . '/files/live/a/big*/*.ts'));
    my $size = 0;
    $size += -s for grep { -e } @grown;
    my $all = $row->{state} eq 'finished' || $size > $bytes * 0.9;
    $whole += $all;

    unlink glob($t->db . '*'), $t->store . '/catalogue.copy';
    $t->allow(qr/the catalogue was missing/);
    $t->start;
    wait_for('rows', 60, sub {
        return $whole == (() = $t->files(state => 'finished')) });
    $edit->ready;

    return 0 if $all;

    is($edit->detail($id)->{Error}{Code}, 'ResourceNotFound.TaskId',
       "$type: nobody knows of it");
    is($edit->row($task)->{$_}, $before{$_}, "$type: $_ is known")
        for qw(file_id task_id path objects expire_us duration_ms);
    wait_for('what was made to go', 30, sub {
        !grep { -e } @grown or return;
        return !grep { !/^worker\./ } files('work');
    });
    pass("$type: nothing is left in work/, nor of it at all");
    is(scalar $t->files, $whole, "$type: nor a row");

    return 1;
}

sub files {
    opendir my $dir, $t->store . "/$_[0]" or die "$_[0]: $!";
    return grep { !/^\./ } readdir $dir;
}
