/* SPDX-License-Identifier: MIT */
#include "debug/describe.h"

#include "base/error.h"
#include "coro/net.h"
#include "io/fd.h"
#include "task/timeout.h"

#include <sys/socket.h>
#include <sys/un.h>

enum doing task_doing(const struct task *task)
{
	if (future_of(task)->done)
		return DOING_DONE;
	if (task == task->sched->running)
		return DOING_RUN;
	if (task->coro.state == STATE_CREATED)
		return DOING_NEW;
	bool parked = !(task->coro.flags & FLAG_STARTS) && task_wait(task)->kind;
	return parked ? DOING_WAIT : DOING_READY;
}

const char *doing_text(enum doing doing)
{
	static const char *const texts[] = {
		[DOING_RUN] = "runs",
		[DOING_READY] = "is ready",
		[DOING_NEW] = "has not started",
		[DOING_DONE] = "is done",
	};
	return texts[doing];
}

/* -- waits */

/* Adds the address of a socket's other end, or of itself if it listens. Nothing for other fds. */
static void add_address(struct text *text, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
	} address;
	char chars[CORO_ADDRESS_SIZE];
	socklen_t length = sizeof(address), size = sizeof(int);
	const char *whose = "peer";
	int listens = 0;
	if (getpeername(fd, &address.any, &length) < 0) {
		length = sizeof(address);
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens ||
		    getsockname(fd, &address.any, &length) < 0)
			return;
		whose = "listening on";
	}
	if (address.any.sa_family == AF_UNIX && length <= offsetof(struct sockaddr_un, sun_path))
		return; /* it has no name */
	if (coro_address_text(&address.any, length, chars, sizeof(chars)) > 0)
		text_add(text, ", %s %s", whose, chars);
}

void add_wait(struct text *text, const struct task *task)
{
	const struct task_wait *wait = task_wait(task);
	size_t room = text->size - text->length;
	int length = wait_describe(wait, text->chars + text->length, room);
	if (length > 0)
		text->length += (size_t)length < room ? (size_t)length : room - 1;
	if (wait->kind->subject.type != SUBJECT_FD)
		return;
	const struct fd *fd = *(const struct fd *const *)wait_subject(wait);
	if (fd)
		add_address(text, fd->number);
}

void add_timeouts(struct text *text, const struct task *task)
{
	enum { MOST = 4 };
	const struct cleanup *at = NULL;
	struct open_timeout timeout;
	for (size_t count = 0; timeout_next(task, &at, &timeout);) {
		char left[DURATION_SIZE];
		int64_t now = sched_time(task->sched);
		if (timeout.when == CORO_FOREVER || ++count > MOST)
			continue;
		text_add(text, ", %s left of the timeout%s%s",
			 duration_text(left, timeout.when > now ? timeout.when - now : 0),
			 timeout.site ? " at " : "", timeout.site ? timeout.site : "");
	}
}

int64_t task_waited(const struct task *task)
{
	uint32_t since = task_wait(task)->since;
	uint32_t msec = wait_stamp(sched_time(task->sched)) - since;
	return since ? (int64_t)msec * CORO_MSEC : -1;
}

/* -- tasks */

void add_name(struct text *text, const struct task *task)
{
	text_add(text, "task %u", task->number);
	if (task->coro.name)
		text_add(text, " %s", task->coro.name);
}

static void add_doing(struct text *text, const struct task *task)
{
	char duration[DURATION_SIZE];
	enum doing doing = task_doing(task);
	if (doing == DOING_WAIT) {
		text_add(text, ", waits in ");
		add_wait(text, task);
		if (task_waited(task) > 0)
			text_add(text, ", for %s so far",
				 duration_text(duration, task_waited(task)));
	} else {
		text_add(text, ", %s", doing_text(doing));
	}
	if (task->coro.frame)
		add_timeouts(text, task);
	if (task->cancels > 0)
		text_add(text, ", cancellation requested");
}

void add_task(struct text *text, const struct task *task)
{
	add_name(text, task);
	if (task->coro.site || spawned_of(task)->parent)
		text_add(text, ", spawned");
	if (task->coro.site)
		text_add(text, " at %s", task->coro.site);
	if (spawned_of(task)->parent)
		text_add(text, " by task %u", spawned_of(task)->parent);
	add_doing(text, task);
}
