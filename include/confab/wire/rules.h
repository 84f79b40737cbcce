/* The limits of the protocol, in one table: the code, `welcome` and docs/PROTOCOL.md all
 * come from it (tests/unit/test_rules.c compares the page with the table).
 *
 * X(NAME, value, "what it limits") */
#ifndef CONFAB_WIRE_RULES_H
#define CONFAB_WIRE_RULES_H

#include "confab/base/base.h"

#define RULES(X)                                                                                   \
    X(NAME_CHARS, 32, "characters of a user name")                                                 \
    X(ROOM_CHARS, 64, "characters of a room name")                                                 \
    X(MESSAGE_BYTES, 4096, "bytes of a message's content in UTF-8")                                \
    X(CID_BYTES, 64, "bytes of a client's message id")                                             \
    X(SESSION_BYTES, 64, "bytes of a session value")                                               \
    X(TOKEN_BYTES, 4096, "bytes of a token")                                                       \
    X(EPOCH_BYTES, 32, "bytes of an epoch")                                                        \
    X(ROOMS_PER_CLIENT, 100, "rooms that one connection may be in")                                \
    X(HISTORY_MESSAGES, 100, "messages of a room that are kept, and most in one history frame")    \
    X(FRAME_BYTES, 32768, "bytes of one frame from a client, over all its pieces")                 \
    X(JSON_DEPTH, 8, "levels of nesting in a frame")                                               \
    X(MALFORMED_FRAMES, 100, "malformed frames within the window before the connection is closed") \
    X(MALFORMED_WINDOW_MS, 10000, "length of that window in milliseconds")                         \
    X(DEDUPE_SECONDS, 300, "how long a repeated cid is recognised")                                \
    X(HISTORY_SECONDS, 86400, "life of a room's history after its last message")                   \
    X(MEMBERS_LISTED, 200, "members of a room up to which names are listed, not only counted")     \
    X(RECEIPTS, 32, "people in a room up to which its members are told who has what")              \
    X(SEEN, 50, "names in one question when people were last seen")                                \
    X(SEARCH_BYTES, 256, "bytes of what is searched for")                                          \
    X(SEARCH_WORDS, 16, "words of what is searched for")                                           \
    X(SEARCH_RESULTS, 50, "most results in one search frame")                                      \
    X(PASSWORD_BYTES_MIN, 8, "least bytes of a password")                                          \
    X(PASSWORD_BYTES, 1024, "most bytes of a password")                                            \
    X(LABEL_CHARS, 64, "characters of a device's label")                                           \
    X(DEVICES, 20, "devices of an account; one more revokes the one unseen for longest")           \
    X(HTTP_BODY_BYTES, 8192, "bytes of a request's body")                                          \
    X(REFRESH_BYTES, 96, "bytes of a refresh token")                                               \
    X(TOPIC_CHARS, 250, "characters of a room's topic")                                            \
    X(REASON_CHARS, 200, "characters of the reason of a kick, mute or ban")                        \
    X(EMOJI_BYTES, 64, "bytes of a reaction")                                                      \
    X(REACTIONS, 100, "reactions to a message that a page from an archive names, the first ones")  \
    X(ROOM_MEMBERS, 1000, "names on the list of a room: its owner, moderators and members")        \
    X(ROOM_SANCTIONS, 1000, "bans and mutes of a room")                                            \
    X(ROOM_INVITATIONS, 100, "open invitations of a room")                                         \
    X(MEMBERSHIPS, 1000, "rooms on whose lists one account may stand")                             \
    X(INVITATION_BYTES, 32, "bytes of an invitation's code")                                       \
    X(MENTIONS, 10, "names that one message may mention; further ones are text")                   \
    X(MENTIONS_KEPT, 200, "mentions of a person that are kept")                                    \
    X(AWAY_PAGE, 100, "most messages in a page of what came while one was away")                   \
    X(CONVERSATIONS, 200, "conversations that a conversations frame lists, the latest")

enum {
#define X(name, value, what) RULE_##name = (value),
    RULES(X)
#undef X
    /* UTF-8 takes at most 4 bytes a character (RFC 3629 section 3) */
    NAME_MAX_BYTES = RULE_NAME_CHARS * 4,
    ROOM_MAX_BYTES = RULE_ROOM_CHARS * 4,
    /* NFC may be three times as long in UTF-8 (Unicode Standard Annex 15, section 12.5) */
    PASSWORD_MAX_BYTES = RULE_PASSWORD_BYTES * 3,
};

