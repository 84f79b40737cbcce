/* Accounts in a store: each call waits for the answer, and copies it. */
#ifndef TESTS_SUPPORT_ACCOUNTS_STORY_H
#define TESTS_SUPPORT_ACCOUNTS_STORY_H

#include "confab/store/accounts.h"
#include "support/store.h"

#define TEST_SEED "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define TEST_ADDRESS "192.0.2.1"

struct test_account {
    unsigned count;
    enum store_status status;
    char user[NAME_MAX_BYTES + 1], phc[128], device[DEVICE_CHARS + 1];
    uint64_t version, n;
    int64_t now_ms, retry_after_ms;
};

/* Registers with the hash "HASH-USER" and the device id "DEVICE" (16 characters). */
struct test_account test_register(struct test_store *t, const char *user, const char *device)
    REQUIRES(on_hub);
/* The same with everything of its own; session and phc may be NULL. */
struct test_account test_register_as(struct test_store *t, const char *user, const char *session,
                                     const char *address, const char *phc, const char *device)
    REQUIRES(on_hub);
struct test_account test_login(struct test_store *t, const char *name, const char *address)
    REQUIRES(on_hub);
/* Logs in and signs in, as if the password were right. old: NULL or a device. */
struct test_account test_sign_in(struct test_store *t, const char *name, const char *old,
                                 const char *device) REQUIRES(on_hub);
struct test_account test_sign_in_at(struct test_store *t, const char *user, uint64_t version,
                                    const char *old, const char *device, const char *phc)
    REQUIRES(on_hub);
struct test_account test_rotate(struct test_store *t, const char *user, const char *device,
                                const char *seed, uint64_t n) REQUIRES(on_hub);
enum store_status test_password(struct test_store *t, const char *user, uint64_t version,
                                const char *phc, const char *device) REQUIRES(on_hub);
enum store_status test_unregister(struct test_store *t, const char *user, uint64_t version,
                                  const char *device) REQUIRES(on_hub);
/* state, "!" behind it when there are accounts: "unknown", "open!", "restored" */
const char *test_accounts(struct test_store *t, enum store_accounts state) REQUIRES(on_hub);
enum store_status test_restore(struct test_store *t, const char *name, const char *json)
    REQUIRES(on_hub);
enum store_status test_claim_guest(struct test_store *t, const char *user, const char *session)
    REQUIRES(on_hub);
enum store_status test_claim_account(struct test_store *t, const char *user, const char *device)
    REQUIRES(on_hub);

#endif
