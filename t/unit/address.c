
/* Addresses that a URL of a call may lead to. */

#include "tap.h"
#include "stubs.h"
#include "ngx_recording_address.h"
#include <arpa/inet.h>


static void address_text(void);
static void address_socket(void);


int
main(void)
{
    address_text();
    address_socket();

    return tap_done();
}


static void
address_text(void)
{
    size_t       i;
    ngx_str_t    host;

    static const struct {
        const char               *text;
        ngx_recording_address_e   what;
    } tests[] = {
        { "8.8.8.8", NGX_RECORDING_ADDRESS_PUBLIC },
        { "172.15.255.255", NGX_RECORDING_ADDRESS_PUBLIC },
        { "172.32.0.0", NGX_RECORDING_ADDRESS_PUBLIC },
        { "100.63.255.255", NGX_RECORDING_ADDRESS_PUBLIC },
        { "223.255.255.255", NGX_RECORDING_ADDRESS_PUBLIC },
        { "10.0.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "100.64.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "100.127.255.255", NGX_RECORDING_ADDRESS_PRIVATE },
        { "127.0.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "127.255.255.254", NGX_RECORDING_ADDRESS_PRIVATE },
        { "172.16.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "172.31.255.255", NGX_RECORDING_ADDRESS_PRIVATE },
        { "192.168.1.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "198.19.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "203.0.113.7", NGX_RECORDING_ADDRESS_PRIVATE },
        { "0.0.0.0", NGX_RECORDING_ADDRESS_NEVER },
        { "0.1.2.3", NGX_RECORDING_ADDRESS_NEVER },
        { "169.254.169.254", NGX_RECORDING_ADDRESS_NEVER },
        { "224.0.0.1", NGX_RECORDING_ADDRESS_NEVER },
        { "255.255.255.255", NGX_RECORDING_ADDRESS_NEVER },
        { "2606:4700::1", NGX_RECORDING_ADDRESS_PUBLIC },
        { "::1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "fd00:ec2::254", NGX_RECORDING_ADDRESS_PRIVATE },
        { "fc00::1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "fec0::1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "2001:db8::1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "::", NGX_RECORDING_ADDRESS_NEVER },
        { "fe80::1", NGX_RECORDING_ADDRESS_NEVER },
        { "febf::1", NGX_RECORDING_ADDRESS_NEVER },
        { "ff02::1", NGX_RECORDING_ADDRESS_NEVER },

        /* what is in it counts */
        { "::ffff:8.8.8.8", NGX_RECORDING_ADDRESS_PUBLIC },
        { "::ffff:127.0.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "::ffff:a9fe:a9fe", NGX_RECORDING_ADDRESS_NEVER },
        { "::ffff:0:10.0.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "::10.0.0.1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "::8.8.8.8", NGX_RECORDING_ADDRESS_PUBLIC },
        { "64:ff9b::808:808", NGX_RECORDING_ADDRESS_PUBLIC },
        { "64:ff9b::7f00:1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "64:ff9b::a9fe:a9fe", NGX_RECORDING_ADDRESS_NEVER },
        { "64:ff9b:1::808:808", NGX_RECORDING_ADDRESS_NEVER },
        { "2002:808:808::1", NGX_RECORDING_ADDRESS_PUBLIC },
        { "2002:7f00:1::1", NGX_RECORDING_ADDRESS_PRIVATE },
        { "2002:a9fe:a9fe::1", NGX_RECORDING_ADDRESS_NEVER },
        { "2001:0:808:808::f7f7:f7f7", NGX_RECORDING_ADDRESS_PUBLIC },
        { "2001:0:808:808::5601:5601", NGX_RECORDING_ADDRESS_NEVER },

        /* names */
        { "localhost", NGX_RECORDING_ADDRESS_PRIVATE },
        { "LocalHost", NGX_RECORDING_ADDRESS_PRIVATE },
        { "a.localhost", NGX_RECORDING_ADDRESS_PRIVATE },
        { "alocalhost", NGX_RECORDING_ADDRESS_PUBLIC },
        { "localhost.example.com", NGX_RECORDING_ADDRESS_PUBLIC },
        { "a", NGX_RECORDING_ADDRESS_PUBLIC },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        host.data = (u_char *) tests[i].text;
        host.len = strlen(tests[i].text);

        is(ngx_recording_address_host(&host), tests[i].what, "%s",
           tests[i].text);
    }
}


/* what a connection is made to */

static void
address_socket(void)
{
    struct sockaddr      any;
    struct sockaddr_in   four;
    struct sockaddr_in6  six;

    memset(&any, 0, sizeof(any));
    memset(&four, 0, sizeof(four));
    memset(&six, 0, sizeof(six));

    any.sa_family = AF_UNIX;
    four.sin_family = AF_INET;
    six.sin6_family = AF_INET6;

    (void) inet_pton(AF_INET, "192.168.0.1", &four.sin_addr);
    (void) inet_pton(AF_INET6, "::ffff:169.254.1.1", &six.sin6_addr);

    is(ngx_recording_address(&any), NGX_RECORDING_ADDRESS_NEVER,
       "a socket that has no address");
    is(ngx_recording_address((struct sockaddr *) &four),
       NGX_RECORDING_ADDRESS_PRIVATE, "IPv4");
    is(ngx_recording_address((struct sockaddr *) &six),
       NGX_RECORDING_ADDRESS_NEVER, "IPv6");
}
