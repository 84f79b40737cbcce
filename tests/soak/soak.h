/* confab-soak: clients of a confab deployment that behave as docs/PROTOCOL.md says, trouble for
 * them, and a ledger of what they were promised. One thread owns it all. Times are microseconds
 * of the monotone clock. */
#ifndef CONFAB_SOAK_SOAK_H
#define CONFAB_SOAK_SOAK_H

#include "confab/base/str.h"
#include "hist.h"
#include "ledger.h"
#include "options.h"
#include "process.h"

#include <jansson.h>
#include <libwebsockets.h>

enum {
    SOAK_MARKS = 1000,
    SOAK_NAME = 32, /* of a user or a room */
    SOAK_CID = 48,
    SOAK_TEXT = 512,
    SOAK_HISTORY = 100, /* messages in one history frame */

    TICK_US = 5000,
    CHECK_US = 50000, /* between looks at what a client waits for */
    START_US = 500,   /* between the first connections */
    CONNECT_US = 3000000,
    ANSWER_US = 10000000, /* then a request is repeated */
    BACKOFF_MS = 250,
    BACKOFF_MAX_MS = 5000,
    RETRY_MS = 1000, /* when the server does not say */
};

/* A room that a client is in, or wants to be in, and its outbox for that room. */
struct seat {
    uint32_t room;
    bool leaving;     /* `left` is awaited, then it takes another room */
    bool in;          /* answered on this connection */
    bool stale;       /* something is missing: to be asked for */
    int64_t asked_us; /* join, hello or leave that has no answer yet; 0: none */
    json_t *joined;   /* its history is awaited */

    uint32_t due;     /* messages that wait for the one under way */
    bool under_way;   /* one message, until its ack or a permanent error */
    bool put_off;     /* the server could not take it */
    uint32_t n;       /* its number */
    int64_t first_us; /* when it went out first */
    int64_t try_us;   /* when it goes out again */
};

enum client_state {
    CLIENT_OFFLINE, /* until wake_us */
    CLIENT_CONNECTING,
    CLIENT_GREETING, /* open; hello sent, or due at wake_us */
    CLIENT_ONLINE,
};

struct out_frame;

struct client {
    struct soak *soak;
    struct lws *wsi; /* NULL when offline */
    uint32_t index;
    uint32_t url; /* of this connection */
    enum client_state state;
    bool sleeping;      /* offline on purpose */
    bool slow;          /* is one of those that stop reading */
    bool paused;        /* does not read now */
    bool started;       /* was online before */
    bool hello_put_off; /* hello again at wake_us */
    bool complete;      /* --missed: has everything back */
    unsigned attempts;
    unsigned close_code;
    int64_t wake_us;  /* when its state has waited long enough */
    int64_t bye_us;   /* when the server wants it back; 0: did not say */
    int64_t check_us; /* next look at its requests */
    int64_t ask_us;   /* no join before */
    int64_t pace_us;  /* slow: the next change of paused */
    int64_t heard_us, heartbeat_us;
    int64_t shown_us; /* the last message in any room, or since when it is awake */
    int64_t hello_us;
    struct seat *seats;
    unsigned seat_count;
    struct str rx; /* a frame whose end has not arrived */
    struct out_frame *out_head, **out_tail;
    char session[17];
};

enum phase {
    PHASE_START,  /* until all are in their rooms */
    PHASE_FIRST,  /* until everybody in a room has its first message */
    PHASE_LOAD,   /* trouble */
    PHASE_AWAY,   /* --missed: the publishers write */
    PHASE_RETURN, /* --missed: until all have everything back */
    PHASE_SETTLE, /* everybody comes back, nothing is under way */
    PHASE_ROLL,   /* each client asks each room what its top is */
    PHASE_DONE,
};

struct mark {
    char name[64];
    int64_t begin_us, end_us, recovered_us; /* 0: not yet */
};

struct url_state {
    unsigned failures; /* before the first success */
    bool reached;
    char reason[128];
};

struct usage {
    bool known;
    uint64_t rss_kb;
    unsigned threads, fds;
};
enum usage_when { USAGE_START, USAGE_MINUTE, USAGE_END, USAGE_TIMES };

struct soak {
    const struct options *opt;
    struct lws_context *context;
    struct ev_loop *loop; /* NULL: libwebsockets polls */
    lws_sorted_usec_list_t tick;
    struct ledger *ledger;
    char run[9]; /* part of all names, so that runs do not meet */
    uint64_t random;
    struct client *clients;
    unsigned client_count; /* in --missed: and one publisher for each room */
    struct url_state *urls;
    struct ledger_message *messages; /* of the history that is looked at */

