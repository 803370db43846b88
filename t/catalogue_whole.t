#!/usr/bin/perl

# A catalogue that is lost while nginx runs becomes whole again, and stays so,
# whichever of a worker's connections sees it last: the hourly copy is made,
# and what calls have removed since does not come back with the next start.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(wait_for);

my $WHOLE = 1919250531;
my $t = Recording::Nginx->new;
$t->allow(qr/the catalogue was missing|rows came back/);
$t->conf(<<'CONF')->start;
worker_processes 1;
rtmp {
    record_store %%STORE%% reserve=0;
    record_template default { format flv; notify http://127.0.0.1:%%PORT_2%%/; }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF

my $api = Recording::Api->new(port => $t->port(1));
ready();
my $id = $api->call('CreateLiveRecordTemplate',
    { TemplateName => 'one', FlvParam => { Enable => 1 } })->{TemplateId};
is($api->code('CreateLiveRecordRule', { rule($_), TemplateId => $id }), '',
   "a rule, which $_") for qw(stays goes);

my $copy = $t->store . '/catalogue.copy';
unlink $copy;
wait_for('the copy', 30, sub { -s $copy });

# each of the connections looks at it once in half a second at least
for my $n (1 .. 4) {
    unlink glob $t->db . '*';
    wait_for('a new one', 30, sub { mark() == $WHOLE });
    select undef, undef, undef, 0.6;
    wait_for('it to be whole', 20, sub { mark() == $WHOLE });
}

is($api->code('DeleteLiveRecordRule', { rule('goes') }), '', 'one goes');
utime 1, 1, $copy;
wait_for('another copy', 30, sub { (stat $copy)[9] > 1 });

$t->stop;
$t->start;
ready();
wait_for('a whole one', 30, sub { mark() == $WHOLE });
is(join(' ', map { $_->{stream} }
             $t->catalogue('SELECT stream FROM record_rules')),
   'stays', 'and does not come back');
$t->done;

sub rule {
    my ($stream) = @_;
    return (DomainName => '127.0.0.1', AppName => 'live',
            StreamName => $stream);
}

sub mark {
    my ($row) = eval { $t->catalogue('PRAGMA application_id') };
    return $row ? $row->{application_id} : 0;
}

sub ready {
    wait_for('the API', 20, sub {
        eval { !$api->code('DescribeLiveRecordTemplates') } });
}
