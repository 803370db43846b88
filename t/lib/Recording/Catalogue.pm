package Recording::Catalogue;

# The catalogue as an operator reads it, with the sqlite3 program.
# Recording::Nginx inherits from this package: $t->catalogue(...).
#
# Names may be invalid UTF-8: all strings in rows are bytes.

use strict;
use warnings;

use IPC::Open2;
use JSON::XS ();

use Recording::Util qw(run wait_for);

my @growing = qw(recording paused finishing);
my %none = map { $_ => 0 } @growing, 'finished';

# What version 9 has brought or changed, but for most of what expires: statements
# that take it away from a catalogue that is to be one of before.
use constant WITHOUT_9 => <<'SQL';
    DROP TRIGGER expire_begun;
    DROP TRIGGER expire_edited;
    DROP TRIGGER expire_known;
    DROP TRIGGER expire_finished;
    DROP TRIGGER upload_begun;
    DROP TRIGGER upload_moved;
    DROP TRIGGER upload_lost;
    DROP TRIGGER upload_gone;
    DROP TRIGGER upload_waits;
    DROP TRIGGER upload_restored;
    DROP TRIGGER upload_finished;
    DROP TRIGGER record_tasks_paused;
    DROP TRIGGER record_commands_ended;
    DROP TABLE record_templates;
    DROP TABLE record_formats;
    DROP TABLE record_rules;
    DROP TABLE record_tasks;
    DROP TABLE record_commands;
    DROP TABLE policy;
    DROP INDEX recordings_task;
    DROP TRIGGER callback_failed;
    DROP TABLE callback_templates;
    DROP TABLE callback_targets;
    DROP TABLE callback_rules;
    DROP TRIGGER edit_finished;
    DROP TRIGGER edit_restored;
    DROP TRIGGER edit_lost;
    DROP TRIGGER edit_again;
    DROP TABLE edits;
    DROP TABLE edit_inputs;
    DROP TRIGGER told_begun;
    DROP TRIGGER told_restored;
    DROP TRIGGER told_finished;
    DROP TRIGGER told_paused;
    DROP TRIGGER told_removed;
    DROP TRIGGER told_nothing;
    DROP TRIGGER told_ended;
    DROP TRIGGER outbox_over;
    ALTER TABLE files DROP COLUMN delivers;
    ALTER TABLE files DROP COLUMN lives_us;
    ALTER TABLE recordings DROP COLUMN delivers;
    ALTER TABLE targets DROP COLUMN levels;
SQL

sub db { return $_[0]->store . '/catalogue.db' }

# the rows of a statement as hashes; none while there is no catalogue
sub catalogue {
    my ($self, $sql) = @_;

    # sqlite3 would create the file
    return () if !-s $self->db;

    my ($status, $out, $err) = run('sqlite3', '-bail', '-json', '-cmd',
                                   '.timeout 5000', $self->db, $sql);

    # the file is there a moment before its tables are
    return () if $err =~ /no\ such\ table:\ (?:files|recordings|totals|counts
                      |exceptions|outbox|targets|edits|edit_inputs|policy|paths
                      |record_\w+|callback_\w+)\b/x;

    die "sqlite3: $err\n" if $status || length $err;

    return _rows($out);
}

# What sqlite3 writes as JSON, an array for each statement: every byte is one
# character, whatever it means, and a number is text for who writes it as JSON.
sub _rows {
    my ($text) = @_;

    my @rows = map { @$_ } JSON::XS->new->incr_parse($text);

    for my $row (@rows) {
        for my $value (grep { defined } values %$row) {
            $value = "$value";
            utf8::downgrade($value);
        }
    }

    return @rows;
}

# what was changed is in the database itself, not only in its WAL
sub checkpoint {
    my ($self) = @_;

    run('sqlite3', '-cmd', '.timeout 5000', $self->db,
        'PRAGMA wal_checkpoint(TRUNCATE)');
}

