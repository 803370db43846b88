#!/usr/bin/perl

# Receivers that refuse, hang, reset, say nothing, are down or send elsewhere:
# an event is told again, the same one and signed anew, until it is taken or
# dead; those behind it wait for three attempts of it, and a host that fails is
# tried by one event at a time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(hmac_sha256_hex);
use JSON::XS ();
use Test::More;
use Time::HiRes qw(time);

use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Told;
use Recording::Util qw(root run slow slurp spew wait_for);

use constant { MINUTE => 60_000_000, DAY => 86_400_000_000 };

my $t = Recording::Nginx->new;

# how each fails, and whether it says so once that it cannot be told
my %kind = (
    refuses => { how => { status => 500 }, said => 1,
                 error => qr/^answered with 500$/ },
    hangs => { how => { hang => 1 }, said => 1, error => qr/^no answer from/ },
    resets => { how => { reset => 1 }, said => 1,
                error => qr/Connection reset by peer/ },
    silent => { how => { none => 1 }, said => 1,
                error => qr/closed the connection/ },
    down => { how => {}, said => 1, error => qr/Connection refused/ },
    elsewhere => { how => { status => 302,
                            location => 'http://127.0.0.1:' . $t->port(9) },
                   said => 0, error => qr/^answered with 302$/ },
    nothing => { how => { status => 204 }, said => 0 },
    many => { how => { status => 500 }, said => 1,
              error => qr/^answered with 500$/ },
);

my @kinds = sort keys %kind;
my @tried = qw(elsewhere refuses resets silent);    # three times
my $redirected = Recording::Told->new(port => $t->port(9));

for my $i (0 .. $#kinds) {
    my $kind = $kind{ $kinds[$i] };

    $kind->{port} = $t->port($i + 1);
    $kind->{told} = Recording::Told->new(port => $kind->{port})
                                   ->set(%{ $kind->{how} });
}

$kind{down}{told}->stop;

spew($t->dir . '/key', 'a key');
chmod 0600, $t->dir . '/key';
$t->conf(conf())->start;

my @media = Recording::Rtmp::flv_messages(
    media(duration => 2, gop => 1, fps => 10, size => '160x90'));

# --- each fails three times

my $begin = us();
publish($_, 'one') for grep { $_ ne 'many' } @kinds;
$t->wait_files(@kinds - 1);

wait_tried($_, 1, 1) for @tried, 'down';
check_row($_, 1, $begin) for @tried, 'down';

is(scalar(grep { $_->{attempts} } map { row($_, 2) } @tried, 'down'), 0,
   'the next event waits for the first');

for my $round (2, 3) {
    my @again = (@tried, $round == 2 ? 'down' : ());
    my $at = again(\@again);

    wait_tried($_, 1, $round) for @again;
    check_row($_, $round, $at) for @again;
}

wait_tried($_, 2, 1) for @tried;

for my $kind (@tried) {
    is(row($kind, 3)->{attempts}, 0, "$kind: the third waits for the second");
    is(join(' ', map { $_->{json}{seq} } $kind{$kind}{told}->events),
       '1 1 1 2', "$kind: after three attempts the next one goes on");
}

# of what refuses, but works, nothing else speaks

my $about = qr/, stream: "elsewhere\/one", template: "elsewhere"$/m;
ok($t->wait_log(qr/\[error\].* was not told to .*"elsewhere": answered with.*$about/),
   'elsewhere: an error in the log');
is(scalar(() = $t->error_log =~ /\[error\].* was not told to/g), 1,
   'said once');

# --- after 12 more steps of a minute they are of an hour

for my $attempts (12, 13) {
    my $at = again(['elsewhere'], 'attempts = ' . ($attempts - 1), 'seq = 1');
    wait_tried('elsewhere', 1, $attempts);

    my $step = $attempts == 12 ? MINUTE : 60 * MINUTE;
    between(row('elsewhere', 1)->{next_us}, $at + $step, us() + $step,
            "after attempt $attempts");
}

# --- what is a week old is dead, and goes on by the documented line

my $mark = $t->log_mark;
again([qw(elsewhere down)], 'first_us = first_us - ' . 8 * DAY);
wait_for('dead ones', 60, sub {
    2 == count("template = 'elsewhere' AND state = 'dead'")
    && 3 == count("template = 'down' AND state = 'dead'") });
wait_tried('elsewhere', 3, 1);

