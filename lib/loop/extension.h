/* SPDX-License-Identifier: MIT */
/* What outer rings keep with a loop, one of a kind: made when it is first needed, closed with it. */
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
	EXTENSION_DUMP,         /* the signal that has the loop tell what its tasks wait in */
	EXTENSION_COUNT,
};

struct extension {
	/* At the end of coro_run: may run the loop, to end in good order. NULL for nothing. */
	void (*shut_down)(struct extension *extension, struct coro_loop *loop);
	/* An fd of the loop is about to be closed by coro_fd_close. NULL for nothing. */
	void (*closing_fd)(struct extension *extension, struct coro_loop *loop, int fd);
	/* The loop is closed; its tasks are gone. Frees the annex. */
	void (*close)(struct extension *extension, struct coro_loop *loop);
};

/* What is to be told, once, when the loop is closed and its tasks are gone. */
struct closer {
	struct list link; /* in loop->closers; its close takes it off */
	void (*close)(struct closer *closer);
};

#endif
