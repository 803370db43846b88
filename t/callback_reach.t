#!/usr/bin/perl

# Where URLs of calls lead to: what a text tells is refused by the call, and
# each address is looked at when it is connected to, also that of a name which
# was another one a moment ago; redirects are not followed; and what a
# configuration allowed is over with it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Receiver;
use Recording::Rtmp;
use Recording::Told;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
my $flv = media(duration => 1, size => '160x90');
my ($told, $elsewhere) = map { Recording::Told->new(port => $t->port($_)) }
                         2, 3;
my $dns = Recording::Receiver->dns(port => $t->port(4), names => {
    'in.test' => ['127.0.0.1'],
    'link.test' => ['169.254.169.254'],
    'moves.test' => ['127.0.0.1', '169.254.169.254'],
    'mixed.test' => ['0.0.0.0', '127.0.0.1'],
});
my $conf = <<'CONF';
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_resolver 127.0.0.53:%%PORT_4%% valid=1s;
    record_template t { format flv; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule t; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api %%PRIVATE%%; record_api_key off; }
        location /strict/ { record_api; record_api_key off; }
    }
}
CONF
$t->conf($conf, PRIVATE => 'private=on')->start;

my $api = Recording::Api->new(port => $t->port(1));
my $strict = Recording::Api->new(port => $t->port(1), path => '/strict/');
ready();

# --- by their text

my $unsafe = 'InvalidParameter.UrlNotSafe';
my $public = 'http://192.88.99.1/';
my @never = map { "http://$_/" } qw(169.254.169.254 0.0.0.0 0.1.2.3 224.0.0.1
    255.255.255.255 [fe80::1] [::] [::ffff:169.254.169.254]
    [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [ff02::1]
    0x7f000001 0x7f.0.0.1 127.1 2130706433 017700000001 0177.0.0.1
    user@in.test);
push @never, 'exec:/bin/true', 'ftp://in.test/', 'file:///etc/passwd', 'in.test',
             "http://in.test/a b", "http://in.test/\r\nX: y", 'http://in.test/#x';
my @private = map { "http://$_/" } qw(127.0.0.1 10.1.2.3 172.16.0.1
    192.168.1.1 100.64.0.1 localhost a.localhost LOCALHOST. [::1] [fd00::1]
    [::ffff:10.0.0.1] [2002:7f00:1::1] [::127.0.0.1]);

is(create($api, $_), $unsafe, "never: " . s/[\r\n]/?/gr) for @never;
is(create($strict, $_), $unsafe, "without private=on: $_") for @private;
is(create($api, $_), '', "with it: $_") for @private;
is(create($strict, $public), '', 'a public one');
is($strict->code('CreateLiveCallbackTemplate', { TemplateName => 'x',
    RecordNotifyUrl => $public, StreamEndNotifyUrl => 'exec:/bin/true' }),
   $unsafe, 'also one that has no effect');

# --- by their addresses

my @ports = map { $t->port($_) } 0 .. 4;
bind_to(in => $api, "http://in.test:$ports[2]/in");
bind_to(strict => $strict, "http://in.test:$ports[2]/strict");
bind_to(link => $api, "http://link.test:$ports[2]/link");
bind_to(mixed => $api, "http://mixed.test:$ports[2]/mixed");
bind_to(moves => $api, "http://moves.test:$ports[2]/moves");

publish($_) for qw(in strict link mixed moves);
ok(told($_), "$_: told") for qw(in mixed moves);
$t->wait_log(qr/"strict:RecordNotifyUrl".*127\.0\.0\.1:$ports[2] is an address that a call must not lead to/, 30);
$t->wait_log(qr/"link:RecordNotifyUrl".*169\.254\.169\.254:$ports[2] is an address that a call must not lead to/, 30);
ok(!told($_), "$_: not told") for qw(strict link);

# the name is another address by now
sleep 2;
publish('moves');
$t->wait_log(qr/"moves:RecordNotifyUrl".*169\.254\.169\.254:$ports[2] is an address that a call must not lead to/, 30);
is(scalar(grep { $_->{path} eq '/moves' } $told->events), 1,
   'a name that moves leads nowhere else');

# --- redirects

$told->set(status => 302, location => "http://127.0.0.1:$ports[3]/elsewhere");
publish('in');
ok(wait_for('an answer', 30, sub {
    2 <= grep { $_->{path} eq '/in' } $told->events }), 'it is redirected');
$t->wait_log(qr/"in:RecordNotifyUrl".*answered with 302/);
is(scalar(() = $elsewhere->events), 0, 'which is not followed');

# --- what was allowed holds only as long as the configuration allows it

$told->set;
$t->stop;
$t->conf($conf, PRIVATE => '')->start;
ready();
my $n = () = $told->events;
publish('in');
$t->wait_log(qr/"in:RecordNotifyUrl".*127\.0\.0\.1:$ports[2] is an address that a call must not lead to/, 30);
is(scalar(() = $told->events), $n, 'nobody is told');

$_->stop for $told, $elsewhere, $dns;
$t->done;

sub ready {
    wait_for('the store', 30, sub { $api->code('DescribeStore') eq '' });
}

# a template that is gone again
sub create {
    my ($by, $url) = @_;

    my $answer = $by->call('CreateLiveCallbackTemplate',
                           { TemplateName => 'x', RecordNotifyUrl => $url });
    $by->call('DeleteLiveCallbackTemplate',
              { TemplateId => $answer->{TemplateId} }) if !$answer->{Error};
    return $answer->{Error} ? $answer->{Error}{Code} : '';
}

sub bind_to {
    my ($name, $by, $url) = @_;

    my $id = $by->call('CreateLiveCallbackTemplate',
        { TemplateName => $name, RecordNotifyUrl => $url })->{TemplateId};
    is($by->code('CreateLiveCallbackRule', { DomainName => "$name.example.com",
                 TemplateId => $id }), '', "a rule of $name");
}

sub told {
    my ($name) = @_;

    for (1 .. ($name =~ /strict|link/ ? 1 : 200)) {
        return 1 if grep { $_->{path} eq "/$name" } $told->events;
        select undef, undef, undef, 0.1;
    }

    return 0;
}

sub publish {
    my ($domain) = @_;

    my $r = Recording::Rtmp->new(port => $t->port);
    $r->connect(app => 'live', tcUrl => "rtmp://$domain.example.com/live");
    $r->publish("s$domain");
    $r->send_flv($flv);
    $r->delete_stream;
    $r->close;
}
