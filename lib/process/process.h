/* SPDX-License-Identifier: MIT */
/*
 * A child process from inside. It is in its loop's list for as long as it runs: the loop watches a
 * pidfd, or, where there is none, a thread waits for it and tells the loop. The loop's thread alone
 * reaps it, so until then its number is not another's.
 */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include "coro/process.h"
#include "sched/inbox.h"
#include "sched/park.h"
#include "sched/resource.h"

#include <pthread.h>

/* What has come of one of its streams, and was not given away. */
struct intake {
	char *bytes; /* with room for a NUL */
	size_t length, room;
	size_t total; /* bytes that have come, kept or not */
};

struct coro_process {
	struct coro_loop *loop; /* holds a reference */
	struct list link;       /* in the loop's list, until its end was noticed */
	struct list waiting;    /* latches */
	struct resource resource;
	pid_t pid;
	int pipes[3]; /* our ends; -1: none */
	unsigned flags;
	bool destroyed; /* only the loop has it, until its end */
	bool talking;   /* communicate has its pipes */
	/* Of communicate, which may be called again after it was cut short: */
	struct intake intakes[3];
	size_t written;   /* bytes of its input */
	unsigned reading; /* tasks for which the system may write to the intakes */
	/* Running: */
	int pidfd; /* -1: a thread waits; one that leads a group keeps it until it is freed */
	pthread_t thread;
	struct message message; /* the thread's */
	/* Once its end was noticed: */
	bool ended;
	int error; /* not 0: others have reaped it */
	int code;
};

static inline bool process_leads_group(const struct coro_process *process)
{
	return process->flags & (CORO_PROCESS_SESSION | CORO_PROCESS_GROUP | CORO_PROCESS_TERMINAL);
}

/* Frees it once nobody needs it any more. */
void process_settle(struct coro_process *process);

/* Closes our end of a pipe: 0 or -EBADF. */
int process_close_pipe(struct coro_process *process, int stream);

/* The number is a new fd's, or is about to be closed: the loop forgets what it knows of it. */
void process_forget_fd(const struct coro_process *process, int fd);

/* Has the loop notice the end of a process that was started: 0; or an error, and it was killed. */
int process_watch(struct coro_process *process);

/* The loop is being closed: kills and reaps the process, unless it is to outlive the loop. */
void process_leave(struct coro_process *process);

#endif
