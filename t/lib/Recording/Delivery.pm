package Recording::Delivery;

# An nginx that delivers what it records to a bucket, by way of a proxy that
# fails as it is ordered to.
#
#     my $d = Recording::Delivery->new(workers => 2, bucket => 'rate 1m;');
#     $d->fault->on(PUT => '', status => 500);
#     my $name = $d->published(one => $media);    # flv; list: hls
#     $d->arrived($name);
#     $d->done;
#
# The template of an application "one" has a file, that of "list" a playlist;
# parts have 5 MB.  What else may be given: bucket, of record_bucket, main, and
# what has templates and applications of its own: templates, applications, rtmp,
# and nginx, options of it.

use strict;
use warnings;

use Recording::Fault;
use Recording::Media qw(media);
use Recording::Nginx;
use Recording::Storage;
use Recording::Util qw(slurp wait_for);

my $templates = "record_template one { format flv; path '{StreamID}';"
    . ' upload archive; } record_template list { format hls segment=1s;'
    . " path '{StreamID}'; upload archive; }";
my $applications = 'application one { live on; record_rule one; }'
    . ' application list { live on; record_rule list; }';

# why it cannot be started here, '' if it can
sub missing { return Recording::Storage->kind->missing }

sub new {
    my ($class, %opt) = @_;

    my $storage = Recording::Storage->kind->new;
    my $fault = Recording::Fault->new(to => $storage->port);
    my $t = Recording::Nginx->new(%{ $opt{nginx} || {} });
    my $self = bless { storage => $storage, fault => $fault, t => $t,
                       films => $storage->bucket('films'),
                       s3 => $storage->s3, n => 0 }, $class;

    $t->conf(<<'CONF', PORT => $fault->port, WORKERS => $opt{workers} || 1,
thread_pool default threads=4;
worker_processes %%WORKERS%%;
%%MAIN%%
rtmp {
    record_store %%STORE%% reserve=0;
    %%RTMP%%
    record_bucket archive {
        endpoint http://127.0.0.1:%%PORT%%;
        bucket films;
        part_size 5m;
        credentials %%FILE%%;
        %%BUCKET%%
    }
    %%TEMPLATES%%
    server {
        listen 127.0.0.1:%%PORT_0%%;
        max_message 8m;
        %%APPLICATIONS%%
    }
}
CONF
        MAIN => $opt{main} || '', BUCKET => $opt{bucket} || '',
        RTMP => $opt{rtmp} || '', TEMPLATES => $opt{templates} || $templates,
        APPLICATIONS => $opt{applications} || $applications,
        FILE => $storage->credentials($t->dir . '/credentials'))->start;

    return $self;
}

sub nginx { return $_[0]{t} }
sub fault { return $_[0]{fault} }
sub storage { return $_[0]{storage} }

# a client of the storage, and the bucket's name there
sub s3 { return $_[0]{s3} }
sub films { return $_[0]{films} }

# media of one request, and of three parts
sub small { return media(duration => 3, gop => 1, size => '160x90') }

sub large {
    return media(duration => 3, fps => 5, gop => 1, key_bytes => 4_000_000);
}

# the name of a stream that was published, and whose file is finished
sub published {
    my ($self, $app, $media) = @_;

    my $name = 's' . ++$self->{n};
    my $r = $self->{t}->publisher($app, $name);
    $r->send_flv($media);
    $r->delete_stream->close;
    $self->{t}->wait_files(1, stream => $name);
    return $name;
}

# it is in the bucket as it is here, and nothing else of it
sub arrived {
    my ($self, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($t, $row) = $self->{t};

    wait_for("delivery of $name", 60, sub {
        ($row) = $t->catalogue("SELECT * FROM outbox WHERE kind = 'upload'"
            . " AND facts ->> 'stream' = '$name'");
        return $row && $row->{state} eq 'done';
    }, sub { $row ? "\n$row->{state} $row->{error} $row->{progress}" : '' });

    my $files = $t->store . '/files';
    my $dir = $row->{key} =~ m{^(.*)/index\.m3u8$} ? $1 : '';
    my @keys = $dir ? map { s{^\Q$files\E/}{}r } glob "$files/$dir/*"
                    : $row->{key};

    Test::More::ok($self->{s3}->get($self->{films}, $_) eq slurp("$files/$_"),
                   "$_: as it is") for @keys;

    Test::More::is(join(' ', map { "$_->{key} $_->{id}" }
                             $self->{s3}->uploads($self->{films})), '',
                   'no upload is left');
}

# a test that goes on without it
sub done_with {
    my ($self) = @_;

    $self->{t}->check_errors;
    $self->{fault}->stop;
    $self->{storage}->stop;
    return;
}

sub done {
    my ($self) = @_;

    $self->{fault}->stop;
    $self->{storage}->stop;
    Recording::Nginx->done;
}

1;
