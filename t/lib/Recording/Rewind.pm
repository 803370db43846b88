package Recording::Rewind;

# Streams that are kept by rewind=, and tasks that begin in the past.
#
#     $t->conf(Recording::Rewind->conf('record_rule off rewind=1m;'))->start;
#     my $w = Recording::Rewind->new($t);      # its API is at port 1
#     $w->publish('s', $flv, rate => 4);
#     my $task = $w->task('s', StartTime => $begin);
#     $w->chunks;                              # in work/
#     $w->unpublish('s');

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use Recording::Api;
use Recording::Rtmp;
use Recording::Util qw(spew wait_for);

# conf('lines of application live', main => 'lines of rtmp', workers => n): with
# templates all and flv, and an API
sub conf {
    my ($class, $live, %opt) = @_;

    my $main = $opt{main} || '';
    my $workers = $opt{workers} || 1;
    return <<"CONF";
worker_processes $workers;
thread_pool default threads=8;
rtmp {
    record_store %%STORE%%;
    record_template all { format flv; format mp4; format hls; format aac; }
    record_template flv { format flv; }
    $main
    server {
        listen 127.0.0.1:%%PORT_0%%;
        application live { live on; $live }
    }
}
http {
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location /api/ { record_api; record_api_key off; }
    }
}
CONF
}

# publish(..., $w->waits($ms)): at that time of the stream its publisher waits
# until told()
sub waits {
    my ($self, $at) = @_;

    my $file = $self->{t}->dir . '/told';
    return (map => sub {
        my ($message) = @_;
        sleep 0.02 while $message->[1] >= $at && !-e $file;
        return $message;
    });
}

sub told { return spew($_[0]{t}->dir . '/told', '') }

# waits until calls are answered
sub new {
    my ($class, $t) = @_;

    my $self = bless { t => $t, test => $$, pid => {},
                       api => Recording::Api->new(port => $t->port(1)) },
                     $class;
    $self->ready;
    return $self;
}

sub api { return $_[0]{api} }

sub ready {
    my ($self) = @_;

    wait_for('the store', 30, sub {
        eval { $self->{api}->code('DescribeStore') eq '' } });
}

# in a process of its own, as send_flv does; it ends with the file
sub publish {
    my ($self, $stream, $flv, %opt) = @_;

    defined($self->{pid}{$stream} = fork) or die "fork: $!";
    return if $self->{pid}{$stream};

    my $app = delete $opt{app} || 'live';
    my $r = Recording::Rtmp->new(port => $self->{t}->port);
    $r->connect(app => $app, tcUrl => "rtmp://push.example.com/$app");
    $r->publish($stream);
    eval {
        $r->send_flv($flv, %opt);
        $r->wait_delivered;
        $r->delete_stream->close;
    };
    POSIX::_exit(0);
}

# its end, or with kill => 1 at once
sub unpublish {
    my ($self, $stream, %opt) = @_;

    my $pid = delete $self->{pid}{$stream} or return;
    kill KILL => $pid if $opt{kill};
    waitpid $pid, 0;
}

sub template {
    my ($self, $name) = @_;

    my ($id) = map { $_->{TemplateId} } grep { $_->{TemplateName} eq $name }
        @{ $self->{api}->call('DescribeLiveRecordTemplates')->{Templates} };
    return $id;
}

# task('stream', StartTime => s, template => name, ...): its id
sub task {
    my ($self, $stream, %opt) = @_;

    my $name = delete $opt{template};
    my $answer = $self->{api}->call('CreateRecordTask', {
        DomainName => 'push.example.com', AppName => 'live',
        StreamName => $stream, EndTime => int(time) + 3600,
        $name ? (TemplateId => $self->template($name)) : (),
        map { $_ => /Time$/ ? int $opt{$_} : $opt{$_} } keys %opt });

    return $answer->{TaskId}
        || die "task of $stream: $answer->{Error}{Code}\n";
}

sub stop {
    my ($self, $task) = @_;
    return $self->{api}->code('StopRecordTask', { TaskId => $task });
}

# the finished files of a task, by format
sub files {
    my ($self, $task, $n) = @_;

    my @files;
    wait_for("the files of $task", 60, sub {
        @files = grep { $_->{task_id} eq $task } $self->{t}->files;
        return @files >= $n && !grep { $_->{state} ne 'finished' } @files });
    return map { $_->{format} => $_ } @files;
}

# what a file has that is not what was pushed, from the begin and without a gap;
# its end may be missing
sub problem {
    my ($self, $pushed, $file) = @_;

    my @pushed = _frames($pushed);
    my @has = _frames($file);

    for my $type (8, 9) {
        my @got = map { $_->[2] } grep { $_->[0] == $type } @has;
        my @want = map { $_->[2] } grep { $_->[0] == $type } @pushed;

        # sound begins with the first key frame
        shift @want while @want && @got && $want[0] ne $got[0];
        return "type $type: none" if !@got || !@want;
        return "type $type: another one" if "@got" ne "@want[0 .. $#got]";
    }
    return '';
}

# video and sound, without headers
sub _frames {
    return grep { $_->[0] != 18 && $_->[2] !~ /^.\x00/s }
           Recording::Rtmp::flv_messages($_[0]);
}

sub chunks {
    my ($self) = @_;
    return map { m{([^/]+)$} } glob $self->{t}->store . '/work/rewind.*';
}

sub bytes {
    my ($self) = @_;

    my $bytes = 0;
    $bytes += -s $_ || 0 for glob $self->{t}->store . '/work/rewind.*';
    return $bytes;
}

# so many bytes more are kept
sub wait_bytes {
    my ($self, $more) = @_;

    my $had = $self->bytes;
    wait_for('more of it', 60, sub { $self->bytes > $had + $more });
}

# nothing more comes to it: a batch is written within half a second
sub wait_still {
    my ($self) = @_;

    my ($bytes, $since) = (-1, time);
    wait_for('no more of it', 60, sub {
        my $now = $self->bytes;
        ($bytes, $since) = ($now, time) if $now != $bytes;
        return time - $since > 1.5 });
}

sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{test};
    $self->unpublish($_, kill => 1) for keys %{ $self->{pid} };
}

1;
