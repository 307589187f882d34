/* SPDX-License-Identifier: MIT */
/*
 * What outer folders keep with a loop, one of each kind. It is made when it is first needed, and
 * closed with the loop.
 */
#ifndef LOOP_EXTENSION_H
#define LOOP_EXTENSION_H

#include "base/list.h"

struct coro_loop;

enum extension_kind {
	EXTENSION_EXECUTOR, /* the pool of coro_to_thread */
	EXTENSION_STREAMS,  /* what streams and servers share */
	EXTENSION_SIGNALS,
	EXTENSION_PROCESSES,
	EXTENSION_SOCKET_FILES, /* what goes with listening sockets */
	EXTENSION_DUMP,         /* the signal of CORO_DUMP */
	EXTENSION_WATCHDOG,     /* debug mode: what the watchdog knows of the loop */
	EXTENSION_TRACE,
	EXTENSION_INTERRUPTS, /* waits that signal handlers interrupt */
	EXTENSION_COUNT,
};

struct extension {
	/*
	 * Called at the end of coro_run; may run the loop, to end in good order. NULL for nothing.
	 */
	void (*shut_down)(struct extension *extension, struct coro_loop *loop);
	/* Called when coro_fd_close is about to close an fd. NULL for nothing. */
	void (*closing_fd)(struct extension *extension, struct coro_loop *loop, int fd);
	/* Called when the loop is closed and its tasks are gone. Frees the extension. */
	void (*close)(struct extension *extension, struct coro_loop *loop);
};

/*
 * Something that must know when the loop is closed. close is called once, when the tasks are gone.
 */
struct closer {
	struct list link; /* in loop->closers; close takes it off */
	void (*close)(struct closer *closer);
};

#endif
