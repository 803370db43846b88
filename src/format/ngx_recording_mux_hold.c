
/* the descriptor that a growing file holds */


#include "ngx_recording_descriptors.h"
#include "ngx_recording_mux.h"


ngx_int_t
ngx_recording_mux_hold_thread(ngx_recording_mux_t *mux, ngx_uint_t instead)
{
    if (instead) {
        ngx_recording_descriptors_add(mux->store);

    } else if (ngx_recording_descriptors_take_thread(mux->store) != NGX_OK) {
        return NGX_DECLINED;
    }

    mux->held = 1;
    mux->spared = !instead;

    return NGX_OK;
}


void
ngx_recording_mux_spare_thread(ngx_recording_mux_t *mux)
{
    if (mux->held && !mux->spared) {
        mux->spared = 1;
        ngx_recording_spare_more();
    }
}


void
ngx_recording_mux_opened_thread(ngx_recording_mux_t *mux)
{
    if (mux->spared) {
        mux->spared = 0;
        ngx_recording_spare_less();
    }
}


void
ngx_recording_mux_shut_thread(ngx_recording_mux_t *mux)
{
    if (mux->fd == -1) {
        return;
    }

    ngx_recording_mux_spare_thread(mux);

    ngx_recording_close(mux->fd);
    mux->fd = -1;
}


void
ngx_recording_mux_rest_thread(ngx_recording_mux_t *mux)
{
    if (mux->fd != -1) {
        ngx_recording_close(mux->fd);
        mux->fd = -1;
    }

    ngx_recording_mux_opened_thread(mux);

    if (mux->held) {
        mux->held = 0;
        ngx_recording_descriptors_give(mux->store);
    }
}


ngx_int_t
ngx_recording_mux_wake_thread(ngx_recording_mux_t *mux)
{
    if (mux->fd != -1 || mux->format->endless) {
        return NGX_OK;
    }

    mux->fd = ngx_recording_store_reopen_thread(mux->store, mux->work);

    return mux->fd == -1 ? ngx_recording_mux_error(mux, "open") : NGX_OK;
}
