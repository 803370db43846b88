package Recording::Past;

# A catalogue with a past: rows of recordings and files that were never
# recorded, for tests of searches.
#
#     Recording::Past::fill($t, 20_000);
#
# File n of N is finished n seconds after 2020-01-01T00:00:00Z, at most ten
# minutes after it began; ten files make a recording; the stream is one of
# 1,000, s0 to s999, the application one of 10, a0 to a9, the format mp4, or
# flv of each tenth; the path is APP/STREAM/n.FORMAT.

use strict;
use warnings;

use Recording::Util qw(wait_for);

use constant BEGIN_US => 1577836800 * 1_000_000;

sub fill {
    my ($t, $n) = @_;

    wait_for('the catalogue', 20,
             sub { () = $t->catalogue('SELECT count(*) AS n FROM counts') });

    my $begin = BEGIN_US;
    $t->catalogue(<<"SQL");
BEGIN;
INSERT INTO recordings (recording_id, template, domain, app, stream,
    stream_param, owner, start_us, end_us)
SELECT value, 'all', 'd' || (value % 3), 'a' || (value % 10),
    's' || (value % 1000), '', '', $begin + value * 10000000 - 600000000,
    $begin + value * 10000000 + 9000000
FROM generate_series(0, ($n - 1) / 10);
INSERT INTO files (file_id, recording_id, template, domain, app, stream,
    stream_param, format, state, start_us, end_us, duration_ms, size, path,
    finished_us, video_codec, resolution, told)
SELECT value + 1, r, 'all', 'd' || (r % 3), 'a' || (r % 10),
    's' || (r % 1000), '', iif(value % 10 = 9, 'flv', 'mp4'), 'finished',
    $begin + value * 1000000 - 600000000, $begin + value * 1000000 - 1000000,
    599000, 1000, 'a' || (r % 10) || '/s' || (r % 1000) || '/' || value
    || iif(value % 10 = 9, '.flv', '.mp4'),
    $begin + value * 1000000, 'h264', '1280x720', 1
FROM (SELECT value, value / 10 AS r FROM generate_series(0, $n - 1));
COMMIT;
SQL
    return;
}

# the time of a second of that past, as the API takes it
sub time_of {
    my ($second) = @_;

    my @of = gmtime(BEGIN_US / 1_000_000 + $second);
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $of[5] + 1900, $of[4] + 1,
                   @of[3, 2, 1, 0];
}

1;
