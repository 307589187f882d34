/* SPDX-License-Identifier: MIT */
/*
 * What test/check-ps looks at with coro-ps: a program with known waits. It prints its process's
 * number when all wait, and does then what its argument says:
 *
 *   waits      it waits until it is killed
 *   aborts     it aborts
 *   computes   a task computes until it is killed
 *   generator  the same in a generator
 *   threads    a second thread has a loop, too; the first thread ends
 *   signals    it counts SIGRTMIN, and prints the count at SIGTERM
 *   traced     it is traced by its parent
 *   empty      it has no loop
 *   serves     it has a server, too
 *   vforks     a second thread waits for a child made by vfork, and does not stop for a tracer
 *   dives      a task with its stack full of calls waits
 */
#include <coro.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *mode;
static struct coro_lock lock;
static struct coro_event event;
static struct coro_future *first, *cycle[2];
static int fds[2];

static bool is(const char *name)
{
	return strcmp(mode, name) == 0;
}

static int waits_for_lock(void *arg)
{
	(void)arg;
	int r = coro_lock_acquire(&lock);
	return r;
}

static __attribute__((noinline)) int dive(int depth)
{
	int r = depth > 0 ? dive(depth - 1) : coro_event_wait(&event);
	__asm__ volatile("" ::: "memory"); /* no tail call */
	return r;
}

static int dives(void *arg)
{
	(void)arg;
	int r = dive(is("dives") ? 2000 : 2);
	__asm__ volatile("" ::: "memory");
	return r;
}

static int sleeps(void *arg)
{
	(void)arg;
	return coro_sleep(3600 * CORO_SEC);
}

static int reads(void *arg)
{
	char byte;
	(void)arg;
	return (int)coro_read(fds[0], &byte, 1);
}

static int generates(void *arg)
{
	(void)arg;
	int r = coro_sleep(CORO_FOREVER);
	__asm__ volatile("" ::: "memory");
	return r;
}

static int uses_generator(void *arg)
{
	struct coro *generator;
	void *value;
	(void)arg;
	int r = coro_create(generates, NULL, &generator);
	if (r == 0)
		r = coro_next(generator, &value);
	__asm__ volatile("" ::: "memory");
	return r;
}

static int awaits(void *arg)
{
	int r = coro_await(*(struct coro_future **)arg, NULL);
	__asm__ volatile("" ::: "memory");
	return r;
}

/* coro_await would see that the two wait for each other. */
static int waits_for_other(void *arg)
{
	struct coro_future **other = arg;
	int r = coro_task_yield();
	if (r == 0)
		r = coro_wait(other, 1, CORO_ALL_COMPLETED, CORO_FOREVER);
	return r;
}

static int joins(void *arg)
{
	struct coro_group *group;
	(void)arg;
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_spawn(group, sleeps, NULL, NULL);
	if (r == 0)
		r = coro_group_spawn(group, sleeps, NULL, NULL);
	if (r == 0)
		r = coro_group_end(group, 0);
	return r;
}

static struct coro_future *spawn(const char *name, coro_fn *fn, void *arg)
{
	struct coro_future *task;
	if (coro_spawn(fn, arg, &task) < 0)
		abort();
	coro_task_set_name(task, name);
	return task;
}

static void tell(void)
{
	printf("%d\n", (int)getpid());
	fflush(stdout);
}

static void tell_later(void *arg)
{
	(void)arg;
	tell();
}

/* For ever. The compiler must not know. */
static __attribute__((noinline)) void compute(void)
{
	tell();
	for (volatile unsigned long i = 1; i; i++)
		;
}

static int computes(void *arg)
{
	(void)arg;
	compute();
	return 0;
}

static int computes_in_generator(void *arg)
{
	struct coro *generator;
	void *value;
	(void)arg;
	int r = coro_create(computes, NULL, &generator);
	return r < 0 ? r : coro_next(generator, &value);
}

static int serves(struct coro_stream *stream, void *arg)
{
	(void)stream, (void)arg;
	return 0;
}

static int begin(void *arg)
{
	(void)arg;
	if (coro_lock_acquire(&lock) < 0 || pipe(fds) < 0)
		abort();
	first = spawn("locker", waits_for_lock, NULL);
	spawn("diver", dives, NULL);
	spawn("sleeper", sleeps, NULL);
	spawn("reader", reads, NULL);
	spawn("generator", uses_generator, NULL);
	struct coro_future *second = spawn("awaits", awaits, &first);
	spawn("joins", joins, NULL);
	cycle[0] = spawn("ping", waits_for_other, &cycle[1]);
	cycle[1] = spawn("pong", waits_for_other, &cycle[0]);
	for (int i = 0; i < 4; i++)
		if (coro_task_yield() < 0)
			abort();
	if (is("aborts") || is("computes") || is("generator")) {
		spawn("last",
		      is("aborts")     ? sleeps
		      : is("computes") ? computes
				       : computes_in_generator,
		      NULL);
		if (coro_task_yield() < 0)
			abort();
	}
	if (is("aborts"))
		abort();
	struct coro_server *server;
	if (is("serves") && coro_server_start("127.0.0.1:0", NULL, serves, NULL, &server) < 0)
		abort();
	/* When this task waits too. */
	if (coro_call_soon(coro_running_loop(), tell_later, NULL, NULL) < 0)
		abort();
	return coro_await(second, NULL);
}

static void *runs(void *arg)
{
	(void)arg;
	(void)coro_run(begin, NULL);
	return NULL;
}

/* -- signals */

static volatile sig_atomic_t count;

static void counts(int signum)
{
	(void)signum;
	count++;
}

static void prints(int signum)
{
	(void)signum;
	printf("%d\n", (int)count);
	fflush(stdout);
	_exit(0);
}

static void count_signals(void)
{
	struct sigaction action = {.sa_handler = counts, .sa_flags = SA_RESTART};
	sigaction(SIGRTMIN, &action, NULL);
	action.sa_handler = prints;
	sigaction(SIGTERM, &action, NULL);
}

/* -- tracing */

/* Goes on as the child; the parent traces it and gives it the signals that it gets. */
static void be_traced(void)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		return;
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, child, NULL, (void *)(long)WSTOPSIG(status));
	_exit(0);
}

/* -- a thread that does not stop */

static void *vforks(void *arg)
{
	(void)arg;
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	mode = argc > 1 ? argv[1] : "waits";
	coro_lock_init(&lock);
	if (is("traced"))
		be_traced();
	if (is("signals"))
		count_signals();
	if (is("empty")) {
		tell();
		for (;;)
			pause();
	}
	if (is("threads")) {
		if (pthread_create(&thread, NULL, runs, NULL) != 0)
			return EXIT_FAILURE;
		pthread_exit(NULL);
	}
	if (is("vforks") && pthread_create(&thread, NULL, vforks, NULL) != 0)
		return EXIT_FAILURE;
	runs(NULL);
	return EXIT_FAILURE;
}
