
/*
 * A file with the credentials of a bucket, in the form that AWS's programs
 * share: profiles, of which `default` is used, with the lines
 * aws_access_key_id, aws_secret_access_key and, for some time only,
 * aws_session_token.
 *
 * Any thread, but those of _thread block.  What they say why something is
 * wrong has nothing of the file.
 */


#ifndef _NGX_RECORDING_CREDENTIALS_H_INCLUDED_
#define _NGX_RECORDING_CREDENTIALS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_RECORDING_CREDENTIALS_FILE  65536    /* bytes, at most */


typedef struct {
    ngx_str_t               access;        /* of ->text, or of what was given */
    ngx_str_t               secret;
    ngx_str_t               token;         /* empty: none */

    u_char                 *text;          /* the file, of malloc(); NULL: it
                                              was not read by this */
    size_t                  len;
    struct stat             info;          /* of the file that was read */
} ngx_recording_credentials_t;


/*
 * The strings are parts of the text.  NGX_DECLINED: they are not there, *why
 * tells, a constant.
 */
ngx_int_t ngx_recording_credentials_parse(u_char *text, size_t len,
    ngx_recording_credentials_t *c, const char **why);

/*
 * NGX_OK: they are to be freed; NGX_DECLINED: the file was read, and has none
 * that can be used; NGX_ERROR: it cannot be read.
 */
ngx_int_t ngx_recording_credentials_read_thread(const char *file,
    ngx_recording_credentials_t *c, char *error, size_t size);

/* and nothing of them stays in memory; may be called twice */
void ngx_recording_credentials_free(ngx_recording_credentials_t *c);


#endif /* _NGX_RECORDING_CREDENTIALS_H_INCLUDED_ */