# the bytes that are counted for max=, and those of the rows: [have, should]
sub totals {
    my ($self) = @_;

    # in one statement: a worker may still change both
    my ($row) = $self->catalogue(
        'SELECT (SELECT group_concat(bytes) FROM totals) AS have,'
        . ' (SELECT coalesce(sum(size), 0) FROM files'
        . " WHERE state NOT IN ('evicted', 'lost')) AS should");
    return [ @$row{qw(have should)} ];
}

sub _where {
    my (%where) = @_;

    return '' if !%where;
    return ' WHERE ' . join ' AND ', map {
        !defined $where{$_} ? "$_ IS NULL"
            : sprintf "CAST(%s AS TEXT) = CAST(x'%s' AS TEXT)", $_,
                      unpack 'H*', $where{$_}
    } sort keys %where;
}

# rows of table files in the order of their start
sub files {
    my ($self, %where) = @_;

    return $self->catalogue('SELECT * FROM files' . _where(%where)
                            . ' ORDER BY start_us, file_id');
}

sub recordings {
    my ($self, %where) = @_;

    return $self->catalogue('SELECT * FROM recordings' . _where(%where)
                            . ' ORDER BY start_us, recording_id');
}

# the bytes of one column of table files
sub column_bytes {
    my ($self, $column, %where) = @_;

    return map { pack 'H*', defined $_->{bytes} ? $_->{bytes} : '' }
        $self->catalogue("SELECT hex($column) AS bytes FROM files"
                         . _where(%where) . ' ORDER BY start_us, file_id');
}

# where a row's file is
sub path {
    my ($self, $row) = @_;

    return $self->store . '/files/' . $row->{path};
}

sub paths {
    my ($self, @rows) = @_;

    return map { $self->path($_) } @rows;
}

# wait_files($n, %where): at least n rows are finished and none grows; the
# rows.  _timeout => seconds.  Whether there are more than n is the test's
# question.
sub wait_files {
    my ($self, $n, %where) = @_;

    my $is = sub {
        my (%count) = @_;
        return $n <= $count{finished} && !grep { $count{$_} } @growing;
    };

    return $self->_wait_rows("$n finished files", $is, %where);
}

# wait_growing($n, %where): n rows grow
sub wait_growing {
    my ($self, $n, %where) = @_;

    my $is = sub { my (%count) = @_; return $n <= $count{recording} };

    return grep { $_->{state} eq 'recording' }
           $self->_wait_rows("$n growing files", $is, %where);
}

# The rows, when the numbers of those of each state are as they should be.
# These are asked for first: to read all of many rows takes longer.
sub _wait_rows {
    my ($self, $what, $is, %where) = @_;

    my $timeout = delete $where{_timeout};
    my $counts = 'SELECT state, count(*) AS n FROM files' . _where(%where)
                 . ' GROUP BY state';
    my @rows;

    wait_for($what, $timeout, sub {
        my %count = (%none, map { $_->{state} => $_->{n} }
                            $self->catalogue($counts));
        $is->(%count) or return 0;

        @rows = $self->files(%where);
        %count = %none;
        $count{ $_->{state} }++ for @rows;
        return $is->(%count);
    }, sub { _states($self->files(%where)) });

    return @rows;
}

# another program writes until it is told to unlock
sub lock_catalogue {
    my ($self) = @_;

    my $pid = open2(my $out, my $in, 'sqlite3', $self->db);
    print $in ".timeout 20000\nBEGIN IMMEDIATE; SELECT 1;\n";
    $in->flush;
    defined(my $locked = <$out>) or die "the catalogue cannot be locked\n";

    return { pid => $pid, in => $in, out => $out };
}

sub unlock_catalogue {
    my ($self, $lock) = @_;

    local $?;
    close $lock->{in};
    waitpid $lock->{pid}, 0;
    return $self;
}

sub _states {
    my (@rows) = @_;

    return '; there is no row' if !@rows;
    return '; there are' . join '', map {
        sprintf "\n  %s %s/%s %s %s", map { defined $_ ? $_ : '' }
            @$_{qw(format app stream state path)}
    } @rows;
}

1;
