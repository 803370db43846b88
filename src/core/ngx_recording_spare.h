
/*
 * Spare descriptors: the process keeps some open that nobody needs, so that
 * what is to be opened can be although connections have taken all others.
 * What is closed then is a spare one again, before anyone else may have it.
 *
 * Pool threads, but for the first call.
 */


#ifndef _NGX_RECORDING_SPARE_H_INCLUDED_
#define _NGX_RECORDING_SPARE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * From now on n of them are wanted.  Without this call there are none, and the
 * others do nothing.
 */
void ngx_recording_spare_keep(ngx_uint_t n);

/* one more is wanted, and one less, which closes what is too much */
void ngx_recording_spare_more(void);
void ngx_recording_spare_less(void);

/* opens those that are missing, as far as they can be had; how many are not */
ngx_uint_t ngx_recording_spare_fill(void);

/* closes one for what is opened next; 0: none is left */
ngx_uint_t ngx_recording_spare_give(void);

/*
 * Replaces what the caller closes by a spare one, in one step.  0: none is
 * missing, and fd is still open.
 */
ngx_uint_t ngx_recording_spare_take(int fd);


#endif /* _NGX_RECORDING_SPARE_H_INCLUDED_ */
