#!/usr/bin/perl

# What grows and is delivered meanwhile, while nginx is reloaded and its
# executable replaced, and the wall clock jumps both ways: each object is
# complete in time, as its file is, and each part was sent once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Clock;
use Recording::Early;
use Recording::Util qw(not_tested wait_for);

my $missing = Recording::Early->missing;
plan skip_all => not_tested($missing) if $missing;

my $clock = Recording::Clock->new;
my $e = Recording::Early->new(workers => 2, nginx => { daemon => 1 });
my $t = $e->nginx;

subtest 'a reload' => sub {
    my @old = grown('flv', 'hls');
    $t->reload;
    whole(@old, grown('mp4'));
};

subtest 'an upgrade' => sub {
    my @old = grown('mp4', 'hls');
    my $master = $t->upgrade;
    my @both = grown('flv');

    kill QUIT => $master;
    whole(@old, @both);
    wait_for('the end of the old one', 30, sub { !-e "/proc/$master" });
    whole(grown('flv'));
};

# one that signatures bear, and one that they do not; it jumps back after it
for my $seconds (-600, 7200) {
    subtest "a clock at $seconds s" => sub {
        my @streams = grown('mp4', 'hls');
        $clock->set($seconds);
        whole(@streams);
    };
}

$e->done;

# streams whose second parts are there
sub grown {
    my @streams = map { $e->stream($_)->send(32) } @_;

    sent(1, 8, @streams);
    return @streams;
}

# so many parts of streams, or segments, are there
sub sent {
    my ($parts, $segments, @streams) = @_;

    for my $s (@streams) {
        $s->{app} eq 'hls' ? $e->wait_segments($segments, key($s))
                           : $e->wait_parts($parts, key($s));
    }
}

# more of them comes, and all of it arrives; at the end little is left
sub whole {
    my (@streams) = @_;

    $_->send(16)->settle for @streams;
    sent(5, 20, @streams);

    for my $s (@streams) {
        $e->ended($s, key($s));
        $e->whole($_) for $t->wait_files(1, stream => $s->name);
        $e->sent_once(key($s)) if $s->{app} ne 'hls';
    }
}

sub key {
    my ($s) = @_;
    return $s->name . ($s->{app} eq 'hls' ? '/index.m3u8' : ".$s->{app}");
}
