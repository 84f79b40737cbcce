/* Rooms without Redis and without sockets: the store and the port are stand-ins that write down
 * what they were asked, so that every order of events can be tried. The functions are the words
 * of a story about room tea, in epoch e1 unless it says otherwise. */
#ifndef TESTS_SUPPORT_ROOM_STORY_H
#define TESTS_SUPPORT_ROOM_STORY_H

#include "confab/store/rooms.h"
#include "hub/state.h"
#include "support/test.h"

enum { TOLD_ACCESSES = 64 };
struct told_access {
    store_access_fn *done;
    void *arg;
    struct str names; /* with ' ' between */
};

/* What the store was asked. */
struct told {
    store_messages_fn *load_done;
    void *load_arg;
    int loads;
    uint64_t load_known; /* the number that Redis must not have lost */
    store_published_fn *published_done;
    void *published_arg;
    int acts;
    uint64_t act_target; /* number of the message that the last one is about */
    bool act_old;        /* it came with what an archive said */
    store_roster_fn *roster_done;
    void *roster_arg;
    store_tops_fn *tops_done;
    void *tops_arg;
    size_t tops_asked;
    char subscribed[64], left[64], refreshed[64];
    int unsubscribed;
    bool takes_pages; /* else store_page() has no connection */
    store_messages_fn *page_done;
    void *page_arg;
    uint64_t page_before;
    unsigned page_limit;
    int asks;         /* of an archive, here or elsewhere */
    struct str asked; /* elsewhere: the last one */
    uint64_t ask_id;
    int ask_error;
    store_asked_fn *ask_done;
    void *ask_arg;
    struct archive_ask *archive_ask; /* here: the last one */
    bool archive_full;
    struct queue answers;
    int served;
    const char *guard; /* of tea, as lists bring it; NULL: none */
    uint64_t version;
    struct told_access accesses[TOLD_ACCESSES]; /* questions who may be in, the oldest first */
    int access_count, access_error;
};
extern struct told store;
extern struct str wire; /* what the port was asked to do, in order */
extern struct str sent; /* the last frame to one peer, with ' for " */
extern int sent_status; /* its http_status */
extern struct stats stats;
extern struct hub *hub;

int setup(void **state);
int teardown(void **state);
struct peer *somebody(const char *name);
void gone(struct peer *p);
/* Alice is in tea, numbers 1 … top are out. */
struct peer *alice_in_tea(int top);
void says(const char *expected); /* all that went over the wire since the last time */
void live(const char *epoch, int seq);
/* Redis answers a load or a page with first … last, of an epoch whose first number is given. */
void answer_list(store_messages_fn *done, void *arg, enum store_status status, const char *epoch,
                 int epoch_first, int first, int last);
/* Redis answers the load: the list holds first … last. */
void list(enum store_status status, const char *epoch, int first, int last);
/* The peer writes a message to tea, Redis stores it under this number. */
void stored(struct peer *p, const char *epoch, const char *fence, int seq);
void roster(const char *members, uint64_t count);
/* Redis was asked about these, and answers the oldest question so: letters as in store_access. */
void may(const char *names, const char *letters);
/* … it has no answer. */
void may_unanswered(const char *names, enum store_status status);
/* An act on tea, as the bus brings it. */
void act(const char *epoch, int seq, int version, const char *guard, const char *lines);
/* The rooms are compared: Redis has this of the only one. */
void compare(enum store_status status, const char *epoch, int64_t seq);

#endif
