/* Everything that can be set, in one table. Filled in by app/config from defaults,
 * the `.env` file, the environment and the command line (later ones win); read-only
 * once threads run, so any thread may read it.
 *
 * X(member, ENVIRONMENT_NAME, default, lowest, highest, "help")
 * The flag is the environment name in lower case with dashes: SERVER_PORT is
 * --server-port. Units are part of the name. */
#ifndef CONFAB_BASE_SETTINGS_H
#define CONFAB_BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_NUMBERS(X)                                                                        \
    X(server_port, SERVER_PORT, 8080, 0, 65535, "TCP port; 0 takes a free one and says which")     \
    X(redis_db, REDIS_DB, 0, 0, 65535, "number of the Redis database")                             \
    X(max_clients, MAX_CLIENTS, 10000, 1, 1000000, "most WebSocket clients of this instance")      \
    X(max_clients_per_address, MAX_CLIENTS_PER_ADDRESS, 0, 0, 1000000,                             \
      "most connections from one address; 0 is no limit (use 0 behind a proxy)")                   \
    X(accept_rate, ACCEPT_RATE, 2000, 0, 1000000,                                                  \
      "new connections per second, others wait; 0 turns the limit off")                            \
    X(max_rooms, MAX_ROOMS, 10000, 1, 1000000, "most rooms with members on this instance")         \
    X(net_threads, NET_THREADS, 0, 0, 16, "net threads; 0 is one per core, at most 4")             \
    X(pump_thread_clients, PUMP_THREAD_CLIENTS, 128, 0, 2048,                                      \
      "with PUMPS=auto: most clients that get pump threads of their own")                          \
    X(rate_limit_messages, RATE_LIMIT_MESSAGES, 10, 0, 1000000,                                    \
      "messages per user and window over all instances; 0 turns the limit off")                    \
    X(rate_limit_window_s, RATE_LIMIT_WINDOW_S, 10, 1, 3600, "length of that window in seconds")   \
    X(heartbeat_ms, HEARTBEAT_MS, 25000, 200, 300000,                                              \
      "time between heartbeats; a client silent for 2.5 of them is closed")                        \
    X(presence_ttl_s, PRESENCE_TTL_S, 30, 2, 600,                                                  \
      "life of a presence key; refreshed every third of it")                                       \
    X(name_hold_s, NAME_HOLD_S, 600, 1, 86400,                                                     \
      "how long a name stays with its session after the last connection")                          \
    X(flush_max_ms, FLUSH_MAX_MS, 20, 0, 1000, "most time frames gather when a thread is busy")    \
    X(outbox_kb, OUTBOX_KB, 1024, 64, 65536, "most bytes waiting for one client, in KiB")          \
    X(max_queue_mb, MAX_QUEUE_MB, 256, 8, 65536, "most bytes waiting for all clients, in MiB")     \
    X(lag_close_s, LAG_CLOSE_S, 30, 1, 3600, "a client that takes nothing for so long is ended")   \
    X(handshake_timeout_s, HANDSHAKE_TIMEOUT_S, 10, 1, 120,                                        \
      "time for the HTTP request and for the first hello")                                         \
    X(drain_seconds, DRAIN_SECONDS, 10, 0, 600, "most time that stopping takes")                   \
    X(archive_backlog, ARCHIVE_BACKLOG, 1000000, 1000, 100000000,                                  \
      "most entries that wait in Redis for an archive; beyond it the oldest are dropped")          \
    X(archive_days, ARCHIVE_DAYS, 0, 0, 36500, "days a message is archived; 0: for ever")          \
    X(archive_room_messages, ARCHIVE_ROOM_MESSAGES, 0, 0, 4294967295,                              \
      "newest messages of a room that are archived; 0: all")                                       \
    X(archive_deadline_ms, ARCHIVE_DEADLINE_MS, 2000, 100, 30000,                                  \
      "time for a page or a search from another instance's archive")                               \
    X(access_token_s, ACCESS_TOKEN_S, 900, 1, 86400, "life of an access token")                    \
    X(token_grace_s, TOKEN_GRACE_S, 30, 0, 600,                                                    \
      "time to refresh an expired access token before its connection is closed")                   \
    X(refresh_token_days, REFRESH_TOKEN_DAYS, 30, 1, 400, "life of a device that is not used")     \
    X(refresh_grace_s, REFRESH_GRACE_S, 30, 0, 300,                                                \
      "how long a refresh token that was used is answered with the same successor")                \
    X(token_key_s, TOKEN_KEY_S, 604800, 10, 31536000, "a new key signs access tokens so often")    \
    X(login_limit, LOGIN_LIMIT, 5, 0, 1000000,                                                     \
      "failed logins per name and address within LOGIN_WINDOW_S; 0 turns the limit off")           \
    X(login_limit_name, LOGIN_LIMIT_NAME, 50, 0, 1000000, "the same per name")                     \
    X(login_limit_address, LOGIN_LIMIT_ADDRESS, 30, 0, 1000000, "the same per address")            \
    X(login_window_s, LOGIN_WINDOW_S, 300, 1, 86400, "length of that window in seconds")           \
    X(register_limit_address, REGISTER_LIMIT_ADDRESS, 10, 0, 1000000,                              \
      "accounts made from one address per hour; 0 turns the limit off")                            \
    X(password_threads, PASSWORD_THREADS, 1, 1, 16, "threads that hash passwords")                 \
    X(password_queue, PASSWORD_QUEUE, 64, 1, 4096, "most passwords that wait for them")            \
    X(argon2_memory_kb, ARGON2_MEMORY_KB, 19456, 19456, 1048576,                                   \
      "memory of one Argon2id hash in KiB")                                                        \
    X(argon2_passes, ARGON2_PASSES, 2, 2, 20, "passes of one Argon2id hash")                       \
    X(away_days, AWAY_DAYS, 30, 1, 3650,                                                           \
      "days that private messages and mentions of an account wait in Redis")                       \
    X(away_messages, AWAY_MESSAGES, 1000, 100, 10000,                                              \
      "messages of an account's private conversation that Redis keeps")                            \
    X(edit_s, EDIT_S, 86400, 0, 31536000, "how long one may edit a message; 0: not at all")        \
    X(kick_s, KICK_S, 60, 1, 3600, "how long somebody who was kicked stays out")                   \
    X(max_owned_rooms, MAX_OWNED_ROOMS, 10000, 1, 1000000,                                         \
      "rooms with an owner, over all instances")                                                   \
    X(rooms_per_account, ROOMS_PER_ACCOUNT, 20, 0, 10000, "rooms that one account may own")        \
    X(audit_keep, AUDIT_KEEP, 10000, 100, 10000000,                                                \
      "acts of owners, moderators and administrators that Redis keeps")                            \
    X(file_max_kb, FILE_MAX_KB, 10240, 0, 1048576, "most KiB of one file; 0: no files")            \
    X(files_mb, FILES_MB, 1024, 1, 1073741824, "most MiB of all files")                            \
    X(files_user_mb, FILES_USER_MB, 100, 1, 1073741824, "most MiB of one person's files")          \
    X(files_days, FILES_DAYS, 30, 1, 3650, "days after which a file is removed")

