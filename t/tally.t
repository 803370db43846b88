#!/usr/bin/perl

# Exceptions are counted by hour, stream and kind, though nobody is told of
# them: in the catalogue for 8 days, and as the API has it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util ();
use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $media = media(duration => 2, fps => 10, size => '160x90');
my $t = Recording::Nginx->new;

$t->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    record_template one { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; }
    }
}
CONF

my $name = "a \xe6\xb5\x81 'b";

jumps($name);
my ($kind) = keys %{ numbers($name) };
like($kind, qr/^(?:audio|video)_time$/, 'its kind');
my $once = numbers($name)->{$kind};
cmp_ok($once, '>', 0, 'a number');

jumps($name);
wait_for('the second time', 20,
         sub { numbers($name)->{$kind} == 2 * $once });
pass('they are added');

# --- what is older goes with the next that is written

my ($hour) = map { $_->{hour_us} }
             $t->catalogue('SELECT max(hour_us) AS hour_us FROM exceptions');
is($hour % 3_600_000_000, 0, 'an hour');

$t->catalogue("INSERT INTO exceptions SELECT $hour - $_ * 86400000000, domain,"
              . " app, 'old$_', exception, 1 FROM exceptions LIMIT 1")
    for 7, 9;
jumps('other');
is_deeply(numbers('old9'), {}, 'of 9 days ago');
is(scalar keys %{ numbers('old7') }, 1, 'but not of 7');

# --- the API

my $set = Recording::Api->new(port => $t->port(1))->call('DescribeStore');
my ($one) = grep { $_->{StreamName} eq "a \x{6d41} 'b"
                   && $_->{Exception} eq $kind }
            @{ $set->{Exceptions} };

is($one->{AppName}, 'live', 'told by the API');
like($one->{Hour}, qr/^\d{4}-\d\d-\d\dT\d\d:00:00Z$/, 'by the hour');
is($set->{Exceptions}[-1]{StreamName}, 'old7', 'the newest come first');

$t->done;

# a stream whose timestamps jump
sub jumps {
    my ($stream) = @_;

    my $live = $t->publisher('live', $stream);
    my $before = sum($stream);

    $live->send_flv($media, map => sub {
        my ($type, $timestamp, $payload) = @{ $_[0] };
        return [ $type, $timestamp + ($timestamp > 1000 ? 3_600_000 : 0),
                 $payload ];
    });
    $live->delete_stream->close;
    wait_for("exceptions of $stream", 20, sub { sum($stream) > $before });
}

sub sum {
    my ($stream) = @_;

    return List::Util::sum0(values %{ numbers($stream) });
}

# exception => number, of all hours
sub numbers {
    my ($stream) = @_;

    my %number;
    $number{ $_->{exception} } += $_->{number}
        for grep { $_->{stream} eq $stream }
            $t->catalogue('SELECT * FROM exceptions');
    return \%number;
}