/* The codes of `error` frames: X(CODE, "on_the_wire", temporary, http_status, "what to do") */
#define ERRORS(X)                                                                                  \
    X(BAD_JSON, "bad_json", 0, 400, "Send one JSON object per text frame.")                        \
    X(NOT_OBJECT, "not_object", 0, 400, "Send a JSON object, not another kind of value.")          \
    X(TOO_DEEP, "too_deep", 0, 400, "Nest objects and arrays at most 8 levels.")                   \
    X(NO_TYPE, "no_type", 0, 400, "Give the frame a \"type\" that is a string.")                   \
    X(UNKNOWN_TYPE, "unknown_type", 0, 400, "Use a type that docs/PROTOCOL.md lists.")             \
    X(BAD_FIELD, "bad_field", 0, 400,                                                              \
      "Correct the named field: it is missing, of the wrong kind or out of range.")                \
    X(BAD_NAME, "bad_name", 0, 400, "A name has 1 to 32 letters, digits, '_', '-' or '.'.")        \
    X(BAD_ROOM, "bad_room", 0, 400, "A room name has 1 to 64 letters, digits, '_', '-' or '.'.")   \
    X(BAD_CONTENT, "bad_content", 0, 400,                                                          \
      "Content has 1 to 4096 bytes of UTF-8 and is not only white space.")                         \
    X(NAME_TAKEN, "name_taken", 0, 409, "Somebody else uses this name: choose another one.")       \
    X(HELLO_FIRST, "hello_first", 0, 400, "Send hello with a username before anything else.")      \
    X(HELLO_TWICE, "hello_twice", 0, 400, "This connection has said hello already.")               \
    X(NOT_JOINED, "not_joined", 0, 403, "Join the room first.")                                    \
    X(TOO_MANY_ROOMS, "too_many_rooms", 0, 403, "Leave a room before you join another one.")       \
    X(RATE_LIMITED, "rate_limited", 1, 429, "Too many messages: try again after retry_after_ms.")  \
    X(BUSY, "busy", 1, 503, "The server has too much to do: try again after retry_after_ms.")      \
    X(UNAVAILABLE, "unavailable", 1, 503,                                                          \
      "Redis cannot store it now: try again after retry_after_ms with the same cid.")              \
    X(STORE_FAILED, "store_failed", 0, 500,                                                        \
      "Redis refused the command: the operator finds the reason in the log.")                      \
    X(ARCHIVE_OFF, "archive_off", 0, 404, "This server keeps no archive.")                         \
    X(ARCHIVE_UNAVAILABLE, "archive_unavailable", 1, 503,                                          \
      "The archive does not answer: try again after retry_after_ms.")                              \
    X(SEARCH_OFF, "search_off", 0, 404, "The archive of this server has no index of words.")       \
    X(BAD_QUERY, "bad_query", 0, 400, "Search for 1 to 16 words, at most 256 bytes in all.")       \
    X(BAD_CURSOR, "bad_cursor", 0, 400,                                                            \
      "This cursor is not of this room or search: start again without it.")                        \
    X(ACCOUNTS_OFF, "accounts_off", 0, 404,                                                        \
      "This server has no accounts: choose a name as guest.")                                      \
    X(LOGIN_REQUIRED, "login_required", 0, 401, "Log in: this server takes no guests.")            \
    X(BAD_LOGIN, "bad_login", 0, 401, "Name or password is wrong.")                                \
    X(LOGIN_LIMITED, "login_limited", 1, 429,                                                      \
      "Too many attempts: try again after retry_after_ms.")                                        \
    X(BAD_PASSWORD, "bad_password", 0, 400, "A password has 8 to 1024 bytes of UTF-8.")            \
    X(BAD_TOKEN, "bad_token", 0, 401, "This token is not valid here: log in again.")               \
    X(TOKEN_EXPIRED, "token_expired", 0, 401, "This token has expired: refresh it.")               \
    X(WRONG_USER, "wrong_user", 0, 403, "This token belongs to another name.")                     \
    X(NOT_FOUND, "not_found", 0, 404, "There is no such thing, or it is not yours.")               \
    X(NOT_ALLOWED, "not_allowed", 0, 403,                                                          \
      "Your role in this room does not allow it, or it is not yours.")                             \
    X(ACCOUNT_NEEDED, "account_needed", 0, 403, "Only an account may do this: log in.")            \
    X(PRIVATE_ROOM, "private_room", 0, 403, "This room is private: ask for an invitation.")        \
    X(READ_ONLY, "read_only", 0, 403, "Only the owner and moderators write here.")                 \
    X(MUTED, "muted", 0, 403, "You may not write here until retry_after_ms have passed.")          \
    X(BANNED, "banned", 0, 403, "You may not be here until retry_after_ms have passed.")           \
    X(SLOW_MODE, "slow_mode", 1, 429,                                                              \
      "This room is in slow mode: try again after retry_after_ms.")                                \
    X(TOO_OLD, "too_old", 0, 409, "This message is too old to be changed.")                        \
    X(BAD_INVITATION, "bad_invitation", 0, 404, "This invitation is wrong, used up or has ended.") \
    X(ROOM_EXISTS, "room_exists", 0, 409, "This room has an owner already.")                       \
    X(LAST_OWNER, "last_owner", 0, 409,                                                            \
      "A room has one owner: give the room to somebody else first.")                               \
    X(FULL, "full", 0, 409, "This list is full: take something off it first.")                     \
    X(FILES_OFF, "files_off", 0, 404, "This server takes no files.")                               \
    X(ADMIN_OFF, "admin_off", 0, 403, "This server has no ADMIN_TOKEN.")                           \
    X(BAD_ADMIN_TOKEN, "bad_admin_token", 0, 401, "This is not the server's ADMIN_TOKEN.")

