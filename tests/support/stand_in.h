/* A stand-in for an archive's file: remembers what is written, and fails when it is told to. */
#ifndef TESTS_SUPPORT_STAND_IN_H
#define TESTS_SUPPORT_STAND_IN_H

#include "confab/archive/sink.h"
#include "confab/base/roles.h"
#include "confab/base/str.h"

#define STAND_IN_ID "00000000000000aa"

/* There is one. The archive's threads use it under the lock. */
struct stand_in {
    struct lock lock;
    struct str rows; /* "STREAM EPOCH SEQ JSON;" */
    char entry[SINK_ENTRY_BYTES + 1];
    enum sink_status open_status, write_status, page_status;
    unsigned opened, open_now, batches;
    size_t batch_most;
    unsigned accounts; /* u0000, u0001 … */
    bool page_waits;   /* a page is not answered until this is false */
};
extern struct stand_in stand_in;
extern const struct archive_sink stand_in_sink;

void stand_in_init(void);
void stand_in_reset(void); /* as new, for the next test */
void stand_in_fini(void);
/* From now on that is the answer of opening, writing or reading. */
void stand_in_tell(enum sink_status *status, enum sink_status value);

#endif
