
/*
 * Searching the catalogue: finished files and recordings, a page at a time, the
 * newest first.
 *
 * An index leads to the rows, whatever it is asked for; other conditions are
 * looked at in those rows, for a time: then the page ends early, and says where
 * the next one begins.
 *
 * Runs on pool threads, in a transaction of the one who calls, which reads.
 *
 * Return codes: NGX_OK; NGX_ERROR: the catalogue failed, and the end of the
 * transaction tells why, or there is no memory.
 */


#ifndef _NGX_RECORDING_CATALOGUE_SEARCH_H_INCLUDED_
#define _NGX_RECORDING_CATALOGUE_SEARCH_H_INCLUDED_


#include "ngx_recording_catalogue.h"


#define NGX_RECORDING_SEARCH_PAGE   100
#define NGX_RECORDING_SEARCH_MOST   5000       /* that are counted */
#define NGX_RECORDING_SEARCH_TIME   200000     /* us, to look at rows */


/* where a row stands: by time, and by id if that is the same */

typedef struct {
    int64_t                 us;
    uint64_t                id;
} ngx_recording_catalogue_search_key_t;


/* texts, or ids, one of which is to fit; none: all fit */

typedef struct {
    ngx_uint_t              n;
    const ngx_str_t        *text;
    const uint64_t         *id;
} ngx_recording_catalogue_search_any_t;


typedef struct {

    /* --- what is asked for */

    ngx_recording_catalogue_search_any_t  ids;
    ngx_recording_catalogue_search_any_t  streams;
    ngx_recording_catalogue_search_any_t  apps;
    ngx_recording_catalogue_search_any_t  names;     /* of files, as they
                                                        begin */
    ngx_recording_catalogue_search_any_t  domains;
    ngx_recording_catalogue_search_any_t  formats;   /* of files */
    ngx_recording_catalogue_search_any_t  sources;   /* of files: Record or
                                                        VideoProcessing */
    ngx_recording_catalogue_search_any_t  templates; /* of recordings */
    ngx_recording_catalogue_search_any_t  states;    /* of recordings */

    int64_t                 after;         /* us, when a file was finished */
    int64_t                 before;
    int64_t                 from;          /* us, what it has is of a time */
    int64_t                 to;
    ngx_uint_t              recorded;      /* that was given */

    ngx_uint_t              ascending;     /* of files: the oldest first */
    ngx_uint_t              behind;        /* a page that follows: this key */
    ngx_recording_catalogue_search_key_t  key;
    ngx_uint_t              offset;        /* rows that are passed over */
    ngx_uint_t              limit;         /* at most a page */

    /* --- what comes out */

    ngx_uint_t              total;         /* as far as it was counted */
    ngx_uint_t              n;
    ngx_recording_catalogue_search_key_t  page[NGX_RECORDING_SEARCH_PAGE];
    ngx_uint_t              more;          /* there may be: behind this key */
    ngx_recording_catalogue_search_key_t  next;
    ngx_uint_t              skip;          /* rows that are still to be passed
                                              over there */
} ngx_recording_catalogue_search_t;


/* everything is asked for */
void ngx_recording_catalogue_search_init(
    ngx_recording_catalogue_search_t *search);

/* finished files that are to be had, by when they were finished */
ngx_int_t ngx_recording_catalogue_search_media(
    ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_search_t *search);

/* recordings, by when they began; they are not counted */
ngx_int_t ngx_recording_catalogue_search_recordings(
    ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_search_t *search);


/* --- what rows say; texts are there until the call returns */

