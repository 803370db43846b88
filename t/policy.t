#!/usr/bin/perl

# Templates and rules by call: they hold at once, in each worker, beside those
# of the configuration, of which the most specific wins; they outlive a reload,
# a restart and a kill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

my $t = Recording::Nginx->new;
my $flv = media(duration => 2, size => '160x90');

$t->conf(<<'CONF')->start;
worker_processes 4;
rtmp {
    record_store %%STORE%%;
    record_template one { format flv; }
    record_template two { format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; record_rule two stream=two; }
        application bare { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%% reuseport;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

my $n = 0;

# --- what is configured is listed, and is read-only

my %by = map { $_->{TemplateName} => $_ }
         @{ $api->call('DescribeLiveRecordTemplates')->{Templates} };
is(join(' ', sort keys %by), 'default one two', 'configured templates');
is($by{one}{FlvParam}{Enable}, 1, 'its format');
is($by{one}{HlsParam}{Enable}, 0, 'and no other');
is($api->code('DeleteLiveRecordTemplate', { TemplateId => $by{one}{TemplateId} }),
   'UnsupportedOperation', 'it is not removed');
is(join(' ', map { "$_->{AppName}/$_->{StreamName}=$_->{TemplateId}" }
             @{ $api->call('DescribeLiveRecordRules')->{Rules} }),
   "live/=$by{one}{TemplateId} live/two=$by{two}{TemplateId}",
   'configured rules');

# --- they hold at once, in whichever worker

my $mp4 = create('by-call', Mp4Param => { Enable => 1, StorageTime => 3600 });
my $hls = create('playlist', HlsParam => { Enable => "1",
                 VodFileName => 'x/{StreamID}/{RandomID}' });
my $none = create('nothing');

is(recorded('bare', 'a.example.com', 's1', 1), '', 'no rule, no recording');

for my $i (1 .. 8) {
    rule("d$i.example.com", '', '', $mp4);
    is(recorded('bare', "D$i.example.com", "now$i"), 'by-call mp4',
       "at once, $i");
}

# domain, application, stream of a rule; what is published; what is recorded
for my $case (
    [ 'a.example.com', 'bare', '', $mp4, 'bare', 'a.example.com', 's', 'by-call mp4' ],
    [ 'a.example.com', 'bare', '', undef, 'bare', 'b.example.com', 's', '' ],
    [ 'a.example.com', '', 's', $hls, 'bare', 'a.example.com', 's', 'playlist hls' ],
    [ 'a.example.com', '', 's', undef, 'bare', 'a.example.com', 's1', 'by-call mp4' ],
    [ 'a.example.com', 'bare', 's', $none, 'bare', 'a.example.com', 's', '' ],

    # beside the configuration: "one" names the application
    [ 'a.example.com', '', '', $hls, 'live', 'a.example.com', 'x', 'playlist hls' ],
    [ 'a.example.com', '', '', undef, 'live', 'b.example.com', 'x', 'one flv' ],
    [ 'a.example.com', '', '', undef, 'live', 'a.example.com', 'two', 'two aac' ],
    [ 'a.example.com', '', 'two', $mp4, 'live', 'a.example.com', 'two', 'by-call mp4' ],
    [ 'a.example.com', '', 'c', $by{two}{TemplateId}, 'live', 'a.example.com', 'c', 'two aac' ],
) {
    my ($domain, $app, $stream, $id, @publish) = @$case;
    my $want = pop @publish;

    rule($domain, $app, $stream, $id) if $id;
    is(recorded(@publish, $want eq ''), $want, join '/', @publish);
}

is((map { $_->{path} } grep { $_->{template} eq 'playlist' } $t->files)[0]
   =~ m{^x/s/[0-9a-f]{16}/index\.m3u8$}, 1, 'where VodFileName says');

my @mp4 = grep { $_->{template} eq 'by-call' } $t->files;
is((grep { $_->{expire_us} == $_->{end_us} + 3600e6 } @mp4), @mp4,
   'StorageTime is counted from the end');

# --- what is changed holds for the next publish

is($api->code('ModifyLiveRecordTemplate', { TemplateId => $mp4,
              Mp4Param => { Enable => 0 }, FlvParam => { Enable => 1 } }), '',
   'modified');
is(recorded('bare', 'a.example.com', 'm'), 'by-call flv', 'and recorded so');
is($api->code('DeleteLiveRecordTemplate', { TemplateId => $mp4 }),
   'FailedOperation.ConfInUsed', 'a template that a rule has');

# --- they stay

# one that is over before the catalogue was opened is recorded by what is known
my $again = 1;
my $ordered = sub { recorded('bare', 'a.example.com', 'again' . $again++)
                    eq 'by-call flv' };

$t->reload;
ok(wait_for('what was ordered', 60, $ordered), 'after a reload');
$t->kill9;
$t->start;
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });
ok(wait_for('what was ordered', 60, $ordered), 'after a kill');

is($api->code('DeleteLiveRecordRule', { DomainName => 'a.example.com',
              AppName => 'bare' }), '', 'a rule is deleted');
is(recorded('bare', 'a.example.com', 'r3'), 'playlist hls',
   'the next one holds');

$t->wait_log(qr/notice.*CreateLiveRecordTemplate of by-call by a request without/);
$t->done;

sub create {
    my ($name, %params) = @_;

    my $answer = $api->call('CreateLiveRecordTemplate',
                            { TemplateName => $name, %params });
    ok($answer->{TemplateId}, "template $name") or diag explain $answer;
    return $answer->{TemplateId};
}

sub rule {
    my ($domain, $app, $stream, $id) = @_;

    is($api->code('CreateLiveRecordRule', { DomainName => $domain,
                  AppName => $app, StreamName => $stream, TemplateId => $id }),
       '', "rule $domain/$app/$stream");
}

# publishes, and tells by what and in which formats it was recorded; $none: it
# is not to be
sub recorded {
    my ($app, $domain, $stream, $none) = @_;

    my $name = "$stream";
    my $mark = $t->log_mark;
    my %before = map { $_->{file_id} => 1 } $t->files;
    my $r = Recording::Rtmp->new(port => $t->port);

    $r->connect(app => $app, tcUrl => "rtmp://$domain/$app");
    $r->publish($name);
    $r->send_flv($flv);

    $r->ping;
    $r->wait_event(7);

    # of one that is over before the catalogue has answered what was known
    # before holds, and frames that came before may be gone; what is not
    # recorded shows nothing that could be waited for
    my ($sent, $more) = (time, 0);

    eval { wait_for('a recording', $none ? 0.5 : 30, sub {
        return 1 if grep { $_->{stream} eq $name && !$_->{end_us} }
                    $t->recordings;
        return 0 if time - $sent < 1;

        ($sent, $more) = (time, $more + 2000);
        $r->send_flv($flv, map => sub {
            my ($m) = @_;
            $m->[1] += $more;
            return $m });
        return 0;
    }) };

    $r->delete_stream;
    $r->close;

    # what is recorded has a row when a key frame came; a stream that is not
    # recorded leaves nothing to wait for but the end of its session
    $t->wait_log(qr/disconnect/, 20, $mark);
    my @new;
    wait_for('the end', 20, sub {
        @new = grep { !$before{ $_->{file_id} } } $t->files;
        !grep { $_->{state} ne 'finished' } @new
            and !@{ $api->call('DescribeRecordings',
                               { State => 'open' })->{RecordingSet} };
    });

    return join ' ', map { "$_->{template} $_->{format}" } @new;
}
