/* What the unit tests share: cmocka with the headers it wants first, and small helpers.
 * An assertion outside the test's own thread ends the whole program: threads record, the test
 * asserts. */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

/* Long enough for a loaded machine under a sanitizer; only a failing test waits for so long. */
enum { TEST_DEADLINE_MS = 20000 };

/* Waits until fd is readable. False after timeout_ms. */
bool test_wait_readable(int fd, int timeout_ms);

/* Sends stderr to a temporary file, from test_capture_start() to test_capture_end(), which
 * returns what was written: a new string, the caller frees it. */
void test_capture_start(void);
char *test_capture_end(void);

#endif
