
/*
 * The parts of an object.
 *
 * Equal ones, if all of the file is there.  Of a file that grows: the first
 * one ends part_size behind the beginning of the media, wherever that lies, and
 * each hundred parts they are twice as large, as nobody knows how many there
 * will be.
 */


#include "ngx_recording_object.h"


static off_t ngx_recording_object_early(off_t part_size, ngx_uint_t number);


void
ngx_recording_object_layout(ngx_recording_object_t *o)
{
    off_t       media;
    ngx_uint_t  n;

    if (!o->early) {
        o->nparts = (o->size + o->part_size - 1) / o->part_size;
        return;
    }

    media = o->size - o->begin;

    for (n = 1; ngx_recording_object_media(o->part_size, n + 1) < media; n++) {
        /* void */
    }

    /* the last one is not whole yet, unless it ends right there */

    if (o->growing
        && ngx_recording_object_media(o->part_size, n + 1) > media)
    {
        n--;
    }

    o->nparts = n;
}


off_t
ngx_recording_object_length(ngx_recording_object_t *o, ngx_uint_t number)
{
    off_t  size;

    size = !o->early ? o->part_size
           : number == 1 ? o->begin + o->part_size
           : ngx_recording_object_early(o->part_size, number);

    return ngx_min(size, o->size - ngx_recording_object_offset(o, number));
}


off_t
ngx_recording_object_offset(ngx_recording_object_t *o, ngx_uint_t number)
{
    if (number == 1) {
        return 0;
    }

    return o->early
           ? o->begin + ngx_recording_object_media(o->part_size, number)
           : (off_t) (number - 1) * o->part_size;
}


ngx_uint_t
ngx_recording_object_at(ngx_recording_object_t *o, ngx_uint_t n)
{
    if (n >= o->nparts) {
        return 0;
    }

    if (!o->early) {
        return n + 1;
    }

    /* the first one is the last one, and never of a file that grows */

    return n + 1 < o->nparts ? n + 2 : !o->growing;
}


off_t
ngx_recording_object_media(off_t part_size, ngx_uint_t number)
{
    off_t       offset;
    ngx_uint_t  left, n, first;

    offset = 0;
    first = 1;

    for (left = number - 1; left; left -= n) {
        n = ngx_min(left, NGX_RECORDING_OBJECT_DOUBLE);

        offset += (off_t) n * ngx_recording_object_early(part_size, first);
        first += n;
    }

    return offset;
}


/* a whole part of the media */

static off_t
ngx_recording_object_early(off_t part_size, ngx_uint_t number)
{
    off_t       size;
    ngx_uint_t  n;

    size = part_size;

    for (n = (number - 1) / NGX_RECORDING_OBJECT_DOUBLE;
         n && size < NGX_RECORDING_BUCKET_PART_MAX; n--)
    {
        size *= 2;
    }

    return ngx_min(size, NGX_RECORDING_BUCKET_PART_MAX);
}
