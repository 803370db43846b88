
/*
 * How the journal of a growing file lies on the disk, field by field.
 *
 * Pure: any thread, no allocation.  Nothing is owned; what is read points into
 * the caller's buffer, what is written must stay until it is.
 *
 *
 * The file work/ID.journal is a list of records, one after the other without
 * padding.  It is only appended to.  Each record is
 *
 *     head                 16 bytes, ngx_recording_journal_head_t
 *     body                 head.size bytes
 *
 * The list ends at the end of the file, or before the first record that is
 * not whole: one that is longer than the file, or whose checksum is wrong.
 * What follows that is cut off before anything else is appended.
 *
 * Numbers are integers of 32 or 64 bits, signed ones as two's complement, in
 * the byte order of the machine that wrote them: a store is not carried from
 * one machine to another while files grow in it.  facts.order tells.
 *
 *
 * The body is one of three, by the record's kind:
 *
 *     bytes     all of the body, such as a path
 *     fields    one structure: the size of the body is its size
 *     parts     a list of parts, each of them a head of 8 bytes, n and size
 *               (ngx_recording_journal_part_t), and n entries of size bytes
 *               each.  An entry is a structure; a string is a part with n
 *               entries of one byte.
 *
 * How it may grow, with the next minor version: a structure by fields behind
 * those that it has, a list by entries, a record by parts behind those that
 * it has, a journal by records of a new kind.  Whoever reads takes the fields
 * that he knows, takes those for zero that are missing, and skips fields,
 * entries, parts and kinds that he does not know.  Fields are never taken
 * away, and never change their meaning; what is needed no more is written as
 * zero.  A change that does not keep to that is a new major version, with new
 * kinds for what has changed.  Minor versions of 2: 1 added state.settled, 2
 * EDIT, 3 task and delivers.
 *
 *     kind                 body      written by version
 *      1  FACTS_1          see below 1
 *      2  MEDIA_1          see below 1
 *      3  META             bytes     1, 2      the publisher's onMetaData
 *      4  PATH             bytes     1, 2      in files/, when it is claimed
 *      5  GAP              fields    1, 2
 *      6  STATE_1          see below 1, the first releases of it
 *      7  OWNER            bytes     1, 2      the name of a worker's lock;
 *                                              version 1: 64 bytes, behind
 *                                              the name zeros
 *     16  SHOWN_1          see below 1
 *     17  REFUSED_1        fields    1
 *     18  MORE             fields    1, 2
 *     19  EDIT             fields    2         of files made of others
 *     32  FACTS            parts     2
 *     33  MEDIA            parts     2
 *     34  STATE            parts     2
 *
 * A journal begins with the facts, the owner and the media.  A later record
 * takes the place of an earlier one of the same kind, but gaps add up, and
 * formats may keep in a state only what is new since the one before.  Kinds
 * of both versions may stand in one journal: a file that was begun by the one
 * is gone on with by the other.
 *
 *
 *     FACTS      1 facts; strings: format, template, domain, app, stream,
 *                query of the push URL, path of the template, listen
 *                addresses, task, delivers
 *     MEDIA      a track each, by its number (ngx_recording_track_e); then a
 *                string for each: the message of its sequence header
 *     STATE      1 state; a progress of each track, by its number; 64 bits
 *                for each reason of ngx_recording_drop_e: frames that were
 *                dropped; then the parts of the format
 *
 *     of FLV     1 flv; the first 5 bytes of each track's first frame, 5
 *                bytes an entry; keys from flv.from on
 *     of MP4     1 mp4
 *     of HLS     1 hls; a count of each track, by its number; counters
 *     of AAC     none
 */


#ifndef _NGX_RECORDING_JOURNAL_LAYOUT_H_INCLUDED_
#define _NGX_RECORDING_JOURNAL_LAYOUT_H_INCLUDED_


#include "ngx_recording_io.h"


#define NGX_RECORDING_JOURNAL_MAJOR  2
#define NGX_RECORDING_JOURNAL_MINOR  3
#define NGX_RECORDING_JOURNAL_ORDER  0x01020304


