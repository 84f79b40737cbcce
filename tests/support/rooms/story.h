/* Rooms with an owner in a store: each call waits for the answer, and copies it. */
#ifndef TESTS_SUPPORT_ROOMS_STORY_H
#define TESTS_SUPPORT_ROOMS_STORY_H

#include "confab/store/rooms.h"
#include "support/store.h"

struct test_act {
    unsigned count;
    enum store_status status;
    const char *error; /* DENIED: as on the wire; else "" */
    char epoch[33], id[33], json[65536];
    uint64_t seq, version;
    int64_t until_ms, retry_after_ms; /* retry_after_ms of access: banned_ms */
    char guard[32], may[600], next[600], room[300];
};

/* actor "*": the administrator. The words, then NULL. The event is {"seq":N,"act":"ACT","ts":T}. */
struct test_act test_room_act(struct test_store *t, const char *actor, const char *act,
                              const char *room, ...) REQUIRES(on_hub);
/* The same with a cid, and what the caller knows (NULL: nothing). */
struct test_act test_room_act_as(struct test_store *t, const char *actor, const char *act,
                                 const char *room, const char *cid, const struct store_known *known,
                                 const char *const *words) REQUIRES(on_hub);
/* Without waiting: 0, and *out is written later. */
int test_room_act_start(struct test_store *t, const char *actor, const char *act, const char *room,
                        const char *cid, const struct store_known *known, const char *const *words,
                        struct test_act *out) REQUIRES(on_hub);
struct test_act test_access(struct test_store *t, const char *room, const char *known_guard,
                            const char *names) REQUIRES(on_hub);
struct test_act test_invite_use(struct test_store *t, const char *code, const char *room,
                                const char *user) REQUIRES(on_hub);
int test_invite_use_start(struct test_store *t, const char *code, const char *room,
                          const char *user, struct test_act *out) REQUIRES(on_hub);
typedef int test_list_fn(struct store *s, const struct store_list_query *q, store_list_fn *done,
                         void *arg);
struct test_act test_list(struct test_store *t, test_list_fn *list,
                          const struct store_list_query *q) REQUIRES(on_hub);
/* The text of a JSON field "name":"TEXT" in what was answered, in a buffer that the next call
 * overwrites; "" when there is none. */
const char *test_act_text(const struct test_act *a, const char *name);

#endif
