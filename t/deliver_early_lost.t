#!/usr/bin/perl

# What grows comes to another end than others: it is lost, its catalogue is, or
# the template sends no growing files any more.  Nothing is left in the bucket's
# list of uploads, and what there is of a file arrives.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Early;
use Recording::Util qw(not_tested);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $e = Recording::Early->new;
my ($t, $s3, $films) = ($e->nginx, $e->s3, $e->films);
my %subst = %{ $t->{subst} };

subtest 'all of it is gone' => sub { gone('*') };
subtest 'it is gone, and the journal is there' => sub {
    gone('{aac,flv,mp4}') };
subtest 'the catalogue is gone' => \&catalogue;
subtest 'a reload, and uploads are of closed files' => \&reloaded;
subtest 'a restart, and uploads are of closed files' => \&restarted;
subtest 'a restart, and there is no upload' => \&none;

$e->done;

sub keys_of { return map { $_[0]->name . ".$_" } qw(aac flv mp4) }

sub grown {
    my $s = $e->stream('all')->send(32);

    $e->wait_parts(1, keys_of($s));
    $e->wait_segments(8, $s->name . '/index.m3u8');
    return $s->settle;
}

sub nothing_left {
    my (@keys) = @_;

    $e->wait_on('the end of uploads', 60, sub {
        !grep { $e->upload($_) } @keys
    }, sub { join "\n", '', map { "$_: " . $e->upload($_) . ' '
                                  . $e->told($_) } @keys });
    pass('no upload is left');
    return;
}

# its journal too, or only what it had
sub gone {
    my ($what) = @_;

    my $s = grown();
    my @rows = grep { $_->{format} ne 'hls' } $e->rows($s);

    $t->kill9;
    unlink glob $t->store . "/work/$_->{file_id}.$what" for @rows;
    $t->start;
    $s->abort;

    $e->wait_on('lost files', 60, sub {
        3 == grep { $_->{state} eq 'lost' } $e->rows($s) });
    nothing_left(keys_of($s));
    is($s3->head($films, $_), undef, "$_: nothing is delivered")
        for keys_of($s);
    $e->wait_on('none to be delivered', 20, sub {
        !grep { ($e->outbox($_) || { state => 'dead' })->{state}
                =~ /growing|taken|waiting/ } keys_of($s)
    });
    $e->whole($_) for $t->wait_files(1, stream => $s->name, format => 'hls');
}

# its rows are made anew of what is there
sub catalogue {
    my $s = grown();

    $t->kill9;
    unlink glob $t->db . '*';
    $t->start;
    $s->abort;
    my @rows = $t->wait_files(4, stream => $s->name);
    $e->whole($_, short => undef) for @rows;
    nothing_left(keys_of($s));
}

sub conf {
    my ($to) = @_;

    $t->conf($t->{text}, %subst, TEMPLATES =>
             $subst{TEMPLATES} =~ s/upload archive[^;]*;/$to/gr);
    return;
}

sub reloaded {
    my $s = grown();

    conf('upload archive;');
    $t->reload;
    $s->send(16)->end;
    my @rows = $t->wait_files(4, stream => $s->name);
    $e->whole($_) for @rows;
    nothing_left(keys_of($s));

    my $next = $e->stream('flv')->send(32)->settle;
    $e->wait_on('a while', 5, sub { $s->{waited}++ > 20 });
    is($e->begun($next->name . '.flv'), 0, 'the next one is no growing file');
    $next->end;
    $e->whole($_, short => 1) for $t->wait_files(1, stream => $next->name);

    conf('upload archive when=recording;');
    $t->reload;
}

sub restarted {
    my $s = grown();

    $t->kill9;
    conf('upload archive;');
    $t->start;
    $s->abort;
    $e->whole($_) for $t->wait_files(4, stream => $s->name);
    nothing_left(keys_of($s));

    conf('upload archive when=recording;');
    $t->reload;
}

# nobody knows the bucket any more, until somebody does
sub none {
    my $s = grown();

    $t->kill9;
    conf('');
    $t->start;
    $s->abort;
    $t->wait_files(4, stream => $s->name);
    conf('upload archive when=recording;');
    $t->reload;
    $e->whole($_) for $t->wait_files(4, stream => $s->name);
    nothing_left(keys_of($s));
}