is(row('elsewhere', 3)->{state}, 'waiting', 'dead ones hold nothing back');
like(row($_, 1)->{error}, $kind{$_}{error}, "$_: dead for a reason")
    for qw(elsewhere down);

for my $dead ([ elsewhere => 14 ], [ down => 3 ]) {
    my ($kind, $n) = @$dead;
    my $what = qr/event \w{32} \(record_start_succeeded\) is not told/;
    my $whom = qr/to "[^"]+" of template "$kind" any more, after $n attempts/;

    ok($t->wait_log(qr/\[error\].*$what $whom: .*; it stays in the catal.*, stream: "$kind\/one", template: "$kind"$/m,
                    10, $mark), "$kind: the log says that it is dead");
}

ok($t->wait_log(qr/\[error\].*2 events are not told to .*for a week: connect/,
                10, $mark), 'and of how many that was not tried again');
is(scalar(my @none = $redirected->events), 0, 'a redirect is not followed');

# --- one that hangs

wait_tried('hangs', 1, 1);
check_row('hangs', 1, $begin + 20_000_000);

# --- a host that fails is tried by one event at a time

my @r = map { publisher('many', $_) } 1 .. 16;
$_->send_flv(\@media) for @r;
wait_for('a host that fails', 30, sub { said('many', 'cannot be told') });

my ($burst, @gaps);
wait_for('three probes', 10, sub {
    ($burst, @gaps) = gaps($kind{many}{told}->events);
    return @gaps >= 3 && $gaps[-1] > $gaps[0] });
cmp_ok($burst, '<', 8, 'four in a row, and those that were under way');
cmp_ok($gaps[0] + $gaps[1], '<', slow(10), 'it is tried again soon');
cmp_ok($gaps[-1], '>', $gaps[0], 'then one at a time, after longer pauses');
cmp_ok(count("template = 'many' AND attempts = 0 AND first_us > 0"), '>', 0,
       'what waits for it was not tried, but its week has begun');
$_->delete_stream->close for @r;
$t->wait_files(@kinds - 1 + @r);

# --- all of them work again

$_->{told}->set for values %kind;
$kind{down}{told}->start;
is((run('sh', '-c', documented()))[0], 0, 'the dead ones are sent again');
is(count("state = 'dead'"), 0, 'none is dead');
again(\@kinds);

for my $kind (@kinds) {
    my $n = $kind eq 'many' ? 3 * @r : 3;
    my @events = $kind{$kind}{told}->wait_events($n, 30);

    is(scalar @events, $n, "$kind: all arrive");
    repeated($kind, $kind{$kind}{told}->events);

    is(said($kind, 'cannot be told'), $kind{$kind}{said}, "$kind: said once");
    wait_for("$kind works", 10, sub {
        $kind{$kind}{said} == said($kind, 'can be told again') });
    is(said($kind, 'can be told again'), $kind{$kind}{said},
       "$kind: and once that it works again");
}

wait_for('all to be done', 20, sub { !count("state <> 'done'") });
is(count("error <> '' OR done_us IS NULL"), 0, 'done, without an error');
is(count("template = 'nothing' AND attempts <> 1"), 0,
   '204 is a success, at the first attempt');
is(count('attempts > 1 AND first_us >= done_us'), 0, 'the first attempt was'
   . ' before the last');
is(scalar(grep { !$_->{told} } $t->files), 0, 'files say that they were told');
is(scalar(@none = $redirected->events), 0, 'no redirect was followed');

$_->stop for $redirected, map { $_->{told} } values %kind;
$t->done;

