/* Words of stories about pages, searches and archives: story.h, with an archive here. */
#ifndef TESTS_SUPPORT_ROOM_PAST_H
#define TESTS_SUPPORT_ROOM_PAST_H

#include "support/room/story.h"

int setup_archive(void **state);
int teardown_archive(void **state);

void peer_says(struct peer *p, const char *text); /* text with ' for " */
/* Everything of the frame that was sent but the messages. */
void answered(const char *expected);
void refused_with(const char *code);
/* Alice is in tea, 101 … 200 are in the list. */
struct peer *alice_late_in_tea(void);

const struct ask *asked_here(void);
struct frame *frame_of(const char *text);
/* The archive here answers the last ask. */
void archive_says(const char *text, uint64_t newest, bool behind);
void run_timers_until_asked(int asks);

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define A(name) cmocka_unit_test_setup_teardown(name, setup_archive, teardown_archive)

#endif
