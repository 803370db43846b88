
#include "ngx_recording_segment.h"


#define NGX_RECORDING_SEGMENT_DIGITS  5      /* or more, */
#define NGX_RECORDING_SEGMENT_MOST    18     /* up to these */


void
ngx_recording_segment_name(uint64_t number,
    char name[NGX_RECORDING_SEGMENT_NAME])
{
    (void) sprintf(name, "%0*llu.ts", NGX_RECORDING_SEGMENT_DIGITS,
                   (unsigned long long) number);
}


int64_t
ngx_recording_segment_number(const u_char *name, size_t len)
{
    size_t   i, digits;
    int64_t  number;

    if (len < NGX_RECORDING_SEGMENT_DIGITS + sizeof(".ts") - 1
        || len > NGX_RECORDING_SEGMENT_MOST + sizeof(".ts") - 1
        || ngx_memcmp(name + len - 3, ".ts", 3) != 0)
    {
        return -1;
    }

    digits = len - 3;

    for (number = 0, i = 0; i < digits; i++) {

        if (name[i] < '0' || name[i] > '9') {
            return -1;
        }

        number = number * 10 + (name[i] - '0');
    }

    return number;
}
