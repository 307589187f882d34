/* SPDX-License-Identifier: MIT */
/* Loops in several threads that run one function together. */
#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/system.h"
#include "core/fail.h"
#include "coro/loop.h"
#include "coro/task.h"
#include "coro/thread.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct member {
	struct team *team;
	unsigned number;
	pthread_t thread;
	int result;
	struct task *task; /* its main task, while it can be cancelled; guarded by the mutex */
	bool cancelled;    /* the message was sent; guarded by the mutex */
	struct message message;
	struct cleanup cleanup;
};

struct team {
	pthread_mutex_t mutex;
	int (*fn)(unsigned i, void *arg);
	void *arg;
	unsigned count;
	struct member *members;
	sigset_t mask; /* the caller's signal mask, for all threads */
	/* Guarded by the mutex: */
	int failed; /* the first failure; 0 for none */
	struct failure *failure;
};

/* Runs in the member's loop. The task may have ended meanwhile. */
static void cancel_member(struct message *message)
{
	struct member *member = container_of(message, struct member, message);
	if (member->task)
		coro_cancel(future_of(member->task));
}

static void drop(struct message *message)
{
	(void)message;
}

/* Called with the mutex locked. */
static void cancel_others(struct team *team)
{
	for (unsigned i = 0; i < team->count; i++) {
		struct member *member = &team->members[i];
		if (!member->task || member->cancelled)
			continue;
		member->cancelled = true;
		sched_post(member->task->sched, &member->message);
	}
}

/* Notes the first failure and cancels the other members. Takes over the reference to the message. */
static void fail(struct team *team, int error, struct failure *failure)
{
	pthread_mutex_lock(&team->mutex);
	if (team->failed) {
		failure_unref(failure);
	} else {
		team->failed = error;
		team->failure = failure;
		cancel_others(team);
	}
	pthread_mutex_unlock(&team->mutex);
}

/* Lets the member's task be cancelled from now on. -ECANCELED if another has failed already. */
static int enter(struct member *member, struct task *task)
{
	struct team *team = member->team;
	pthread_mutex_lock(&team->mutex);
	int r = team->failed ? -ECANCELED : 0;
	if (r == 0)
		member->task = task;
	pthread_mutex_unlock(&team->mutex);
	return r;
}

/* The member's task ends or is discarded. */
static void leave(struct member *member)
{
	pthread_mutex_lock(&member->team->mutex);
	member->task = NULL;
	pthread_mutex_unlock(&member->team->mutex);
}

static void leave_discarded(struct cleanup *cleanup)
{
	leave(container_of(cleanup, struct member, cleanup));
}

static int main_task(void *arg)
{
	struct member *member = arg;
	struct team *team = member->team;
	struct task *task = task_running();
	int r = enter(member, task);
	if (r < 0)
		return r;
	cleanup_push(task, &member->cleanup, leave_discarded);
	r = team->fn(member->number, team->arg);
	cleanup_pop(&member->cleanup);
	leave(member);
	/* A task cancelled by its loop is no failure of its own: the run's result is. */
	if (r < 0 && r != -ECANCELED)
		fail(team, r, fail_message(r));
	return r;
}

static void *run_member(void *arg)
{
	struct member *member = arg;
	member->result = coro_run_at(NULL, main_task, member);
	if (member->result < 0)
		fail(member->team, member->result, fail_message(member->result));
	return NULL;
}

static void *run_thread(void *arg)
{
	struct member *member = arg;
	char name[24];
	snprintf(name, sizeof(name), "loop-%u", member->number);
	name[15] = '\0';
	system_name_thread(name);
	pthread_sigmask(SIG_SETMASK, &member->team->mask, NULL);
	return run_member(member);
}

/* Starts all threads but the first. Returns how many members run. Fails the team on an error. */
static unsigned start(struct team *team)
{
	for (unsigned i = 1; i < team->count; i++) {
		struct member *member = &team->members[i];
		int r = system_start_thread(&member->thread, run_thread, member);
		if (r < 0) {
			fail(team, r, NULL);
			return i;
		}
	}
	return team->count;
}

int coro_run_threads(unsigned n, int (*fn)(unsigned i, void *arg), void *arg)
{
	if (n == 0 || !fn)
		return fail_with(-EINVAL, "coro_run_threads: an argument is NULL or out of range");
	if (thread_current->sched)
		return fail_with(-EBUSY, "coro_run_threads: a loop runs in this thread already");
	struct member *members = memory_alloc_zeroed(n, sizeof(*members));
	if (!members)
		return fail_code(-ENOMEM);
	struct team team = {.fn = fn, .arg = arg, .count = n, .members = members};
	pthread_sigmask(SIG_SETMASK, NULL, &team.mask);
	int r = -pthread_mutex_init(&team.mutex, NULL);
	if (r < 0) {
		free(members);
		return r;
	}
	for (unsigned i = 0; i < n; i++) {
		members[i].team = &team;
		members[i].number = i;
		members[i].message = (struct message){.run = cancel_member, .drop = drop};
	}
	unsigned started = start(&team);
	run_member(&members[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(members[i].thread, NULL);
	r = members[0].result;
	if (team.failed)
		r = fail_again(team.failed, team.failure);
	failure_unref(team.failure);
	pthread_mutex_destroy(&team.mutex);
	free(members);
	return r;
}
