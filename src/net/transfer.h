/* Files over HTTP: uploads, downloads, removals, between libwebsockets and the threads of filer.h.
 * Net thread. */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include "filer.h"
#include "http.h"

/* A job is done: borrows nothing, may end t. */
void transfer_worked(struct net *n, struct transfer *t) REQUIRES(on_net);
/* The session ends. */
void transfer_gone(struct session *s) REQUIRES(on_net);
/* The answer is out: lets go of the transfer. */
void transfer_done(struct session *s) REQUIRES(on_net);
/* HTTP_WRITEABLE of a session with a transfer: the callback's result. */
int transfer_writeable(struct session *s) REQUIRES(on_net);
/* The session's turn to write has to come. */
void transfer_ready(struct session *s) REQUIRES(on_net);
/* Gives the transfer to its thread; nothing is read meanwhile. */
void transfer_work(struct session *s, enum file_job job) REQUIRES(on_net);
/* The error that a result is. The callback's result. */
int transfer_refuse(struct session *s, enum file_result result) REQUIRES(on_net);

/* upload.c */
int upload_take(struct session *s, const void *in, size_t size) REQUIRES(on_net);
int upload_completed(struct session *s) REQUIRES(on_net);
void upload_step(struct session *s, struct transfer *t) REQUIRES(on_net);
int upload_answer(struct session *s, struct transfer *t) REQUIRES(on_net);
/* download.c */
int download_write(struct session *s, struct transfer *t) REQUIRES(on_net);

#endif
