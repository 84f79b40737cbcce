/* The allocator of this program and of its libraries: powers of two, a list of free blocks for
 * each. What malloc of glibc costs depends on what was allocated and freed before, anywhere: the
 * same flush took 8 % more instructions after an unrelated change to how messages are stored. With
 * this one an allocation always costs the same few, and is what budget.txt counts separately.
 *
 * An executable's symbols come first, so nobody calls libc's. Parameters have the names that libc
 * gives them: clang-tidy compares. */
#include "count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    HEADER_BYTES = 16, /* keeps blocks aligned as malloc promises */
    CLASSES = 40,
    SMALLEST = 5, /* 32 bytes with the header */
};

struct block {
    union {
        struct block *next; /* free */
        unsigned class;     /* in use: 2^class bytes with this header */
    };
    _Alignas(HEADER_BYTES) unsigned char bytes[];
};

static const size_t AREA_BYTES = (size_t)1
                                 << 32; /* of addresses; memory is used as it is touched */

static struct block *free_blocks[CLASSES];
static unsigned char *area, *area_end;
uint64_t heap_allocations;

static void *area_take(size_t size)
{
    if (!area) {
        area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (area == MAP_FAILED)
            _exit(2);
        area_end = area + AREA_BYTES;
    }
    if (size > (size_t)(area_end - area))
        _exit(2);
    void *taken = area;
    area += size;
    return taken;
}

/* Of a size with the header. */
static unsigned class_of(size_t size)
{
    const unsigned class = 64 - (unsigned)__builtin_clzll(size - 1);
    return class < SMALLEST ? SMALLEST : class;
}

static void *take(size_t size, bool *fresh)
{
    const unsigned class = class_of(size + HEADER_BYTES);
    if (class >= CLASSES)
        _exit(2);
    heap_allocations += count_is_on;
    struct block *b = free_blocks[class];
    *fresh = !b;
    if (b)
        free_blocks[class] = b->next;
    else
        b = area_take((size_t)1 << class);
    b->class = class;
    return b->bytes;
}

static struct block *block_of(void *bytes)
{
    return (struct block *)((unsigned char *)bytes - HEADER_BYTES);
}

void *malloc(size_t size)
{
    bool fresh;
    return take(size, &fresh);
}

void *calloc(size_t nmemb, size_t size)
{
    bool fresh;
    size_t bytes;
    if (__builtin_mul_overflow(nmemb, size, &bytes))
        return NULL;
    void *p = take(bytes, &fresh);
    return fresh ? p : memset(p, 0, bytes);
}

void *realloc(void *ptr, size_t size)
{
    if (!ptr)
        return malloc(size);
    const size_t had = ((size_t)1 << block_of(ptr)->class) - HEADER_BYTES;
    if (size <= had) {
        heap_allocations += count_is_on; /* with another allocator it might move */
        return ptr;
    }
    void *p = malloc(size);
    memcpy(p, ptr, had);
    free(ptr);
    return p;
}

void free(void *ptr)
{
    if (!ptr)
        return;
    struct block *b = block_of(ptr);
    const unsigned class = b->class;
    b->next = free_blocks[class];
    free_blocks[class] = b;
}

/* More than HEADER_BYTES of alignment: nobody here asks for that. */
int posix_memalign(void **memptr, size_t alignment, size_t size)
{
    if (alignment > HEADER_BYTES)
        return EINVAL;
    *memptr = malloc(size);
    return 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment > HEADER_BYTES)
        _exit(2);
    return malloc(size);
}
