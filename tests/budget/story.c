/* A message on its way through an instance. Each step is a turn of the hub or of the net thread,
 * as it happens in production, with what libevent, hiredis and libwebsockets do in it. What
 * stands outside of count_on() … count_off() belongs to clients and to Redis. */
#include "paths.h"

#include "count.h"
#include "redis.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WARM_UP = 3, RESUMED = 100 };

/* The steps, in the order in which one message takes them. */
enum step {
    STEP_IN,      /* net: socket → frame → command → the hub's queue */
    STEP_PUBLISH, /* hub: command → EVALSHA */
    STEP_STORED,  /* hub: what Redis answered → ack */
    STEP_ACK,     /* net: ack → outbox → socket */
    STEP_RECEIVE, /* hub: pub/sub → room → frame → one pointer per net thread */
    STEP_DELIVER, /* net: run → batch → outboxes → sockets */
};

struct talk {
    const char *name; /* of the path */
    struct crowd *crowd;
    unsigned speakers;            /* so many members say one thing each in the same turn */
    const char *says, *says_then; /* with the number of the message in between */
    unsigned hearers;             /* so many members get something of it */
    enum step step;               /* that is counted */
    unsigned rounds;
    bool of_each; /* an operation is a message, not a turn */
};

static struct crowd one, ten, many;

#define STEP(which, turn)                                                                          \
    do {                                                                                           \
        if (t->step == (which))                                                                    \
            count_on();                                                                            \
        turn();                                                                                    \
        if (t->step == (which))                                                                    \
            count_off();                                                                           \
    } while (0)

static void talk_round(const struct talk *t)
{
    static unsigned number;
    char text[256];
    for (unsigned i = 0; i < t->speakers; i++) {
        snprintf(text, sizeof(text), "%s%u%s", t->says, 1000000 + ++number, t->says_then);
        world_say(t->crowd->sockets[i], text);
    }
    STEP(STEP_IN, world_net_turn);
    STEP(STEP_PUBLISH, world_hub_turn);
    redis_take();
    redis_answer();
    STEP(STEP_STORED, world_hub_turn);
    STEP(STEP_ACK, world_net_turn);
    world_hear(t->crowd); /* acks */
    redis_publish();
    STEP(STEP_RECEIVE, world_hub_turn);
    STEP(STEP_DELIVER, world_net_turn);
    BUG_ON(world_hear(t->crowd) != t->hearers);
}

static void count_talk(const struct talk *t)
{
    for (int i = 0; i < WARM_UP; i++)
        talk_round(t);
    count_begin();
    for (unsigned i = 0; i < t->rounds; i++)
        talk_round(t);
    count_end(t->name, t->rounds * (t->of_each ? t->speakers : 1));
}

#define MESSAGE(room)                                                                              \
    "{\"type\":\"message\",\"room\":\"" room "\",\"content\":\"Nobody knew how the kettle had "    \
    "come to the roof, and so they all went up to look at it with a lamp.\",\"cid\":\"c-",         \
        "\"}"
#define PRIVATE                                                                                    \
    "{\"type\":\"private\",\"to\":\"b0001\",\"content\":\"Nobody knew how the kettle had come "    \
    "to the roof, and so they all went up to look at it with a lamp.\",\"cid\":\"c-",              \
        "\"}"
#define READ "{\"type\":\"read\",\"room\":\"ten\",\"seq\":", "}"
#define HEARTBEAT "{\"type\":\"heartbeat\",\"n\":", "}"

static const struct talk talks[] = {
    { "in.message", &one, 1, MESSAGE("one"), 1, STEP_IN, 200, true },
    { "in.message-10", &ten, 10, MESSAGE("ten"), 10, STEP_IN, 100, true },
    { "in.heartbeat", &one, 1, HEARTBEAT, 0, STEP_IN, 200, true },
    { "publish.1", &one, 1, MESSAGE("one"), 1, STEP_PUBLISH, 200, true },
    { "publish.10", &ten, 10, MESSAGE("ten"), 10, STEP_PUBLISH, 100, true },
    { "publish.private", &ten, 1, PRIVATE, 2, STEP_PUBLISH, 200, true },
    { "publish.read", &ten, 1, READ, 10, STEP_PUBLISH, 200, true },
    { "stored.1", &one, 1, MESSAGE("one"), 1, STEP_STORED, 200, true },
    { "stored.10", &ten, 10, MESSAGE("ten"), 10, STEP_STORED, 100, true },
    { "ack.1", &one, 1, MESSAGE("one"), 1, STEP_ACK, 200, true },
    { "ack.10", &ten, 10, MESSAGE("ten"), 10, STEP_ACK, 100, true },
    { "receive.1", &one, 1, MESSAGE("one"), 1, STEP_RECEIVE, 200, true },
    { "receive.10", &ten, 10, MESSAGE("ten"), 10, STEP_RECEIVE, 100, true },
    { "receive.private", &ten, 1, PRIVATE, 2, STEP_RECEIVE, 200, true },
    { "deliver.1", &one, 1, MESSAGE("one"), 1, STEP_DELIVER, 200, false },
    { "deliver.10", &ten, 1, MESSAGE("ten"), 10, STEP_DELIVER, 200, false },
    { "deliver.10x10", &ten, 10, MESSAGE("ten"), 10, STEP_DELIVER, 100, false },
    { "deliver.1000", &many, 1, MESSAGE("many"), 1000, STEP_DELIVER, 20, false },
    { "deliver.1000x10", &many, 10, MESSAGE("many"), 1000, STEP_DELIVER, 20, false },
    { "deliver.private", &ten, 1, PRIVATE, 2, STEP_DELIVER, 200, false },
};

/* A client that comes back asks for 100 messages and gets them from the room's own copy: once
 * built for it, and once as the answer that somebody else has just got. */
static void resume_round(uint64_t missed, bool count_hub, bool count_net)
{
    const struct room *r = room_find(world_hub(), "one");
    char text[128];
    snprintf(text, sizeof(text),
             "{\"type\":\"join\",\"room\":\"one\",\"epoch\":\"%s\",\"seq\":%" PRIu64 "}", r->epoch,
             r->top - missed);
    world_say(one.sockets[0], text);
    world_net_turn();
    if (count_hub)
        count_on();
    world_hub_turn();
    if (count_hub)
        count_off();
    if (count_net)
        count_on();
    world_net_turn();
    if (count_net)
        count_off();
    BUG_ON(world_hear(&one) != 1);
}

static void count_resume(const char *name, uint64_t other, bool count_hub)
{
    enum { ROUNDS = 100 };
    count_begin();
    for (int i = 0; i < ROUNDS; i++) {
        resume_round(other, false, false);
        resume_round(RESUMED, count_hub, !count_hub);
    }
    count_end(name, ROUNDS);
}

static void story(void)
{
    role_assume(&on_net);
    role_assume(&on_hub);
    world_join(&one, "one", "a", 1);
    world_join(&ten, "ten", "b", 10);
    world_join(&many, "many", "c", 1000);
    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++)
        count_talk(&talks[i]);

    const struct talk filling = { "", &one, 1, MESSAGE("one"), 1, STEP_IN, 0, true };
    for (int i = 0; i < RESUMED; i++)
        talk_round(&filling);
    count_resume("resume.built", RESUMED - 1, true);
    count_resume("resume.kept", RESUMED, true);
    count_resume("resume.send", RESUMED, false);
}

void paths_world(void)
{
    world_run(story);
}
