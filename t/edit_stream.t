#!/usr/bin/perl

# What a stream was at a time, by EditMedia with InputType Stream: the files that
# hold it, whatever there are, one after the other; interruptions are closed and
# told; what is not clear has to be told, and what grows, or is in a bucket, is
# refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Edit;
use Recording::Media qw(media);
use Recording::Probe qw(decode_problem duration);
use Recording::Util qw(wait_for);

my $media = media(duration => 6, gop => 1, fps => 10, size => '160x90');
my $edit = Recording::Edit->started(
    templates => <<'CONF', applications => { live => 'two', other => 'flv' });
record_template two { format hls segment=1s; format mp4; }
    record_template flv { format flv; }
CONF
my ($t, $api) = @$edit{qw(nginx api)};

# noon of a day, in seconds
my $noon = 1767268800;
my $day = '2026-01-01T12:00:';

my $first = publish('live', 'a', 0);
my $second = publish('live', 'a', 6.2);
my $third = publish('live', 'a', 20);
my $flv = publish('other', 'b', 0);
$t->catalogue(qq{UPDATE files SET gaps = '[{"at_ms":2000,"gap_ms":5000}]',}
              . " end_us = end_us + 5000000 WHERE file_id = $flv");

# --- of three recordings, with a gap in between

my $task = make({ StreamId => 'a', StartTime => "${day}03.5Z",
                  EndTime => "${day}23Z" });
is($task->{Message}, '', 'of three recordings');
is(parts($task->{Input}{FileInfoSet}),
   "$first 3.5-0 $second 0-0 $third 0-3", 'what is needed of each');
is(gaps($task), '12:00:12-12:00:20', 'the gap is told');
is($task->{Input}{InputType} . $task->{Input}{StreamInfoSet}[0]{StreamId},
   'Streama', 'and what was asked for');
is($edit->row($task)->{format}, 'mp4', 'MP4 comes first');
is(parts($task->{TakenSet}), "$first 3.5-6 $second 0-6 $third 0-3",
   'what was taken');
near(duration($edit->path($task)), 11.5, 0.1, 'its duration');
is(decode_problem($edit->path($task)), '', 'it is decoded');

# --- an interruption within a file, which has 2 s, then 4 s

for (['00', '11', "$flv 0-0", '12:00:02-12:00:07'],
     ['01', '09', "$flv 1-4", '12:00:02-12:00:07'],
     ['03', '08', "$flv 2-3", '12:00:03-12:00:07'],
     ['00', '05', "$flv 0-2", '12:00:02-12:00:05'],
     ['08', '20', "$flv 3-0", '12:00:11-12:00:20'])
{
    my ($start, $end, $parts, $gaps) = @$_;
    my $made = make({ StreamId => 'b', AppName => 'other',
                      StartTime => "$day${start}Z",
                      EndTime => "$day${end}+00:00" });
    is($made->{Message}, '', "from $start to $end");
    is(parts($made->{Input}{FileInfoSet}), $parts, "$start to $end: parts");
    is(gaps($made), $gaps, "$start to $end: gaps");
}

# --- two streams, and as HLS

$task = $edit->wait(order([ info('b', '07', '09'), info('a', '01', '03') ],
                          { Type => 'hls' })->{TaskId});
is($task->{Message}, '', 'of two streams');
is(parts($task->{Input}{FileInfoSet}), "$flv 2-4 $first 1-3", 'in their order');
near(duration($edit->path($task)), 4, 0.2, 'their duration');

# --- what is wrong

my $value = 'InvalidParameterValue';

for (
    [ undef, 'MissingParameter', 'no streams' ],
    [ [], 'MissingParameter', 'none' ],
    [ 'x', 'InvalidParameter', 'a text' ],
    [ ['x'], 'InvalidParameter', 'texts' ],
    [ [ ({}) x 11 ], $value, 'too many' ],
    [ [ {} ], 'MissingParameter', 'nothing' ],
    [ [ { %{ info('a', '00', '01') }, Nothing => 1 } ], 'UnknownParameter',
      'more' ],
    [ [ info('a', '05', '05') ], $value, 'no time' ],
    [ [ info('a', '05', '04') ], $value, 'reversed' ],
    [ [ { StreamId => 'a', StartTime => 'noon', EndTime => "${day}05Z" } ],
      $value, 'no time' ],
    [ [ info('c', '00', '05') ], 'ResourceNotFound', 'another stream' ],
    [ [ info("a' OR '1", '00', '05') ], 'ResourceNotFound', 'a statement' ],
    [ [ info('a', '13', '19') ], 'ResourceNotFound', 'between recordings' ],
    [ [ info('b', '03', '06') ], 'ResourceNotFound', 'in an interruption' ],
) {
    my ($infos, $code, $name) = @$_;
    is(order($infos)->{Error}{Code}, $code, $name);
}

