/* What an archive does when there is time. */
#include "state.h"

enum sink_status sqlite_upkeep(void *sink, int64_t budget_us, bool *more)
{
    (void)sink;
    (void)budget_us;
    *more = false;
    return SINK_OK;
}
