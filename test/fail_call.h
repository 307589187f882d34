/* SPDX-License-Identifier: MIT */
/*
 * Makes system calls fail, or transfer less than they were asked to; and counts them. It concerns
 * the thread that asked for it, and those calls in fail_call.c, whoever makes them: the library, the
 * test, or a child between vfork and execve. One that asks ends what another has asked for.
 *
 *   fail_call("recv", 2, ECONNRESET);      the second recv from now on fails
 *   fail_call(NULL, 5, EINTR);             the fifth call, whichever it is
 *   ...
 *   if (fail_call_off())                   it came to that
 *
 * The linker puts these functions in the place of libc's: see the Makefile.
 */
#ifndef TEST_FAIL_CALL_H
#define TEST_FAIL_CALL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th call of that name fails, once, with this errno. n = 0: counts only. */
void fail_call(const char *name, unsigned long n, int error);

/* The same for every call from the n-th on. */
void fail_calls_from(const char *name, unsigned long n, int error);

/* But none of that name. */
void spare_call(const char *name);

/* From now on all threads' calls count. */
void fail_calls_everywhere(void);

/* No more calls fail. Returns whether one did since fail_call. */
bool fail_call_off(void);

/*
 * Before the calling thread's next call of that name, fn is called: it does what others do
 * meanwhile.
 */
void precede_call(const char *name, void (*fn)(void));

/* How many calls of that name there were since fail_call; NULL for all. */
unsigned long calls_of(const char *name);

/* Whether calls count that a child of vfork makes: not where it is a fork, as in emulators. */
bool vforked_calls_count(void);

/* The i-th of the names of calls that were made since fail_call, from 0 on; NULL: no more. */
const char *call_named(int i);

/* The name of the call that failed; NULL: none. */
const char *failed_call(void);

/* An address on the stack that made the call, which tells whose it was. */
const void *failed_at(void);

/* From now on a transfer moves at most n bytes; 0: no limit. */
void shorten_transfers(size_t bytes);

/* From now on fsync and fdatasync do nothing, instead of waiting for a disk. */
void skip_syncs(void);

/* pthread_create without attributes, which neither counts nor fails. */
int create_uncounted(pthread_t *thread, void *(*fn)(void *arg), void *arg);

/* -- for what takes the place of a call */

/* Counts a call; returns whether it has to fail, with errno set. */
bool call_fails(const char *name);

/* The same for a call that the task with this stack address made earlier. */
bool call_at_fails(const char *name, const void *at);

/* After a failed call on fd: if the error says that the connection is gone, it ends it. */
void lose_connection(int fd, int error);

/* How many of n bytes a transfer may move. */
size_t shorter(size_t length);

#endif
