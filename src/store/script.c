/* The Lua scripts: built into the binary, sent with SCRIPT LOAD at each connect, called by the
 * SHA that Redis answers. */
#include "script.h"

#include "state.h"

#include "confab/base/embedded.h"
#include "confab/wire/rules.h"

#include <string.h>

static const struct {
    const char *name;
    const char *parts[12]; /* the last one is NULL */
} sources[SCRIPT_COUNT] = {
    [SCRIPT_PUBLISH] = { "publish",
                         { "/fence.lua", "/rarely.lua", "/guard.lua", "/mention.lua",
                           "/rarely_end.lua", "/publish.lua" } },
    [SCRIPT_RESUME] = { "resume", { "/guard.lua", "/fence.lua", "/resume.lua" } },
    [SCRIPT_HISTORY] = { "history", { "/clock.lua", "/guard.lua", "/text.lua", "/history.lua" } },
    [SCRIPT_CLAIM] = { "claim",
                       { "/clock.lua", "/where.lua", "/text.lua", "/since.lua", "/claim.lua" } },
    [SCRIPT_RELEASE] = { "release", { "/clock.lua", "/release.lua" } },
    [SCRIPT_ONLINE] = { "online", { "/clock.lua", "/where.lua", "/online.lua" } },
    [SCRIPT_PRESENCE] = { "presence", { "/clock.lua", "/lease.lua", "/presence.lua" } },
    [SCRIPT_LEAVE] = { "leave", { "/clock.lua", "/lease.lua", "/leave.lua" } },
    [SCRIPT_ROSTER] = { "roster", { "/clock.lua", "/lease.lua", "/roster.lua" } },
    [SCRIPT_READ] = { "read", { "/read.lua" } },
    [SCRIPT_MARKS] = { "marks", { "/clock.lua", "/marks.lua" } },
    [SCRIPT_SEEN] = { "seen", { "/seen.lua" } },
    [SCRIPT_AWAY] = { "away", { "/clock.lua", "/text.lua", "/away.lua" } },
    [SCRIPT_RECEIVED] = { "received", { "/clock.lua", "/received.lua" } },
    [SCRIPT_JOINED] = { "joined", { "/joined.lua" } },
    [SCRIPT_TOPS] = { "tops", { "/tops.lua" } },
    [SCRIPT_ASK] = { "ask", { "/clock.lua", "/ask.lua" } },
    [SCRIPT_SERVE] = { "serve", { "/clock.lua", "/serve.lua" } },
    [SCRIPT_LOGIN] = { "login", { "/window.lua", "/login.lua" } },
    [SCRIPT_DEVICE] = { "device", { "/clock.lua", "/window.lua", "/account.lua", "/device.lua" } },
    [SCRIPT_REGISTER] = { "register",
                          { "/clock.lua", "/window.lua", "/since.lua", "/account.lua",
                            "/register.lua" } },
    [SCRIPT_PASSWORD] = { "password", { "/clock.lua", "/account.lua", "/password.lua" } },
    [SCRIPT_UNREGISTER] = { "unregister",
                            { "/clock.lua", "/account.lua", "/owned.lua", "/unregister.lua" } },
    [SCRIPT_TOKEN] = { "token", { "/clock.lua", "/account.lua", "/token.lua" } },
    [SCRIPT_DEVICES] = { "devices", { "/clock.lua", "/account.lua", "/devices.lua" } },
    [SCRIPT_REVOKE] = { "revoke", { "/clock.lua", "/account.lua", "/revoke.lua" } },
    [SCRIPT_ALIVE] = { "alive", { "/clock.lua", "/alive.lua" } },
    [SCRIPT_KEYS] = { "keys", { "/clock.lua", "/keys.lua" } },
    [SCRIPT_ADMIN] = { "admin", { "/window.lua", "/admin.lua" } },
    [SCRIPT_READY] = { "ready", { "/ready.lua" } },
    [SCRIPT_RESTORE] = { "restore", { "/restore.lua" } },
    [SCRIPT_ROOM] = { "room",
                      { "/clock.lua", "/fence.lua", "/append.lua", "/owned.lua", "/room.lua" } },
    [SCRIPT_ACCESS] = { "access", { "/clock.lua", "/owned.lua", "/access.lua" } },
    [SCRIPT_READABLE] = { "readable", { "/clock.lua", "/guard.lua", "/readable.lua" } },
    [SCRIPT_INVITE] = { "invite", { "/clock.lua", "/owned.lua", "/invite.lua" } },
    [SCRIPT_ROOMS] = { "rooms", { "/clock.lua", "/owned.lua", "/rooms.lua" } },
    [SCRIPT_MEMBERS] = { "members", { "/clock.lua", "/owned.lua", "/members.lua" } },
    [SCRIPT_AUDIT] = { "audit", { "/clock.lua", "/owned.lua", "/audit.lua" } },
    [SCRIPT_ACT] = { "act",
                     { "/clock.lua", "/guard.lua", "/fence.lua", "/mention.lua", "/append.lua",
                       "/text.lua", "/owned.lua", "/act.lua" } },
};