typedef struct {
    uint64_t                id;
    uint64_t                recording_id;
    ngx_str_t               template;
    ngx_str_t               domain;
    ngx_str_t               server;
    ngx_str_t               app;
    ngx_str_t               stream;
    ngx_str_t               param;
    const char             *format;
    const char             *state;
    int64_t                 start_us;
    int64_t                 end_us;        /* 0: there is none, as of those
                                              below */
    int64_t                 duration_ms;
    int64_t                 size;
    const char             *video;
    const char             *audio;
    const char             *resolution;
    const char             *gaps;          /* JSON, as drops and objects */
    int64_t                 frames_in;
    int64_t                 frames_written;
    int64_t                 frames_dropped;
    const char             *drops;
    ngx_str_t               path;          /* empty: it has none yet */
    const char             *objects;
    ngx_str_t               url;
    int64_t                 expire_us;
    int64_t                 resume_us;
    int64_t                 finished_us;
    int64_t                 gone_us;
    const char             *owner;
    const char             *task;
    ngx_str_t               delivers;      /* the template that tells of it;
                                              empty: its own */
    unsigned                recovered:1;
    unsigned                local:1;
    unsigned                media:1;       /* a search for files finds it */
} ngx_recording_catalogue_search_file_t;


typedef struct {
    uint64_t                id;
    const char             *state;         /* recording, paused or ended */
    ngx_str_t               template;
    ngx_str_t               domain;
    ngx_str_t               server;
    ngx_str_t               app;
    ngx_str_t               stream;
    ngx_str_t               param;
    const char             *owner;
    const char             *task;
    int64_t                 start_us;
    int64_t                 end_us;        /* 0: it has not ended */
} ngx_recording_catalogue_search_recording_t;


/* what is told, or delivered: a row of the outbox */

typedef struct {
    uint64_t                id;
    const char             *event_id;
    uint64_t                recording_id;
    uint64_t                file_id;       /* 0: none */
    const char             *kind;
    const char             *event;
    ngx_str_t               template;
    ngx_str_t               target;
    const char             *state;
    int64_t                 attempts;
    int64_t                 event_us;
    int64_t                 next_us;
    int64_t                 done_us;       /* 0: it is not */
    ngx_str_t               error;
    ngx_str_t               key;
} ngx_recording_catalogue_search_letter_t;


/*
 * Called with each row that there is.  NGX_ERROR: no more are to come, and the
 * call fails.
 */
typedef ngx_int_t (*ngx_recording_catalogue_search_file_pt)(void *data,
    const ngx_recording_catalogue_search_file_t *file);
typedef ngx_int_t (*ngx_recording_catalogue_search_recording_pt)(void *data,
    const ngx_recording_catalogue_search_recording_t *recording);
typedef ngx_int_t (*ngx_recording_catalogue_search_letter_pt)(void *data,
    const ngx_recording_catalogue_search_letter_t *letter);


ngx_int_t ngx_recording_catalogue_search_file(ngx_recording_catalogue_t *cat,
    uint64_t id, ngx_recording_catalogue_search_file_pt file, void *data);

ngx_int_t ngx_recording_catalogue_search_recording(
    ngx_recording_catalogue_t *cat, uint64_t id,
    ngx_recording_catalogue_search_recording_pt recording, void *data);

/*
 * Files of a recording, the newest first, that have something of a time, at
 * most so many; *number is how many it has in all.
 */
ngx_int_t ngx_recording_catalogue_search_files(ngx_recording_catalogue_t *cat,
    uint64_t recording_id, int64_t from, int64_t to, ngx_uint_t most,
    ngx_uint_t *number, ngx_recording_catalogue_search_file_pt file,
    void *data);

/* files of a stream that are not finished, and have something of a time */
ngx_int_t ngx_recording_catalogue_search_growing(
    ngx_recording_catalogue_t *cat, const ngx_str_t *stream, int64_t from,
    int64_t to, ngx_recording_catalogue_search_file_pt file, void *data);

/* what is told of a file; of file 0: all that is dead.  The newest first */
ngx_int_t ngx_recording_catalogue_search_letters(
    ngx_recording_catalogue_t *cat, uint64_t file_id, ngx_uint_t most,
    ngx_recording_catalogue_search_letter_pt letter, void *data);


/* --- the whole */

typedef struct {
    char                    engine[32];    /* its version */
    int64_t                 version;       /* of the tables */
    int64_t                 size;          /* bytes */
} ngx_recording_catalogue_search_engine_t;


