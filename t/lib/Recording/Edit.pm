package Recording::Edit;

# Files that are made of others by EditMedia.
#
#     my $edit = Recording::Edit->started(
#         templates => 'record_template one { format mp4; }',
#         applications => { live => 'one' });
#     my ($t, $api) = @$edit{qw(nginx api)};
#     $edit->publish('live', 'a', $flv);
#     my $id = $edit->order([{ FileId => $id, StartTimeOffset => 1 }],
#                           { Type => 'hls' });
#     my $task = $edit->wait($id);         # EditMediaTask, when it is over
#     my $path = $edit->path($task);       # of the file

use strict;
use warnings;

use Recording::Api;
use Recording::Nginx;
use Recording::Util qw(wait_for);

# of an nginx that runs, and its API
sub new {
    my ($class, %opt) = @_;
    return bless { %opt }, $class;
}

# with an nginx of two workers: templates, and of each application the template
# by which it is recorded; maybe http, more servers, and disk, where the store is
sub started {
    my ($class, %opt) = @_;

    my $store = $opt{store} || 'reserve=0';
    my $applications = join "\n        ",
        map { "application $_ { live on; record_rule $opt{applications}{$_}; }" }
        sort keys %{ $opt{applications} };
    my $http = $opt{http} || '';
    my $t = Recording::Nginx->new($opt{disk} ? (store => $opt{disk}) : ());
    $t->conf(<<"CONF")->start;
worker_processes 2;
rtmp {
    record_store %%STORE%% $store;
    $opt{templates}
    server {
        listen 127.0.0.1:%%PORT_0%%;
        $applications
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
    $http
}
CONF

    my $self = $class->new(nginx => $t,
                           api => Recording::Api->new(port => $t->port(1)));
    $self->ready;

    return $self;
}

sub ready {
    my ($self) = @_;

    wait_for('the store', 30, sub {
        eval { $self->{api}->code('DescribeStore') eq '' };
    });
}

# all of it, to its end
sub publish {
    my ($self, $app, $name, $flv) = @_;

    my $publisher = $self->{nginx}->publisher($app, $name);
    $publisher->send_flv($flv);
    $publisher->delete_stream->close;
}

sub order {
    my ($self, $infos, $output) = @_;

    my $answer = $self->{api}->call('EditMedia', { InputType => 'File',
        FileInfos => $infos, OutputConfig => $output || {} });
    die "EditMedia: $answer->{Error}{Code} $answer->{Error}{Message}\n"
        if $answer->{Error};

    return $answer->{TaskId};
}

sub detail {
    my ($self, $id) = @_;
    return $self->{api}->call('DescribeTaskDetail', { TaskId => $id });
}

sub wait {
    my ($self, $id) = @_;

    my $detail;
    wait_for("task $id", 60, sub {
        $detail = $self->detail($id);
        return $detail->{Status} && $detail->{Status} eq 'FINISH';
    });

    return $detail->{EditMediaTask};
}

sub make {
    my ($self, @arguments) = @_;
    return $self->wait($self->order(@arguments));
}

sub row {
    my ($self, $task) = @_;

    my ($row) = $self->{nginx}->files(file_id => $task->{Output}{FileId} || 0);
    return $row;
}

sub path {
    my ($self, $task) = @_;

    my $row = $self->row($task) or return '';
    return $self->{nginx}->store . "/files/$row->{path}";
}

1;
