/* A store as one instance has it, with a record of what it says. Several share one event base. */
#ifndef TESTS_SUPPORT_STORE_H
#define TESTS_SUPPORT_STORE_H

#include "confab/store/store.h"
#include "support/redis.h"

struct test_store {
    struct event_base *base;
    struct settings settings;
    struct stats stats;
    struct store *store;
    struct str log;  /* what arrived, one line each: "room general m EPOCH 1 {…}" */
    char states[16]; /* first letters of the states it went through: C S M D d w R */
    unsigned bus_ups;
};

/* Settings have small defaults that a test may change before test_store_start(). */
void test_store_init(struct test_store *t, struct event_base *base, char instance);
void test_store_start(struct test_store *t, struct test_redis *redis) REQUIRES(on_hub);
void test_store_ready(struct test_store *t) REQUIRES(on_hub); /* waits until it is */
/* An instance with another rate limit, in its place: not subscribed to anything. */
void test_store_limit(struct test_store *t, struct test_redis *redis, int64_t messages)
    REQUIRES(on_hub);
void test_store_fini(struct test_store *t) REQUIRES(on_hub);
/* An instance on a Redis and an event base of its own, not started yet. */
void test_alone_init(struct test_redis *redis, struct event_base **base, struct test_store *a)
    REQUIRES(on_hub);
void test_alone_fini(struct test_redis *redis, struct event_base *base, struct test_store *a)
    REQUIRES(on_hub);
/* Two instances, both ready, on a Redis of their own and one event base. */
void test_stores_init(struct test_redis *redis, struct event_base **base, struct test_store *a,
                      struct test_store *b) REQUIRES(on_hub);
void test_stores_fini(struct test_redis *redis, struct event_base *base, struct test_store *a,
                      struct test_store *b) REQUIRES(on_hub);
/* Subscribes and waits for the confirmation. */
void test_store_subscribe(struct test_store *t, enum store_channel channel, const char *name)
    REQUIRES(on_hub);
bool test_store_saw(const struct test_store *t, const char *text);
unsigned test_store_saw_times(const struct test_store *t, const char *text);

/* Runs the loop until the condition holds; fails after the deadline. The store's ticker wakes
 * the loop at least once per second. */
#define WAIT_UNTIL(base, condition)                                                                \
    do {                                                                                           \
        const int64_t deadline_ = clock_mono_ms() + TEST_DEADLINE_MS;                              \
        while (!(condition)) {                                                                     \
            if (clock_mono_ms() > deadline_)                                                       \
                fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #condition);                      \
            event_base_loop((base), EVLOOP_ONCE);                                                  \
        }                                                                                          \
    } while (0)

/* Answers, copied. Each `count` says how often `done` was called. */
struct test_published {
    unsigned count;
    enum store_status status;
    char epoch[33], id[33];
    uint64_t seq;
    int64_t timestamp_ms, retry_after_ms;
    enum error_code error;
};
void test_published(void *arg, const struct store_published *r);

struct test_messages {
    unsigned count;
    enum store_status status;
    char epoch[33], fence[65];
    uint64_t seq, first_seq, epoch_first;
    size_t messages;
    bool more;
    char first[256], last[256];
    char guard[33];
    enum error_code error;
    int64_t retry_after_ms;
    uint64_t version;
};
void test_messages(void *arg, const struct store_messages *r);

struct test_claimed {
    unsigned count;
    enum store_status status;
    char tops[256]; /* "@bob 3 @eve 1" */
};
void test_claimed(void *arg, const struct store_claimed *r);

struct test_roster {
    unsigned count;
    enum store_status status;
    bool listed;
    char members[1024];
    uint64_t users;
};
void test_roster(void *arg, const struct store_roster *r);

/* A message of `user` to a room, or with room NULL to the user `to`; waits for the answer. The
 * JSON is {"seq":N,"x":"TEXT","ts":T}. known may be NULL. */
struct test_published test_store_publish(struct test_store *t, const char *user, const char *room,
                                         const char *to, const char *cid, const char *text,
                                         const struct store_known *known) REQUIRES(on_hub);
/* The same without waiting: the store's own answer. */
int test_store_publish_start(struct test_store *t, const char *user, const char *room,
                             const char *to, const char *cid, const char *text,
                             const struct store_known *known, struct test_published *out)
    REQUIRES(on_hub);
/* The same with names that it mentions, joined by '\n'. */
int test_store_mention_start(struct test_store *t, const char *user, const char *room,
                             const char *to, const char *cid, const char *text,
                             const char *mentions, const struct store_known *known,
                             struct test_published *out) REQUIRES(on_hub);
struct test_messages test_store_load(struct test_store *t, const char *room,
                                     const struct store_known *known) REQUIRES(on_hub);
struct test_messages test_store_page(struct test_store *t, const char *stream, const char *viewer,
                                     uint64_t before, unsigned limit) REQUIRES(on_hub);
struct test_claimed test_store_claim(struct test_store *t, const char *user, const char *session)
    REQUIRES(on_hub);
struct test_roster test_store_roster(struct test_store *t, const char *room) REQUIRES(on_hub);

#endif
