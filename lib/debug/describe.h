/* SPDX-License-Identifier: MIT */
/* What a task does, in words. */
#ifndef DEBUG_DESCRIBE_H
#define DEBUG_DESCRIBE_H

#include "base/text.h"
#include "task/task.h"

enum doing {
	DOING_WAIT,
	DOING_RUN,
	DOING_READY,
	DOING_NEW,
	DOING_DONE,
};

enum doing task_doing(const struct task *task);

/* In words, of one that does not wait: "is ready". */
const char *doing_text(enum doing doing);

/* Adds what a task waits in: "fd 7, to read, peer 127.0.0.1:80". The task waits. */
void add_wait(struct text *text, const struct task *task);

/* Adds what is left of the timeouts around a task that has started. */
void add_timeouts(struct text *text, const struct task *task);

/* For how long a task has waited, if debug mode has noted it; otherwise less than 0. */
int64_t task_waited(const struct task *task);

/* Adds the task's number and name. */
void add_name(struct text *text, const struct task *task);

/* Adds a task as a whole: its number and name, who spawned it, and what it does. */
void add_task(struct text *text, const struct task *task);

#endif