enum error_code {
    ERROR_NONE,
#define X(code, text, temporary, status, what) ERROR_##code,
    ERRORS(X)
#undef X
        ERROR_COUNT
};

struct error_info {
    const char *code, *message;
    bool temporary;
    int http_status;
};
const struct error_info *error_info(enum error_code code); /* code is not ERROR_NONE */
/* The code that is called so on the wire, or ERROR_NONE. */
enum error_code error_by_text(const char *text, size_t size);

/* Checks a name and writes its NFC form (Unicode Standard Annex 15) to out, NUL-terminated,
 * at most NAME_MAX_BYTES or ROOM_MAX_BYTES bytes and a NUL. Allowed: characters of the
 * general categories L, M, Nd and '_' '-' '.'; nothing invisible.
 * ERROR_NONE, ERROR_BAD_NAME or ERROR_BAD_ROOM. Any thread. */
enum error_code rules_name(const char *in, size_t size, char *out);
enum error_code rules_room(const char *in, size_t size, char *out);
/* How many bytes from the start on may stand in a name. in: valid UTF-8. Any thread. */
size_t rules_name_prefix(const char *in, size_t size);

/* ERROR_NONE or ERROR_BAD_CONTENT: 1 … MESSAGE_BYTES bytes, valid UTF-8 without NUL, not
 * only white space (Unicode property White_Space and invisible characters). Any thread. */
enum error_code rules_content(const char *in, size_t size);

/* Checks a password and writes what is hashed, NUL-terminated: spaces of all kinds become U+0020,
 * then NFC, so that it does not matter which keyboard it came from (RFC 8265 section 4.2.2,
 * OpaqueString). ERROR_NONE or ERROR_BAD_PASSWORD: PASSWORD_BYTES_MIN … PASSWORD_BYTES bytes,
 * valid UTF-8 without NUL. Any thread. */
enum error_code rules_password(const char *in, size_t size, char out[PASSWORD_MAX_BYTES + 1]);

/* True when the text is a line for people: at most `chars` characters of valid UTF-8, none of
 * them a control character or one that turns the direction of what follows. Any thread. */
bool rules_line(const char *in, size_t size, size_t chars);
/* … that may name a device: at most LABEL_CHARS characters. */
bool rules_label(const char *in, size_t size);

/* True when the text may be a reaction: 1 … EMOJI_BYTES bytes as rules_label() has them, without
 * white space and not invisible. Whether it is one emoji is left to clients, which know newer ones
 * than a server. Any thread. */
bool rules_emoji(const char *in, size_t size);

/* True when bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong forms). Any thread. */
bool rules_utf8(const char *in, size_t size);

/* True when session, cid or epoch consist of 1 … limit printable ASCII characters without
 * '"', '\\' and space. Any thread. */
bool rules_token(const char *in, size_t size, size_t limit);

#endif
