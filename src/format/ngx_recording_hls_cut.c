
/* where segments of HLS are cut */


#include "ngx_recording_hls.h"


/* ms by which a segment may be longer: what rounds to the same seconds */
#define NGX_RECORDING_HLS_NEAR  499


static ngx_recording_hls_cut_e ngx_recording_hls_cuts_video(
    ngx_recording_mux_t *mux, ngx_recording_sample_t *sample, int64_t dts,
    int64_t pts);
static ngx_uint_t ngx_recording_hls_off(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample, int64_t pts);
static int64_t ngx_recording_hls_usual(ngx_recording_mux_t *mux);


/*
 * Where a segment ends.  After a hole that is longer than a segment, which
 * no EXTINF is to grow by; without pictures, when it is long enough; else
 * before key frames.
 */

ngx_recording_hls_cut_e
ngx_recording_hls_cuts(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample, int64_t dts, int64_t pts)
{
    int64_t               longest;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (sample->track == NGX_RECORDING_VIDEO) {

        if (sample->cut) {
            return ngx_recording_hls_cuts_video(mux, sample, dts, pts);
        }

        if (dts - hls->picture >= ngx_recording_hls_usual(mux)) {

            /* the camera was off within a GOP: that is no part of it */

            hls->key += dts - hls->picture;
        }
    }

    longest = ngx_max(mux->segment, hls->kept.list.target * 1000);

    if (hls->opened && ngx_min(dts, pts) - hls->end > longest) {
        return NGX_RECORDING_HLS_HOLE;
    }

    if (sample->track == NGX_RECORDING_AUDIO
        && pts - hls->kept.shown >= mux->segment
        && (sample->cut || !mux->media[NGX_RECORDING_VIDEO].present
            || ngx_recording_hls_off(mux, sample, pts)))
    {
        return NGX_RECORDING_HLS_CUT;
    }

    return NGX_RECORDING_HLS_IN;
}


/*
 * Whether the camera is off, and the segment would become too long with this
 * sound.  Pictures may come late, but among the sound: what counts is how
 * much of it came since the last one.
 */

static ngx_uint_t
ngx_recording_hls_off(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample, int64_t pts)
{
    int64_t               end;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    end = pts + ngx_recording_mux_lasts(mux, sample->track);

    return pts - hls->heard >= ngx_recording_hls_usual(mux)
           && end - hls->kept.shown
              > mux->segment + NGX_RECORDING_HLS_NEAR;
}


/* ms without a picture that a camera which is on may take */

static int64_t
ngx_recording_hls_usual(ngx_recording_mux_t *mux)
{
    int64_t  usual;

    usual = 2 * ngx_recording_mux_lasts(mux, NGX_RECORDING_VIDEO);

    return ngx_max(usual, NGX_RECORDING_HLS_OFF);
}


/*
 * At a key frame: if the segment is long enough, or if it would become longer
 * than it is to be until the next one comes, by what is known of them.  A
 * closed one is waited for if it comes within twice the segment.
 */

static ngx_recording_hls_cut_e
ngx_recording_hls_cuts_video(ngx_recording_mux_t *mux,
    ngx_recording_sample_t *sample, int64_t dts, int64_t pts)
{
    int64_t               length, longest;
    ngx_recording_hls_t  *hls;

    hls = mux->data;

    if (hls->keyed) {

        /* a pause is no GOP */

        hls->gop = ngx_max(ngx_min(dts, hls->picture) - hls->key,
                           hls->gop - hls->gop / 8);
    }

    hls->keyed = 1;
    hls->key = dts;

    if (sample->idr) {
        hls->idr_gop = hls->idred ? pts - hls->idr : 0;
        hls->idred = 1;
        hls->idr = pts;
    }

    if (!hls->opened) {
        return NGX_RECORDING_HLS_IN;
    }

    longest = ngx_max(mux->segment, hls->kept.list.target * 1000);

    if (ngx_min(dts, pts) - hls->end > longest) {
        return NGX_RECORDING_HLS_HOLE;
    }

    length = pts - hls->kept.shown;

    if (length <= 0
        || (length < mux->segment
            && length + hls->gop <= mux->segment + NGX_RECORDING_HLS_NEAR))
    {
        return NGX_RECORDING_HLS_IN;
    }

    if (!sample->idr && hls->idr_gop && hls->idr + hls->idr_gop > pts
        && hls->idr + hls->idr_gop - hls->kept.shown
           <= 2 * mux->segment + NGX_RECORDING_HLS_NEAR)
    {
        return NGX_RECORDING_HLS_IN;
    }

    return NGX_RECORDING_HLS_CUT;
}
