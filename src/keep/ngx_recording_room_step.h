
/*
 * The steps of making room, for the files of ngx_recording_room*.c only.  Those
 * in brackets have no seat in the catalogue.
 *
 *     [turn] --> expire --> max --> [look] --> evict
 *                            |                   |
 *                            v                   |
 *                           list <---------------+
 *                           ^ |
 *                           | +--> rows
 *                           | v
 *                       mark <-- [remove]
 */


#ifndef _NGX_RECORDING_ROOM_STEP_H_INCLUDED_
#define _NGX_RECORDING_ROOM_STEP_H_INCLUDED_


#include "ngx_recording_room.h"


#define NGX_RECORDING_ROOM_FILES   64              /* at a time */
#define NGX_RECORDING_ROOM_OTHERS  256
#define NGX_RECORDING_ROOM_ROUNDS  8               /* in a turn */


/* marks what has to go, if the store has more than max= */
ngx_int_t ngx_recording_room_max(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);

/* looks which of these are there; without a seat */
ngx_int_t ngx_recording_room_look(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);

/* takes some of those that are to be removed */
ngx_int_t ngx_recording_room_list(ngx_recording_room_t *room,
    ngx_recording_catalogue_error_t *err);


#endif /* _NGX_RECORDING_ROOM_STEP_H_INCLUDED_ */