static void add_part(struct str *text, const char *path)
{
    const struct embedded *e = embedded_find(embedded_scripts, embedded_scripts_count, path);
    if (!e)
        BUG("a Lua script is not in the binary");
    str_add(text, e->data, e->size);
}

void script_text(struct str *out, const struct settings *settings, const char *const *parts)
{
    /* the limits have one table each, rules.h and settings.h: the scripts get theirs from them */
    str_addf(out,
             "local HISTORY_MESSAGES, HISTORY_SECONDS, DEDUPE_SECONDS = %d, %d, %d\n"
             "local MEMBERS_LISTED, CONVERSATIONS_KEPT = %d, %d\n"
             "local META_SECONDS, ARCHIVE_BACKLOG = %d, %lld\n"
             "local DEVICES_MOST, RATE_LIMIT, RATE_WINDOW_MS = %d, %lld, %lld\n"
             "local ROOM_MEMBERS, ROOM_SANCTIONS, ROOM_INVITATIONS = %d, %d, %d\n"
             "local MEMBERSHIPS, ROOMS_PER_ACCOUNT, MAX_OWNED_ROOMS = %d, %lld, %lld\n"
             "local KICK_S, AUDIT_KEEP = %lld, %lld\n"
             "local AWAY_MESSAGES, AWAY_SECONDS, MENTIONS_KEPT = %lld, %lld, %d\n"
             "local RECEIPTS, MARKS_KEPT, SEEN_KEPT = %d, %d, %d\n",
             RULE_HISTORY_MESSAGES, RULE_HISTORY_SECONDS, RULE_DEDUPE_SECONDS, RULE_MEMBERS_LISTED,
             CONVERSATIONS_KEPT, META_SECONDS, (long long)settings->archive_backlog, RULE_DEVICES,
             (long long)settings->rate_limit_messages,
             (long long)settings->rate_limit_window_s * 1000, RULE_ROOM_MEMBERS,
             RULE_ROOM_SANCTIONS, RULE_ROOM_INVITATIONS, RULE_MEMBERSHIPS,
             (long long)settings->rooms_per_account, (long long)settings->max_owned_rooms,
             (long long)settings->kick_s, (long long)settings->audit_keep,
             (long long)settings->away_messages, (long long)settings->away_days * 86400,
             RULE_MENTIONS_KEPT, RULE_RECEIPTS, STORE_MARKS_MOST, SEEN_KEPT);
    for (; *parts; parts++)
        add_part(out, *parts);
}

void scripts_init(struct store *s)
{
    for (int id = 0; id < SCRIPT_COUNT; id++) {
        struct script *script = &s->scripts[id];
        script->store = s;
        script->name = sources[id].name;
        script_text(&script->text, s->settings, sources[id].parts);
    }
}

void scripts_fini(struct store *s)
{
    for (int id = 0; id < SCRIPT_COUNT; id++)
        str_fini(&s->scripts[id].text);
}

static void on_loaded(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct script *script = arg;
    struct store *s = script->store;
    const redisReply *r = reply;
    script->loading = false;
    if (!r)
        return;
    if (r->type == REDIS_REPLY_STRING && r->len == sizeof(script->sha) - 1)
        memcpy(script->sha, r->str, sizeof(script->sha));
    else
        link_drop(&s->link, r->type == REDIS_REPLY_ERROR ? r->str : "SCRIPT LOAD answered oddly");
    if (s->link.phase == LINK_GREETING && --s->scripts_missing == 0)
        link_ready(&s->link);
}

void script_reload(struct script *script)
{
    if (script->loading)
        return;
    const char *words[] = { "SCRIPT", "LOAD", script->text.data, NULL };
    script->loading = link_command(&script->store->link, on_loaded, script, words) == 0;
}

/* `INFO server` has a line "run_id:40 hex digits". */
static void take_run_id(struct store *s, const char *info) REQUIRES(on_hub);
static void take_run_id(struct store *s, const char *info)
{
    static const char key[] = "run_id:";
    const char *p = strstr(info, key);
    size_t size = 0;
    if (p) {
        p += sizeof(key) - 1;
        size = strcspn(p, "\r\n");
    }
    if (size == 0 || size > RUN_ID_BYTES) {
        link_drop(&s->link, "INFO tells no run_id");
        return;
    }
    const char *life = s->settings->redis_life;
    if (*life)
        p = life, size = strlen(life);
    memcpy(s->fence, p, size);
    s->fence[size] = '\0';
}

static void on_info(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct store *s = arg;
    const redisReply *r = reply;
    if (!r)
        return;
    if (r->type == REDIS_REPLY_STRING)
        take_run_id(s, r->str);
    else
        link_drop(&s->link, r->type == REDIS_REPLY_ERROR ? r->str : "INFO answered oddly");
}

void scripts_greet(struct store *s)
{
    epoch_candidate_new(s);
    s->scripts_missing = SCRIPT_COUNT;
    if (link_command(&s->link, on_info, s, (const char *[]){ "INFO", "server", NULL }) != 0)
        return;
    for (int id = 0; id < SCRIPT_COUNT; id++)
        script_reload(&s->scripts[id]);
}
