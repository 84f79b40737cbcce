/* The threads of one client and what they wait for. Private to src/pump. */
#ifndef PUMP_PUMPS_H
#define PUMP_PUMPS_H

#include "confab/pump/client.h"

struct pumps {
    struct lock lock; /* also guards the client's boxes */
    pthread_cond_t read, write;
    pthread_t reader, writer;
    bool has_reader, has_writer;
    unsigned ended; /* port.ended that arrived; net thread */

    /* under lock */
    bool ending;
    bool paused;      /* the net thread found the inbox full and waits for port.resume */
    bool stepping;    /* the reader is in its step */
    bool stalled;     /* the reader waits for env->flow */
    bool handed_over; /* a batch is with the net thread; the writer waits for it to leave */
};

/* Of the client's boxes: nothing to lock when the net thread runs the steps itself. */
void client_lock(struct client *c);
void client_unlock(struct client *c);

/* The oldest message of the inbox; the caller frees it. NULL when there is none. */
struct text *client_next_text(struct client *c);

#endif
