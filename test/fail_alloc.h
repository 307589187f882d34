/* SPDX-License-Identifier: MIT */
/*
 * Makes the n-th allocation fail: malloc, calloc, realloc, aligned_alloc, posix_memalign, mmap,
 * madvise and mprotect, called by the library, by libc or by the test, in the thread that asked for
 * it.
 *
 *   for (unsigned long n = 1;; n++) {
 *           fail_nth(n);
 *           int r = scenario();          nothing of Check's in here: it allocates, too
 *           if (!fail_off())
 *                   break;               all went well, and the n-th was never reached
 *           ck_assert_int_eq(r, -ENOMEM);
 *   }
 *
 * It takes the place of libc's functions in the program that it is linked into.
 */
#ifndef TEST_FAIL_ALLOC_H
#define TEST_FAIL_ALLOC_H

#include <stdbool.h>

/*
 * Whether calls can be made to fail: not where a sanitizer or valgrind has its own functions. Skip
 * then.
 */
bool fail_possible(void);

/* Of the calls from now on, the n-th fails, once; 0: none. Counts from 1. */
void fail_nth(unsigned long n);

/* No more calls fail. Returns whether one did since fail_nth. */
bool fail_off(void);

/* How many calls there were since fail_nth. */
unsigned long fail_count(void);

/* From now on madvise does nothing and returns 0, whatever the advice, as in some emulators. */
void ignore_advice(void);

#endif
