/* SPDX-License-Identifier: MIT */
/*
 * A call that blocks, made by a thread of its own: a last resort, for calls that cannot be made without
 * waiting and whose end cannot be waited for. If the task is cancelled it leaves at once; the thread goes
 * on until its call returns, and then takes back what the call has done. The call has memory of its own.
 */
#ifndef POSIX_APART_H
#define POSIX_APART_H

#include "coro/future.h"
#include "posix/call.h"

struct apart {
	/* Makes the call, in the thread. Returns its result or a negative errno. */
	ssize_t (*call)(struct apart *apart);
	/* Takes back a call that has returned this, or an error, when its task has left. Or NULL. */
	void (*undo)(struct apart *apart, ssize_t result);
	bool signals; /* the thread has the task's signal mask; otherwise it blocks all */

	struct coro_loop *loop;
	struct coro_future *future; /* the loop's: done when the result has come */
	struct apart *next;         /* of those that tasks of the loop's thread wait for */
	uintptr_t number;           /* no other call has had it */
	pid_t process;              /* of the task */
	ssize_t result;
	/* Atomic. The thread may not use it once it is done, nor the task once it has left. */
	enum { APART_RUNS, APART_DONE, APART_LEFT } state;
};

/* Allocates a struct that begins with a struct apart, as zeroes. NULL without memory. */
struct apart *apart_create(size_t size);

/*
 * Makes the call and waits for it. Returns its result, or an error: -ECANCELED, -ENOMEM, -EAGAIN. If
 * *apart is NULL then, the thread has it; otherwise the caller frees it.
 */
ssize_t apart_run(struct apart **apart);

/* apart_run of a call that handlers without SA_RESTART interrupt. */
ssize_t apart_run_interruptibly(struct apart **apart);

#endif
