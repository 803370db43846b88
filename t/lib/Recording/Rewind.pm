package Recording::Rewind;

# Streams that are kept by rewind=, and tasks that begin in the past.
#
#     my $w = Recording::Rewind->new($t);      # its API is at port 1
#     $w->publish('s', $flv, rate => 4);
#     my $task = $w->task('s', StartTime => $begin);
#     $w->chunks;                              # in work/
#     $w->unpublish('s');

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(time);

use Recording::Api;
use Recording::Rtmp;
use Recording::Util qw(wait_for);

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

sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{test};
    $self->unpublish($_, kill => 1) for keys %{ $self->{pid} };
}

1;
