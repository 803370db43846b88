
#include "ngx_recording_claim.h"


#define NGX_RECORDING_CLAIM_COUNTED  9          /* suffixes -2, -3 ... */


void
ngx_recording_claim_by_id(ngx_recording_claim_t *claim, uint64_t id)
{
    claim->len = sprintf((char *) claim->base, "%llu",
                         (unsigned long long) id);
    claim->tries = 0;
}


void
ngx_recording_claim_next(ngx_recording_claim_t *claim,
    ngx_recording_file_t *file)
{
    u_char  *p;

    p = ngx_cpymem(file->path, claim->base, claim->len);

    if (claim->tries > NGX_RECORDING_CLAIM_COUNTED) {
        p += sprintf((char *) p, "-%016llx",
                     (unsigned long long) (file->random + claim->tries));

    } else if (claim->tries) {
        p += sprintf((char *) p, "-%u", (unsigned) claim->tries + 1);
    }

    claim->tries++;

    p += sprintf((char *) p, "%s", claim->extension);

    file->path_len = p - file->path;
}
