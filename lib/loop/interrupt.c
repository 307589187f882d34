/* SPDX-License-Identifier: MIT */
/*
 * Waits that signal handlers interrupt. A handler that runs in the loop's thread counts, and sends the
 * loop one message. A wait remembers the count of its begin: it is interrupted if there are more by the
 * time of the message. It then ends as by a timeout whose time is over.
 */
#include "coro/interrupt.h"
#include "base/memory.h"
#include "core/fail.h"
#include "loop/loop.h"
#include "sched/park.h"

#include <errno.h>
#include <stdlib.h>

/* Kept with a loop, made at the first wait. */
struct interrupts {
	struct extension extension;
	struct coro_loop *loop;
	struct message message;
	struct list waits;
	unsigned all, unrestarted; /* handlers that ran; those without SA_RESTART. Atomic */
	bool sent;                 /* the message is on its way. Atomic */
};

/* In coro_interruptible. */
struct part {
	struct list link;
	struct cleanup cleanup;
	const unsigned *count; /* the count that matters */
	unsigned before;       /* what it was at the begin */
};

_Static_assert(sizeof(struct part) <= sizeof(((struct coro_interruptible *)0)->own), "a wait fits");

static struct part *own(struct coro_interruptible *interruptible)
{
	return (struct part *)(void *)interruptible->own;
}

static unsigned load(const unsigned *count)
{
	return __atomic_load_n(count, __ATOMIC_SEQ_CST);
}

/* -- in the loop */

static void interrupt(struct part *own, int64_t now)
{
	struct coro_interruptible *interruptible =
		container_of((void *)own, struct coro_interruptible, own);
	/* A time that is not over yet needs no memory. */
	if (coro_timeout_reschedule(&interruptible->timeout, 0) == -ENOMEM)
		coro_timeout_reschedule(&interruptible->timeout, now + 1);
}

static void arrive(struct message *message)
{
	struct interrupts *interrupts = container_of(message, struct interrupts, message);
	__atomic_store_n(&interrupts->sent, false, __ATOMIC_SEQ_CST);
	list_for_each(link, &interrupts->waits) {
		struct part *own = container_of(link, struct part, link);
		if (load(own->count) != own->before)
			interrupt(own, coro_loop_time(interrupts->loop));
	}
}

static void drop(struct message *message)
{
	(void)message; /* it is freed by close */
}

/* -- made and closed */

static void interrupts_close(struct extension *extension, struct coro_loop *loop)
{
	struct interrupts *interrupts = container_of(extension, struct interrupts, extension);
	inbox_discard(&sched_of(loop)->inbox, &interrupts->message);
	free(interrupts);
}

static struct interrupts *interrupts_made(struct coro_loop *loop)
{
	struct extension *extension = loop->extensions[EXTENSION_INTERRUPTS];
	return extension ? container_of(extension, struct interrupts, extension) : NULL;
}

/* Returns 0 or -ENOMEM. A handler may run at any time. */
static int interrupts_of(struct coro_loop *loop, struct interrupts **ret)
{
	*ret = interrupts_made(loop);
	if (*ret)
		return 0;
	struct interrupts *interrupts = memory_alloc_zeroed(1, sizeof(*interrupts));
	if (!interrupts)
		return fail_code(-ENOMEM);
	interrupts->extension.close = interrupts_close;
	interrupts->loop = loop;
	interrupts->message = (struct message){.run = arrive, .drop = drop};
	list_init(&interrupts->waits);
	__atomic_store_n(&loop->extensions[EXTENSION_INTERRUPTS], &interrupts->extension,
			 __ATOMIC_RELEASE);
	*ret = interrupts;
	return 0;
}

/* -- the calls */

static void discard(struct cleanup *cleanup)
{
	list_remove(&container_of(cleanup, struct part, cleanup)->link);
}

int coro_interruptible_begin(struct coro_interruptible *interruptible, bool restarts)
{
	struct interrupts *interrupts;
	if (!interruptible)
		return fail_with(-EINVAL, "coro_interruptible_begin: it is NULL");
	int r = coro_timeout_begin(&interruptible->timeout, CORO_FOREVER);
	if (r < 0)
		return r;
	struct task *task = task_running();
	r = interrupts_of(sched_loop(task->sched), &interrupts);
	if (r < 0)
		return coro_timeout_end(&interruptible->timeout, r);
	struct part *wanted = own(interruptible);
	wanted->count = restarts ? &interrupts->unrestarted : &interrupts->all;
	wanted->before = load(wanted->count);
	list_append(&interrupts->waits, &wanted->link);
	cleanup_push(task, &wanted->cleanup, discard);
	return 0;
}

int coro_interruptible_end(struct coro_interruptible *interruptible, int status)
{
	if (!interruptible)
		return fail_with(-EINVAL, "coro_interruptible_end: it is NULL");
	cleanup_pop(&own(interruptible)->cleanup);
	list_remove(&own(interruptible)->link);
	int r = coro_timeout_end(&interruptible->timeout, status);
	return status == -ECANCELED && r == -ETIMEDOUT ? fail_code(-EINTR) : r;
}

void coro_interrupt(bool restarts)
{
	struct coro_loop *loop = coro_running_loop();
	struct interrupts *interrupts = loop ? interrupts_made(loop) : NULL;
	if (!interrupts)
		return;
	if (!restarts)
		__atomic_add_fetch(&interrupts->unrestarted, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&interrupts->all, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_exchange_n(&interrupts->sent, true, __ATOMIC_SEQ_CST) &&
	    sched_post(sched_of(loop), &interrupts->message) < 0)
		__atomic_store_n(&interrupts->sent, false, __ATOMIC_SEQ_CST);
}
