/* SPDX-License-Identifier: MIT */
/*
 * Threads beside the loop: for functions that block or compute, and would hold up all other tasks
 * of the loop's thread.
 *
 *	static int measure(void *arg)                   // in a thread
 *	{
 *		struct file *file = arg;
 *		return checksum(file->path, &file->sum);
 *	}
 *
 *	r = coro_to_thread(measure, &file);             // in a task: other tasks run meanwhile
 *
 * This header has
 *
 *   - executors, which are pools of threads: coro_to_thread uses the loop's own
 *   - queues between threads
 *   - loops in several threads, and tasks that another thread spawns in a loop.
 *
 * Objects here are for any thread. In a child process, those made before the fork are -EOWNERDEAD.
 * coro_call_soon_threadsafe is in coro/loop.h.
 */
#ifndef CORO_THREAD_H
#define CORO_THREAD_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/* -- executors */

/* A pool of threads that runs functions in the order in which they come. */
struct coro_executor;

/*
 * Has a thread of the loop's default executor run fn(arg), and waits for it. fn must not use a
 * loop, task or coroutine of the caller's thread. It sees the caller's task-local values, and
 * values that it sets are dropped (coro/local.h).
 *
 * The call returns only when fn has returned, so arg may be on the task's stack. If the task is
 * cancelled before fn has begun, fn never runs. If it is cancelled later, the call waits for fn and
 * drops its result. Closing the loop waits for fn too. coro_executor_submit does not wait.
 *
 * Returns what fn returned, with the message of its coro_raise, -EINVAL, -ENOMEM, or
 *
 *   -ECANCELED  the task was cancelled
 *   -EPERM      the caller is not in a task
 *   -EAGAIN     there is no thread, and none can be made
 *   -EPIPE      the executor is shut down
 *
 * Like asyncio.to_thread.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_to_thread(coro_fn *fn, void *arg);

/* Options of an executor. A field that is 0 or NULL has its default. */
struct coro_executor_options {
	size_t max_threads;   /* 0 for the number of CPUs and 4 more, at most 32 */
	size_t max_queue;     /* functions that may wait for a thread; 0 for any number */
	int64_t idle_timeout; /* ns after which a thread without work ends; 0 for 10 s */
	const char *name;     /* of its threads, before "-N"; NULL for "coro". It is copied */
};

/*
 * Creates an executor with options, or NULL for the defaults. It makes a thread when there is work
 * and no thread is idle. The caller owns the executor and destroys it with coro_executor_destroy.
 * Returns 0, -EINVAL or -ENOMEM. Like concurrent.futures.ThreadPoolExecutor.
 *
 * Its threads have the signal mask of the thread that created it, and so have programs that are
 * started in them. A function runs with the file-system user and group (setfsuid, setfsgid) of the
 * thread that submitted it, if the process may change those (CAP_SETUID when the executor is
 * created). Other credentials that a thread has changed for itself by system calls are not taken
 * over. A thread has the CPU affinity and scheduling of the thread for whose function it was made.
 */
CORO_MUST_CHECK CORO_API int coro_executor_create(const struct coro_executor_options *options,
						  struct coro_executor **ret);

/*
 * Shuts an executor down: lets it run what was submitted, and ends its threads. With
 * cancel_pending, functions that have not begun are cancelled. New work is -EPIPE from now on. In a
 * task only the task waits for the end; elsewhere the thread does.
 *
 * Returns 0, -EINVAL, or, having begun the shutdown without waiting for its end
 *
 *   -ECANCELED  the task was cancelled
 *   -EDEADLK    the caller is in one of the executor's own threads
 *   -EPERM      the caller is in a callback
 *
 * Like executor.shutdown.
 */
coro_async CORO_API int coro_executor_shutdown(struct coro_executor *executor, bool cancel_pending);

/*
 * Shuts an executor down, cancelling functions that have not begun, and frees it. It blocks the
 * thread until all threads have ended. No task may wait in a call of the executor. NULL is allowed.
 * Returns 0, or -EDEADLK in one of its own threads.
 */
CORO_API int coro_executor_destroy(struct coro_executor *executor);

/*
 * Has a thread of an executor run fn(arg), and waits for it, as coro_to_thread. NULL is the running
 * loop's default executor. max_queue does not count, since the caller waits.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_executor_run(struct coro_executor *executor,
							  coro_fn *fn, void *arg);

/*
 * Has a thread of an executor run fn(arg), and makes a future of the running loop for its result.
 * The caller owns a reference to the future. NULL is the loop's default executor.
 *
 * If the future is cancelled, also by a coro_await that is cancelled, fn is taken out of the queue,
 * or goes on in its thread and its result is dropped. So arg must not be on the task's stack. If
 * release is not NULL, release(arg) is called when arg is not needed any more: after fn, in its
 * thread; or when fn is taken out of the queue. It is not called if this call fails.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EAGAIN  the queue is full; or there is no thread, and none can be made
 *   -EPERM   no loop runs in this thread
 *   -EPIPE   the executor is shut down
 *
 * Like loop.run_in_executor.
 */
CORO_MUST_CHECK CORO_API int coro_executor_submit(struct coro_executor *executor, coro_fn *fn,
						  void *arg, coro_callback *release,
						  struct coro_future **ret);

/* Returns how many threads the executor has now. */
CORO_API size_t coro_executor_threads(struct coro_executor *executor);

/*
 * Makes an executor the loop's default one. It stays the caller's, who must not destroy it before
 * the loop is closed; several loops may share it. A loop without one makes its own when it first
 * needs it; coro_run shuts that down at its end, and coro_loop_close too.
 *
 * Returns 0, -EINVAL, -ENOMEM, -EPERM, or -EBUSY if the loop has one already. Like
 * loop.set_default_executor.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_executor(struct coro_loop *loop,
						    struct coro_executor *executor);

/* -- queues between threads */

