/* SPDX-License-Identifier: MIT */
/*
 * Coroutines: functions that can stop in the middle, each on a stack of its own.
 *
 * A coroutine runs when somebody resumes it, and stops where it yields, in its body or in any
 * function that the body calls. The value that it yields goes to the resumer. The value of the next
 * resume is what the yield gives back.
 *
 *        resumer                           coroutine
 *   coro_resume(co, v, &x)  ----------->   fn(arg) runs
 *         x  <---------------------------  coro_yield(x, &v)
 *   coro_resume(co, v, &x)  ----------->   v
 *
 * Values are pointers and are not copied. A value yielded from a local variable is valid until the
 * next resume.
 *
 * A coroutine belongs to the thread that first resumes it. Until it is done, every call on it from
 * another thread is -EPERM. Before the first resume and after its end it may be handed to another
 * thread, with the usual synchronization. It must be done when its thread ends.
 *
 * A switch keeps the stack and the registers that a function call keeps. It does not keep the
 * signal mask, errno and the floating-point environment (rounding mode, exception flags): they
 * belong to the thread. It keeps a C++ runtime's exception state only with CORO_SAVE_EXCEPTIONS. A
 * C++ exception that leaves a body terminates the program.
 */
#ifndef CORO_COROUTINE_H
#define CORO_COROUTINE_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* A coroutine: also a generator (coro/generator.h), and what a task runs on. */
struct coro;

/* What a coroutine is doing. */
enum coro_state {
	CORO_CREATED,   /* it was not resumed yet, and has no stack */
	CORO_SUSPENDED, /* it yielded, or the generator that it delegates to did */
	CORO_RUNNING,   /* it runs, or has resumed one that runs, or waits inside a task */
	CORO_DONE,      /* its body has returned */
};

/*
 * A flag of struct coro_options: keep the C++ runtime's exception state for this coroutine. It is
 * needed to yield or wait inside a catch block.
 *
 * A coroutine that is first resumed by one with this flag, such as a task's generator, gets it too.
 * In the options of a loop it is for all tasks of the loop. The runtime may be loaded after the
 * library, with a plugin. It is not found in a plugin that contains a runtime of its own
 * (-static-libstdc++) and was opened with RTLD_LOCAL.
 */
#define CORO_SAVE_EXCEPTIONS (1U << 0)

/*
 * A flag of struct coro_options, for tasks only: run the task at once when it is spawned. See
 * coro_loop_spawn.
 */
#define CORO_EAGER_START (1U << 1)

/* Options of a coroutine or task. A field that is 0 or NULL has its default. */
struct coro_options {
	/*
	 * Bytes of address space for the stack, rounded up to whole pages; 0 for CORO_STACK_SIZE.
	 * Only pages that the body touches take memory. Below the stack lies a guard, 64 KiB more
	 * of address space. A size below coro_stack_min is -EINVAL. A size that cannot be had is
	 * -ENOMEM when the body is to start.
	 */
	size_t stack_size;
	unsigned flags;
	const char *name; /* for reports; not copied, and must outlive the coroutine */
	const char *site; /* where it was made, as CORO_HERE; NULL if that is unknown */
};

/* The default size of a stack in bytes, 256 KiB. */
#define CORO_STACK_SIZE (sizeof(char) * 256 * 1024)

/* Returns the smallest size of a stack in bytes: room for a signal frame, and 4 KiB. */
CORO_API size_t coro_stack_min(void);

/*
 * Creates a coroutine that will run fn(arg). It takes a stack at its first resume. The caller owns
 * it and destroys it with coro_destroy. Returns 0, -EINVAL or -ENOMEM.
 */
#define coro_create(...) /* (coro_fn *fn, void *arg, struct coro **ret) */ \
	coro_create_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_create. */
CORO_MUST_CHECK CORO_API int coro_create_at(const char *site, coro_fn *fn, void *arg,
					    struct coro **ret);

/*
 * Creates a coroutine with options, or NULL for the defaults. Otherwise as coro_create, but
 * -EINVAL also for options that are not valid.
 */
CORO_MUST_CHECK CORO_API int coro_create_with(const struct coro_options *options, coro_fn *fn,
					      void *arg, struct coro **ret);

/*
 * Runs the coroutine until it yields or ends. value is what the yield at which it stopped gives
 * back; at the first resume there is no such yield, and value must be NULL. ret may be NULL.
 *
 * Returns the error of the body, or
 *
 *   1          it yielded; *ret is the value
 *   0          it ended; *ret is the value of coro_return, or NULL
 *   -EBUSY     it runs already, or a generator that it delegates to runs
 *   -EALREADY  it was done before
 *   -EPERM     it belongs to another thread
 *   -EINVAL    value is not NULL at the first resume
 *   -ENOMEM    there is no memory for a stack; the coroutine is as it was
 *
 * Like coroutine.resume of Lua.
 */
CORO_MUST_CHECK CORO_API int coro_resume(struct coro *co, void *value, void **ret);

/*
 * Stops the running coroutine and gives value to its resumer. The call returns at the next resume,
 * with the value of that resume in *ret. ret may be NULL.
 *
 * Returns the error that was given to coro_throw, or
 *
 *   0          the coroutine was resumed
 *   CORO_EXIT  it is being closed: the body should clean up and return
 *   -EPERM     nobody resumed the caller: it is not in a coroutine, or directly in a task
 *
 * Like yield.
 */
CORO_MUST_CHECK CORO_API int coro_yield(void *value, void **ret);