typedef enum {
    NGX_RECORDING_JOURNAL_FACTS_1 = 1,
    NGX_RECORDING_JOURNAL_MEDIA_1,
    NGX_RECORDING_JOURNAL_META,
    NGX_RECORDING_JOURNAL_PATH,
    NGX_RECORDING_JOURNAL_GAP,
    NGX_RECORDING_JOURNAL_STATE_1,
    NGX_RECORDING_JOURNAL_OWNER,
    NGX_RECORDING_JOURNAL_SHOWN_1 = 16,
    NGX_RECORDING_JOURNAL_REFUSED_1,
    NGX_RECORDING_JOURNAL_MORE,
    NGX_RECORDING_JOURNAL_EDIT,
    NGX_RECORDING_JOURNAL_FACTS = 32,
    NGX_RECORDING_JOURNAL_MEDIA,
    NGX_RECORDING_JOURNAL_STATE
} ngx_recording_journal_e;


typedef struct {
    uint32_t                crc;           /* CRC-32 as in IEEE 802.3, but not
                                              inverted, of all that follows */
    uint32_t                kind;
    uint64_t                size;          /* of the body */
} ngx_recording_journal_head_t;


typedef struct {
    uint32_t                n;             /* entries */
    uint32_t                size;          /* of each */
} ngx_recording_journal_part_t;


/* --- what is in parts; times are ms unless it is said */

typedef struct {
    uint32_t                major;
    uint32_t                minor;
    uint32_t                order;         /* NGX_RECORDING_JOURNAL_ORDER */
    uint32_t                unused;
    uint64_t                id;            /* of the file */
    uint64_t                recording_id;
    uint64_t                random;        /* {RandomID} of its path */
    int64_t                 start;         /* wall clock, us */
    int64_t                 segment;       /* segment= of its format */
    int64_t                 resume;        /* resume= of its format */
    int64_t                 offset;        /* of the zone of its path, s */
    uint64_t                local;         /* or it is the system's zone */
} ngx_recording_journal_facts_t;

/* the strings behind them, in this order */

typedef enum {
    NGX_RECORDING_JOURNAL_FORMAT = 0,
    NGX_RECORDING_JOURNAL_TEMPLATE,
    NGX_RECORDING_JOURNAL_DOMAIN,
    NGX_RECORDING_JOURNAL_APP,
    NGX_RECORDING_JOURNAL_NAME,
    NGX_RECORDING_JOURNAL_PARAM,
    NGX_RECORDING_JOURNAL_TEXT,            /* the path of the template */
    NGX_RECORDING_JOURNAL_SERVER,
    NGX_RECORDING_JOURNAL_TASK,
    NGX_RECORDING_JOURNAL_DELIVERS,        /* a template */
    NGX_RECORDING_JOURNAL_STRINGS
} ngx_recording_journal_string_e;


/* facts that a sequence header tells are read from that again */

typedef struct {
    uint32_t                present;       /* the file has this track */
    uint32_t                codec;         /* ngx_recording_codec_e */
    uint32_t                body;          /* where the header itself begins
                                              in its message */
    uint32_t                sample_rate;   /* Hz, as the next ones: of a codec
                                              that has no sequence header */
    uint32_t                channels;
    uint32_t                samples;       /* in a frame */
} ngx_recording_journal_media_t;


typedef struct {
    int64_t                 pos;           /* the file is whole up to there */
    int64_t                 wall;          /* arrival of the last frame, us */
    int64_t                 first;         /* time of the first frame, from
                                              the file's start */
    uint64_t                written;       /* frames */
    uint64_t                settled;       /* bytes of the file, as pos counts
                                              them, or segments of HLS: a sync
                                              has told that they are durable,
                                              they stay as they are */
} ngx_recording_journal_state_t;


/* times from the file's start */

