
/*
 * Paths of recorded files: a template with placeholders, compiled once and
 * rendered for each file.
 *
 * Pure: no nginx runtime, any thread.  A template points into the string that
 * it was compiled from; a rendered path is written to the caller's buffer.
 */


#ifndef _NGX_RECORDING_PATH_H_INCLUDED_
#define _NGX_RECORDING_PATH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_PATH_PARTS      64
#define NGX_RECORDING_PATH_VALUE      200   /* bytes of a network value */
#define NGX_RECORDING_PATH_COMPONENT  220   /* room for suffix, extension */
#define NGX_RECORDING_PATH_MAX        2048

#define NGX_RECORDING_PATH_DEFAULT                                           \
    "{AppName}/{StreamID}/{StartYear}-{StartMonth}-{StartDay}-{StartHour}-"  \
    "{StartMinute}-{StartSecond}-{RandomID}"


typedef struct {
    ngx_uint_t              kind;          /* 0 is literal text */
    ngx_str_t               text;
} ngx_recording_path_part_t;


typedef struct {
    ngx_uint_t              nparts;
    ngx_recording_path_part_t  parts[NGX_RECORDING_PATH_PARTS];
    ngx_str_t               end;           /* the first {End...}, if any */
} ngx_recording_path_t;


typedef struct {
    ngx_uint_t              local;         /* the system's zone */
    ngx_int_t               offset;        /* else seconds east of UTC */
} ngx_recording_zone_t;


typedef struct {
    ngx_str_t               app;           /* raw */
    ngx_str_t               stream;
    ngx_str_t               domain;
    const char             *format;
    uint64_t                recording_id;
    uint64_t                random;
    int64_t                 start;         /* wall clock, us */
    int64_t                 end;
    ngx_recording_zone_t    zone;
} ngx_recording_path_values_t;


/* seconds by which the zone is ahead of UTC at a wall clock time */
int64_t ngx_recording_path_offset(int64_t us, ngx_recording_zone_t *zone);

/*
 * The number of the interval of so many ms that a wall clock time is in,
 * counted from each midnight of the zone on; days go on counting.
 */
int64_t ngx_recording_path_slot(int64_t us, ngx_recording_zone_t *zone,
    int64_t interval);

/*
 * Compiles a template.  NGX_ERROR: *err is what is wrong, a constant, and
 * *at the part of the text that it is about.
 */
ngx_int_t ngx_recording_path_compile(ngx_recording_path_t *path,
    ngx_str_t *text, const char **err, ngx_str_t *at);

/* how long it can grow, in bytes, without suffix and extension */
size_t ngx_recording_path_longest(const ngx_recording_path_t *path);

/*
 * Renders a path without extension, at most NGX_RECORDING_PATH_MAX bytes and
 * a null character, and returns its length.
 */
size_t ngx_recording_path_render(ngx_recording_path_t *path,
    ngx_recording_path_values_t *v, u_char *buf);

/*
 * Makes a value from the network safe as a part of a path: at most
 * NGX_RECORDING_PATH_VALUE bytes are written.  Returns their end.
 */
u_char *ngx_recording_path_safe(u_char *dst, u_char *p, size_t len);

/* the length of the valid UTF-8 character at p, 0 if there is none; len > 0 */
size_t ngx_recording_path_char(u_char *p, size_t len);

/* percent-encodes a path for a URL, 3 * len bytes at most; returns the end */
u_char *ngx_recording_path_escape(u_char *dst, u_char *p, size_t len);


#endif /* _NGX_RECORDING_PATH_H_INCLUDED_ */
