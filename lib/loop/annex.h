/* SPDX-License-Identifier: MIT */
/* What outer rings keep with a loop, one of a kind: made when it is first needed, closed with it. */
#ifndef LOOP_ANNEX_H
#define LOOP_ANNEX_H

struct coro_loop;

enum annex_kind {
	ANNEX_EXECUTOR, /* the pool of coro_to_thread */
	ANNEX_STREAMS,  /* what streams and servers share */
	ANNEX_SIGNALS,
	ANNEX_PROCESSES,
	ANNEX_SOCKET_FILES, /* what goes with listening sockets */
	ANNEX_DUMP,         /* the signal that has the loop tell what its tasks wait in */
	ANNEX_COUNT,
};

struct annex {
	/* At the end of coro_run: may run the loop, to end in good order. NULL for nothing. */
	void (*shut_down)(struct annex *annex, struct coro_loop *loop);
	/* The loop is closed; its tasks are gone. Frees the annex. */
	void (*close)(struct annex *annex, struct coro_loop *loop);
};

#endif
