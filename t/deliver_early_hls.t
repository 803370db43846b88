#!/usr/bin/perl

# A playlist is delivered while it grows: it lists what is in the bucket, and
# soon all of that, each segment is sent once, and at the end it is the local
# one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Recording::Early;
use Recording::Util qw(not_tested slow slurp within);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $e = Recording::Early->new(workers => 2,
                              formats => 'format hls segment=1s resume=10m;');
my ($t, $fault, $s3, $films) = ($e->nginx, $e->fault, $e->s3, $e->films);
$t->allow(qr/worker process \d+ exited on signal 9/);

subtest 'it grows' => \&grows;
subtest 'nginx is killed' => \&killed;
subtest 'nginx is killed, and the stream is back' => \&back;
subtest 'nothing but audio' => \&audio;
subtest 'a segment is refused for a while' => \&refused;
$e->done_with;

subtest 'Cache-Control of the bucket' => \&own_header;

Recording::Nginx->done;

sub key { return $_[0]->name . '/index.m3u8' }
sub listed { return $_[0] =~ /^(\w+\.ts)$/mg }
sub age { return ($_[0] =~ /max-age=(\d+)/)[0] // -1 }

sub look {
    my ($key, $seen) = @_;

    my $list = $s3->get($films, $key) // '';
    my ($dir) = $key =~ m{^(.*/)};

    # those that came before are still there
    my @missing = grep { !$s3->head($films, "$dir$_") }
                  grep { !$seen->{known}{$_}++ } listed($list);
    push @{ $seen->{missing} }, @missing;

    my $now = time;
    $seen->{there}{$_} //= $now
        for map { m{(\w+\.ts)$} } $s3->keys($films, $dir);
    $seen->{listed}{$_} //= $now for listed($list);
    push @{ $seen->{lists} }, $list
        if length $list && $list ne ($seen->{lists}[-1] // '');
    return $list;
}

sub grows {
    my $s = $e->stream('hls', audio => 300);
    my $key = key($s);
    my $seen = { missing => [], lists => [] };
    my $end = time + 16;

    # some four times real time
    while (time < $end) {
        $s->send(2);
        look($key, $seen) for 1 .. 3;
        sleep 0.4;
    }

    my $head = $s3->head($films, $key);
    my $segment = $s3->head($films, $s->name . '/00000.ts');
    is($head->{'content-type'}, 'application/vnd.apple.mpegurl', 'its type');
    is(age($head->{'cache-control'}), 1, 'half its target duration');
    cmp_ok(age($segment->{'cache-control'}), '>=', 86400,
           'and long of segments');
    like($head->{'x-amz-meta-file-id'}, qr/^\d+$/, 'its id');

    $e->ended($s);
    my ($row) = $t->wait_files(1, stream => $s->name);
    $e->whole($row);

    is("@{ $seen->{missing} }", '', 'what is listed is there');
    cmp_ok(scalar @{ $seen->{lists} }, '>', 1, 'it is sent again and again');
    my $local = slurp($t->path($row));
    my @other = grep { index($local, $_) != 0 } @{ $seen->{lists} };
    is("@other", '', 'each is what the local one begins with');

    my @late = map { sprintf '%s %.1f s', $_, $seen->{listed}{$_}
                                              - $seen->{there}{$_} }
               grep { $seen->{listed}{$_} - $seen->{there}{$_}
                      > slow(10) + within(1) }
               keys %{ $seen->{listed} };
    is("@late", '', 'what is there is listed soon');
    once($s);
}

# segments once, and a playlist only when the one before was answered
sub once {
    my ($s) = @_;

    my $name = $s->name;
    my %sent;
    $sent{$_}++ for map { $_->{target} =~ m{/(\w+\.ts)$} }
                    grep { ($_->{status} || 0) == 200 }
                    $fault->requests(qr/^PUT \S*\Q$name\E\/\w+\.ts/);
    is(join(' ', grep { $sent{$_} > 1 } sort keys %sent), '',
       'each segment is sent once');

    my @lists = sort { $a->{start} <=> $b->{start} }
                $fault->requests(qr/^PUT \S*\Q$name\E\/index\.m3u8/);
    my @both = grep { $lists[$_]{start} < ($lists[$_ - 1]{end} // 0) }
               1 .. $#lists;
    is(scalar(@both), 0, 'one playlist at a time');
    return;
}

# what comes after it waits, in the list at least
sub refused {
    $fault->clear;
    my $s = $e->stream('hls', audio => 300);
    my $name = $s->name;
    my $seen = { missing => [], lists => [] };

    $fault->on(PUT => qr/\Q$name\E\/00004\.ts/, status => 500,
               code => 'InternalError', times => 0);
    $s->send(20);
    $e->wait_segments(1, key($s));

    for (1 .. 40) {
        look(key($s), $seen);
        $s->poll;
        sleep 0.1;
    }

    my @over = grep { $_ ge '00004.ts' } keys %{ $seen->{known} };
    is("@over", '', 'none is listed from that one on');
    $fault->clear;
    $e->wait_segments(9, key($s));
    $e->ended($s);
    $e->whole($_) for $t->wait_files(1, stream => $name);
    is("@{ $seen->{missing} }", '', 'what is listed is there');
}

sub killed {
    my $s = $e->stream('hls', audio => 300)->send(20);
    my $list = $e->wait_segments(8, key($s));

    $s->send(4)->settle;
    $t->kill9;
    is($s3->get($films, key($s)) =~ /ENDLIST/, '', 'it has no end');
    $t->start;
    $e->in_time({ $e->complete_rows(key($s)) });
    $e->whole($_) for $t->wait_files(1, stream => $s->name);
    is(index($s3->get($films, key($s)), $list), 0,
       'what it had was kept');
    once($s);
}

sub back {
    my $s = $e->stream('more', audio => 300)->send(20);

    $e->wait_segments(15, key($s));
    $s->settle;
    $t->kill9;
    $t->start;
    $s->abort->publish->send(20);
    $e->wait_segments(30, key($s));
    $s->settle->end;

    # its time is over
    $e->wait_on('a pause', 20, sub { ($e->rows($s))[0]{state} eq 'paused' });
    $t->catalogue("UPDATE files SET resume_us = 1 WHERE state = 'paused'");

    my ($row) = $t->wait_files(1, stream => $s->name);
    $e->whole($row);
    is(scalar($t->files(stream => $s->name)), 1, 'one file');
    once($s);
}

sub audio {
    my $s = $e->stream('hls', video => 0, audio => 300)->send(20);

    $e->wait_segments(5, key($s));
    $e->ended($s);
    $e->whole($_) for $t->wait_files(1, stream => $s->name);
}

sub own_header {
    $e = Recording::Early->new(bucket => q(header Cache-Control 'max-age=7';));
    my $s = $e->stream('hls', audio => 300)->send(10);

    $e->wait_segments(3, key($s));
    is($e->s3->head($e->films, $_)->{'cache-control'}, 'max-age=7', $_)
        for key($s), $s->name . '/00000.ts';
    $e->ended($s);
    is($e->s3->head($e->films, key($s))->{'cache-control'}, 'max-age=7',
       'at the end');
    $e->done_with;
}