typedef struct {
    int64_t                 last;          /* DTS of the last frame */
    int64_t                 step;          /* the usual distance of frames */
    uint64_t                samples;       /* frames */
    int64_t                 first;         /* PTS of the first one */
    int64_t                 high;          /* the highest PTS */
    int64_t                 odd;           /* the last step, if it is no usual
                                              one, or 0 */
    int64_t                 before;        /* the usual one before this file,
                                              or 0 */
} ngx_recording_journal_progress_t;


typedef struct {
    uint64_t                stride;        /* one of so many key frames is in
                                              the index */
    uint64_t                seen;          /* key frames, in all */
    uint64_t                from;          /* the first key that follows: those
                                              before it are in earlier states,
                                              later ones of those are void */
} ngx_recording_journal_flv_t;


typedef struct {
    int64_t                 time;
    int64_t                 pos;           /* of its tag */
} ngx_recording_journal_key_t;


/* moov does not fit: the media data is to be moved, or was */

typedef struct {
    uint64_t                size;          /* of the file before */
    uint64_t                shift;         /* by so much in all */
    uint64_t                moved;         /* by so much before */
} ngx_recording_journal_mp4_t;


/* as of the beginning of the open segment */

typedef struct {
    int64_t                 end;           /* of the playlist, bytes */
    int64_t                 target_pos;    /* of its target duration there */
    int64_t                 target;        /* that, s */
    uint64_t                version;       /* the next one of PAT and PMT */
    uint64_t                number;        /* of the segment */
    int64_t                 start;         /* its first DTS */
    uint64_t                marked;        /* a discontinuity is before it */
    uint64_t                size;          /* of the segments before it */
    uint64_t                written;       /* frames in those */
    int64_t                 anchor;        /* a PTS, and the wall clock that
                                              is its date, us */
    int64_t                 wall;
    int64_t                 shift;         /* of times in segments */
    int64_t                 shown;         /* the segment's first PTS */
} ngx_recording_journal_hls_t;


typedef struct {
    uint64_t                samples;       /* frames in the segments before */
    int64_t                 last;          /* DTS of the last frame */
} ngx_recording_journal_count_t;


typedef struct {
    uint32_t                pid;
    uint32_t                counter;       /* of its last packet */
} ngx_recording_journal_counter_t;


/* --- what is alone in its record */

typedef struct {
    int64_t                 at;            /* in the file */
    int64_t                 length;
} ngx_recording_journal_gap_t;


typedef struct {
    uint64_t                n;             /* gaps without a place */
    int64_t                 length;        /* of all of those */
} ngx_recording_journal_more_t;


typedef struct {
    uint64_t                state;         /* ngx_recording_mux_edit_e */
    int64_t                 origin;        /* where players begin, or 0 */
} ngx_recording_journal_edit_t;


/*
 * --- version 1
 *
 *     FACTS_1    facts_1; the strings, one after the other; then, but not in
 *                the first releases, 64 bits of length and the listen addresses
 *     MEDIA_1    for each of two tracks media_1 and its header message
 *     STATE_1    state_1, and what the format keeps
 *     SHOWN_1    for each of two tracks shown_1; state_1; what the format keeps
 *     REFUSED_1  64 bits: frames that were dropped as the format refuses them
 *
 *     FLV keeps flv_1 and the keys, MP4 what it keeps now, HLS hls_1, in the
 *     first releases without the last two fields.
 */

#define NGX_RECORDING_JOURNAL_STRINGS_1  6
#define NGX_RECORDING_JOURNAL_TRACKS_1   2
#define NGX_RECORDING_JOURNAL_DROPS_1    5
#define NGX_RECORDING_JOURNAL_PIDS_1     8


typedef struct {
    uint64_t                version;       /* 1 */
    uint64_t                id;
    uint64_t                recording_id;
    uint64_t                random;
    int64_t                 start;
    int64_t                 segment;
    int64_t                 resume;
    int64_t                 offset;
    uint64_t                local;
    char                    format[8];     /* its name, and zeros */
    uint64_t                len[NGX_RECORDING_JOURNAL_STRINGS_1];
} ngx_recording_journal_facts_1_t;


