/* SPDX-License-Identifier: MIT */
/*
 * Coroutines: functions that stop in the middle, each on a stack of its own.
 *
 * A coroutine runs when somebody resumes it and stops where it yields, however many calls deep it
 * stands; the value yielded goes to the resumer, the value of the next resume comes back from the
 * yield.
 *
 *        resumer                           coroutine
 *   coro_resume(co, v, &x)  ----------->   fn(arg) runs
 *         x  <---------------------------  coro_yield(x, &v)
 *   coro_resume(co, v, &x)  ----------->   v
 *
 * Values are pointers and are not copied: a value yielded from a local variable is valid until the
 * next resume.
 *
 * A coroutine belongs to the thread that first resumes it; until it is done, every call on it from
 * another thread is -EPERM. Before the first resume and after the end it may be handed over, with
 * the usual care. It must be done when its thread ends.
 *
 * What a switch keeps: the registers that a function call keeps, and the stack. What it does not:
 * the signal mask, errno, and the floating-point environment (rounding mode, exception flags),
 * which belong to the thread. Nor are a C++ runtime's exception globals kept, unless
 * CORO_SAVE_EXCEPTIONS is given. A C++ exception that leaves a body terminates the program.
 */
#ifndef CORO_COROUTINE_H
#define CORO_COROUTINE_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro;

enum coro_state {
	CORO_CREATED,   /* not yet resumed; it has no stack yet */
	CORO_SUSPENDED, /* at a yield, its own or that of the innermost it delegates to */
	CORO_RUNNING,   /* it runs, or has resumed one that runs, or waits inside a task */
	CORO_DONE,      /* its body has returned */
};

/*
 * Flags of struct coro_options.
 *
 * Keep the C++ runtime's exception state per coroutine: needed to yield or wait inside a catch
 * block. In the options of a loop: for all its tasks, however they are spawned. A coroutine that is
 * first resumed by one with this flag, such as a task's generator, has it too. The runtime may be
 * loaded later than the library, with a plugin. It is not found in a plugin that holds one of its
 * own (-static-libstdc++) and was opened with RTLD_LOCAL.
 */
#define CORO_SAVE_EXCEPTIONS (1U << 0)
/* Of a task: it runs at once. See coro_loop_spawn; for others -EINVAL. */
#define CORO_EAGER_START (1U << 1)

struct coro_options {
	/*
	 * Bytes of address space for the stack, 0 for the default. Rounded up to whole pages; memory
	 * is used only as far down as the body goes. Below it lies a guard, 64 KiB more of address
	 * space. -EINVAL below coro_stack_min(); more than can be had is -ENOMEM when the body is to
	 * start.
	 */
	size_t stack_size;
	unsigned flags;
	const char *name; /* for reports; must outlive the coroutine; NULL for none */
	const char *site; /* where it was made, CORO_HERE; NULL for unknown */
};

/* The default stack size, 256 KiB. */
#define CORO_STACK_SIZE (sizeof(char) * 256 * 1024)

/* The smallest stack size: room for a signal frame and 4 KiB. */
CORO_API size_t coro_stack_min(void);

/*
 * Makes a coroutine that will run fn(arg). The caller owns it and gives it back with coro_destroy.
 * Its stack is taken at the first resume. -EINVAL, -ENOMEM.
 */
#define coro_create(...) \
	coro_create_at(CORO_HERE, __VA_ARGS__) /* (coro_fn *fn, void *arg, struct coro **ret) */
CORO_MUST_CHECK CORO_API int coro_create_at(const char *site, coro_fn *fn, void *arg,
					    struct coro **ret);

/* The same with options; NULL for the defaults. Also -EINVAL for options that cannot be. */
CORO_MUST_CHECK CORO_API int coro_create_with(const struct coro_options *options, coro_fn *fn,
					      void *arg, struct coro **ret);

/*
 * Runs the coroutine until its next yield or its end (Lua's coroutine.resume). value becomes what
 * its pending yield gives back; before the first resume nobody is there to receive it, and it must
 * be NULL (-EINVAL).
 *
 *   1     it yielded; *ret is the value
 *   0     it ended; *ret is what it gave to coro_return, NULL for nothing
 *   < 0   it failed with this code, or the call was wrong and changed nothing:
 *         -EBUSY     it runs already (it may be the caller itself), or is being delegated to
 *         -EALREADY  it is done
 *         -EPERM     it belongs to another thread
 *         -ENOMEM    no stack to be had; it is still as it was
 *
 * ret may be NULL.
 */
CORO_MUST_CHECK CORO_API int coro_resume(struct coro *co, void *value, void **ret);

/*
 * Stops the running coroutine and gives value to whoever resumed it; returns at the next resume,
 * with the value sent in *ret (Python's yield). ret may be NULL.
 *
 *   0     resumed
 *   < 0   the error thrown in; CORO_EXIT asks the body to clean up and return
 *   -EPERM  nobody resumed the caller: it is no coroutine, or is a task itself (see coro_sleep)
 */
