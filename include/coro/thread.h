/* SPDX-License-Identifier: MIT */
/*
 * Threads beside the loop: for what blocks or computes, which would hold up every other task of its
 * thread; and loops in several threads. See also coro_call_soon_threadsafe in loop.h, remote.h for
 * tasks of another thread's loop, thread_queue.h for what passes between them.
 */
#ifndef CORO_THREAD_H
#define CORO_THREAD_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/*
 * A pool of threads that runs functions in the order given (concurrent.futures'
 * ThreadPoolExecutor).
 */
struct coro_executor;

/*
 * Has a thread of the loop's default executor run fn(arg), while this task waits, and gives back
 * what it returns, with the message of coro_raise (asyncio.to_thread). fn may use no loop, task or
 * coroutine of the caller's thread. It sees the caller's task-local values, and what it sets is
 * gone with it (see coro/local.h).
 *
 * The call returns only when fn is over, so that arg may lie on the task's stack. If the task is
 * cancelled before fn has begun, fn never runs; afterwards fn is waited for, and its result
 * dropped. Closing the loop waits for it too. To leave a function behind, see coro_executor_submit.
 *
 *   -ECANCELED  the task was cancelled
 *   -EPERM      the caller is not in a task
 *   -EAGAIN     there is no thread, and none could be made
 *   -EPIPE      the executor is shut down
 *   -ENOMEM
 */
coro_async CORO_MUST_CHECK CORO_API int coro_to_thread(coro_fn *fn, void *arg);

struct coro_executor_options {
	size_t max_threads;   /* 0 for the number of CPUs and 4, at most 32 */
	size_t max_queue;     /* submissions that may wait for a thread; 0 for no bound */
	int64_t idle_timeout; /* after which a thread without work ends; 0 for 10 s */
	const char *name;     /* of its threads, before "-N"; NULL for "coro". Copied */
};

/*
 * Makes an executor; options may be NULL. Its threads are made when there is work and none is idle,
 * and are named. Any thread may use it. The caller owns it and gives it back with
 * coro_executor_destroy. -EINVAL, -ENOMEM.
 *
 * Its threads have the signal mask of the thread that made it, so that programs that are started in
 * them have it too. Work runs with the file-system user and group of the thread that gave it
 * (setfsuid, setfsgid), if the process may change those (CAP_SETUID when the executor is made).
 * Credentials that a thread has changed by bare system calls (setresuid, setgroups, capset) are not
 * carried over. A thread has the CPU affinity and scheduling of the thread whose work it was made
 * for.
 */
CORO_MUST_CHECK CORO_API int coro_executor_create(const struct coro_executor_options *options,
						  struct coro_executor **ret);

/*
 * Ends an executor: runs what it was given, or with cancel_pending only what has begun, and ends its
 * threads (executor.shutdown). What is taken out of the queue counts as cancelled. From now on, and
 * while it waits, new work is -EPIPE. In a task, that task alone waits; else the thread does. 0;
 * -ECANCELED: it is ending, but not waited for; -EDEADLK in one of its own threads; -EPERM in a
 * callback, likewise not waited for.
 */
coro_async CORO_API int coro_executor_shutdown(struct coro_executor *executor, bool cancel_pending);

/*
 * Frees an executor, shut down with cancel_pending before: blocks the thread until that is done.
 * NULL is fine. -EDEADLK in one of its own threads. No task may be waiting in a call of it.
 */
CORO_API int coro_executor_destroy(struct coro_executor *executor);

/* coro_to_thread in this executor, NULL for the default one. max_queue does not count: it waits. */
coro_async CORO_MUST_CHECK CORO_API int coro_executor_run(struct coro_executor *executor,
							  coro_fn *fn, void *arg);

/*
 * Has the executor, or with NULL the running loop's default one, run fn(arg), and gives a future of
 * the running loop, which the caller owns: its result is what fn returns (loop.run_in_executor).
 *
 * Cancelling the future, as a cancelled coro_await does, takes the work out of the queue, or leaves
 * it behind to end on its own: so arg must not lie on the task's stack. release(arg), where it is
 * not NULL, is called once arg is no longer needed: after fn, in its thread, or where the work is
 * taken out of the queue; not if the call fails.
 *
 *   -EAGAIN  the queue is full, or there is no thread, and none could be made
 *   -EPERM   no loop is running
 *   -EPIPE, -EINVAL, -ENOMEM
 */
CORO_MUST_CHECK CORO_API int coro_executor_submit(struct coro_executor *executor, coro_fn *fn,
						  void *arg, coro_callback *release,
						  struct coro_future **ret);

/* How many threads it has now. */
CORO_API size_t coro_executor_threads(struct coro_executor *executor);

/*
 * Has the loop use this executor as its default one (loop.set_default_executor); several loops may
 * share one. It stays the caller's, and is to be there until the loop is closed. Without this, the
 * loop makes one of its own when it first needs it, which coro_run shuts down at its end and
 * coro_loop_close in any case. -EBUSY if it has one already; -EINVAL, -EPERM, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_executor(struct coro_loop *loop,
						    struct coro_executor *executor);

/*
 * Runs fn(i, arg), i from 0 to n - 1, as the main tasks of n loops, each in a thread of its own.
 * The first is the calling thread's, and the others have its signal mask. Returns when all have
 * ended: 0 or more, what the first returned; or the failure that came first, with its message. When
 * one fails, the main tasks of the others are cancelled; those that go on regardless are waited
 * for. n is at least 1.
 *
 *   -EBUSY   a loop runs in this thread already
 *   -EAGAIN  a thread could not be made; those that were are cancelled and waited for
 *   -EINVAL, -ENOMEM
 */
CORO_MUST_CHECK CORO_API int coro_run_threads(unsigned n, int (*fn)(unsigned i, void *arg),
					      void *arg);

CORO_END_DECLS

#endif
