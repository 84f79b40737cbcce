#include "address.h"

#include "confab/base/base.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 };

struct address {
    struct address *next;
    uint64_t key;
    uint32_t count;
};

struct address_table {
    struct lock lock;
    struct address *buckets[BUCKETS]; /* under lock */
    uint64_t seed;                    /* nobody else knows which addresses share a bucket */
};

struct address_table *address_table_new(void)
{
    struct address_table *t = xcalloc(1, sizeof(*t));
    lock_init(&t->lock);
    random_bytes(&t->seed, sizeof(t->seed));
    return t;
}

void address_table_free(struct address_table *t)
{
    for (size_t i = 0; i < BUCKETS; i++)
        BUG_ON(t->buckets[i]);
    lock_fini(&t->lock);
    free(t);
}

static uint64_t key_of(const struct sockaddr *sa)
{
    uint64_t key = 0;
    uint32_t v4;
    if (sa->sa_family == AF_INET) {
        memcpy(&v4, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, sizeof(v4));
        return v4;
    }
    if (sa->sa_family != AF_INET6)
        return 0;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(v6)) {
        memcpy(&v4, v6->s6_addr + 12, sizeof(v4));
        return v4;
    }
    memcpy(&key, v6->s6_addr, sizeof(key));
    return key;
}

static struct address **bucket(struct address_table *t, uint64_t key)
{
    return &t->buckets[((key ^ t->seed) * 0x9E3779B97F4A7C15u) >> 54];
}

struct address *address_enter(struct address_table *t, const struct sockaddr *sa, uint32_t most)
{
    const uint64_t key = key_of(sa);
    lock_acquire(&t->lock);
    struct address **head = bucket(t, key), *a = *head;
    while (a && a->key != key)
        a = a->next;
    if (!a) {
        a = xmalloc(sizeof(*a));
        *a = (struct address){ .next = *head, .key = key };
        *head = a;
    }
    if (a->count >= most)
        a = NULL;
    else
        a->count++;
    lock_release(&t->lock);
    return a;
}

void address_leave(struct address_table *t, struct address *a)
{
    lock_acquire(&t->lock);
    if (--a->count == 0) {
        struct address **link = bucket(t, a->key);
        while (*link != a)
            link = &(*link)->next;
        *link = a->next;
        free(a);
    }
    lock_release(&t->lock);
}
