
/*
 * The records of a journal, one by one, for those that read it.
 *
 * Strings and lists point into the record.
 *
 * Return codes: NGX_OK; NGX_DECLINED: the record makes no sense.
 */


#ifndef _NGX_RECORDING_JOURNAL_RECORD_H_INCLUDED_
#define _NGX_RECORDING_JOURNAL_RECORD_H_INCLUDED_


#include "ngx_recording_journal_old.h"
#include "ngx_recording_mux.h"


/* the whole journal, to be freed; NULL with errno, ENODATA: it is empty */
u_char *ngx_recording_journal_record_load_thread(ngx_recording_store_t *store,
    uint64_t id, size_t *size);

/* the head of a record that is whole; NGX_DONE: there is none */
ngx_int_t ngx_recording_journal_record_next(ngx_recording_journal_head_t *head,
    u_char *p, size_t size);

/* the first one; the format that it names, or NULL */
ngx_int_t ngx_recording_journal_record_begun(
    ngx_recording_journal_begun_t *begun, ngx_recording_journal_e kind,
    u_char *p, size_t size);
const ngx_recording_format_t *ngx_recording_journal_record_format(
    ngx_recording_journal_begun_t *begun);

/* one of tracks, or a state, of these kinds; the caller has set what version
   1 did not keep */
ngx_int_t ngx_recording_journal_record_media(
    ngx_recording_journal_tracks_t *tracks, ngx_recording_journal_e kind,
    u_char *p, size_t size);
ngx_int_t ngx_recording_journal_record_state(
    ngx_recording_journal_stand_t *stand, ngx_recording_journal_e kind,
    u_char *p, size_t size);


#endif /* _NGX_RECORDING_JOURNAL_RECORD_H_INCLUDED_ */
