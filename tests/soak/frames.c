/* The JSON of docs/PROTOCOL.md, to and from what the ledger and the clients know. */
#include "soak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- out */

static void send_frame(struct client *c, json_t *frame)
{
    BUG_ON(!frame);
    char *text = json_dumps(frame, JSON_COMPACT);
    BUG_ON(!text);
    link_send(c, text, strlen(text));
    free(text);
    json_decref(frame);
}

void frames_hello(struct client *c)
{
    struct soak *s = c->soak;
    char user[SOAK_NAME], room[SOAK_NAME];
    client_name(s, user, c->index);
    json_t *resume = json_object();
    for (unsigned i = 0; i < c->seat_count; i++) {
        struct seat *seat = &c->seats[i];
        const char *epoch;
        uint64_t seq;
        if (!ledger_ask(s->ledger, c->index, seat->room, &epoch, &seq))
            continue;
        seat->asked_us = s->now_us;
        room_name(s, room, seat->room);
        json_object_set_new(resume, room,
                            json_pack("{s:s, s:I}", "epoch", epoch, "seq", (json_int_t)seq));
    }
    if (s->opt->accounts)
        send_frame(c, json_pack("{s:s, s:s, s:o}", "type", "hello", "token",
                                s->opt->accounts[c->index].token, "resume", resume));
    else
        send_frame(c, json_pack("{s:s, s:s, s:s, s:o}", "type", "hello", "username", user,
                                "session", c->session, "resume", resume));
}

void frames_join(struct client *c, uint32_t room, const char *epoch, uint64_t seq)
{
    char name[SOAK_NAME];
    room_name(c->soak, name, room);
    json_t *frame = json_pack("{s:s, s:s}", "type", "join", "room", name);
    if (epoch) {
        json_object_set_new(frame, "epoch", json_string(epoch));
        json_object_set_new(frame, "seq", json_integer((json_int_t)seq));
    }
    send_frame(c, frame);
}

void frames_leave(struct client *c, uint32_t room)
{
    char name[SOAK_NAME];
    room_name(c->soak, name, room);
    send_frame(c, json_pack("{s:s, s:s}", "type", "leave", "room", name));
}

