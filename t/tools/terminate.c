
/* nginx ends at once: not in what is made of some folders only */

#include <signal.h>


sig_atomic_t  ngx_terminate;