/*
 * Throws an error: resumes the coroutine, and the yield at which it stopped returns error, which
 * must be negative. A coroutine that has not started is done at once, without running. For one that
 * is done, or that has not started, the call returns error. Otherwise its results are those of
 * coro_resume. Like generator.throw.
 */
CORO_MUST_CHECK CORO_API int coro_throw(struct coro *co, int error, void **ret);

/*
 * Asks the body to return: throws CORO_EXIT at the yield at which it stopped, and lets it clean up.
 *
 * Returns any other error of the body, or
 *
 *   0        the body returned CORO_EXIT or a success, or it had not started or was done before
 *   -EPROTO  the body yielded instead of returning; the coroutine is still suspended
 *   -EBUSY   it runs
 *   -EPERM   it belongs to another thread
 *
 * Like generator.close.
 */
CORO_API int coro_close(struct coro *co);

/*
 * Closes the coroutine as coro_close does, and frees it. NULL is allowed. Returns coro_close's
 * results; after -EBUSY, -EPERM or -EPROTO the coroutine is not freed.
 */
CORO_API int coro_destroy(struct coro *co);

/*
 * Sets the value of the body that runs: a coroutine's, a generator's or a task's. The last call
 * counts. Returns 0, so that a body can end in `return coro_return(value);`, or -EPERM outside of
 * bodies.
 */
CORO_API int coro_return(void *value);

/* Returns what the coroutine is doing; CORO_DONE for NULL. Like inspect.getgeneratorstate. */
CORO_API enum coro_state coro_state(const struct coro *co);

/* Returns what the body has returned, or -EAGAIN while it has not. */
CORO_MUST_CHECK CORO_API int coro_status(const struct coro *co);

/* Returns the coroutine of the caller, which may be a task's; NULL outside of coroutines. */
CORO_API struct coro *coro_current(void);

/*
 * Gives an error a message, made as by printf, and returns the error, so that a body can end in
 * `return coro_raise(-ENOENT, "no %s", name);`. The message and the place of the call go up
 * together with the code, to the caller that resumes or awaits the body. Without memory for the
 * message the code goes up alone. A code that is not negative is -EINVAL. Like raise.
 */
#define coro_raise(error, ...) /* (int error, const char *format, ...) */ \
	coro_raise_at(CORO_HERE, error, __VA_ARGS__)
/* The function behind coro_raise. */
CORO_API int coro_raise_at(const char *site, int error, const char *format, ...) CORO_PRINTF(3, 4);

/*
 * Returns the message of the last error of this code that the caller raised or received from a call
 * of this library, or coro_strerror's text if it had none. Two messages are kept: that of an error
 * is lost when errors of two other codes have had one since. The text is valid until the caller's
 * next call of the library.
 *
 * A call that fails sets the message of its code, or removes that of an earlier error of the same
 * code. An outcome that programs expect, such as -EPIPE of a closed channel, does not replace the
 * message of another error. Calls of libc set no message: for them use coro_strerror(errno), and
 * return the code with coro_raise if an earlier error of the same code may have been handled.
 */
CORO_API const char *coro_message(int error);

/* Returns where that error was raised, "file.c:12", or NULL if that is not known. */
CORO_API const char *coro_origin(int error);

/*
 * Gets how many bytes of its stack the coroutine has used at most, in whole pages; 0 if it has no
 * stack. Pages that an earlier coroutine touched on the same stack are counted too. Returns 0,
 * -EINVAL or -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_stack_used(const struct coro *co, size_t *ret);

/* A stack, as garbage collectors and unwinders need it. */
struct coro_stack {
	struct coro *co;  /* the coroutine on it; NULL for the thread's own stack */
	void *low, *high; /* [low, high), without the guard; NULL if they are not known */
	void *at;         /* in use from here to high, with saved registers; NULL if it runs */
};

/*
 * A function that is called for each stack. It returns 0 to go on, or another value to stop. It
 * must not call the library.
 */
typedef int coro_stack_fn(const struct coro_stack *stack, void *arg);

/*
 * Calls fn for the stack of each body of the calling thread, and for the thread's own stack.
 * Returns what the last call of fn returned, -EINVAL or -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_stack_for_each(coro_stack_fn *fn, void *arg);

/*
 * Describes the stack of a coroutine; for NULL, that of the caller. Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EAGAIN  it has no stack, since it has not started or is done
 *   -EPERM   it belongs to another thread
 */
CORO_MUST_CHECK CORO_API int coro_stack_get(const struct coro *co, struct coro_stack *ret);

/*
 * Sets how many stacks of each size the calling thread keeps in memory when their bodies have
 * ended, for the next bodies: 1,024 by default. The memory of others goes back to the system.
 * Returns 0 or -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_pool_limit(size_t limit);

/* Gives the memory of all unused stacks of the calling thread back to the system. */
CORO_API void coro_pool_trim(void);

/* Counts of the calling thread's stacks. */
struct coro_pool_stats {
	size_t in_use; /* stacks that bodies run on */
	size_t warm;   /* unused, in memory, ready to run */
	size_t cold;   /* unused, without memory */
	size_t mapped; /* bytes of address space, of all sizes together, with the guards */
};

/* g++ -Wshadow takes a function of a struct's name for one that hides the constructor. */
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
/* Counts the stacks of the calling thread. */
CORO_API void coro_pool_stats(struct coro_pool_stats *ret);
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

CORO_END_DECLS

#endif
