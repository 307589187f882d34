/* SPDX-License-Identifier: MIT */
/*
 * How the inner rings reach the debug ring, which they know nothing of: it defines these.
 */
#ifndef BASE_HOOKS_H
#define BASE_HOOKS_H

#include <stdint.h>

struct coro;
struct coro_report;
struct coro_future;
struct coro_loop;

struct hooks {
	/* The default handler was given a report. */
	void (*report)(const struct coro_report *report);
	/* Debug mode has found something that the task has done. */
	void (*found)(const struct coro_future *task, const char *what);
	/*
	 * Debug mode, at the loop's close: what was taken at the site (NULL: unknown) has not been
	 * undone.
	 */
	void (*left)(const char *taken, const char *site, const char *undone);
	/* Debug mode: an fd that the loop knows was closed, or is another now, and it was not told. */
	void (*closed)(int fd);
	/*
	 * Debug mode: a step took long. task: whose step it was; NULL: the callback fn's. In
	 * nanoseconds.
	 */
	void (*slow)(const struct coro_future *task, void (*fn)(void *arg), int64_t duration);
	/* Debug mode: a generator yields that has begun a timeout or a group, and may not have ended it. */
	void (*yields)(const struct coro *generator);
	/* A loop was made, by its thread. */
	void (*made)(struct coro_loop *loop);
};

extern const struct hooks hooks;

#endif