    enum phase phase;
    bool could_not; /* it could not run at all */
    int64_t now_us; /* as of the tick or the callback */
    int64_t start_us, running_us, load_end_us, phase_us, quiet_us, next_check_us;
    uint64_t due_sent, due_dropped, due_moved; /* how many so far */
    uint32_t first_room;
    uint64_t first_seq;

    struct hist latency, resume;
    int64_t all_us; /* --missed: until the last one was complete */
    uint64_t silence_us;
    uint64_t connects, reconnects, resumes;
    bool limited;     /* has said so */
    unsigned printed; /* reasons */

    struct mark marks[SOAK_MARKS];
    unsigned mark_count;
    bool marks_open;
    char line[256]; /* of stdin */
    size_t line_size;
    bool stdin_open;
    bool stop_asked;

    struct usage usage[OPTION_PIDS][USAGE_TIMES];
};

/* run.c: the phases */
void soak_init(struct soak *s, const struct options *opt);
void soak_fini(struct soak *s);
int soak_run(struct soak *s); /* an exit status */
void soak_tick(struct soak *s);
void soak_cannot(struct soak *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
uint32_t soak_random(struct soak *s, uint32_t limit); /* 0 … limit-1; 0 when limit is 0 */

/* link.c: libwebsockets */
bool link_start(struct soak *s);
void link_run(struct soak *s); /* until link_break() */
void link_break(struct soak *s);
void link_stop(struct soak *s);
void link_open(struct client *c);
enum link_end { LINK_CLOSE, LINK_CUT, LINK_RESET };
/* Ends the connection: with a close frame, as if the process had died, or by a TCP reset.
 * Nothing of it is heard any more. */
void link_end(struct client *c, enum link_end how);
void link_send(struct client *c, const char *text, size_t size);
void link_read(struct client *c, bool on);
void link_forget(struct client *c); /* what was queued, and a frame that is not complete */

/* client.c: one client's connection */
void client_init(struct client *c, struct soak *s, uint32_t index);
void client_fini(struct client *c);
void client_open(struct client *c);
void client_opened(struct client *c);
void client_closed(struct client *c);
void client_refused(struct client *c, const char *why); /* never was open */
void client_sleep(struct client *c, int64_t until_us, enum link_end how);
void client_hello_put_off(struct client *c, int64_t delay_us);
void client_welcomed(struct client *c);
void client_check(struct client *c); /* at each tick */
void client_shown(struct client *c);
bool client_is_settled(const struct client *c);
bool client_is_awake(const struct client *c); /* or tries to be */
void client_name(const struct soak *s, char out[SOAK_NAME], uint32_t index);

/* seat.c: one client in one room */
struct seat *seat_find(struct client *c, uint32_t room);
void seat_leave(struct client *c, struct seat *seat);
void seat_left(struct client *c, struct seat *seat);
void seat_offline(struct client *c, struct seat *seat);
void seat_ask(struct client *c, struct seat *seat);
void seats_put_off(struct client *c, int64_t delay_us); /* the server could not take a join */
void seat_answered(struct client *c, struct seat *seat);
void seat_send(struct client *c, struct seat *seat); /* what is due, if it may go out now */
void seat_acked(struct client *c, struct seat *seat);
void seat_refused(struct client *c, struct seat *seat, int64_t delay_us); /* -1: for good */
void seat_check(struct client *c, struct seat *seat);
void room_name(const struct soak *s, char out[SOAK_NAME], uint32_t room);

/* frames.c: the protocol's JSON */
void frames_received(struct client *c, const char *text, size_t size);
void frames_hello(struct client *c);
void frames_join(struct client *c, uint32_t room, const char *epoch, uint64_t seq); /* NULL, 0 */
void frames_leave(struct client *c, uint32_t room);
/* The text is a function of who, where, the number and first_us: a repetition is the same. */
size_t frames_text(const struct client *c, const struct seat *seat, char out[SOAK_TEXT]);
void frames_message(struct client *c, const struct seat *seat, const char *text);

/* trouble.c: what is done to the clients, and when */
void trouble_tick(struct soak *s);
void trouble_end(struct soak *s); /* everybody comes back and reads */

/* marks.c: stdin, and how long recovery takes */
void marks_tick(struct soak *s);

/* report.c */
void report_print(const struct soak *s, bool holds);

#endif
