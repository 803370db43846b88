
/*
 * Records of version 1 of the journal, as what a record of today tells: what
 * they lack stays as the caller has set it.
 *
 * Pure: any thread, no allocation.  Strings point into the record.
 *
 * Return codes: NGX_OK; NGX_DECLINED: the record makes no sense.
 */


#ifndef _NGX_RECORDING_JOURNAL_OLD_H_INCLUDED_
#define _NGX_RECORDING_JOURNAL_OLD_H_INCLUDED_


#include "ngx_recording_file.h"
#include "ngx_recording_journal_layout.h"


/* what the first record tells */

typedef struct {
    ngx_recording_journal_facts_t  facts;
    ngx_str_t               strings[NGX_RECORDING_JOURNAL_STRINGS];
} ngx_recording_journal_begun_t;


typedef struct {
    ngx_recording_journal_media_t  media[NGX_RECORDING_TRACKS];
    ngx_str_t               headers[NGX_RECORDING_TRACKS];
} ngx_recording_journal_tracks_t;


/* where a file stands */

typedef struct {
    ngx_recording_journal_state_t     state;
    ngx_recording_journal_progress_t  progress[NGX_RECORDING_TRACKS];
    uint64_t                dropped[NGX_RECORDING_DROPS];
    ngx_recording_journal_parts_t     format;
} ngx_recording_journal_stand_t;


ngx_int_t ngx_recording_journal_old_facts(
    ngx_recording_journal_begun_t *begun, u_char *p, size_t size);
ngx_int_t ngx_recording_journal_old_media(
    ngx_recording_journal_tracks_t *tracks, u_char *p, size_t size);

/* kind: one of the two that states had */
ngx_int_t ngx_recording_journal_old_state(
    ngx_recording_journal_stand_t *stand, ngx_recording_journal_e kind,
    u_char *p, size_t size);


#endif /* _NGX_RECORDING_JOURNAL_OLD_H_INCLUDED_ */
