
/*
 * Addresses that a URL of somebody else may lead to, or not.
 *
 * Pure, any thread.
 */


#ifndef _NGX_RECORDING_ADDRESS_H_INCLUDED_
#define _NGX_RECORDING_ADDRESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* in this order: what is allowed is what is at most so much */

typedef enum {
    NGX_RECORDING_ADDRESS_PUBLIC = 0,      /* of the internet */
    NGX_RECORDING_ADDRESS_PRIVATE,         /* this machine, or networks that are
                                              nobody else's */
    NGX_RECORDING_ADDRESS_NEVER            /* this link, as where clouds tell
                                              machines their secrets; many at a
                                              time; none at all */
} ngx_recording_address_e;


/* one that has another one in it, as of IPv4 in IPv6, is what both are at
   least */
ngx_recording_address_e ngx_recording_address(const struct sockaddr *sa);

/*
 * The same of the host of a URL, without brackets, as far as its text tells:
 * an address, or "localhost" and names below it.  A name of which nothing is
 * known is PUBLIC.
 */
ngx_recording_address_e ngx_recording_address_host(const ngx_str_t *host);


#endif /* _NGX_RECORDING_ADDRESS_H_INCLUDED_ */
