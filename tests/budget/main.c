/* confab-budget: what a message costs in instructions and in allocations.
 *
 * Time on a shared machine is noise, instructions are not: this program drives confab's own code
 * through its hot paths, a fixed number of times each, without threads and without chance, and two
 * runs count the same. scripts/budget.sh runs it under callgrind and compares with budget.txt;
 * alone it counts only the allocations. Prints `path operations allocations`, a line for each path.
 *
 * What counts depends on who compiled it: the same source with clang 14 -O2 instead of gcc 12 -O2
 * takes between 0.78 and 1.20 times as many instructions, path by path, and as many allocations.
 * So the program says what it was made with, and numbers are compared with those of a like one. */
#include "count.h"
#include "paths.h"

#include "confab/base/base.h"

#include <event2/event.h>
#include <gnu/libc-version.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <sys/utsname.h>

/* `with COMPILER MACHINE LIBRARIES…` */
static void say_with(void)
{
#ifdef __clang__
    const char *compiler = "clang";
    const int version = __clang_major__;
#else
    const char *compiler = "gcc";
    const int version = __GNUC__;
#endif
    struct utsname machine;
    BUG_ON(uname(&machine) != 0);
    printf("with %s-%d %s glibc-%s jansson-%s hiredis-%d.%d libevent-%s libwebsockets-%d.%d\n",
           compiler, version, machine.machine, gnu_get_libc_version(), jansson_version_str(),
           HIREDIS_MAJOR, HIREDIS_MINOR, event_get_version(), LWS_LIBRARY_VERSION_MAJOR,
           LWS_LIBRARY_VERSION_MINOR);
}

int main(void)
{
    count_init();
    say_with();
    paths_alone();
    paths_world();
    return 0;
}
