/* SPDX-License-Identifier: MIT */
/*
 * A child process from inside. While it runs it is in its loop's list. The loop polls its pidfd;
 * where the system has no pidfds, a thread waits for the process and posts to the loop. Only the
 * loop's thread reaps it, so its pid cannot be reused before.
 */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include "coro/process.h"
#include "sched/inbox.h"
#include "sched/park.h"
#include "sched/resource.h"

#include <pthread.h>

/* Bytes read from one of its streams and not given to the caller yet. */
struct intake {
	char *bytes; /* with room for a NUL */
	size_t length, room;
	size_t total; /* bytes read, kept or not */
};

struct coro_process {
	struct coro_loop *loop; /* holds a reference */
	struct list link;       /* in the loop's list, until it has ended */
	struct list waiting;    /* waiters */
	struct resource resource;
	pid_t pid;
	int pipes[3]; /* our ends; -1: none */
	unsigned flags;
	bool destroyed; /* by the caller; the loop keeps it until it has ended */
	bool talking;   /* communicate uses its pipes */
	/* Kept by communicate, so that it can be called again after a cancellation: */
	struct intake intakes[3];
	size_t written;   /* bytes of the input */
	unsigned reading; /* tasks whose reads may write to the intakes */
	/* While it runs: */
	int pidfd; /* -1: a thread waits. A group leader keeps it until it is freed */
	pthread_t thread;
	struct message message; /* of the thread to the loop */
	/* Valid once it has ended: */
	bool ended;
	int error; /* not 0: it was reaped by others */
	int code;
};

static inline bool process_leads_group(const struct coro_process *process)
{
	return process->flags & (CORO_PROCESS_SESSION | CORO_PROCESS_GROUP | CORO_PROCESS_TERMINAL);
}

/* Frees the process if it was destroyed and has ended and no task reads from it. */
void process_settle(struct coro_process *process);

/* Closes the parent's end of a pipe. Returns 0 or -EBADF. */
int process_close_pipe(struct coro_process *process, int stream);

/* Has the loop forget an fd that is new or about to be closed. */
void process_forget_fd(const struct coro_process *process, int fd);

/* Has the loop notice the end of the process. Returns 0, or an error after killing it. */
int process_watch(struct coro_process *process);

/* The loop is being closed. Kills and reaps the process, unless it has CORO_PROCESS_OUTLIVE. */
void process_leave(struct coro_process *process);

#endif
