/* SPDX-License-Identifier: MIT */
/*
 * A coroutine from inside: what it is made of, and the switch between two of them.
 *
 * Nothing of ours runs after a switch: resume, yield and park do all their bookkeeping first, write
 * what the other side is to find, and end in a tail call to context_switch, which hands over a
 * result and jumps into the caller's caller. A `ret` of ours on the far side would be mispredicted
 * every time, since the CPU's return stack belongs to the coroutine that we left.
 */
#ifndef CORE_COROUTINE_H
#define CORE_COROUTINE_H

#include "base/list.h"
#include "base/sanitize.h"
#include "core/context.h"
#include "core/stack.h"
#include "coro/coroutine.h"

/* The whole header, of which a stack is the first part. */
#define frame_of(stack) ((struct frame *)(void *)(stack))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct thread;
struct failure;
struct deferred;
struct locals;
struct coro;

/* More states than the public ones, from the side of who wants to resume it. */
enum state {
	STATE_CREATED = CORO_CREATED,
	STATE_SUSPENDED = CORO_SUSPENDED,
	STATE_RUNNING = CORO_RUNNING,
	STATE_DONE = CORO_DONE,
	STATE_DELEGATING, /* the innermost of its chain is resumed in its place */
	STATE_DELEGATED,  /* suspended, and resumed through the one that delegates to it */
};

/* Flags beside the public ones. Any of them sends yield its slow way. */
enum {
	FLAG_IN_SCOPE = 1 << 7, /* debug mode: a generator that has begun a timeout or a group */
	FLAG_IS_TASK = 1 << 8,  /* a scheduler resumes it, and nobody else */
	FLAG_HAS_DELEGATOR = 1 << 9, /* its end goes to frame->delegator, not to its resumer */
	FLAG_CLOSING = 1 << 10,      /* CORO_EXIT was thrown in, and it has not left yet */
	/* A loop runs on its stack: callbacks may not yield in its place. */
	FLAG_RUNS_LOOP = 1 << 11,
	/* Its next wait is cancelled: it was cancelled while it ran, or before it started. */
	FLAG_MUST_CANCEL = 1 << 12,
	/*
	 * Its wait gave it what cannot be taken back, such as an item of a channel: a cancellation
	 * is for its next wait. Until it parks again, or cancels itself.
	 */
	FLAG_GIVEN = 1 << 13,
	FLAG_OUTER = 1 << 14, /* from here on: the outer folder's own */
};

/* A generator's place among the open ones of a loop: see asyncgen_note. */
struct asyncgen {
	struct list link; /* next: NULL while it is in no list */
	struct coro *co;
};

/*
 * The header at the top of a stack: what a coroutine needs only once it has started. It lies in the
 * page that the stack touches anyway; when the body ends it goes back to the pool with the stack.
 */
struct frame {
	struct stack stack;
	struct coro *co; /* whose body it is */
	void *context;   /* pooled: alive in the entry trampoline, waiting for the next body */
	coro_fn *fn;     /* NULL: the body has returned, and its deferred calls run */
	union {
		void *arg;
		struct failure *returned; /* the words of what the body has returned */
		struct failure *earlier;  /* while the body runs, and failure is set: see there */
	};
	void *value; /* what coro_return was given */
	/*
	 * The failure raised or received last. The one before it, of another code, is kept as
	 * `earlier`, so that cleaning up, where something fails too, does not lose it.
	 */
	struct failure *failure;
	struct deferred *deferred; /* calls to make at the end, the last first; NULL when pooled */
	union {
		struct locals *locals;    /* of a task, and of a thread; NULL when pooled */
		struct asyncgen asyncgen; /* of others */
	};

	/* A chain of delegations: root -> ... -> leaf, each with its own `delegate`. */
	struct coro *delegate;  /* whom this one delegates to */
	struct coro *delegator; /* who delegates to this one */
	struct coro *root;      /* of a leaf: where its chain begins */
	struct coro *leaf;      /* of a root: where its chain ends */

	void *exceptions[2]; /* CORO_SAVE_EXCEPTIONS: the C++ runtime's, of whoever does not run */
	uint64_t outer[12];  /* the outer ring's, for what runs on this stack */
};

