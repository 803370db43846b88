#!/usr/bin/perl

# A stream with very many interruptions: what a task of EditMedia tells of them
# has a limit, and so has a page of DescribeTasks.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use JSON::XS ();
use POSIX qw(strftime);

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Util qw(wait_for);

my $media = media(duration => 3, gop => 1, fps => 10, size => '160x90');
my $edit = Recording::Edit->started(
    templates => 'record_template one { format mp4; }',
    applications => { live => 'one' });
my ($t, $api) = @$edit{qw(nginx api)};

$edit->publish('live', 'a', $media);
wait_for('the file', 30, sub {
    1 == grep { $_->{state} eq 'finished' } $t->files;
});
my ($file) = $t->files;

# --- as many as may be told, and one more

gaps(1000);
my @tasks = map { order() } 1 .. 15;
is(scalar(grep { $_->{Error} } @tasks), 0, 'a thousand interruptions');
is(scalar @{ $edit->detail($tasks[0]{TaskId})->{EditMediaTask}{Input}{GapSet} },
   1000, 'are told');

gaps(1001);
my $error = order()->{Error};
is($error->{Code}, 'InvalidParameterValue', 'one more');
like($error->{Message}, qr/more than 1000 interruptions/, 'is refused');

my @twice = map { $_->{Error}{Code} // '' } order(2);
is($twice[0], 'InvalidParameterValue', 'those of all streams of a call');

# --- pages

my ($token, @pages) = ('');

do {
    my $body = ($api->raw($api->request('DescribeTasks',
        { Limit => 100, ScrollToken => $token })))[2];
    cmp_ok(length $body, '<', 1.5e6, 'a page is not longer than that');

    my $page = JSON::XS::decode_json($body)->{Response};
    push @pages, [ map { $_->{TaskId} } @{ $page->{TaskSet} } ];
    $token = $page->{ScrollToken};
} while $token && @pages < 20;

cmp_ok(scalar @pages, '>', 1, 'there are several');
is(join(' ', map { @$_ } @pages),
   join(' ', map { $_->{TaskId} } reverse @tasks), 'with all of them');

$t->done;

sub gaps {
    my ($n) = @_;

    my $gaps = join ',', map { qq({"at_ms":$_,"gap_ms":2000}) } 1 .. $n;
    my $end = $file->{start_us} + 3_000_000 + $n * 2_000_000;
    $t->catalogue("UPDATE files SET gaps = '[$gaps]', end_us = $end"
                  . " WHERE file_id = $file->{file_id}");
}

sub order {
    my ($n) = @_;

    my ($start, $end) = map {
        strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($file->{start_us} / 1e6 + $_));
    } 0, 2003;

    return $api->call('EditMedia', { InputType => 'Stream', StreamInfos => [
        ({ StreamId => 'a', StartTime => $start, EndTime => $end }) x ($n || 1)
    ] });
}
