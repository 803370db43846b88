#!/usr/bin/perl

# A rule of a call has a template of the configuration, which a reload removes:
# the configuration's rule applies then, and the log says so, until there is
# such a template again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $flv = media(duration => 2, size => '160x90');
my $conf = <<'CONF';
worker_processes 2;
rtmp {
    record_store %%STORE%%;
    record_template one { format flv; }
    record_template two { format mp4; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; record_rule one; }
        application bare { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF
(my $without = $conf) =~ s/.*record_template two.*\n//;

my $t = Recording::Nginx->new;
$t->conf($conf)->start;

my $api = Recording::Api->new(port => $t->port(1));
wait_for('the store', 20, sub { $api->code('DescribeStore') eq '' });

my ($id) = map { $_->{TemplateId} } grep { $_->{TemplateName} eq 'two' }
           @{ $api->call('DescribeLiveRecordTemplates')->{Templates} };

for my $app (qw(live bare)) {
    is($api->code('CreateLiveRecordRule', { DomainName => '127.0.0.1',
       AppName => $app, StreamName => "$app\n", TemplateId => $id }), '',
       "a rule for $app");
}

recorded('with it', live => 'two', bare => 'two');

$t->conf($without)->reload;
my $mark = $t->log_mark;
recorded('without it', live => 'one', bare => '');

for my $app (qw(live bare)) {
    my @lines = grep { m{template $id, .* stream: "$app/$app\\x0A"} }
                split /\n/, substr $t->error_log, $mark;
    is(scalar @lines, 1, "said once of $app");
}

$t->conf($conf)->reload;
recorded('with it again', live => 'two', bare => 'two');

$t->done;

sub recorded {
    my ($what, %template) = @_;

    my $before = () = $t->files;
    my $n = grep { $_ } values %template;

    for my $app (sort keys %template) {
        my $mark = $t->log_mark;
        my $publisher = $t->publisher($app, "$app\n");
        my $said = $template{$app} ? qr/ started, stream: "$app/
                                   : qr/template $id, .*"$app/;

        # a worker that has just begun may not know yet what was ordered
        $publisher->send_until($flv, 2000, "what is said of $app", sub {
            substr($t->error_log, $mark) =~ $said });
        $publisher->delete_stream->close;
    }

    wait_for('files', 30, sub {
        $before + $n == grep { $_->{state} eq 'finished' } $t->files;
    });

    my @files = $t->files;
    is_deeply({ map { $_->{app} => $_->{template} }
                @files[$before .. $#files] },
              { map { $_ => $template{$_} }
                grep { $template{$_} } keys %template }, $what);
}
