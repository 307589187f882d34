/* SPDX-License-Identifier: MIT */
/* A future from inside. */
#ifndef TASK_FUTURE_H
#define TASK_FUTURE_H

#include "base/list.h"
#include "coro/future.h"
#include "sched/sched.h"

struct failure;

/* A done callback, linked into the list of its future. */
struct done_callback {
	struct list link;
	/* Called when the future is done and this is off its list. */
	void (*notify)(struct done_callback *on_done, struct coro_future *future);
};

/* Whether the failure of a future was asked for. If so it is not reported. */
enum retrieved {
	RETRIEVED_NOT,
	RETRIEVED_NEXT_TURN, /* by a task that runs on in the turn after the failure */
	RETRIEVED,
};

enum future_kind {
	FUTURE_PLAIN,
	FUTURE_TASK,
	FUTURE_GATHER, /* see gather.c */
};

struct coro_future {
	struct sched *sched;     /* holds a reference */
	struct list callbacks;   /* done callbacks, in the order in which they were added */
	void *value;             /* done */
	struct failure *failure; /* done, failed: its message, NULL for none */
	int status;              /* done: the result; if negative, the failure */
	unsigned refs;
	bool done;
	uint8_t retrieved; /* enum retrieved */
	uint8_t kind;
	bool marked : 1;   /* set while a call looks for futures named twice */
	bool shielded : 1; /* coro_shield of it was cancelled before it was done */
};

/* Makes a pending future with one reference, the caller's. */
static inline void future_init(struct coro_future *future, struct sched *sched)
{
	*future = (struct coro_future){.sched = sched, .refs = 1};
	list_init(&future->callbacks);
	sched->refs++;
}

/* What coro_future_create does. */
int future_create(struct sched *sched, struct coro_future **ret);

/* Frees it: the last reference is gone. */
void future_free(struct coro_future *future);

static inline struct coro_future *future_ref(struct coro_future *future)
{
	future->refs++;
	return future;
}

static inline void future_unref(struct coro_future *future)
{
	if (--future->refs == 0)
		future_free(future);
}

/* Makes it done and calls its done callbacks. The reference to the failure goes over. */
void future_finish(struct coro_future *future, int status, void *value, struct failure *failure);

/*
 * The same for a caller that holds a reference: a done callback may give the last other one back.
 */
static inline void future_finish_held(struct coro_future *future, int status, void *value,
				      struct failure *failure)
{
	struct list *link;
	future->done = true;
	future->status = status;
	future->value = value;
	future->failure = failure;
	while ((link = list_pop(&future->callbacks))) {
		struct done_callback *on_done = container_of(link, struct done_callback, link);
		on_done->notify(on_done, future);
	}
}

/*
 * Cancels it, or what it waits for, with a message or NULL for who receives the cancellation.
 * Returns false if it is done.
 */
bool future_cancel_with(struct coro_future *future, struct failure *message);

/* The same for a request of this level: see shield.h. The other requests are of level 0. */
bool future_cancel_from(struct coro_future *future, struct failure *message, unsigned level);

static inline bool future_cancel(struct coro_future *future)
{
	return future_cancel_with(future, NULL);
}

struct call;

/* If the call is a done callback of the program, frees it. */
void callback_discard(struct call *call);

/* Returns the program's function if the call is a done callback of the program; otherwise NULL. */
coro_callback *callback_function(const struct call *call);

/* Notes that the failure was asked for. To the program, this changes nothing. */
static inline void future_retrieved(const struct coro_future *future)
{
	((struct coro_future *)future)->retrieved = RETRIEVED;
}

/*
 * A task was woken with the failure. It counts as asked for from the next turn on, unless the loop
 * is closed before.
 */
static inline void future_retrieved_next_turn(struct coro_future *future)
{
	if (future->retrieved == RETRIEVED_NOT)
		future->retrieved = RETRIEVED_NEXT_TURN;
}

/* Returns the future that the task awaits; NULL if it does not wait in coro_await. */
struct coro_future *task_awaited(const struct task *task);

/* Writes which future it is, as snprintf does: "task 3 fetch", "a gather, 2 of 3 left". */
int future_describe(const struct coro_future *future, char *text, size_t size);

/* Gives its result as coro_await does. */
int future_result(const struct coro_future *future, void **ret);

#endif