size_t frames_text(const struct client *c, const struct seat *seat, char out[SOAK_TEXT])
{
    /* what JSON must escape, what HTML must, more than one byte a character, and length */
    static const char *const fillings[] = {
        "",
        " \"quoted\" \\ back/slash\ttab",
        " <b>&amp;</b> é ß 漢字 🎉 \xe2\x80\xa8",
        " xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };
    return (size_t)snprintf(out, SOAK_TEXT, "soak %s %u %u %u %jd%s", c->soak->run, c->index,
                            seat->room, seat->n, (intmax_t)seat->first_us,
                            fillings[seat->n % (sizeof fillings / sizeof fillings[0])]);
}

void frames_message(struct client *c, const struct seat *seat, const char *text)
{
    char room[SOAK_NAME], cid[SOAK_CID];
    room_name(c->soak, room, seat->room);
    (void)snprintf(cid, sizeof cid, "%s-%u-%u", c->soak->run, seat->room, seat->n);
    send_frame(c, json_pack("{s:s, s:s, s:s, s:s}", "type", "message", "room", room, "cid", cid,
                            "content", text));
}

/* ---- in */

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static uint64_t number_of(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* The number behind "PREFIX-"; LEDGER_NOBODY when the text is not of this run. */
static uint32_t index_of(const char *text, const char *prefix, const char **rest)
{
    size_t size = strlen(prefix);
    char *end;
    *rest = "";
    if (strncmp(text, prefix, size) != 0 || text[size] != '-')
        return LEDGER_NOBODY;
    text += size + 1;
    unsigned long n = strtoul(text, &end, 10);
    *rest = end;
    return end == text || n >= LEDGER_NOBODY ? LEDGER_NOBODY : (uint32_t)n;
}

/* Of a user or a room: soak-RUN-NUMBER. */
static uint32_t named(const struct soak *s, const char *name, uint32_t limit)
{
    const char *rest;
    if (strncmp(name, "soak-", 5) != 0)
        return LEDGER_NOBODY;
    uint32_t n = index_of(name + 5, s->run, &rest);
    return *rest || n >= limit ? LEDGER_NOBODY : n;
}

static uint32_t sender_of(const struct soak *s, const char *user)
{
    if (!s->opt->accounts)
        return named(s, user, s->client_count);
    const struct account *a = options_account(s->opt, user);
    return a && a->index < s->client_count ? a->index : LEDGER_NOBODY;
}

/* RUN-ROOM-N → n, 0 when it is none of ours. */
static uint32_t cid_of(const struct soak *s, const char *cid, uint32_t *room)
{
    const char *rest;
    *room = index_of(cid, s->run, &rest);
    if (*room >= s->opt->rooms || *rest != '-')
        return 0;
    return (uint32_t)strtoul(rest + 1, NULL, 10);
}

static struct seat *seat_named(struct client *c, const json_t *frame)
{
    uint32_t room = named(c->soak, text_of(frame, "room"), c->soak->opt->rooms);
    return room == LEDGER_NOBODY ? NULL : seat_find(c, room);
}

static uint64_t hash_of(const char *text)
{
    return ledger_hash(LEDGER_HASH, text, strlen(text));
}

static struct ledger_message message_of(const struct soak *s, const json_t *o)
{
    static const char *const fields[] = { "id", "user", "room", "cid" };
    const json_t *content = json_object_get(o, "content");
    uint64_t timestamp = number_of(o, "timestamp");
    uint32_t room;
    struct ledger_message m = {
        .seq = number_of(o, "seq"),
        .sender = sender_of(s, text_of(o, "user")),
        .n = cid_of(s, text_of(o, "cid"), &room),
        .id = hash_of(text_of(o, "id")),
        .text = ledger_hash(LEDGER_HASH, json_string_value(content), json_string_length(content)),
    };
    if (room != named(s, text_of(o, "room"), s->opt->rooms))
        m.sender = LEDGER_NOBODY;
    m.whole = ledger_hash(m.text, &timestamp, sizeof timestamp);
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *text = text_of(o, fields[i]);
        m.whole = ledger_hash(m.whole, text, strlen(text) + 1);
    }
    m.whole |= !m.whole;
    return m;
}

static void on_message(struct client *c, const json_t *frame)
{
    struct soak *s = c->soak;
    struct seat *seat = seat_named(c, frame);
    int64_t sent_us = 0;
    if (!seat)
        return;
    struct ledger_message m = message_of(s, frame);
    switch (ledger_live(s->ledger, c->index, seat->room, &m, &sent_us)) {
    case LEDGER_SHOWN:
        client_shown(c);
        if (sent_us && !c->slow) /* those that do not read for a while say nothing of the server */
            hist_add(&s->latency, s->now_us - sent_us);
        return;
    case LEDGER_HOLE:
        seat_ask(c, seat);
        return;
    case LEDGER_IGNORED:
        return;
    }
}

static void on_joined(struct client *c, json_t *frame)
{
    struct seat *seat = seat_named(c, frame);
    if (!seat || seat->leaving)
        return;
    json_decref(seat->joined);
    seat->joined = json_incref(frame);
}

static void on_history(struct client *c, const json_t *frame)
{
    struct soak *s = c->soak;
    struct seat *seat = seat_named(c, frame);
    if (!seat || !seat->joined)
        return;
    const json_t *list = json_object_get(frame, "messages");
    size_t count = json_array_size(list);
    if (count > SOAK_HISTORY)
        count = SOAK_HISTORY;
    for (size_t i = 0; i < count; i++)
        s->messages[i] = message_of(s, json_array_get(list, i));
    struct ledger_answer answer = {
        .epoch = text_of(seat->joined, "epoch"),
        .top = number_of(seat->joined, "seq"),
        .recovered = json_is_true(json_object_get(seat->joined, "recovered")),
        .missed = number_of(seat->joined, "missed"),
        .messages = s->messages,
        .count = count,
    };
    s->resumes += answer.recovered;
    ledger_answer(s->ledger, c->index, seat->room, &answer);
    if (count)
        client_shown(c);
    seat_answered(c, seat);
}

static void on_ack(struct client *c, const json_t *frame)
{
    struct soak *s = c->soak;
    uint32_t room, n = cid_of(s, text_of(frame, "cid"), &room);
    uint64_t seq = number_of(frame, "seq");
    if (!n)
        return;
    ledger_acked(s->ledger, c->index, room, n, seq, hash_of(text_of(frame, "id")),
                 json_is_true(json_object_get(frame, "duplicate")));
    if (s->opt->acks)
        (void)fprintf(s->opt->acks, "%s %ju %ju %s\n", text_of(frame, "id"), (uintmax_t)seq,
                      (uintmax_t)number_of(frame, "timestamp"), text_of(frame, "room"));
    if (s->phase == PHASE_FIRST) {
        s->first_room = room;
        s->first_seq = seq;
    }
    struct seat *seat = seat_find(c, room);
    if (seat && seat->under_way && seat->n == n)
        seat_acked(c, seat);
}

static void say_limited(struct soak *s)
{
    if (!s->limited)
        log_warn("rate_limited", "hint=\"lower --rate, use more --clients, or raise "
                                 "RATE_LIMIT_MESSAGES of the server\"");
    s->limited = true;
}

static void say_refused(const struct client *c, const char *code)
{
    char quoted[80];
    log_warn("refused", "client=%u code=%s", c->index, log_quote(quoted, sizeof quoted, code));
}

/* Permanent ones: a message is given up; anything else means that it cannot go on as it should. */
static void on_error(struct client *c, const json_t *frame)
{
    struct soak *s = c->soak;
    const char *code = text_of(frame, "code"), *cid = text_of(frame, "cid");
    bool temporary = json_is_true(json_object_get(frame, "temporary"));
    const json_t *after = json_object_get(frame, "retry_after_ms");
    int64_t delay_us = after ? json_integer_value(after) * 1000 : RETRY_MS * 1000;
    if (!strcmp(code, "rate_limited"))
        say_limited(s);
    if (!temporary)
        say_refused(c, code);
    if (*cid) {
        uint32_t room, n = cid_of(s, cid, &room);
        struct seat *seat = n ? seat_find(c, room) : NULL;
        if (seat && seat->under_way && seat->n == n)
            seat_refused(c, seat, temporary ? delay_us : -1);
        if (seat && !strcmp(code, "not_joined"))
            seat->in = false; /* it is asked again */
    } else if (c->state == CLIENT_GREETING && !temporary && s->phase == PHASE_START) {
        soak_cannot(s, "%s: hello was refused: %s", s->opt->urls[c->url].text, code);
    } else if (c->state == CLIENT_GREETING) {
        client_hello_put_off(c, delay_us);
    } else {
        seats_put_off(c, delay_us);
    }
}

static void on_welcome(struct client *c, const json_t *frame)
{
    uint64_t window = number_of(json_object_get(frame, "limits"), "history");
    if (window)
        c->soak->ledger->window = (unsigned)window;
    c->heartbeat_us = (int64_t)number_of(frame, "heartbeat_ms") * 1000;
    if (!c->heartbeat_us)
        c->heartbeat_us = ANSWER_US;
    client_welcomed(c);
}

static void on_heartbeat(struct client *c, const json_t *frame)
{
    const struct soak *s = c->soak;
    const json_t *tops = json_object_get(frame, "top");
    static const char answer[] = "{\"type\":\"heartbeat\"}";
    link_send(c, answer, sizeof answer - 1);
    for (unsigned i = 0; i < c->seat_count; i++) {
        struct seat *seat = &c->seats[i];
        char room[SOAK_NAME];
        room_name(s, room, seat->room);
        if (seat->in && number_of(tops, room) > ledger_position(s->ledger, c->index, seat->room))
            seat_ask(c, seat);
    }
}

static void on_status(struct client *c, const json_t *frame)
{
    if (strcmp(text_of(frame, "state"), "ok") != 0)
        return;
    c->ask_us = 0;
    for (unsigned i = 0; i < c->seat_count; i++) {
        struct seat *seat = &c->seats[i];
        if (seat->put_off)
            seat->try_us = 0;
        seat_send(c, seat);
    }
}

static void on_resync(struct client *c, const json_t *frame)
{
    struct seat *seat = seat_named(c, frame);
    if (seat && seat->in)
        seat_ask(c, seat);
}

static void on_bye(struct client *c, const json_t *frame)
{
    const json_t *retry = json_object_get(frame, "retry_ms");
    if (retry)
        c->bye_us = c->soak->now_us + json_integer_value(retry) * 1000;
}

static void on_left(struct client *c, const json_t *frame)
{
    struct seat *seat = seat_named(c, frame);
    if (seat)
        seat_left(c, seat);
}

static void dispatch(struct client *c, json_t *frame)
{
    const char *type = text_of(frame, "type");
    if (!strcmp(type, "message"))
        on_message(c, frame);
    else if (!strcmp(type, "ack"))
        on_ack(c, frame);
    else if (!strcmp(type, "joined"))
        on_joined(c, frame);
    else if (!strcmp(type, "history"))
        on_history(c, frame);
    else if (!strcmp(type, "heartbeat"))
        on_heartbeat(c, frame);
    else if (!strcmp(type, "welcome"))
        on_welcome(c, frame);
    else if (!strcmp(type, "error"))
        on_error(c, frame);
    else if (!strcmp(type, "status"))
        on_status(c, frame);
    else if (!strcmp(type, "resync"))
        on_resync(c, frame);
    else if (!strcmp(type, "left"))
        on_left(c, frame);
    else if (!strcmp(type, "bye"))
        on_bye(c, frame);
}

void frames_received(struct client *c, const char *text, size_t size)
{
    struct soak *s = c->soak;
    json_error_t error;
    json_t *frame = json_loadb(text, size, 0, &error);
    c->heard_us = s->now_us;
    if (!json_is_object(frame))
        ledger_fault(s->ledger, &s->ledger->counts.diverged, 1,
                     "client %u got a frame that is no JSON object: %s", c->index, error.text);
    else
        dispatch(c, frame);
    json_decref(frame);
}