/* X(member, NAME, "default", "help") */
#define SETTINGS_TEXTS(X)                                                                          \
    X(bind, BIND, "0.0.0.0",                                                                       \
      "address to listen on; 127.0.0.1 for this machine alone, :: for IPv6")                       \
    X(redis_addr, REDIS_ADDR, "",                                                                  \
      "host:port or unix:/path of a Redis; empty: confab runs one of its own in DATA_DIR")         \
    X(redis_sentinels, REDIS_SENTINELS, "",                                                        \
      "instead of REDIS_ADDR: Redis Sentinels that know the master, host:port,host:port")          \
    X(redis_master_name, REDIS_MASTER_NAME, "mymaster", "what those Sentinels call that master")   \
    X(redis_password, REDIS_PASSWORD, "", "password of that Redis")                                \
    X(redis_sentinel_password, REDIS_SENTINEL_PASSWORD, "", "password of those Sentinels")         \
    X(redis_prefix, REDIS_PREFIX, "confab:", "what every key and channel starts with")             \
    X(redis_fsync, REDIS_FSYNC, "everysec",                                                        \
      "append-only policy of confab's own Redis: everysec or always")                              \
    X(data_dir, DATA_DIR, "./data", "folder of confab's own Redis")                                \
    X(archive, ARCHIVE, "auto",                                                                    \
      "where messages are kept: sqlite, off, or auto: sqlite beside confab's own Redis")           \
    X(archive_dir, ARCHIVE_DIR, "", "folder of the archive; empty: DATA_DIR")                      \
    X(archive_search, ARCHIVE_SEARCH, "on", "keep an index for searches: on or off")               \
    X(files_dir, FILES_DIR, "", "folder of files that people send; empty: DATA_DIR/files")         \
    X(accounts, ACCOUNTS, "optional", "off, optional (guests too) or required")                    \
    X(admin_token, ADMIN_TOKEN, "",                                                                \
      "bearer token of the administrator, 24 or more characters; empty: there is none")            \
    X(trusted_proxies, TRUSTED_PROXIES, "",                                                        \
      "addresses of proxies whose X-Forwarded-For counts, comma-separated")                        \
    X(net_cpus, NET_CPUS, "",                                                                      \
      "processors that the net threads are pinned to in turn, such as 2,3; empty: not pinned")     \
    X(pumps, PUMPS, "auto", "how pumps run: auto, threads or shared")                              \
    X(log_level, LOG_LEVEL, "info", "debug, info, warn or error")                                  \
    X(allowed_origins, ALLOWED_ORIGINS, "",                                                        \
      "more origins that may connect, comma-separated (https://chat.example.org); * for any")      \
    X(allowed_hosts, ALLOWED_HOSTS, "",                                                            \
      "more names this server answers to, comma-separated; * for any")                             \
    X(mdns, MDNS, "auto", "name this server in the local network by mDNS: off, or auto: by Avahi") \
    X(mdns_name, MDNS_NAME, "confab",                                                              \
      "that name, without .local; confab-2 and so on when somebody has it")                        \
    X(qr, QR, "auto", "QR code of the address at start: on, off, or auto: in a terminal")          \
    X(tls, TLS, "auto",                                                                            \
      "on, off, or auto: when there is a certificate (TLS_CERT, or from `confab tls init`)")       \
    X(tls_cert, TLS_CERT, "",                                                                      \
      "certificate and its chain in PEM; empty: the one of `confab tls init` in DATA_DIR/tls")     \
    X(tls_key, TLS_KEY, "", "private key of TLS_CERT in PEM")                                      \
    X(public_dir, PUBLIC_DIR, "", "serve the page from this folder instead of the built-in copy")  \
    X(env_file, ENV_FILE, ".env", "file with NAME=value lines, read when it exists")