/*
 * A queue of pointers between threads: tasks of any loop, and threads without a loop, put items in
 * and take them out.
 *
 * In a task only the task waits; outside of loops the thread does. A callback may not wait: it gets
 * -EPERM where it would have to. Tasks and threads are served in the order in which they came. A
 * call that is cancelled has done nothing. The items are not copied or freed: they stay their
 * owner's. Like queue.Queue.
 */
struct coro_thread_queue;

/*
 * Creates a queue that gives items in the order in which they were put, and holds at most maxsize
 * of them, or any number for 0. The caller owns it and destroys it with coro_thread_queue_destroy.
 * Returns 0, -EINVAL or -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_thread_queue_create(size_t maxsize,
						      struct coro_thread_queue **ret);

/*
 * Frees a queue. No thread may be in a call of it. NULL is allowed. Returns 0, or -EBUSY if a task
 * or thread waits in it.
 */
CORO_API int coro_thread_queue_destroy(struct coro_thread_queue *queue);

/*
 * Puts an item into the queue, waiting for room.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EPIPE      the queue is closed
 *   -ECANCELED  the task was cancelled, and the item is not in the queue
 *   -EPERM      it would have to wait, in a callback
 */
coro_async CORO_MUST_CHECK CORO_API int coro_thread_queue_put(struct coro_thread_queue *queue,
							      void *item);

/*
 * Puts an item into the queue without waiting. Returns what coro_thread_queue_put does, or -EAGAIN
 * if it is full.
 */
CORO_MUST_CHECK CORO_API int coro_thread_queue_try_put(struct coro_thread_queue *queue, void *item);

/*
 * Takes an item out of the queue, waiting for one.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EPIPE      the queue is closed and empty
 *   -ECANCELED  the task was cancelled, and no item was taken
 *   -EPERM      it would have to wait, in a callback
 */
coro_async CORO_MUST_CHECK CORO_API int coro_thread_queue_get(struct coro_thread_queue *queue,
							      void **ret);

/*
 * Takes an item out of the queue without waiting. Returns what coro_thread_queue_get does, or
 * -EAGAIN if there is none, or all are for those that wait.
 */
CORO_MUST_CHECK CORO_API int coro_thread_queue_try_get(struct coro_thread_queue *queue, void **ret);

/*
 * Closes the queue: puts are -EPIPE from now on, also those that wait; gets are -EPIPE when the
 * last item is out. Returns 0, also the second time, or -EINVAL.
 */
CORO_API int coro_thread_queue_close(struct coro_thread_queue *queue);

/* Returns how many items are in the queue. */
CORO_API size_t coro_thread_queue_size(struct coro_thread_queue *queue);

/* -- loops in several threads */

/*
 * Runs fn(i, arg), for each i from 0 to n - 1, as the main task of a loop in a thread of its own; n
 * is at least 1. The calling thread runs the first. The other threads have its signal mask. When
 * one main task fails, those of the other threads are cancelled. The call returns when all have
 * ended.
 *
 * Returns what the first returned, 0 or more; the error of the one that failed first, with its
 * message; -EINVAL, -ENOMEM, or
 *
 *   -EBUSY   a loop runs in this thread already
 *   -EAGAIN  a thread could not be made; the others were cancelled
 */
CORO_MUST_CHECK CORO_API int coro_run_threads(unsigned n, int (*fn)(unsigned i, void *arg),
					      void *arg);

/* -- tasks of other threads' loops */

struct coro_loop;

/* A task of a loop, as other threads see it. Like concurrent.futures.Future. */
struct coro_remote;

/*
 * Has a loop run fn(arg) as a task, from any thread. The loop must exist, as for
 * coro_call_soon_threadsafe. Until the task is done, the loop waits for it as if it had a hold.
 *
 * If ret is not NULL, *ret is the remote, which the caller owns and gives back with
 * coro_remote_unref. The task runs to its end without it too.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EPIPE       the loop is closed
 *   -EOWNERDEAD  the loop is that of the parent process
 *
 * Like asyncio.run_coroutine_threadsafe.
 */
#define coro_spawn_threadsafe(...) /* (struct coro_loop *loop, coro_fn *fn, void *arg, \
				       struct coro_remote **ret) */ \
	coro_spawn_threadsafe_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_spawn_threadsafe. */
CORO_MUST_CHECK CORO_API int coro_spawn_threadsafe_at(const char *site, struct coro_loop *loop,
						      coro_fn *fn, void *arg,
						      struct coro_remote **ret);

/*
 * Waits until the task is done, for at most timeout nanoseconds, and gets its result, message and
 * value as coro_await does. A timeout of 0 does not wait. In a task only the task waits; elsewhere
 * the thread does. It may be called again. ret may be NULL.
 *
 * Returns the result, -EINVAL, -ENOMEM, or
 *
 *   -ETIMEDOUT  the task is not done
 *   -ECANCELED  the task was cancelled, or was discarded with its loop; or the caller was
 *               cancelled, and then the task is not
 *   -EDEADLK    the thread would wait for its own loop
 *   -EPERM      it would have to wait, in a callback
 *
 * Like future.result.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_remote_result(struct coro_remote *remote,
							   int64_t timeout, void **ret);

/* Returns whether the task is done. */
CORO_API bool coro_remote_done(struct coro_remote *remote);

/* Asks the task to end, as coro_cancel. Returns 1, 0 if it is done already, or -EINVAL. */
CORO_API int coro_remote_cancel(struct coro_remote *remote);

/* Gives the remote back. The task goes on. NULL is allowed. */
CORO_API void coro_remote_unref(struct coro_remote *remote);

CORO_END_DECLS

#endif