CORO_MUST_CHECK CORO_API int coro_yield(void *value, void **ret);

/*
 * Resumes the coroutine with an error: its pending yield returns error, which must be negative
 * (Python's generator.throw). Results as coro_resume's. One that has not started is done at once,
 * without running; one that is done gives the error back.
 */
CORO_MUST_CHECK CORO_API int coro_throw(struct coro *co, int error, void **ret);

/*
 * Asks the body to leave: throws CORO_EXIT in at its yield and lets it clean up (Python's
 * generator.close). 0 once it has returned, CORO_EXIT or a success, or if it was done or had not
 * started; any other failure of its body is returned. -EPROTO if it yielded instead of leaving: it
 * is then suspended still. -EBUSY, -EPERM as coro_resume.
 */
CORO_API int coro_close(struct coro *co);

/*
 * Closes the coroutine and frees it. 0 for NULL. On -EBUSY, -EPERM and -EPROTO (see coro_close) it
 * is not freed; a failure of its body while closing is returned, and it is freed.
 */
CORO_API int coro_destroy(struct coro *co);

/*
 * Sets the value that the running body will end with, be it a coroutine's, a generator's or a
 * task's (Python's `return value`); the last one counts. Returns 0, so that a body can end in
 * `return coro_return(x);`. -EPERM outside of one.
 */
CORO_API int coro_return(void *value);

/* What the coroutine is doing; CORO_DONE for NULL. */
CORO_API enum coro_state coro_state(const struct coro *co);

/* What the body returned: >= 0 its status, < 0 its failure; -EAGAIN while it is not done. */
CORO_MUST_CHECK CORO_API int coro_status(const struct coro *co);

/* The coroutine that calls, NULL for none. A task is not one that you may resume: -EBUSY. */
CORO_API struct coro *coro_current(void);

/*
 * Records a message for an error, and where it was made, and returns the error, so that a body can
 * say `return coro_raise(-ENOENT, "no %s", name);`. The message goes up with the code, to the
 * caller that resumes or awaits the body. Without memory for it the code goes up alone.
 */
#define coro_raise(error, ...) coro_raise_at(CORO_HERE, error, __VA_ARGS__)
CORO_API int coro_raise_at(const char *site, int error, const char *format, ...) CORO_PRINTF(3, 4);

/*
 * The message of an error that the caller raised or received from the library last with that code.
 * coro_strerror's, if it had none, or if two errors of other codes have had one since. Valid until
 * the caller's next call of the library. A call that fails sets the message of its code, or removes
 * that of an earlier error. The message of an outcome that programs expect, such as a closed channel,
 * never replaces that of another error. Calls of libc set none: for errno ask coro_strerror, and
 * return such a code by coro_raise if an earlier error of the same code may have been handled.
 */
CORO_API const char *coro_message(int error);

/* Where that error was raised, "file.c:12"; NULL if that is not known. */
CORO_API const char *coro_origin(int error);

/*
 * The most bytes of its stack that the coroutine has used so far, in whole pages (touched pages
 * count, also those touched by an earlier user of a pooled stack). 0 if it has no stack. -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_stack_used(const struct coro *co, size_t *ret);

/* A stack, as garbage collectors and unwinders see it. */
struct coro_stack {
	struct coro *co;  /* whose body stands on it; NULL for the one that the thread came with */
	void *low, *high; /* [low, high), without the guard; NULL: they are not known */
	void *at;         /* in use from here to high, with saved registers; NULL: it runs */
};

/* Returns 0 to go on; anything else ends it. It may not call the library. */
typedef int coro_stack_fn(const struct coro_stack *stack, void *arg);

/*
 * Calls fn for each stack of the calling thread that a body uses, and for the thread's own. Returns
 * what the last call of fn returned. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_stack_for_each(coro_stack_fn *fn, void *arg);

/*
 * The coroutine's stack; for NULL, that of the caller. -EAGAIN if it has none, before its first
 * resume and after its end; -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_stack_get(const struct coro *co, struct coro_stack *ret);

/*
 * Stacks of finished bodies are kept for the next, in the thread that used them. At most limit of
 * each size stay in memory (1,024 unless told); the memory of the rest is given back to the system.
 * Returns 0, or -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_pool_limit(size_t limit);

/* Gives the memory of all pooled stacks of the calling thread back to the system. */
CORO_API void coro_pool_trim(void);

struct coro_pool_stats {
	size_t in_use; /* stacks that bodies run on */
	size_t warm;   /* pooled, in memory, ready to run */
	size_t cold;   /* pooled, their memory given back or never used */
	size_t mapped; /* bytes of address space, all sizes together, with the guards */
};

/* g++ -Wshadow takes a function of a struct's name for one that hides the constructor. */
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
/* The stacks of the calling thread. */
CORO_API void coro_pool_stats(struct coro_pool_stats *ret);
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

CORO_END_DECLS

#endif
