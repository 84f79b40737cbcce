/* Accounts, devices and signing keys, which all instances share through Redis. Each operation is
 * one script, one atomic step; docs/REDIS.md lists keys and scripts. The contract of store.h holds
 * for return values, `done`, `arg` and the life of what a result points to.
 *
 * Every change of an account is also an entry of the stream `confab:archive`, in the same step.
 * Times are those of Redis, in milliseconds since 1970, unless they say otherwise. */
#ifndef CONFAB_STORE_ACCOUNTS_H
#define CONFAB_STORE_ACCOUNTS_H

#include "confab/store/store.h"
#include "confab/wire/account.h"
#include "confab/wire/fold.h"
#include "confab/wire/token.h"

enum {
    STORE_ALIVE_MOST = 250,   /* devices in one call of store_alive() */
    STORE_RESTORE_MOST = 200, /* accounts in one call of store_restore() */
};

/* A status alone. */
typedef void store_status_fn(void *arg, enum store_status status);

/* ---- passwords ---- */

struct store_login {
    const char *name; /* as it was given, in NFC */
    const struct fold *fold;
    const char *address; /* as limits see it: IPv4, or the /64 of an IPv6 */
};
struct store_login_found {
    enum store_status status; /* OK; NONE: no such account; LIMITED; WAIT: not refilled yet */
    int64_t retry_after_ms;   /* LIMITED */
    const char *user;         /* OK: as it is registered */
    const char *phc;          /* OK: its password's hash */
    uint64_t version;         /* OK */
};
typedef void store_login_fn(void *arg, const struct store_login_found *r);
/* Counts an attempt of this name and address and finds the account, by its name or by a name of
 * the same fold (login.lua). Over a limit nothing is counted. */