_Static_assert(sizeof(struct frame) <= STACK_HEADER, "the frame fits the stack's header");

/* What a switch among many tasks needs stands first, on as few cache lines as can be. */
struct coro {
	union {
		/*
		 * Of the two sides of a resume, the one that stands still: suspended, where this
		 * one stands; running, where its resumer does. A switch between them exchanges it
		 * with the CPU, and so need not look the resumer up first. Of a task: where it is
		 * parked.
		 */
		void *context;
		size_t stack_size; /* created: bytes, 0 for the default */
	};
	union {
		void **out;      /* running: where the resumer wants the value */
		coro_fn *fn;     /* created */
		struct coro *at; /* a started task: the innermost that runs for it, or itself */
	};
	uint8_t state;
	uint16_t flags;
	union {
		int status; /* done: what the body returned */
		int wake;   /* a task that is ready: what its parking call returns */
	};
	struct frame *frame; /* from start to end: the header of its stack */
	struct thread *thread;
	union {
		struct coro *resumer;  /* running: who gets control at its yield; NULL: nobody */
		struct locals *locals; /* created, a task: what it inherits */
	};
	union {
		void **in;               /* suspended: where its yield wants what is sent */
		void *arg;               /* created */
		struct failure *failure; /* done */
	};
	const char *name, *site;
};

static inline void coroutine_init(struct coro *co, const struct coro_options *options, coro_fn *fn,
				  void *arg)
{
	*co = (struct coro){.fn = fn, .arg = arg, .state = STATE_CREATED};
	if (options) {
		co->stack_size = options->stack_size;
		co->flags = (uint16_t)options->flags;
		co->name = options->name;
		co->site = options->site;
	}
}

/* Whether the options can be; `more` are flags known beside those of every coroutine. */
int coroutine_check_options(const struct coro_options *options, unsigned more);

/* What a stack runs: one body after the other, for as long as it is warm. arg: its frame. */
void coroutine_entry(void *arg);

/* A generator that has ended is not open any more. */
static inline void coroutine_unlist(struct frame *frame)
{
	list_remove(&frame->asyncgen.link);
	frame->asyncgen.link.next = NULL;
}

/*
 * Throws a coroutine away where it stands; its body does not run on, and its deferred calls have
 * been made. The caller must stand elsewhere.
 */
void coroutine_discard(struct coro *co);

/* Whether a task that ended now would be cancelled, by a request that it has not seen. */
static inline bool coroutine_cancel_due(const struct coro *co)
{
	return (co->flags & (FLAG_MUST_CANCEL | FLAG_GIVEN)) == FLAG_MUST_CANCEL;
}

/* Saves or restores the C++ runtime's exception state by exchanging it with that in the frame. */
void coroutine_swap_exceptions(struct frame *frame);

/*
 * The coroutine receives an error: its words become the coroutine's, and the caller's reference
 * goes over; NULL for an error without words, which only evicts those of an earlier one of the same
 * code. An expected failure evicts no others.
 */
void coroutine_take_failure(struct coro *co, int error, struct failure *failure);

/* Takes the words out if they belong to that error: a reference or NULL. Others go. */
struct failure *coroutine_claim_failure(struct frame *frame, int error);

/* The words of that error, which stay where they are; NULL if it has none. */
struct failure *coroutine_find_failure(const struct frame *frame, int error);

/* This is the frame's only failure now, NULL for none. The caller's reference goes over. */
void coroutine_reset_failure(struct frame *frame, struct failure *failure);

/*
 * Goes from one coroutine, which runs and is saved in *save, to another, which stands at context;
 * thread->self is set already. Returns what whoever comes back gives.
 */
static inline __attribute__((always_inline)) int coroutine_switch(struct coro *from, void **save,
								  struct coro *to, void *context,
								  int result)
{
	if (!SANITIZED)
		return context_switch(save, context, result);
	struct frame *frame = from->frame;
	sanitize_leave(&frame->stack.sanitize, &to->frame->stack.sanitize, false);
	result = context_switch(save, context, result);
	sanitize_enter(&frame->stack.sanitize, false);
	return result;
}

#endif
