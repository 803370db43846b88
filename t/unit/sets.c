
/* Parameter sets of H.264: what two records have, as one. */


#include "tap.h"
#include "ngx_recording_sets.h"


/* records of an SPS with id 0 or 1 and a PPS with id 0 or 1: profile, level and
   then the id as it is coded, "1" or "010" */

#define SPS0   0x67, 0x42, 0, 0x1e, 0x9a, 7
#define SPS0B  0x67, 0x42, 0, 0x1e, 0x9a, 8
#define SPS1   0x67, 0x42, 0, 0x1e, 0x4a, 7
#define PPS0   0x68, 0xce, 0x38
#define PPS1   0x68, 0x4e, 0x38

#define RECORD(length, sps, n, pps, m)                                        \
    { 1, 0x42, 0, 0x1e, 0xfc | (length), 0xe1, 0, n, sps, 1, 0, m, pps }


static void
sets_join(void)
{
    u_char  into[64], before[64];
    size_t  size, kept;
    int     i;

    static const u_char  first[] = RECORD(3, SPS0, 6, PPS0, 3);
    static const u_char  other[] = RECORD(3, SPS1, 6, PPS1, 3);
    static const u_char  changed[] = RECORD(3, SPS0B, 6, PPS0, 3);
    static const u_char  lengths[] = RECORD(1, SPS1, 6, PPS1, 3);
    static const u_char  both[] = {
        1, 0x42, 0, 0x1e, 0xff, 0xe2, 0, 6, SPS0, 0, 6, SPS1,
        2, 0, 3, PPS0, 0, 3, PPS1
    };

    size = sizeof(first);
    memcpy(into, first, size);

    is(ngx_recording_sets_join(into, &size, sizeof(into), first,
                               sizeof(first)),
       NGX_OK, "the same");
    ok(size == sizeof(first) && memcmp(into, first, size) == 0,
       "changes nothing");

    is(ngx_recording_sets_join(into, &size, sizeof(into), other,
                               sizeof(other)),
       NGX_OK, "other ids");
    ok(size == sizeof(both) && memcmp(into, both, size) == 0, "are added");

    is(ngx_recording_sets_join(into, &size, sizeof(into), other,
                               sizeof(other)),
       NGX_OK, "once");
    is(size, sizeof(both), "only");

    memcpy(before, into, size);
    kept = size;

    is(ngx_recording_sets_join(into, &size, sizeof(into), changed,
                               sizeof(changed)),
       NGX_DECLINED, "an id with another content");
    is(ngx_recording_sets_join(into, &size, sizeof(into), lengths,
                               sizeof(lengths)),
       NGX_DECLINED, "lengths of another size");
    ok(size == kept && memcmp(into, before, size) == 0, "change nothing");

    size = sizeof(first);
    memcpy(into, first, size);
    is(ngx_recording_sets_join(into, &size, size + 4, other, sizeof(other)),
       NGX_DECLINED, "there is no room");
    ok(size == sizeof(first) && memcmp(into, first, size) == 0,
       "nothing is written");

    for (i = 0; i < (int) sizeof(first); i++) {
        size = sizeof(first);

        if (ngx_recording_sets_join(into, &size, sizeof(into), first, i)
            != NGX_ERROR)
        {
            break;
        }
    }

    is(i, sizeof(first), "a record that is cut anywhere is none");
}


static void
sets_have(void)
{
    static const u_char  record[] = RECORD(3, SPS0, 6, PPS1, 3);
    static const u_char  sps0[] = { SPS0 };
    static const u_char  sps1[] = { SPS1 };
    static const u_char  pps1[] = { PPS1 };

    ok(ngx_recording_sets_have(record, sizeof(record), sps0, sizeof(sps0)),
       "an SPS that it has");
    ok(ngx_recording_sets_have(record, sizeof(record), pps1, sizeof(pps1)),
       "a PPS that it has");
    ok(!ngx_recording_sets_have(record, sizeof(record), sps1, sizeof(sps1)),
       "one that it has not");
    ok(!ngx_recording_sets_have(record, sizeof(record), sps0,
                                sizeof(sps0) - 1),
       "nor one that is shorter");
    ok(!ngx_recording_sets_have(record, 3, sps0, sizeof(sps0)),
       "no record has none");
}


int
main(void)
{
    sets_join();
    sets_have();

    return tap_done();
}