# --- what is not clear

publish('other', 'a', 0);
my $answer = order([ info('a', '00', '05') ]);
is($answer->{Error}{Code}, $value, 'of two applications');
like($answer->{Error}{Message}, qr/AppName/, 'with what would tell');
is(order([ { %{ info('a', '00', '05') }, AppName => 'live' } ])
   ->{Error}{Code} // '', '', 'which tells');

$t->catalogue("UPDATE files SET template = 'flv' WHERE file_id = $second");
$answer = order([ { %{ info('a', '00', '10') }, AppName => 'live' } ]);
like($answer->{Error}{Message} // '', qr/TemplateId/, 'of two templates');

my $infos = $api->call('DescribeMediaInfos', { FileIds => [ $first ] });
my $id = $infos->{MediaInfoSet}[0]{RecordInfo}{TemplateId};
$task = make({ %{ info('a', '00', '10') }, AppName => 'live',
               TemplateId => $id });
is(parts($task->{Input}{FileInfoSet}), "$first 0-0", 'by one of them');
is(gaps($task), '12:00:06-12:00:10', 'of which the other is no part');
is(order([ { %{ info('a', '00', '10') }, DomainName => 'nowhere' } ])
   ->{Error}{Code}, 'ResourceNotFound', 'of another domain');

# --- what cannot be taken

$t->catalogue(qq{UPDATE files SET local = 0, objects = '[{"bucket": "b",}
              . qq{ "key": "k", "url": ""}]' WHERE file_id = $third});
is(order([ { %{ info('a', '20', '25') }, AppName => 'live' } ])
   ->{Error}{Code}, 'UnsupportedOperation', 'in a bucket only');

my $growing = $t->publisher('live', 'grows');
$growing->send_flv($media);
wait_for('it to grow', 20, sub {
    2 == grep { $_->{state} eq 'recording' } $t->files(stream => 'grows');
});
is(order([ { StreamId => 'grows', StartTime => '2020-01-01T00:00:00Z',
             EndTime => '2099-01-01T00:00:00Z' } ])->{Error}{Code},
   'ResourceInUse', 'what grows');
$growing->delete_stream->close;

$t->done;

# the MP4, or FLV, of a recording that began so many seconds after noon
sub publish {
    my ($app, $name, $at) = @_;

    my %seen = map { ($_->{file_id} => 1) } $t->files;
    $edit->publish($app, $name, $media);

    my @rows;
    wait_for('its files', 30, sub {
        @rows = grep { !$seen{ $_->{file_id} } && $_->{state} eq 'finished' }
                $t->files;
        return @rows == ($app eq 'live' ? 2 : 1);
    });

    my $start = ($noon + $at) * 1000000;
    my $end = $start + 6000000;
    $t->catalogue("UPDATE files SET start_us = $start, end_us = $end"
                  . " WHERE file_id = $_->{file_id}") for @rows;

    my ($row) = grep { $_->{format} ne 'hls' } @rows;
    return $row->{file_id};
}

sub info {
    my ($stream, $start, $end) = @_;
    return { StreamId => $stream, StartTime => "$day${start}Z",
             EndTime => "$day${end}Z" };
}

sub order {
    my ($infos, $output) = @_;
    return $api->call('EditMedia', { InputType => 'Stream', StreamInfos =>
                      $infos, OutputConfig => $output || {} });
}

sub make {
    my ($info) = @_;

    my $got = order([$info]);
    die "EditMedia: $got->{Error}{Code} $got->{Error}{Message}\n"
        if $got->{Error};

    return $edit->wait($got->{TaskId});
}

sub parts {
    my ($set) = @_;
    return join ' ', map { my $p = $_; "$p->{FileId} " . join('-',
        map { sprintf '%.4g', $p->{"${_}TimeOffset"} } qw(Start End)) } @$set;
}

sub gaps {
    my ($task) = @_;
    return join ' ', map { my $gap = $_; join '-',
        map { $gap->{$_} =~ /T(.*)Z/ } qw(StartTime EndTime) }
        @{ $task->{Input}{GapSet} };
}

sub near {
    my ($got, $want, $by, $name) = @_;
    ok(defined $got && abs($got - $want) <= $by,
       "$name: " . ($got // 'none') . " is about $want");
}
