/* POST and DELETE /api/v1/files. The body goes in pieces to the thread `files`; while that has one,
 * the socket is not read. Once a body is awaited, it is read to its end also when it is refused:
 * then the client has sent all of it and reads the answer. */
#include "bearer.h"
#include "confab/wire/account.h"
#include "body.h"
#include "route.h"
#include "session.h"
#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILLING_MOST = 128 * 1024, /* libwebsockets reads 32 KiB at a time */
    WHOLE_MS = 60000,          /* for a body, and so much more as it takes at … */
    RATE_LEAST = 4096,         /* … bytes per second */
};

/* ---- who ---- */

static enum error_code find_owner(struct session *s, struct file_owner *out)
{
    char buffer[BEARER_BYTES];
    struct token_claims claims;
    const struct net *n = s->thread->net;
    const char *token = bearer_of_header(s, buffer);
    if (!token)
        return ERROR_LOGIN_REQUIRED;
    if (strlen(token) > RULE_TOKEN_BYTES)
        return ERROR_BAD_TOKEN;
    enum token_verdict verdict =
        keyring_verify_ticket(n->env.keyring, token, clock_mono_ms(), &claims);
    if (verdict == TOKEN_BAD && n->settings->accounts_mode != ACCOUNTS_OFF)
        verdict = keyring_verify(n->env.keyring, token, clock_mono_ms(), &claims);
    if (verdict != TOKEN_GOOD)
        return verdict == TOKEN_EXPIRED ? ERROR_TOKEN_EXPIRED : ERROR_BAD_TOKEN;
    *out = (struct file_owner){ .guest = claims.use == TOKEN_FOR_GUEST_FILES };
    text_copy(out->name, sizeof out->name, claims.user);
    if (out->guest)
        text_copy(out->session, sizeof out->session, claims.device);
    return ERROR_NONE;
}

/* ---- what ---- */

static int find_name(struct session *s, char out[FILE_NAME_BYTES + 1])
{
    struct http_query query;
    if (!http_query_init(&query, s->wsi))
        return -1;
    const char *name = http_query_value(&query, "name");
    if (!name || !file_name_is_good(name, strlen(name)))
        return -1;
    text_copy(out, FILE_NAME_BYTES + 1, name);
    return 0;
}

/* Without parameters; "" for none, or one that is too long to be true. */
static void find_type(struct session *s, char *out, size_t size)
{
    char value[512];
    out[0] = '\0';
    if (!http_header(s, WSI_TOKEN_HTTP_CONTENT_TYPE, value, sizeof value))
        return;
    value[strcspn(value, "; \t")] = '\0';
    text_copy(out, size, value);
}