sub conf {
    my @templates = map { "
    record_template $_ {
        format flv;
        notify http://127.0.0.1:$kind{$_}{port}/told key=%%DIR%%/key
               events=file,status;
    }" } @kinds;
    my @applications = map { "
        application $_ { live on; record_rule $_; }" } @kinds;

    return "thread_pool default threads=4;
worker_processes 1;
rtmp {
    record_store %%STORE%%;@templates
    server {
        listen 127.0.0.1:%%PORT_0%%;@applications
    }
}
";
}

sub publisher {
    my ($app, $name) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => $app);
    $r->publish($name);
    return $r;
}

sub publish {
    my $r = publisher(@_);
    $r->send_flv(\@media);
    $r->delete_stream->close;
    return;
}

sub us { return int(time * 1e6) }

sub between {
    my ($value, $from, $to, $what) = @_;

    ok($value >= $from && $value <= $to, $what)
        or diag("$value, not from $from to $to");
    return;
}

sub count {
    my ($where) = @_;
    return ($t->catalogue("SELECT count(*) AS n FROM outbox WHERE $where"))
           [0]{n};
}

sub row {
    my ($kind, $seq) = @_;

    my ($row) = $t->catalogue('SELECT * FROM outbox'
                              . " WHERE template = '$kind' AND seq = $seq");
    return $row || {};
}

sub wait_tried {
    my ($kind, $seq, $attempts) = @_;

    my $row;

    wait_for("attempt $attempts of event $seq, $kind", 30, sub {
        $row = row($kind, $seq);
        return ($row->{attempts} // 0) == $attempts
               && $row->{state} eq 'waiting';
    }, sub { JSON::XS->new->canonical->encode($row) });
    return;
}

# what waits is due now, a second later than any was tried; when that was so.
# And changed by more, of some rows.
sub again {
    my ($kinds, $set, $where) = @_;

    my @last = map { $_->{time} } map { $kind{$_}{told}->events } @$kinds;
    wait_for('another second', 5, sub { !grep { time < $_ + 1 } @last });

    my $at = us();

    $t->catalogue('UPDATE outbox SET next_us = 0' . ($set ? ", $set" : '')
        . " WHERE state = 'waiting' AND template IN ('"
        . join("', '", @$kinds) . "')" . ($where ? " AND $where" : ''));
    return $at;
}

# of the first event, since it was tried for the last time
sub check_row {
    my ($kind, $attempts, $since) = @_;

    my $row = row($kind, 1);
    my $what = "$kind, attempt $attempts";

    is($row->{event}, 'record_start_succeeded', "$what: its event");
    is($row->{owner}, '', "$what: it has no owner");
    like($row->{error}, $kind{$kind}{error}, "$what: why it failed");
    between($row->{next_us}, $since + MINUTE, us() + MINUTE,
            "$what: in a minute again");

    $kind{$kind}{first} //= $row->{first_us};
    is($row->{first_us}, $kind{$kind}{first}, "$what: the first stays");
    between($row->{first_us}, $begin, $row->{next_us} - MINUTE,
            "$what: when that was");
    return;
}

sub said {
    my ($kind, $what) = @_;

    my $port = $kind{$kind}{port};
    return scalar(() = $t->error_log
                  =~ /"[^"]*127\.0\.0\.1:\Q$port\E\b[^\n"]*" $what/g);
}

# how many requests came before the first pause, and the pauses between those
# that followed: none of these is short, though one of those may be late
sub gaps {
    my @at = sort { $a <=> $b } map { $_->{time} } @_;
    my @gaps = map { $at[$_] - $at[$_ - 1] } 1 .. $#at;
    my ($last) = grep { $gaps[$_] < 0.4 } reverse 0 .. $#gaps;
    my $burst = 1 + (defined $last ? $last + 1 : 0);

    return ($burst, @gaps[$burst - 1 .. $#gaps]);
}

# each attempt tells the same, signed anew
sub repeated {
    my ($kind, @events) = @_;

    my (%told, %signature, %problem);

    for my $event (@events) {
        my %json = %{ $event->{json} };
        my ($t, $v1) = ($event->{headers}{'x-recording-signature'} || '')
                       =~ /^t=(\d+),v1=([0-9a-f]{64})$/;

        $problem{'signature of the body'}++
            if $v1 ne hmac_sha256_hex("$t.$event->{body}", 'a key');
        $problem{sign}++ if $json{sign} ne md5_hex("a key$json{t}");
        $problem{'old signature'}++ if abs($t - $event->{time}) > 20
                                       || abs($json{t} - 600 - $t) > 1;
        $problem{'same signature'}++ if $signature{$v1}++;
        $problem{'id in the header'}++
            if $event->{headers}{'x-recording-event'} ne $json{event_id};

        delete @json{qw(sign t)};
        my $body = JSON::XS->new->canonical->encode(\%json);
        $problem{'another content'}++
            if ($told{ $json{event_id} } //= $body) ne $body;
    }

    is(join(' ', sort keys %problem), '', "$kind: the same, signed anew");
    is(scalar keys %told, $kind eq 'many' ? 3 * @r : 3,
       "$kind: an event keeps its id");
    return;
}

# the line that sends dead letters again
sub documented {
    my ($line) = slurp(root() . '/docs/events.md')
        =~ /^sudo -u www-data (sqlite3 .*"UPDATE outbox SET state = .*)$/m;
    my $store = $t->store;

    return $line =~ s{/var/lib/nginx/recording/}{$store/}r;
}
