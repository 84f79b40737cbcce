/* Argon2id (RFC 9106) in threads of its own, since one hash takes 19 MiB and 20 ms: chat must
 * not wait for it.
 *
 *   hub ─ passwords_push ─→ ring ─ password-N ─→ done (pipe-backed) ─→ hub
 *
 * The ring is bounded by PASSWORD_QUEUE: more is refused at once. */
#ifndef CONFAB_BASE_PASSWORDS_H
#define CONFAB_BASE_PASSWORDS_H

#include "confab/base/queue.h"
#include "confab/base/settings.h"
#include "confab/base/stats.h"

enum { PHC_BYTES = 128 }; /* a PHC string with its NUL: $argon2id$v=19$m=…,t=…,p=1$SALT$HASH */

enum password_job_kind { PASSWORD_HASH, PASSWORD_VERIFY };

struct password_job {
    enum password_job_kind kind;
    char *password;      /* own, NUL-terminated; wiped and freed by password_job_free() */
    char phc[PHC_BYTES]; /* VERIFY: what to compare with; "" compares with a dummy, at the same
                            cost. HASH: the result */
    bool good;           /* VERIFY: the password is right; never with the dummy */
    bool outdated;       /* VERIFY: good, but made with other parameters: hash it again */
    int error;           /* 0; -ENOMEM: the memory was not to be had; -ECANCELED: stopped before */
    int64_t pushed_mono_ms; /* set by passwords_push() */
    void *arg;              /* the caller's */
};

/* Returns new. password: copied. phc NULL: a job that hashes. Any thread. */
struct password_job *password_job_new(const char *password, const char *phc, void *arg) MUST_USE;
void password_job_free(struct password_job *job); /* NULL is fine */

struct passwords;

/* done takes finished jobs; its bound is at least PASSWORD_QUEUE + PASSWORD_THREADS. Borrows all
 * three. Makes the dummy, which takes as long as any hash. NULL with a line in the log when
 * there is no memory for it. */
struct passwords *passwords_new(const struct settings *settings, struct stats *stats,
                                struct queue *done) REQUIRES(on_main) MUST_USE;
/* Starts PASSWORD_THREADS threads. 0 or a negative errno: then none runs. */
int passwords_start(struct passwords *p) REQUIRES(on_main) MUST_USE;
/* Takes job on success. 0, or -EAGAIN when PASSWORD_QUEUE jobs wait or after passwords_stop().
 * Any thread, never blocks. */
int passwords_push(struct passwords *p, struct password_job *job) MUST_USE;
/* Jobs that wait come back with error -ECANCELED, those under way are finished; joins. Twice is
 * fine, and without a start. Any thread but the workers. */
void passwords_stop(struct passwords *p);
void passwords_free(struct passwords *p); /* after passwords_stop(); NULL is fine */

#endif