/* 0, or -1 when it was refused: *result is the callback's. */
static int check(struct session *s, struct file_about *about, int *result) REQUIRES(on_net)
{
    char message[64];
    const struct settings *settings = s->thread->net->settings;
    const uint64_t most = (uint64_t)settings->file_max_kb * 1024;
    const enum error_code who = most ? find_owner(s, &about->owner) : ERROR_FILES_OFF;
    if (who != ERROR_NONE)
        *result = http_deny_body(s, who);
    else if (!http_has(s, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        *result = http_refuse(s, HTTP_LENGTH_REQUIRED, "Send a Content-Length.");
    else if (!body_length(s, &about->size) || !about->size)
        *result = http_refuse(s, HTTP_BAD_LENGTH, "Send one Content-Length, and more than 0.");
    else if (about->size > most) {
        snprintf(message, sizeof message, "Send at most %llu bytes.", (unsigned long long)most);
        *result = http_refuse(s, HTTP_TOO_BIG, message);
    } else if (find_name(s, about->name) != 0)
        *result = http_refuse(s, HTTP_BAD_FILE_NAME,
                              "Give the file a name of 1 to 255 bytes without folders: ?name=");
    else if (!body_expects_well(s))
        *result = http_refuse(s, HTTP_BAD_EXPECT, "Expect 100-continue, or nothing.");
    else
        return 0;
    return -1;
}

int http_upload(struct session *s, const struct request *r)
{
    int result = 0;
    struct file_about about = { .size = 0 };
    (void)r;
    if (check(s, &about, &result) != 0)
        return result;
    struct transfer *t = filer_admit(s->thread->net->filer, s, true);
    if (!t)
        return http_refuse(s, HTTP_BUSY, "Too many files at once: try again later.");
    t->about = about;
    find_type(s, t->said, sizeof t->said);
    t->expects = http_has(s, WSI_TOKEN_HTTP_EXPECT);
    t->until_ms = clock_mono_ms() + WHOLE_MS + (int64_t)(about.size * 1000 / RATE_LEAST);
    s->transfer = t;
    s->asked = false;
    transfer_work(s, JOB_BEGIN);
    return 0;
}

int upload_take(struct session *s, const void *in, size_t size)
{
    struct transfer *t = s->transfer;
    if (clock_mono_ms() > t->until_ms)
        return -1;
    session_expect(s, s->thread->net->settings->handshake_timeout_s * 1000);
    if (t->failure != FILE_OK)
        return 0;
    if (t->filling_size + size > FILLING_MOST)
        return -1;
    if (t->filling_size + size > FILE_PIECE_BYTES || !t->filling)
        t->filling = xrealloc(t->filling, t->filling ? FILLING_MOST : FILE_PIECE_BYTES);
    memcpy(t->filling + t->filling_size, in, size);
    t->filling_size += size;
    if (!t->working)
        upload_step(s, t);
    return 0;
}

int upload_completed(struct session *s)
{
    struct transfer *t = s->transfer;
    t->complete = true;
    s->asked = true;
    lws_rx_flow_control(s->wsi, 0);
    if (!t->working)
        upload_step(s, t);
    return 0;
}

static void write_filling(struct session *s, struct transfer *t) REQUIRES(on_net)
{
    char *piece = t->piece;
    t->piece = t->filling;
    t->piece_size = t->filling_size;
    t->filling = NULL;
    t->filling_size = 0;
    free(piece);
    transfer_work(s, JOB_WRITE);
}

void upload_step(struct session *s, struct transfer *t)
{
    if (t->failure == FILE_OK)
        t->failure = t->result;
    const bool failed = t->failure != FILE_OK, began = t->expects && t->job == JOB_BEGIN;
    if (began)
        t->expects = false;
    if (t->job == JOB_REMOVE || t->job == JOB_COMMIT || (failed && (t->complete || began)))
        transfer_ready(s);
    else if (!failed && t->filling_size > 0)
        write_filling(s, t);
    else if (t->complete)
        transfer_work(s, JOB_COMMIT);
    else if (began && body_continue(s) < 0)
        session_kill(s);
    else {
        session_expect(s, s->thread->net->settings->handshake_timeout_s * 1000);
        lws_rx_flow_control(s->wsi, 1);
    }
}

int upload_answer(struct session *s, struct transfer *t)
{
    const bool is_removal = t->job == JOB_REMOVE;
    if (!t->complete && t->failure == FILE_OK)
        return 0;
    int result;
    if (t->failure != FILE_OK) {
        const bool whole = t->complete;
        result = transfer_refuse(s, t->failure);
        if (!whole) /* it would send what nobody wants */
            result = -1;
    } else {
        const int64_t life_ms = s->thread->net->settings->files_days * 86400000;
        struct frame *f =
            is_removal ? event_done() : event_file(&t->about, t->about.stored_ms + life_ms);
        result = http_answer_frame(s, f);
        frame_unref(f);
    }
    transfer_done(s);
    return result;
}

int http_remove_file(struct session *s, const struct request *r)
{
    struct file_owner owner;
    const char *id = r->arguments->at[0];
    const bool off = s->thread->net->settings->file_max_kb == 0;
    const enum error_code who = off ? ERROR_FILES_OFF : find_owner(s, &owner);
    if (who != ERROR_NONE)
        return http_answer_error(s, &(struct command_error){ .code = who });
    if (!file_id_is_good(id, strlen(id)))
        return http_fail(s, HTTP_NO_PATH, "There is no such file, or no more.");
    struct transfer *t = filer_admit(s->thread->net->filer, s, true);
    if (!t)
        return http_refuse(s, HTTP_BUSY, "Too many files at once: try again later.");
    t->about.owner = owner;
    text_copy(t->about.id, sizeof t->about.id, id);
    t->complete = true;
    s->transfer = t;
    transfer_work(s, JOB_REMOVE);
    return 0;
}
