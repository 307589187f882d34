/* SPDX-License-Identifier: MIT */
/*
 * A coroutine from inside: what it is made of, and the switch between two of them.
 *
 * No code of the library runs after a switch. resume, yield and park do their bookkeeping first,
 * write the results for the other side, and end in a tail call to context_switch. That hands over an
 * int and jumps into the user's code. A `ret` of the library after the switch would be mispredicted
 * every time, since the CPU's return stack belongs to the coroutine that was left.
 */
#ifndef CORE_COROUTINE_H
#define CORE_COROUTINE_H

#include "base/list.h"
#include "base/sanitize.h"
#include "core/context.h"
#include "core/stack.h"
#include "coro/coroutine.h"

/* The header of a stack, which begins with struct stack. */
#define frame_of(stack) ((struct frame *)(void *)(stack))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct thread;
struct failure;
struct deferred;
struct locals;
struct coro;

/* The public states, and two more that resume distinguishes. */
enum state {
	STATE_CREATED = CORO_CREATED,
	STATE_SUSPENDED = CORO_SUSPENDED,
	STATE_RUNNING = CORO_RUNNING,
	STATE_DONE = CORO_DONE,
	STATE_DELEGATING, /* resume goes to the innermost of its chain instead */
	STATE_DELEGATED,  /* suspended; resumed through the generator that delegates to it */
};

/* Flags beside the public ones. With any of them yield takes its slow path. */
enum {
	FLAG_IN_SCOPE = 1 << 7, /* debug mode: a generator that has begun a timeout or a group */
	FLAG_IS_TASK = 1 << 8,  /* only the scheduler resumes it */
	FLAG_HAS_DELEGATOR = 1 << 9, /* its end goes to frame->delegator, not to its resumer */
	FLAG_CLOSING = 1 << 10,      /* CORO_EXIT was thrown in, and it has not ended yet */
	/* A loop runs on its stack, so callbacks must not yield from it. */
	FLAG_RUNS_LOOP = 1 << 11,
	/* A task: was cancelled while it ran or before it started. Its next wait is cancelled. */
	FLAG_MUST_CANCEL = 1 << 12,
	/*
	 * A task: was woken with something that cannot be taken back, such as an item of a channel.
	 * A cancellation is for its next wait. Cleared when it parks or cancels itself.
	 */
	FLAG_GIVEN = 1 << 13,
	FLAG_OUTER = 1 << 14, /* the first flag that sched uses */
};

/* A link in a loop's list of open generators: see asyncgen_note. */
struct asyncgen {
	struct list link; /* link.next is NULL while it is in no list */
	struct coro *co;
};

/*
 * The header at the top of a stack, with the fields that only a started coroutine needs. It lies in
 * the page that the stack touches anyway. It goes back to the pool with the stack when the body ends.
 */
struct frame {
	struct stack stack;
	struct coro *co; /* the coroutine whose body runs */
	void *context;   /* pooled: suspended in coroutine_entry, waiting for the next body */
	coro_fn *fn;     /* NULL: the body has returned, and its deferred calls run */
	union {
		void *arg;
		struct failure *returned; /* valid while fn is NULL: the body's failure */
		struct failure *earlier;  /* valid while fn and failure are set: see failure */
	};
	void *value; /* of coro_return */
	/*
	 * The failure raised or received last. The one before it, of another code, is kept as
	 * `earlier`, so that a failure in cleanup code does not lose it.
	 */
	struct failure *failure;
	struct deferred *deferred; /* calls to make at the end, the last first; NULL when pooled */
	union {
		struct locals *locals;    /* of tasks and threads; NULL when pooled */
		struct asyncgen asyncgen; /* of all others */
	};

	/* A chain of delegations: root -> ... -> leaf, each with its own `delegate`. */
	struct coro *delegate;  /* the generator that this one delegates to */
	struct coro *delegator; /* the generator that delegates to this one */
	struct coro *root;      /* of a leaf: the beginning of its chain */
	struct coro *leaf;      /* of a root: the end of its chain */

	void *exceptions
		[2]; /* CORO_SAVE_EXCEPTIONS: the C++ globals of the side that does not run */
	uint64_t outer[12]; /* used by sched: struct task_wait */
};

_Static_assert(sizeof(struct frame) <= STACK_HEADER, "the frame fits the stack's header");

/*
 * The fields that a switch among many tasks needs come first, to touch few cache lines. Fields share
 * memory by state: each comment says in which state a field is valid.
 */
struct coro {
	union {
		/*
		 * The context of the side of a resume that does not run. Suspended: this
		 * coroutine's. Running: its resumer's, so that a yield need not fetch the resumer
		 * first. A parked task: its own.
		 */
		void *context;
		size_t stack_size; /* created: bytes, 0 for the default */
	};
	union {
		void **out;      /* running: where to store the value for the resumer */
		coro_fn *fn;     /* created */
		struct coro *at; /* started task: the innermost coroutine that runs for it */
	};
	uint8_t state;
	uint16_t flags;
	union {
		int status; /* done: the body's result */
		int wake;   /* ready task: the result of the call that parked it */
	};
	struct frame *frame; /* started and not done: the header of its stack */
	struct thread *thread;
	union {
		struct coro *resumer;  /* running: gets control at its yield; NULL for none */
		struct locals *locals; /* created task: the local values it inherits */
	};
	union {
		void **in;               /* suspended: where to store the value sent to it */
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

/* Checks options. `more` are flags allowed beside those of every coroutine. 0 or -EINVAL. */
int coroutine_check_options(const struct coro_options *options, unsigned more);

/* The function that each stack runs: one body after another. arg is the stack's frame. */
void coroutine_entry(void *arg);

/* Takes a generator that has ended off the list of open ones. */
static inline void coroutine_unlist(struct frame *frame)
{
	list_remove(&frame->asyncgen.link);
	frame->asyncgen.link.next = NULL;
}

/*
 * Discards a suspended coroutine: its body does not run on. Its deferred calls were made before. The
 * caller must be on another stack.
 */
void coroutine_discard(struct coro *co);

/* Whether a task that ends now is cancelled, by a request that it has not received. */
static inline bool coroutine_cancel_due(const struct coro *co)
{
	return (co->flags & (FLAG_MUST_CANCEL | FLAG_GIVEN)) == FLAG_MUST_CANCEL;
}

/* Exchanges the C++ runtime's exception state with that in the frame. */
void coroutine_swap_exceptions(struct frame *frame);

/*
 * Gives the coroutine an error's message, and takes over the caller's reference. NULL is an error
 * without a message, which only removes that of an earlier error of the same code. An expected
 * failure removes no other.
 */
void coroutine_take_failure(struct coro *co, int error, struct failure *failure);

/* Takes all messages out of the frame. Returns that of the error, a reference, or NULL. */
struct failure *coroutine_claim_failure(struct frame *frame, int error);

/* Finds the message of an error, which stays in the frame. NULL for none. */
struct failure *coroutine_find_failure(const struct frame *frame, int error);

/* Makes this the frame's only failure. NULL for none. Takes over the caller's reference. */
void coroutine_reset_failure(struct frame *frame, struct failure *failure);

/*
 * Saves the running coroutine in *save and switches to another at its context, with `result` for it.
 * thread->self is set already. Returns the result of the switch that comes back.
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
