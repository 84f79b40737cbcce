/* Counting: the instructions that callgrind sees and the calls of malloc, calloc and realloc,
 * between count_on() and count_off() and nowhere else.
 *
 * Two runs count the same. What would make them differ stands still: the clocks of libc move
 * only by clock_forward(), random numbers are a fixed sequence, jansson's seed is set, and the
 * allocator has no history (heap.c). */
#ifndef BUDGET_COUNT_H
#define BUDGET_COUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <valgrind/callgrind.h>

void count_init(void);
/* From zero; what was counted up to here is forgotten. */
void count_begin(void);
/* Prints `name operations allocations` and has callgrind write its counts under that name. */
void count_end(const char *name, uint64_t operations);

extern bool count_is_on;
extern uint64_t heap_allocations; /* heap.c */

/* The few instructions of the switches themselves count, too. */
static inline void count_on(void)
{
    count_is_on = true;
    CALLGRIND_TOGGLE_COLLECT;
}
static inline void count_off(void)
{
    CALLGRIND_TOGGLE_COLLECT;
    count_is_on = false;
}

void clock_forward(int64_t ms);

#endif
