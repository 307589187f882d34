/* SPDX-License-Identifier: MIT */
#include "loop/sigint.h"

#include "base/system.h"
#include "core/fail.h"
#include "coro/task.h"
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>

static void cancel_main(struct message *message)
{
	struct signal_source *source = container_of(message, struct signal_source, message);
	struct sigint *interrupt = container_of(source, struct sigint, source);
	signal_source_take(source);
	if (coro_cancel(interrupt->task) > 0)
		interrupt->cancelled = true;
	else
		interrupt->late = true;
}

int sigint_begin(struct sigint *interrupt, struct coro_future *task, int signum)
{
	*interrupt = (struct sigint){
		.source = {.loop = sched_loop(task->sched),
			   .signum = signum,
			   .once = true,
			   .message.run = cancel_main},
		.task = task,
	};
	int r = system_is_main_thread() ? signal_source_add(&interrupt->source) : -EBUSY;
	interrupt->caught = r == 0;
	return r == -EBUSY ? 0 : r;
}

static int fail_sigint(const struct sigint *interrupt)
{
	if (interrupt->source.signum == SIGTERM)
		return fail_with(-EINTR, "the main task was ended by SIGTERM");
	return fail_with(-EINTR, "the main task was ended by SIGINT");
}

int sigint_end(struct sigint *interrupt, int r)
{
	if (!interrupt->caught)
		return r;
	signal_source_remove(&interrupt->source);
	if (!sched_is_own(interrupt->task->sched))
		return r; /* the run is the parent's */
	if (interrupt->late || signal_source_take(&interrupt->source) > 0)
		return fail_sigint(interrupt);
	bool ours = interrupt->cancelled && r == -ECANCELED;
	if (!ours || coro_task_uncancel(interrupt->task) > 0)
		return r;
	return fail_sigint(interrupt);
}
