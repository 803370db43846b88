
#include "ngx_recording_sets.h"


#define NGX_RECORDING_SETS_SPS   7
#define NGX_RECORDING_SETS_HEAD  5         /* bytes before the sets */
#define NGX_RECORDING_SETS_MOST  31        /* of SPS; as many PPS are taken */
#define NGX_RECORDING_SETS_BITS  64        /* that an id is looked for in */
#define NGX_RECORDING_SETS_LEFT  3         /* bytes of an SPS before its id,
                                              behind that of its type */


/* the sets of a record, one after the other: both kinds */

typedef struct {
    const u_char           *p;
    const u_char           *last;
    ngx_uint_t              kind;          /* 0: SPS, 1: PPS */
    ngx_uint_t              left;          /* of the kind */
    const u_char           *set;
    size_t                  len;
    unsigned                bad:1;
} ngx_recording_sets_t;


static ngx_int_t ngx_recording_sets_begin(ngx_recording_sets_t *s,
    const u_char *record, size_t len);
static ngx_uint_t ngx_recording_sets_next(ngx_recording_sets_t *s);
static ngx_int_t ngx_recording_sets_find(const u_char *record, size_t len,
    const ngx_recording_sets_t *like, ngx_uint_t *count);
static ngx_int_t ngx_recording_sets_id(const u_char *set, size_t len,
    ngx_uint_t kind);
static void ngx_recording_sets_add(u_char *into, size_t *size,
    const ngx_recording_sets_t *s);


/* NGX_ERROR: it is no record, as far as its sets go */

static ngx_int_t
ngx_recording_sets_begin(ngx_recording_sets_t *s, const u_char *record,
    size_t len)
{
    ngx_recording_sets_t  look;

    ngx_memzero(s, sizeof(ngx_recording_sets_t));

    if (len <= NGX_RECORDING_SETS_HEAD || record[0] != 1) {
        return NGX_ERROR;
    }

    s->p = record + NGX_RECORDING_SETS_HEAD + 1;
    s->last = record + len;
    s->left = record[NGX_RECORDING_SETS_HEAD] & 0x1f;

    look = *s;

    while (ngx_recording_sets_next(&look)) { /* void */ }

    return look.bad ? NGX_ERROR : NGX_OK;
}


static ngx_uint_t
ngx_recording_sets_next(ngx_recording_sets_t *s)
{
    while (s->left == 0) {

        if (s->kind) {
            return 0;
        }

        if (s->p == s->last) {
            s->bad = 1;
            return 0;
        }

        s->kind = 1;
        s->left = *s->p++;
    }

    if (s->last - s->p < 2) {
        s->bad = 1;
        return 0;
    }

    s->len = (size_t) s->p[0] << 8 | s->p[1];
    s->set = s->p + 2;

    if (s->len > (size_t) (s->last - s->set) || s->len == 0) {
        s->bad = 1;
        return 0;
    }

    s->p = s->set + s->len;
    s->left--;

    return 1;
}


/* exp-Golomb, without the bytes that keep start codes away: small ids have
   none.  -1: it is not there */

static ngx_int_t
ngx_recording_sets_id(const u_char *set, size_t len, ngx_uint_t kind)
{
    uint32_t    value;
    ngx_uint_t  bit, zeros, i, from;

    from = 8 * (kind ? 1 : 1 + NGX_RECORDING_SETS_LEFT);

    for (zeros = 0, bit = from; /* void */ ; zeros++, bit++) {

        if (bit >= len * 8 || bit - from >= NGX_RECORDING_SETS_BITS) {
            return -1;
        }

        if (set[bit / 8] & (0x80 >> bit % 8)) {
            break;
        }
    }

    if (zeros > 8 || bit + zeros >= len * 8) {
        return -1;
    }

    for (value = 0, i = 0; i <= zeros; i++, bit++) {
        value = value << 1 | ((set[bit / 8] >> (7 - bit % 8)) & 1);
    }

    return (ngx_int_t) value - 1;
}


