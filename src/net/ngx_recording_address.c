
#include "ngx_recording_address.h"


/* the first bits of an address */

typedef struct {
    u_char                  prefix[16];
    ngx_uint_t              bits;
    ngx_recording_address_e what;
} ngx_recording_address_net_t;


/* where an address of IPv4 begins in one of IPv6 */

typedef struct {
    u_char                  prefix[16];
    ngx_uint_t              bits;
    size_t                  at;
    u_char                  mask;          /* of each byte: 0xff, they are
                                              inverted */
} ngx_recording_address_in_t;


static ngx_recording_address_e ngx_recording_address_4(const u_char *p);
static ngx_recording_address_e ngx_recording_address_6(const u_char *p);
static ngx_recording_address_e ngx_recording_address_net(const u_char *p,
    const ngx_recording_address_net_t *net);
static ngx_uint_t ngx_recording_address_is(const u_char *p,
    const u_char *prefix, ngx_uint_t bits);


#define P  NGX_RECORDING_ADDRESS_PRIVATE
#define N  NGX_RECORDING_ADDRESS_NEVER


/* as IANA has them */

static const ngx_recording_address_net_t  ngx_recording_address_nets_4[] = {
    { { 0 }, 8, N },                       /* connects to this machine */
    { { 10 }, 8, P },
    { { 100, 64 }, 10, P },                /* of carriers */
    { { 127 }, 8, P },
    { { 169, 254 }, 16, N },               /* link-local */
    { { 172, 16 }, 12, P },
    { { 192, 0, 0 }, 24, P },              /* of protocols */
    { { 192, 0, 2 }, 24, P },              /* of documentation */
    { { 192, 168 }, 16, P },
    { { 198, 18 }, 15, P },                /* of benchmarks */
    { { 198, 51, 100 }, 24, P },
    { { 203, 0, 113 }, 24, P },
    { { 224 }, 4, N },                     /* multicast */
    { { 240 }, 4, N },                     /* reserved, and broadcast */
    { { 0 }, 0, NGX_RECORDING_ADDRESS_PUBLIC }
};


static const ngx_recording_address_net_t  ngx_recording_address_nets_6[] = {
    { { [15] = 1 }, 128, P },              /* loopback */
    { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, N },  /* NAT64 of this network, which
                                              hides what it leads to */
    { { 0x01, 0x00 }, 64, N },             /* discard */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, P },
    { { 0x3f, 0xff }, 20, P },             /* of documentation, too */
    { { 0x5f, 0x00 }, 16, P },             /* of segment routing */
    { { 0xfc }, 7, P },                    /* unique local */
    { { 0xfe, 0x80 }, 10, N },             /* link-local */
    { { 0xfe, 0xc0 }, 10, P },             /* site-local */
    { { 0xff }, 8, N },                    /* multicast */
    { { 0 }, 0, NGX_RECORDING_ADDRESS_PUBLIC }
};


static const ngx_recording_address_in_t  ngx_recording_address_ins[] = {
    { { [10] = 0xff, [11] = 0xff }, 96, 12, 0 },      /* mapped */
    { { [8] = 0xff, [9] = 0xff }, 96, 12, 0 },        /* translated */
    { { 0, 0x64, 0xff, 0x9b }, 96, 12, 0 },           /* NAT64 */
    { { 0x20, 0x02 }, 16, 2, 0 },                     /* 6to4 */
    { { 0x20, 0x01, 0, 0 }, 32, 12, 0xff },           /* Teredo */
    { { 0 }, 96, 12, 0 },                             /* "compatible" */
    { { 0 }, 0, 0, 0 }
};


#undef P
#undef N


ngx_recording_address_e
ngx_recording_address(const struct sockaddr *sa)
{
    switch (sa->sa_family) {

    case AF_INET:
        return ngx_recording_address_4((u_char *)
                              &((const struct sockaddr_in *) sa)->sin_addr);

#if (NGX_HAVE_INET6)
    case AF_INET6:
        return ngx_recording_address_6(
                  ((const struct sockaddr_in6 *) sa)->sin6_addr.s6_addr);
#endif

    default:
        return NGX_RECORDING_ADDRESS_NEVER;
    }
}


ngx_recording_address_e
ngx_recording_address_host(const ngx_str_t *host)
{
    u_char     six[16];
    size_t     len;
    in_addr_t  four;

    static const char  local[] = "localhost";

    four = ngx_inet_addr(host->data, host->len);

    if (four != INADDR_NONE) {
        return ngx_recording_address_4((u_char *) &four);
    }

    if (ngx_inet6_addr(host->data, host->len, six) == NGX_OK) {
        return ngx_recording_address_6(six);
    }

    /* INADDR_NONE is an address, too */

    if (host->len == sizeof("255.255.255.255") - 1
        && ngx_memcmp(host->data, "255.255.255.255", host->len) == 0)
    {
        return NGX_RECORDING_ADDRESS_NEVER;
    }

    len = sizeof(local) - 1;

    return host->len >= len
           && ngx_strncasecmp(host->data + host->len - len, (u_char *) local,
                              len)
              == 0
           && (host->len == len || host->data[host->len - len - 1] == '.')
           ? NGX_RECORDING_ADDRESS_PRIVATE : NGX_RECORDING_ADDRESS_PUBLIC;
}


static ngx_recording_address_e
ngx_recording_address_4(const u_char *p)
{
    return ngx_recording_address_net(p, ngx_recording_address_nets_4);
}


static ngx_recording_address_e
ngx_recording_address_6(const u_char *p)
{
    u_char                             four[4];
    ngx_uint_t                         i;
    ngx_recording_address_e            what, inner;
    const ngx_recording_address_in_t  *in;

    what = ngx_recording_address_net(p, ngx_recording_address_nets_6);

    if (what == NGX_RECORDING_ADDRESS_PRIVATE) {
        return what;
    }

    for (in = ngx_recording_address_ins; in->at; in++) {

        if (!ngx_recording_address_is(p, in->prefix, in->bits)) {
            continue;
        }

        for (i = 0; i < 4; i++) {
            four[i] = p[in->at + i] ^ in->mask;
        }

        inner = ngx_recording_address_4(four);

        return ngx_max(what, inner);
    }

    return what;
}


static ngx_recording_address_e
ngx_recording_address_net(const u_char *p,
    const ngx_recording_address_net_t *net)
{
    while (!ngx_recording_address_is(p, net->prefix, net->bits)) {
        net++;
    }

    return net->what;
}


static ngx_uint_t
ngx_recording_address_is(const u_char *p, const u_char *prefix,
    ngx_uint_t bits)
{
    u_char  mask;
    size_t  n;

    n = bits / 8;
    mask = (u_char) (0xff00 >> bits % 8);

    return ngx_memcmp(p, prefix, n) == 0
           && (mask == 0 || (p[n] & mask) == (prefix[n] & mask));
}
