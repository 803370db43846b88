#!/usr/bin/perl

# Rules: which templates apply to a stream, by level, domain and name.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Exact;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Rtmp;

my $flv = media(duration => 2, size => '160x90');

# server, application, host in tcUrl (undef: no tcUrl), stream, templates
my @cases = (
    # the level that is nearest, and only that
    [ 0, 'bare', 'a.example.com', 's1', 'top' ],
    [ 0, 'bare', 'a.example.com', 'special', 'top_special' ],
    [ 0, 'own', 'a.example.com', 's2', 'app' ],
    [ 1, 'bare', 'a.example.com', 's3', 'srv' ],
    [ 1, 'bare', 'a.example.com', 'special', 'srv' ],
    [ 1, 'own', 'a.example.com', 's4', 'app' ],
    [ 1, 'part', 'a.example.com', 's5', '' ],
    [ 1, 'part', 'a.example.com', 'only', 'app' ],

    # the most specific rule of a level, wherever it stands there
    [ 0, 'exact', 'a.example.com', 's6', 'none' ],
    [ 0, 'exact', 'Media.Example.COM', 's7', 'domain' ],
    [ 0, 'exact', 'media.example.com:1935', 's8', 'domain' ],
    [ 0, 'exact', 'a.example.com', 'one', 'stream' ],
    [ 0, 'exact', 'MEDIA.example.com:80', 'one', 'both' ],
    [ 0, 'exact', 'media.example.com', 'two', 'stream' ],
    [ 0, 'exact', 'media.example.com', 'One', 'domain' ],
    [ 0, 'exact', 'media.example.com.', 's9', 'domain' ],
    [ 0, 'exact', 'user:password@Media.example.com.:1935', 's91', 'domain' ],
    [ 0, 'exact', 'media.example.com@a.example.com', 's92', 'none' ],
    [ 0, 'exact', 'dot.example.com', 's93', 'dot' ],
    [ 0, 'exact', 'user@[::1]:1935', 's94', 'v6' ],
    [ 0, 'exact', 'user:password@:1935', 's95', 'none' ],
    [ 0, 'exact', 'xmedia.example.com', 's10', 'none' ],
    [ 0, 'exact', '[::1]:1935', 's11', 'v6' ],

    # no tcUrl: no domain, but a name
    [ 0, 'exact', undef, 's12', 'none' ],
    [ 0, 'exact', undef, 'two', 'stream' ],

    # nothing to record
    [ 0, 'exact', 'media.example.com', 'test', '' ],
    [ 0, 'off', 'a.example.com', 's13', '' ],
    [ 0, 'off', 'a.example.com', 'but', 'app' ],
    [ 0, 'empty', 'a.example.com', 's14', '' ],
    [ 0, 'dead', 'a.example.com', 's15', '' ],

    [ 0, 'twice', 'a.example.com', 's16', 'one two' ],
    [ 0, 'twice', 'a.example.com', 's17', 'one two' ],
    [ 0, 'default', 'a.example.com', 's18', 'default' ],
);

my @templates = qw(top top_special srv app none domain dot stream both v6
                   one two);

my $t = Recording::Nginx->new;

# a template may stand behind the rule that names it
$t->conf(<<'CONF', TEMPLATES => templates(@templates))->start;
rtmp {
    record_store %%STORE%%;
    record_buffer 64m;
    record_rule top;
    record_rule top_special stream=special;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        application bare { live on; }
        application own { live on; record_rule app; }
        application exact {
            live on;
            record_rule both stream=one domain=media.example.com;
            record_rule stream stream=one;
            record_rule stream stream=two;
            record_rule domain domain=Media.example.com;
            record_rule v6 domain=[::1];
            record_rule dot domain=dot.example.com.;
            record_rule off stream=test;
            record_rule none;
        }
        application off {
            live on;
            record_rule app stream=but;
            record_rule off;
        }
        application empty { live on; record_rule empty; }
        application twice { live on; record_rule one two; }
        application default { live on; record_rule default; }

        # an inherited rule is ignored where nothing is live
        application dead { }
    }

    server {
        listen 127.0.0.1:%%PORT_1%%;
        record_rule srv;

        application bare { live on; }
        application own { live on; record_rule app; }
        application part { live on; record_rule app stream=only; }
    }

    %%TEMPLATES%%
    record_template empty { }
}
CONF

publish($t, @$_) for @cases;

# graceful: whatever is recorded is in the catalogue afterwards
$t->stop;

for my $case (@cases) {
    my ($server, $app, $host, $stream, $want) = @$case;

    my $domain = defined $host ? $host : '';
    $domain =~ s/.*@//;
    $domain =~ s/:\d+$//;
    $domain =~ s/\.$//;

    my @rows = $t->files(app => $app, stream => $stream,
                         domain => $domain,
                         stream_param => "server=$server");

    is(join(' ', sort map { $_->{template} } @rows), $want,
       "$app/$stream from \"$domain\" on server $server");

    # the built-in template waits for its stream
    my $state = $want eq 'default' ? 'paused' : 'finished';
    is((grep { $_->{state} ne $state } @rows), 0, $state) if @rows;
}

# what is not asked for above is not there either
my $rows = 0;
$rows += split ' ', $_->[4] for @cases;
is(() = $t->files, $rows, 'no other files');
is(() = $t->recordings, $rows, 'no other recordings');

subtest 'two templates are two recordings' => sub {
    my @rows = $t->files(stream => 's16');

    isnt($rows[0]{recording_id}, $rows[1]{recording_id}, 'two ids');
    is(join("\n", Recording::Exact::compare(pushed => [$flv],
        files => [ $t->path($_) ])), '', "$_->{template} exact") for @rows;
};

# --- the built-in template, and its namesake

is(join(' ', map { $_->{format} } $t->files(template => 'default')), 'mp4',
   'the built-in default is mp4');

my $own = Recording::Nginx->new;

$own->conf(<<'CONF')->start;
rtmp {
    record_store %%STORE%%;
    record_rule default;
    record_template default { format flv; format aac; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; }
    }
}
CONF

publish($own, 0, 'live', 'a.example.com', 'redefined');
$own->stop;

is(join(' ', sort map { "$_->{template} $_->{format}" } $own->files),
   'default aac default flv', 'default redefined');

$t->done;

sub templates {
    return join "\n    ",
        map { "record_template $_ { format flv; }" } @_;
}

sub publish {
    my ($nginx, $server, $app, $host, $stream) = @_;

    my $r = Recording::Rtmp->new(port => $nginx->port($server));
    $r->connect(app => $app,
                tcUrl => defined $host ? "rtmp://$host/$app" : '')
        or die "no connection to $app";

    return publish_unanswered($r, $stream) if $app eq 'dead';

    $r->publish("$stream?server=$server");
    $r->send_flv($flv);
    $r->delete_stream;
    $r->wait_status(qr/Unpublish/);
    $r->close;
}

# without live there is no answer to a publish; the one to createStream comes
# when all before it has been handled
sub publish_unanswered {
    my ($r, $stream) = @_;

    $r->create_stream;
    $r->command('publish', $r->{sid}, undef,
                Recording::Amf0::string($stream),
                Recording::Amf0::string('live'));
    $r->send_flv($flv);
    $r->create_stream;
    $r->close;
}