/*
 * Looks for a set in a record, which is one: NGX_OK, it has it; NGX_DECLINED,
 * it has another one of that id; NGX_DONE, it has none.
 */

static ngx_int_t
ngx_recording_sets_find(const u_char *record, size_t len,
    const ngx_recording_sets_t *like, ngx_uint_t *count)
{
    ngx_int_t             rc, id;
    ngx_recording_sets_t  s;

    rc = NGX_DONE;
    *count = 0;

    if (ngx_recording_sets_begin(&s, record, len) != NGX_OK) {
        return NGX_DONE;
    }

    id = ngx_recording_sets_id(like->set, like->len, like->kind);

    while (ngx_recording_sets_next(&s)) {

        if (s.kind != like->kind) {
            continue;
        }

        (*count)++;

        if (s.len == like->len && ngx_memcmp(s.set, like->set, s.len) == 0) {
            return NGX_OK;
        }

        if (id == -1 || ngx_recording_sets_id(s.set, s.len, s.kind) == id) {
            rc = NGX_DECLINED;
        }
    }

    return rc;
}


ngx_int_t
ngx_recording_sets_join(u_char *into, size_t *size, size_t room,
    const u_char *record, size_t len)
{
    ngx_int_t             rc;
    ngx_uint_t            n, more[2];
    ngx_recording_sets_t  s;

    if (ngx_recording_sets_begin(&s, into, *size) != NGX_OK
        || ngx_recording_sets_begin(&s, record, len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((into[4] & 0x03) != (record[4] & 0x03) || *size + len > room) {
        return NGX_DECLINED;
    }

    /* first whether all of them fit: else it stays as it was */

    ngx_memzero(more, sizeof(more));

    while (ngx_recording_sets_next(&s)) {
        rc = ngx_recording_sets_find(into, *size, &s, &n);

        more[s.kind] += (rc == NGX_DONE);

        if (rc == NGX_DECLINED
            || (rc == NGX_DONE && n + more[s.kind] > NGX_RECORDING_SETS_MOST))
        {
            return NGX_DECLINED;
        }
    }

    (void) ngx_recording_sets_begin(&s, record, len);

    while (ngx_recording_sets_next(&s)) {

        if (ngx_recording_sets_find(into, *size, &s, &n) == NGX_DONE) {
            ngx_recording_sets_add(into, size, &s);
        }
    }

    return NGX_OK;
}


/* behind the last one of its kind */

static void
ngx_recording_sets_add(u_char *into, size_t *size,
    const ngx_recording_sets_t *s)
{
    u_char                *at, *count;
    ngx_recording_sets_t   own;

    (void) ngx_recording_sets_begin(&own, into, *size);

    count = into + NGX_RECORDING_SETS_HEAD;
    at = count + 1;

    while (ngx_recording_sets_next(&own)) {

        if (own.kind == 0) {
            at = (u_char *) own.p;
        }
    }

    if (s->kind) {
        count = at;
        at = (u_char *) own.p;
    }

    ngx_memmove(at + 2 + s->len, at, into + *size - at);

    at[0] = (u_char) (s->len >> 8);
    at[1] = (u_char) s->len;
    ngx_memcpy(at + 2, s->set, s->len);

    (*count)++;
    *size += 2 + s->len;
}


ngx_uint_t
ngx_recording_sets_have(const u_char *record, size_t len, const u_char *nal,
    size_t size)
{
    ngx_uint_t            n;
    ngx_recording_sets_t  like;

    ngx_memzero(&like, sizeof(ngx_recording_sets_t));

    if (size == 0) {
        return 0;
    }

    like.set = nal;
    like.len = size;
    like.kind = (nal[0] & 0x1f) != NGX_RECORDING_SETS_SPS;

    return ngx_recording_sets_find(record, len, &like, &n) == NGX_OK;
}
