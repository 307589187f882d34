/* SPDX-License-Identifier: MIT */
#include "loop/interrupt.h"

#include "base/system.h"
#include "core/fail.h"
#include "coro/task.h"
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>

static void cancel_main(struct message *message)
{
	struct catcher *catcher = container_of(message, struct catcher, message);
	struct interrupt *interrupt = container_of(catcher, struct interrupt, catcher);
	catcher_take(catcher);
	if (coro_cancel(interrupt->task) > 0)
		interrupt->cancelled = true;
	else
		interrupt->late = true;
}

int interrupt_begin(struct interrupt *interrupt, struct coro_future *task, int signum)
{
	*interrupt = (struct interrupt){
		.catcher = {.loop = task->loop,
			    .signum = signum,
			    .once = true,
			    .message.run = cancel_main},
		.task = task,
	};
	int r = system_is_main_thread() ? catcher_add(&interrupt->catcher) : -EBUSY;
	interrupt->caught = r == 0;
	return r == -EBUSY ? 0 : r;
}

static int fail_interrupted(const struct interrupt *interrupt)
{
	if (interrupt->catcher.signum == SIGTERM)
		return fail_with(-EINTR, "the main task was ended by SIGTERM");
	return fail_with(-EINTR, "the main task was ended by SIGINT");
}

int interrupt_end(struct interrupt *interrupt, int r)
{
	if (!interrupt->caught)
		return r;
	catcher_remove(&interrupt->catcher);
	if (interrupt->task->loop->fork_count != fork_count)
		return r; /* the parent's */
	if (interrupt->late || catcher_take(&interrupt->catcher) > 0)
		return fail_interrupted(interrupt);
	bool ours = interrupt->cancelled && r == -ECANCELED;
	if (!ours || coro_task_uncancel(interrupt->task) > 0)
		return r;
	return fail_interrupted(interrupt);
}
