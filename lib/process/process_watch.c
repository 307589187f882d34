/* SPDX-License-Identifier: MIT */
/* How a loop notices that a process has ended. */
#include "base/system.h"
#include "coro/io.h"
#include "io/fd.h"
#include "process/process.h"

#include <sys/wait.h>

/* -- the end */

/* The process has ended, or is not the loop's any more. */
static void end(struct coro_process *process)
{
	process->ended = true;
	coro_loop_release(process->loop);
	list_remove(&process->link);
	list_for_each(link, &process->waiting)
		waiter_wake(container_of(link, struct waiter, link));
	process_settle(process);
}

/*
 * waitid for the process. Where others reap children too, its number may be another child's by now;
 * its pidfd is never another's.
 */
static int wait_for(const struct coro_process *process, siginfo_t *info, int options)
{
	bool by_pidfd = process->pidfd >= 0;
	for (;;) {
		idtype_t type = by_pidfd ? (idtype_t)SYSTEM_P_PIDFD : P_PID;
		id_t id = (id_t)(by_pidfd ? process->pidfd : process->pid);
		if (waitid(type, id, info, options) == 0)
			return 0;
		if (by_pidfd && errno == EINVAL)
			by_pidfd = false; /* Linux 5.3's waitid takes no pidfd */
		else if (errno != EINTR)
			return -1;
	}
}

/* Whether nobody else has reaped it. */
static bool is_ours(const struct coro_process *process)
{
	siginfo_t info;
	return wait_for(process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* Reaps the process and notes its exit code. Returns whether it has ended. */
static bool reap(struct coro_process *process, int options)
{
	siginfo_t info = {.si_pid = 0};
	int r = wait_for(process, &info, WEXITED | options);
	if (r < 0)
		process->error = -errno;
	else
		process->code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
	return r < 0 || info.si_pid != 0;
}

/* -- by a pidfd */

static void close_pidfd(struct coro_process *process)
{
	process_forget_fd(process, process->pidfd);
	close(process->pidfd);
	process->pidfd = -1;
}

static void pidfd_ready(void *arg)
{
	struct coro_process *process = arg;
	if (!reap(process, WNOHANG))
		return;
	if (process_leads_group(process))
		process_forget_fd(process, process->pidfd); /* kept to signal the group */
	else
		close_pidfd(process);
	end(process);
}

static int watch_pidfd(struct coro_process *process)
{
	process->pidfd = system_pidfd_open(process->pid);
	if (process->pidfd < 0)
		return -errno;
	process_forget_fd(process, process->pidfd);
	int r = is_ours(process)
			? coro_loop_add_reader(process->loop, process->pidfd, pidfd_ready, process)
			: -ESRCH;
	if (r < 0)
		close_pidfd(process);
	return r;
}

/* -- by a thread */

static void *wait_in_thread(void *arg)
{
	struct coro_process *process = arg;
	siginfo_t info;
	int state;
	/* The only place where pthread_cancel ends this thread. */
	while (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	sched_post(sched_of(process->loop), &process->message);
	return NULL;
}

/* Runs in the loop. */
static void thread_ready(struct message *message)
{
	struct coro_process *process = container_of(message, struct coro_process, message);
	pthread_join(process->thread, NULL);
	reap(process, 0);
	end(process);
}

static void drop(struct message *message)
{
	(void)message; /* in a child of fork: the message is the parent's */
}

static int watch_by_thread(struct coro_process *process)
{
	process->message = (struct message){.run = thread_ready, .drop = drop};
	return system_start_thread(&process->thread, wait_in_thread, process);
}

static void stop_watching(struct coro_process *process)
{
	if (process->pidfd >= 0) {
		close_pidfd(process);
		return;
	}
	pthread_cancel(process->thread);
	pthread_join(process->thread, NULL);
	inbox_discard(&sched_of(process->loop)->inbox, &process->message);
}

int process_watch(struct coro_process *process)
{
	int r = watch_pidfd(process);
	if (r < 0)
		r = watch_by_thread(process);
	if (r == 0)
		return 0;
	/* A process of another user may refuse the kill. Reaping it would block. */
	if (is_ours(process) && (kill(process->pid, SIGKILL) == 0 || errno != EPERM))
		reap(process, 0);
	return r;
}

/* -- the loop's close */

static void leave(struct coro_process *process)
{
	bool stays = process->flags & CORO_PROCESS_OUTLIVE;
	if (!stays)
		stays = system_send_signal(process->pidfd, process->pid, SIGKILL) < 0 &&
			errno == EPERM;
	stop_watching(process);
	if (stays)
		process->error = -ECHILD;
	else
		reap(process, 0);
	end(process);
}

/* In a child of fork, where the process is a child of the parent. */
static void leave_to_parent(struct coro_process *process)
{
	if (process->pidfd >= 0)
		close(process->pidfd);
	else
		inbox_discard(&sched_of(process->loop)->inbox, &process->message);
	process->error = -ECHILD;
	end(process);
}

void process_leave(struct coro_process *process)
{
	if (sched_is_own(sched_of(process->loop)))
		leave(process);
	else
		leave_to_parent(process);
}
