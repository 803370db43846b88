
/*
 * LD_PRELOAD for tests under LeakSanitizer: modules stay where they are until
 * the end of a process, so that what they have left can be named.
 */


int dlclose(void *handle);


int
dlclose(void *handle)
{
    (void) handle;

    return 0;
}