typedef struct {
    const char             *owner;
    ngx_uint_t              lives;
    int64_t                 recording;     /* files */
    int64_t                 paused;
    int64_t                 finishing;
} ngx_recording_catalogue_search_worker_t;


typedef struct {
    ngx_str_t               template;
    ngx_str_t               target;
    ngx_uint_t              kinds;         /* ngx_recording_kind.h */
    int64_t                 waiting;       /* at most
                                              NGX_RECORDING_SEARCH_MOST */
    int64_t                 dead;          /* the same */
    int64_t                 oldest;        /* us, its event, of those that
                                              wait; 0: none does */
} ngx_recording_catalogue_search_target_t;


ngx_int_t ngx_recording_catalogue_search_engine(
    ngx_recording_catalogue_t *cat,
    ngx_recording_catalogue_search_engine_t *engine);

/* the bytes of all files that are in the store, as far as rows tell */
ngx_int_t ngx_recording_catalogue_search_bytes(ngx_recording_catalogue_t *cat,
    int64_t *bytes);

/* files and bytes by state and format */
ngx_int_t ngx_recording_catalogue_search_counts(
    ngx_recording_catalogue_t *cat,
    ngx_int_t (*count)(void *data, const char *state, const char *format,
                       int64_t files, int64_t bytes),
    void *data);

/* those that have files that are not finished */
ngx_int_t ngx_recording_catalogue_search_workers(
    ngx_recording_catalogue_t *cat,
    ngx_int_t (*worker)(void *data,
                        const ngx_recording_catalogue_search_worker_t *worker),
    void *data);

ngx_int_t ngx_recording_catalogue_search_targets(
    ngx_recording_catalogue_t *cat,
    ngx_int_t (*target)(void *data,
                        const ngx_recording_catalogue_search_target_t *target),
    void *data);

/* exceptions by hour, stream and kind, the newest hours first */

typedef struct {
    int64_t                 hour_us;
    ngx_str_t               domain;
    ngx_str_t               app;
    ngx_str_t               stream;
    const char             *exception;
    int64_t                 number;
} ngx_recording_catalogue_search_tally_t;


ngx_int_t ngx_recording_catalogue_search_tallies(
    ngx_recording_catalogue_t *cat, ngx_uint_t most,
    ngx_int_t (*tally)(void *data,
                       const ngx_recording_catalogue_search_tally_t *tally),
    void *data);


/* --- playlists of a stream, by time */

typedef struct {
    ngx_str_t               app;
    ngx_str_t               stream;
    ngx_str_t               template;      /* data is NULL: any */
    int64_t                 from;          /* us */
    int64_t                 to;
} ngx_recording_catalogue_search_time_t;


typedef struct {
    const char             *path;
    ngx_recording_file_e    state;
    ngx_uint_t              local;         /* it is in the store */
    int64_t                 start_us;
    int64_t                 end_us;        /* 0: it grows */
    uint64_t                recording_id;
    int64_t                 finished_us;   /* 0: it is not */
} ngx_recording_catalogue_search_playlist_t;


/* those that have something of that time, by when they began; at most so
   many */
ngx_int_t ngx_recording_catalogue_search_playlists(
    ngx_recording_catalogue_t *cat,
    const ngx_recording_catalogue_search_time_t *time, ngx_uint_t most,
    ngx_int_t (*playlist)(void *data,
                   const ngx_recording_catalogue_search_playlist_t *playlist),
    void *data);


/* --- a change */

/* ids of dead letters, that are to be sent again */

typedef struct {
    ngx_uint_t              n;
    ngx_uint_t              revived;
    uint64_t                ids[NGX_RECORDING_SEARCH_PAGE];
} ngx_recording_catalogue_search_revive_t;


/* an ngx_recording_catalogue_search_revive_t: those that are dead wait */
ngx_int_t ngx_recording_catalogue_search_revive(
    ngx_recording_catalogue_t *cat, void *revive, ngx_uint_t again);


#endif /* _NGX_RECORDING_CATALOGUE_SEARCH_H_INCLUDED_ */
