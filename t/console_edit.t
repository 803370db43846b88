#!/usr/bin/perl

# The console in Chromium makes files of others: of a part that is chosen while
# the picture is seen, of parts in an order, of a stream at a time; and shows how
# far that is, and what went wrong.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Console;
use Recording::Media qw(media push_stream);
use Recording::Nginx;
use Recording::Probe qw(packets);
use Recording::Util qw(wait_for);

my $why = Recording::Console::missing();
plan skip_all => $why if $why;

my $t = Recording::Nginx->new;
my $servers = Recording::Console::server(1)
    . Recording::Console::server(2, api => 'record_api_key off;'
        . ' record_api; allow 127.0.0.1; deny all;');

$t->conf(<<"CONF")->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% reserve=1m;
    record_template show { format mp4 interval=2s; }
    record_template other { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule show; }
        application more { live on; record_rule other; }
    }
}
http { $servers }
CONF

$t->allow(qr/a file of others cannot be made/);
my $api = Recording::Api->new(port => $t->port(2));
wait_for('the store', 30, sub { $api->code('DescribeStore') eq '' });

my $media = media(duration => 8, gop => 1, fps => 10, size => '160x90');
my $other = media(duration => 3, gop => 1, fps => 10, size => '96x64');

# as it is live, since one of them is made by the wall clock
push_stream($media, $t->url('live/show'))->wait;
my $publisher = $t->publisher('more', 'other');
$publisher->send_flv($other);
$publisher->delete_stream->close;
my @rows = $t->wait_files(5);
my @show = grep { $_->{stream} eq 'show' } @rows;
my ($flv) = grep { $_->{stream} eq 'other' } @rows;
is(scalar @show, 4, 'files');

Recording::Console::drive('edit.js', {
    base => 'http://127.0.0.1:' . $t->port(1),
    changes => 'http://127.0.0.1:' . $t->port(2),
    files => [ map { { RecordingId => "$_->{recording_id}",
                       FileId => "$_->{file_id}",
                       StartTimeUs => $_->{start_us} + 0 } } @show ],
    other => { RecordingId => "$flv->{recording_id}",
               FileId => "$flv->{file_id}" } });

# --- what was made

my %made = map { $_->{path} =~ m{/(\w+)\.mp4$} ? ($1 => $_) : () }
           grep { $_->{task_id} =~ /^edit-/ } $t->files;

is(join(' ', sort keys %made), 'stream trimmed turned',
   'the files that were asked for');
is(scalar(my @shown = grep { $_->{pts} >= 0 && $_->{flags} !~ /D/ }
          pictures($made{trimmed})), 10, 'the part, to a picture');

# the second file, and the first one behind it
my @want = map { video($_) } @show[1, 0];
is(join(' ', video($made{turned})), join(' ', @want), 'spliced in the order');
is(join(' ', video($made{stream})), join(' ', map { video($_) } @show),
   'the stream at its time');

$t->done;

sub pictures {
    my ($row) = @_;
    return packets($t->store . "/files/$row->{path}", 'v');
}

sub video { return map { $_->{hash} } pictures(@_) }
