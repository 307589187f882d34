/* SPDX-License-Identifier: MIT */
/*
 * Threads beside the loop: for what blocks or computes, which would hold up every other task of its
 * thread; loops in several threads; tasks of another thread's loop; queues between threads. See also
 * coro_call_soon_threadsafe in loop.h.
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

/*
 * Remotes: tasks of another thread's loop, seen from outside (asyncio.run_coroutine_threadsafe and
 * the concurrent.futures.Future that it gives). Any thread may use one.
 */

struct coro_loop;
struct coro_remote;

/*
 * Has a loop run fn(arg) as a task, from any thread (asyncio.run_coroutine_threadsafe). The loop
 * must be there: as for coro_call_soon_threadsafe. Until the task is done, it is waited for by the
 * loop as if it were held. If ret is not NULL the caller owns *ret, and gives it back with
 * coro_remote_unref; either way the task runs to its end. -EPIPE if the loop is closed;
 * -EOWNERDEAD, -EINVAL, -ENOMEM.
 */
#define coro_spawn_threadsafe(...) \
	coro_spawn_threadsafe_at(  \
		CORO_HERE, __VA_ARGS__) /* (struct coro_loop *loop, coro_fn *fn, void *arg, \
						  struct coro_remote **ret) */
CORO_MUST_CHECK CORO_API int coro_spawn_threadsafe_at(const char *site, struct coro_loop *loop,
						      coro_fn *fn, void *arg,
						      struct coro_remote **ret);

/*
 * Waits for the task's result, at most timeout nanoseconds, and gives it as coro_await does,
 * message and value (future.result(timeout)). In a task only that waits, else the thread does. ret
 * may be NULL. May be called again.
 *
 *   -ETIMEDOUT  it is not done; a timeout of 0 only asks
 *   -ECANCELED  it was cancelled, or discarded with its loop; or the caller was cancelled, which
 *               leaves it alone
 *   -EDEADLK    it would be waited for in the thread that is to run it
 *   -EPERM      in a callback
 */
coro_async CORO_MUST_CHECK CORO_API int coro_remote_result(struct coro_remote *remote,
							   int64_t timeout, void **ret);

/* Whether its result is there (future.done). */
CORO_API bool coro_remote_done(struct coro_remote *remote);

/* Asks for the task's cancellation (future.cancel): 1, asked; 0, it is done already. */
CORO_API int coro_remote_cancel(struct coro_remote *remote);

/* Gives it back; the task runs on. NULL is fine. */
CORO_API void coro_remote_unref(struct coro_remote *remote);

/*
 * Queues of pointers between threads: tasks of any loops and threads without one put in and take
 * out (queue.Queue, janus.Queue). In a task only that task waits, outside of all loops the thread
 * does; a callback may not wait, and gets -EPERM where it would have to.
 *
 * First come, first served, on both sides and across threads. A call that is cancelled has done
 * nothing, and who was next gets what it would have got. Items are not touched, and stay their
 * owners'. After a fork, a queue made before is -EOWNERDEAD in the child.
 */

struct coro_thread_queue;

/* Makes a queue: first in, first out; at most maxsize items, 0 for no bound. -EINVAL, -ENOMEM. */
CORO_MUST_CHECK CORO_API int coro_thread_queue_create(size_t maxsize,
						      struct coro_thread_queue **ret);

/* Frees a queue that nobody is in a call of: 0; -EBUSY if somebody waits. NULL is fine. */
CORO_API int coro_thread_queue_destroy(struct coro_thread_queue *queue);

/* Puts an item in, waiting for room: 0. -EPIPE once closed; -ECANCELED, -EPERM, -ENOMEM. */
coro_async CORO_MUST_CHECK CORO_API int coro_thread_queue_put(struct coro_thread_queue *queue,
							      void *item);

/* The same without waiting: -EAGAIN if it is full. */
CORO_MUST_CHECK CORO_API int coro_thread_queue_try_put(struct coro_thread_queue *queue, void *item);

/* Takes an item out, waiting for one: 0. -EPIPE once closed and empty; -ECANCELED, -EPERM. */
coro_async CORO_MUST_CHECK CORO_API int coro_thread_queue_get(struct coro_thread_queue *queue,
							      void **ret);

/* The same without waiting: -EAGAIN if there is none that is not another's already. */
CORO_MUST_CHECK CORO_API int coro_thread_queue_try_get(struct coro_thread_queue *queue, void **ret);

/*
 * No item goes in any more: who waits to put one gets -EPIPE, and who waits for one when the last
 * is out. 0, also the second time.
 */
CORO_API int coro_thread_queue_close(struct coro_thread_queue *queue);

/* How many items are in it. */
CORO_API size_t coro_thread_queue_size(struct coro_thread_queue *queue);

CORO_END_DECLS

#endif