enum { ADMIN_TOKEN_LEAST = 24, ADMIN_TOKEN_MOST = 256 }; /* characters */

enum archive_mode { ARCHIVE_MODE_AUTO, ARCHIVE_MODE_SQLITE, ARCHIVE_MODE_OFF };
enum accounts_mode { ACCOUNTS_OFF, ACCOUNTS_OPTIONAL, ACCOUNTS_REQUIRED };
enum pump_mode { PUMPS_AUTO, PUMPS_THREADS, PUMPS_SHARED };

struct settings {
#define X(member, env, value, low, high, help) int64_t member;
    SETTINGS_NUMBERS(X)
#undef X
#define X(member, env, value, help) const char *member;
    SETTINGS_TEXTS(X)
#undef X
    /* derived by app/config */
    enum pump_mode pump_mode;         /* from pumps */
    enum archive_mode archive_mode;   /* from archive */
    enum accounts_mode accounts_mode; /* from accounts */
    bool archive_index;               /* from archive_search */
    unsigned net_thread_count;        /* from net_threads, ≥ 1 */
    uint16_t net_cpu_list[16]; /* from net_cpus; thread i is pinned to entry i % net_cpu_count */
    unsigned net_cpu_count;    /* 0: no thread is pinned */
    char instance[17];         /* identity of this run: 16 hex digits */
    /* derived by app/private_redis: as long as this is the same, confab's own Redis has lost
     * nothing that it had answered. "": another Redis, which tells its run_id. */
    char redis_life[65];
};

#endif
