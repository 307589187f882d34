/* SPDX-License-Identifier: MIT */
/* A future from inside. */
#ifndef TASK_FUTURE_H
#define TASK_FUTURE_H

#include "base/list.h"
#include "coro/future.h"
#include "sched/sched.h"

struct failure;

/* Who wants to know when a future is done: linked into the future's list. */
struct done_callback {
	struct list link;
	/* The future is done, and this is off its list. */
	void (*notify)(struct done_callback *on_done, struct coro_future *future);
};

/* Whether the failure of a future was asked for: then it need not be reported. */
enum retrieved {
	RETRIEVED_NOT,
	RETRIEVED_NEXT_TURN, /* by a waiter that runs on in the turn after its failure */
	RETRIEVED,
};

enum future_kind {
	FUTURE_PLAIN,
	FUTURE_TASK,
	FUTURE_GATHER, /* see gather.c */
};

struct coro_future {
	struct sched *sched;     /* holds a reference */
	struct list waiters;     /* struct waiter, in the order they came */
	void *value;             /* done */
	struct failure *failure; /* done, failed: its message, NULL for none */
	int status;              /* done: the result, a negative one its failure */
	unsigned refs;
	bool done;
	uint8_t retrieved; /* enum retrieved */
	uint8_t kind;
	bool marked : 1;   /* while a call looks for those that it was given twice */
	bool shielded : 1; /* a shield of it was cancelled before it was done */
};

/* A future of the loop, pending, with one reference: the caller's. */
static inline void future_init(struct coro_future *future, struct sched *sched)
{
	*future = (struct coro_future){.sched = sched, .refs = 1};
	list_init(&future->waiters);
	sched->refs++;
}

/* coro_future_create. */
int future_create(struct sched *sched, struct coro_future **ret);

/* Nobody has a reference any more. */
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

/* Makes it done and notifies who waits. Takes the reference to the failure over. */
void future_finish(struct coro_future *future, int status, void *value, struct failure *failure);

/* The same for a caller with a reference, since a waiter may hold the last other one. */
static inline void future_finish_held(struct coro_future *future, int status, void *value,
				      struct failure *failure)
{
	struct list *link;
	future->done = true;
	future->status = status;
	future->value = value;
	future->failure = failure;
	while ((link = list_pop(&future->waiters))) {
		struct done_callback *on_done = container_of(link, struct done_callback, link);
		on_done->notify(on_done, future);
	}
}

/*
 * Cancels it, or what it waits for; false if it is done. Who receives the cancellation gets the
 * words, NULL for none.
 */
bool future_cancel_with(struct coro_future *future, struct failure *message);

/* The same for a request of such a level: see shield.h. The others are of level 0. */
bool future_cancel_from(struct coro_future *future, struct failure *message, unsigned level);

static inline bool future_cancel(struct coro_future *future)
{
	return future_cancel_with(future, NULL);
}

struct call;

/* If the call is a done callback's, it will not run: frees it. */
void callback_discard(struct call *call);

/* The program's function, if the call is a done callback's; else NULL. */
coro_callback *callback_function(const struct call *call);

/* Const is what the program can see of it. */
static inline void future_retrieved(const struct coro_future *future)
{
	((struct coro_future *)future)->retrieved = RETRIEVED;
}

/* A waiter has taken the failure: asked for from the next turn on, unless the loop ends before. */
static inline void future_retrieved_next_turn(struct coro_future *future)
{
	if (future->retrieved == RETRIEVED_NOT)
		future->retrieved = RETRIEVED_NEXT_TURN;
}

/* The future that a task awaits, in coro_await; NULL if it does not wait, or for something else. */
struct coro_future *task_awaited(const struct task *task);

/* Hands its result over as coro_await does. */
int future_result(const struct coro_future *future, void **ret);

#endif
