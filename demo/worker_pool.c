/* SPDX-License-Identifier: MIT */
/*
 * A pool of workers that stops in good order on SIGTERM, as a service must.
 *
 * After the signal no new jobs are accepted. The workers do what is in the queue, and have a second
 * for it. Then those that still work are cancelled: their waits return -ECANCELED, and they say
 * which jobs are not done.
 */
#include <coro.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>

struct job {
	int number;
	int64_t takes;
};

static struct coro_queue *queue;

static int now(void)
{
	return (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC);
}

/* A task. Ends when the queue is shut down and empty. */
static coro_async int work(void *name)
{
	void *item;
	int r;
	while ((r = coro_queue_get(queue, &item)) == 0) {
		const struct job *job = item;
		r = coro_sleep(job->takes); /* stands for the work */
		printf("%4d ms: %s: job %d %s\n", now(), (char *)name, job->number,
		       r < 0 ? "is not done" : "done");
		if (r < 0)
			return r;
	}
	return r == -EPIPE ? 0 : r;
}

/* A task. Puts in a job every 100 ms. */
static coro_async int accept_jobs(void *arg)
{
	static struct job jobs[20];
	int r = 0;
	for (int i = 0; i < 20 && r == 0; i++) {
		jobs[i] = (struct job){i + 1, (i == 3 ? 5000 : 250) * CORO_MSEC};
		r = coro_queue_put(queue, &jobs[i]); /* waits while the queue is full */
		if (r == 0)
			r = coro_sleep(100 * CORO_MSEC);
	}
	printf("%4d ms: %s\n", now(), r < 0 ? "no more jobs are accepted" : "all are accepted");
	return r == -EPIPE ? 0 : r;
}

/* Ends the group, but gives its tasks no more than a second. */
static coro_async int stop(struct coro_group *group)
{
	struct coro_timeout grace;
	coro_queue_shutdown(queue, false);
	int r = coro_timeout_begin(&grace, 1 * CORO_SEC);
	if (r < 0)
		return coro_group_end(group, r);
	return coro_timeout_end(&grace, coro_group_end(group, 0));
}

static void send_sigterm(void *arg)
{
	raise(SIGTERM);
}

static coro_async int run_pool(void)
{
	static char names[][4] = {"Ann", "Bob", "Eve"};
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (int i = 0; i < 3 && r == 0; i++)
		r = coro_group_spawn(group, work, names[i], NULL);
	if (r == 0)
		r = coro_group_spawn(group, accept_jobs, NULL, NULL);
	/* In place of `kill PID`, so that the demo prints the same each time. */
	if (r == 0)
		r = coro_call_later(coro_running_loop(), 850 * CORO_MSEC, send_sigterm, NULL, NULL);
	if (r == 0)
		r = coro_signal_wait(SIGINT, SIGTERM);
	if (r < 0)
		return coro_group_end(group, r);
	printf("%4d ms: signal %s\n", now(), r == SIGTERM ? "SIGTERM" : "SIGINT");
	return stop(group);
}

static coro_async int program(void *arg)
{
	int r = coro_queue_create(2, &queue);
	if (r < 0)
		return r;
	r = run_pool();
	coro_queue_destroy(queue);
	printf("%4d ms: %s\n", now(), r == -ETIMEDOUT ? "stopped, not all is done" : "stopped");
	return r == -ETIMEDOUT ? 0 : r;
}

int main(void)
{
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
