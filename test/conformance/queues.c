/* SPDX-License-Identifier: MIT */
/* Operations on queues. */
#include "interpreter.h"

#include <errno.h>

static struct coro_queue *queue(struct act *act)
{
	return act_thing_of(act, 0, QUEUE)->queue;
}

/* To the library a full queue and an empty one are the same error, -EAGAIN, and -EPIPE has many meanings. */
static int named(struct act *act, int r, const char *would_wait)
{
	if (r == -EAGAIN)
		return error_code(act->me->machine, would_wait);
	return r == -EPIPE ? error_code(act->me->machine, "shutdown") : r;
}

static int op_put(struct act *act)
{
	return named(act, coro_queue_put(queue(act), act->args[1]), "full");
}

static int op_tryput(struct act *act)
{
	return named(act, coro_queue_try_put(queue(act), act->args[1]), "full");
}

static int op_get(struct act *act)
{
	void *item = NULL;
	int r = coro_queue_get(queue(act), &item);
	return answer(act, named(act, r, "empty"), item);
}

static int op_tryget(struct act *act)
{
	void *item = NULL;
	int r = coro_queue_try_get(queue(act), &item);
	return answer(act, named(act, r, "empty"), item);
}

static int op_qjoin(struct act *act)
{
	return coro_queue_join(queue(act));
}

static int op_qdone(struct act *act)
{
	return coro_queue_task_done(queue(act));
}

static int op_qshutdown(struct act *act)
{
	return coro_queue_shutdown(queue(act), act->args[1] != NULL);
}

const struct operation queue_operations[] = {
	{"put", 2, 2, op_put, HERE, .waits = true},     {"tryput", 2, 2, op_tryput, HERE},
	{"get", 1, 1, op_get, HERE, .waits = true},     {"tryget", 1, 1, op_tryget, HERE},
	{"qjoin", 1, 1, op_qjoin, HERE, .waits = true}, {"qdone", 1, 1, op_qdone, HERE},
	{"qshutdown", 1, 2, op_qshutdown, HERE},        {.name = NULL},
};