int store_login(struct store *s, const struct store_login *l, store_login_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

/* What a new sign-in of a device is made of. */
struct store_device {
    const char *id;    /* of a new one: 16 hex digits */
    const char *label; /* what people call it; "" */
    const char *seed;  /* 43 characters: its refresh tokens come from it */
};
struct store_sign_in {
    const char *user;                /* as store_login() answered, … */
    uint64_t version;                /* … with the account's version … */
    const struct store_login *login; /* … to this: the attempt is taken back */
    const char *old_device; /* NULL, or the id that this device had: kept if it is this user's */
    struct store_device device;
    const char *phc; /* NULL, or the password hashed anew */
};
struct store_signed_in {
    enum store_status status; /* OK; NONE: the account has changed or is gone */
    const char *device;       /* OK: id */
    int64_t now_ms;           /* OK */
};
typedef void store_signed_in_fn(void *arg, const struct store_signed_in *r);
/* A device of a user whose password was right (device.lua). Above RULE_DEVICES the one that was
 * unseen for longest is revoked. */
int store_sign_in(struct store *s, const struct store_sign_in *in, store_signed_in_fn *done,
                  void *arg) REQUIRES(on_hub) MUST_USE;

struct store_register {
    const char *user;
    const struct fold *fold;
    const char *session; /* NULL, or that of a guest who may have the name */
    const char *address; /* as store_login.address */
    const char *phc;     /* NULL: only asks whether it could be done; nothing is counted */
    struct store_device device;
};
struct store_registered {
    enum store_status status; /* OK; TAKEN; LIMITED; WAIT: not refilled yet */
    int64_t retry_after_ms;   /* LIMITED */
    int64_t now_ms;           /* OK */
};
typedef void store_registered_fn(void *arg, const struct store_registered *r);
/* A new account with its first device (register.lua). Guests under this name must go. */
int store_register(struct store *s, const struct store_register *in, store_registered_fn *done,
                   void *arg) REQUIRES(on_hub) MUST_USE;

/* Another password; every device but the one that asks is revoked (password.lua). status: OK;
 * REVOKED: the one that asks is none of theirs; NONE: the account has changed since. */
int store_password(struct store *s, const char *user, uint64_t version, const char *phc,
                   const char *device, store_status_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;
/* The account ends, with all its devices; a tombstone goes to the archive (unregister.lua).
 * status as store_password(). */
int store_unregister(struct store *s, const char *user, uint64_t version, const char *device,
                     store_status_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;

/* ---- devices ---- */

struct store_seed {
    enum store_status status; /* OK; NONE: no such device */
    const char *user, *seed;  /* OK */
};
typedef void store_seed_fn(void *arg, const struct store_seed *r);
/* What the refresh tokens of a device come from. */
int store_seed(struct store *s, const char *device, store_seed_fn *done, void *arg) REQUIRES(on_hub)
    MUST_USE;

struct store_rotated {
    enum store_status status; /* OK; NONE: no such device; REVOKED: it was used before, see below */
    uint64_t n;               /* OK: number of the refresh token that follows */
    int64_t now_ms;           /* OK */
};
typedef void store_rotated_fn(void *arg, const struct store_rotated *r);
/* Refresh token n of that seed is used; the caller has found it genuine (token.lua). The one used
 * last may be used again within REFRESH_GRACE_S and gets the same successor. An older one means
 * that two have it: the device is revoked. */
int store_rotate(struct store *s, const char *user, const char *device, const char *seed,
                 uint64_t n, store_rotated_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;

struct store_devices {
    enum store_status status;          /* OK; REVOKED: the one that asks is none of theirs */
    const struct device_info *devices; /* the one seen last first; `online` is left out */
    size_t count;
};
typedef void store_devices_fn(void *arg, const struct store_devices *r);
/* The devices of a user, of which `device` asks (devices.lua). */
int store_devices(struct store *s, const char *user, const char *device, store_devices_fn *done,
                  void *arg) REQUIRES(on_hub) MUST_USE;

struct store_revoke {
    const char *user;
    const char *device; /* NULL: all */
    const char *asker;  /* a device of theirs */
};
struct store_revoked {
    enum store_status status; /* OK; REVOKED: the asker is none of theirs */
    uint64_t count;           /* OK: how many of this user's devices */
};
typedef void store_revoked_fn(void *arg, const struct store_revoked *r);
/* Ends devices; every instance hears of it by events.devices_revoked (revoke.lua). */
int store_revoke(struct store *s, const struct store_revoke *in, store_revoked_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

struct store_alive {
    enum store_status status;
    const char *const *gone; /* ids of those that are no more */
    size_t count;
};
typedef void store_alive_fn(void *arg, const struct store_alive *r);
/* Which of these devices have been revoked? The others are seen now (alive.lua).
 * count ≤ STORE_ALIVE_MOST. */
int store_alive(struct store *s, const char *const *devices, size_t count, store_alive_fn *done,
                void *arg) REQUIRES(on_hub) MUST_USE;

/* ---- the administrator ---- */

typedef void store_admin_fn(void *arg, enum store_status status, int64_t retry_after_ms);
/* Somebody at this address shows ADMIN_TOKEN, or what should be it: OK or LIMITED. A wrong one
 * counts as a login that failed (admin.lua). */
int store_admin(struct store *s, const char *address, bool wrong, store_admin_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

/* ---- signing keys ---- */

struct store_keys {
    enum store_status status;
    const struct token_key *keys; /* oldest first; at most KEYRING_MOST */
    size_t count;
    int64_t now_ms;
};
typedef void store_keys_fn(void *arg, const struct store_keys *r);
/* The keys of all instances (keys.lua). candidate joins them when there is none yet, or the newest
 * is older than TOKEN_KEY_S; one that cannot have signed a living token goes. */
int store_keys(struct store *s, const struct token_key *candidate, store_keys_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

/* ---- a Redis that came back empty ---- */

enum store_accounts {
    STORE_ACCOUNTS_UNKNOWN,  /* Redis came back without: guests, logins, registrations wait */
    STORE_ACCOUNTS_OPEN,     /* no archive was there to say what is lacking */
    STORE_ACCOUNTS_RESTORED, /* an archive has brought all that it had */
};
struct store_accounts_state {
    enum store_status status;
    enum store_accounts state; /* OK: after the call */
    bool used;                 /* OK: there are accounts */
};
typedef void store_accounts_fn(void *arg, const struct store_accounts_state *r);
/* Tells Redis how much it knows of accounts (ready.lua). UNKNOWN only asks; OPEN is taken when
 * nobody has said anything yet. */
int store_accounts(struct store *s, enum store_accounts state, store_accounts_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

struct store_record {
    const char *name, *json; /* as they stand in the archive; json "": deleted */
    size_t json_size;
};
/* Accounts from an archive: those that Redis lacks or has in an older version (restore.lua). Again
 * is as good as once. count ≤ STORE_RESTORE_MOST. */
int store_restore(struct store *s, const struct store_record *records, size_t count,
                  store_status_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;

#endif