typedef struct {
    uint64_t                present;
    uint32_t                codec;
    uint32_t                width;
    uint32_t                height;
    uint32_t                nal_length;
    uint32_t                sample_rate;
    uint32_t                channels;
    uint32_t                samples;
    uint32_t                unused;
    uint64_t                body;
    uint64_t                len;           /* of the header message */
} ngx_recording_journal_media_1_t;


typedef struct {
    int64_t                 pos;
    int64_t                 wall;
    int64_t                 first;
    int64_t                 last[NGX_RECORDING_JOURNAL_TRACKS_1];
    int64_t                 step[NGX_RECORDING_JOURNAL_TRACKS_1];
    uint64_t                samples[NGX_RECORDING_JOURNAL_TRACKS_1];
    uint64_t                written;
    uint64_t                dropped[NGX_RECORDING_JOURNAL_DROPS_1];
} ngx_recording_journal_state_1_t;


typedef struct {
    int64_t                 first;
    int64_t                 high;
    int64_t                 odd;
    int64_t                 before;
} ngx_recording_journal_shown_1_t;


typedef struct {
    u_char                  first[NGX_RECORDING_JOURNAL_TRACKS_1][5];
    u_char                  unused[6];
    uint64_t                stride;
    uint64_t                seen;
    uint64_t                from;
} ngx_recording_journal_flv_1_t;


typedef struct {
    uint16_t                pid;
    uint8_t                 counter;
    uint8_t                 unused;
} ngx_recording_journal_pid_1_t;


typedef struct {
    int64_t                 end;
    int64_t                 target_pos;
    int64_t                 target;
    ngx_recording_journal_pid_1_t  pids[NGX_RECORDING_JOURNAL_PIDS_1];
    uint64_t                npids;
    uint64_t                version;
    uint64_t                number;
    int64_t                 start;
    uint64_t                marked;
    uint64_t                size;
    uint64_t                written;
    uint64_t                samples[NGX_RECORDING_JOURNAL_TRACKS_1];
    int64_t                 last[NGX_RECORDING_JOURNAL_TRACKS_1];
    int64_t                 anchor;
    int64_t                 wall;
    int64_t                 shift;         /* 0 where they are missing, and */
    int64_t                 shown;         /* start */
} ngx_recording_journal_hls_1_t;


/* a record of parts that is to be written */

#define NGX_RECORDING_JOURNAL_PARTS  16

typedef struct {
    ngx_recording_iov_t           iov;     /* the first one is for the head */
    ngx_uint_t                    n;
    ngx_recording_journal_part_t  parts[NGX_RECORDING_JOURNAL_PARTS];
} ngx_recording_journal_record_t;


/* a body that is read, from the next part on */

typedef struct {
    u_char                 *p;
    size_t                  size;          /* of the rest */
    ngx_uint_t              version;       /* 1: the rest is one part, and has
                                              no head */
} ngx_recording_journal_parts_t;


typedef struct {
    ngx_uint_t              n;
    size_t                  size;
    u_char                 *p;
} ngx_recording_journal_list_t;


/* begins a record; appends a part of n entries of size bytes */
void ngx_recording_journal_layout_begin(
    ngx_recording_journal_record_t *record);
void ngx_recording_journal_layout_add(ngx_recording_journal_record_t *record,
    void *p, size_t n, size_t size);

/*
 * Reads a part.  One that is missing has no entries.  NGX_DECLINED: the body
 * ends within it.
 */
ngx_int_t ngx_recording_journal_layout_next(
    ngx_recording_journal_parts_t *parts, ngx_recording_journal_list_t *list);

/* an entry of a part, as far as it is there; the rest of size bytes is zero */
void ngx_recording_journal_layout_get(ngx_recording_journal_list_t *list,
    ngx_uint_t i, void *entry, size_t size);

/* both, for a part of one entry */
ngx_int_t ngx_recording_journal_layout_take(
    ngx_recording_journal_parts_t *parts, void *entry, size_t size);


#endif /* _NGX_RECORDING_JOURNAL_LAYOUT_H_INCLUDED_ */
