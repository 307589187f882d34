/* SPDX-License-Identifier: MIT */
/*
 * Message queues and semaphores of System V. They are no fds, so a call that would wait is tried again
 * when a call of this process has changed the object, and after a while, as others may have.
 */
#include "posix/interrupt.h"
#include "posix/sleeper.h"

#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

struct ipc_call {
	/* Makes the call, which does not wait. Returns its result, or -1 and errno. */
	ssize_t (*try)(const struct ipc_call *call);
	const void *name;
	int id;
	int would_wait; /* the error if it would */
	/* Of a message. */
	void *message;
	size_t length;
	long type;
	int flags;
	/* Of semaphores. */
	struct sembuf *operations;
	size_t count;
};

/* -- waiting */

enum kind { QUEUE = 1, SEMAPHORES = 2 };

/* By which sleepers find it: an address that no object of the program has. */
static const void *name_of(int id, enum kind kind)
{
	return (const void *)((uintptr_t)(unsigned)id << 2 | kind);
}

static ssize_t attempt(const struct ipc_call *call)
{
	ssize_t n = call->try(call);
	return n < 0 ? -errno : n;
}

static ssize_t wait_in_line(const struct ipc_call *call, int64_t end)
{
	for (int tries = 0;; tries++) {
		struct sleeper *sleeper = sleeper_begin(call->name, false);
		if (!sleeper)
			return -ENOMEM;
		int64_t pause = sleeper_pause(tries), left = call_left(end);
		ssize_t n = attempt(call);
		int r = 0;
		if (n == -call->would_wait && left > 0) {
			r = sleeper_wait(sleeper, left < pause ? left : pause);
			n = r == 0 || r == -ETIMEDOUT ? attempt(call) : n;
		}
		sleeper_end(sleeper, true); /* all were woken */
		if (n != -call->would_wait)
			return n == -EINVAL ? -EIDRM : n; /* it was there, and was removed */
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		if (call_left(end) == 0)
			return -EAGAIN;
	}
}

/* Handlers interrupt it, even those with SA_RESTART. */
static ssize_t make(const struct ipc_call *call, int64_t length)
{
	struct interruptible wait;
	int before = errno;
	ssize_t n = attempt(call);
	if (n == -call->would_wait) {
		n = interruptible_begin(&wait, BY_ANY);
		if (n == 0)
			n = interruptible_end(&wait, wait_in_line(call, call_end(length)));
	}
	if (n >= 0)
		sleepers_wake(call->name, true);
	return call_result(n, before);
}

static ssize_t changed(ssize_t r, int id, enum kind kind)
{
	if (r >= 0)
		sleepers_wake(name_of(id, kind), true);
	return r;
}

/* -- messages */

static ssize_t try_receive(const struct ipc_call *call)
{
	return libc()->msgrcv(call->id, call->message, call->length, call->type, call->flags);
}

static ssize_t try_send(const struct ipc_call *call)
{
	return libc()->msgsnd(call->id, call->message, call->length, call->flags);
}

PUBLIC ssize_t msgrcv(int id, void *message, size_t length, long type, int flags)
{
	if (flags & (IPC_NOWAIT | MSG_COPY) || !call_waits())
		return changed(libc()->msgrcv(id, message, length, type, flags), id, QUEUE);
	return make(&(struct ipc_call){.try = try_receive,
				       .name = name_of(id, QUEUE),
				       .id = id,
				       .would_wait = ENOMSG,
				       .message = message,
				       .length = length,
				       .type = type,
				       .flags = flags | IPC_NOWAIT},
		    CORO_FOREVER);
}

PUBLIC int msgsnd(int id, const void *message, size_t length, int flags)
{
	if (flags & IPC_NOWAIT || !call_waits())
		return (int)changed(libc()->msgsnd(id, message, length, flags), id, QUEUE);
	return (int)make(&(struct ipc_call){.try = try_send,
					    .name = name_of(id, QUEUE),
					    .id = id,
					    .would_wait = EAGAIN,
					    .message = (void *)message,
					    .length = length,
					    .flags = flags | IPC_NOWAIT},
			 CORO_FOREVER);
}

/* -- semaphores */

enum { FEW = 16, MOST = 500 };

static ssize_t try_operations(const struct ipc_call *call)
{
	return libc()->semop(call->id, call->operations, call->count);
}

/* Whether one of them is not to wait. Which of them would, is the system's secret. */
static bool any_must_not_wait(const struct sembuf *operations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (operations[i].sem_flg & IPC_NOWAIT)
			return true;
	return false;
}

/* Makes the operations with copies that do not wait. */
static int operate(int id, const struct sembuf *operations, size_t count, int64_t length)
{
	struct sembuf few[FEW];
	struct sembuf *copies = count > FEW ? malloc(count * sizeof(*copies)) : few;
	if (!copies) {
		errno = ENOMEM;
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		copies[i] = operations[i];
		copies[i].sem_flg |= IPC_NOWAIT;
	}
	int r = (int)make(&(struct ipc_call){.try = try_operations,
					     .name = name_of(id, SEMAPHORES),
					     .id = id,
					     .would_wait = EAGAIN,
					     .operations = copies,
					     .count = count},
			  length);
	if (copies != few)
		free(copies);
	return r;
}

static bool waits(const struct sembuf *operations, size_t count)
{
	return call_waits() && operations && count <= MOST && !any_must_not_wait(operations, count);
}

PUBLIC int semop(int id, struct sembuf *operations, size_t count)
{
	return waits(operations, count)
		       ? operate(id, operations, count, CORO_FOREVER)
		       : (int)changed(libc()->semop(id, operations, count), id, SEMAPHORES);
}

PUBLIC int semtimedop(int id, struct sembuf *operations, size_t count,
		      const struct timespec *timeout)
{
	if (!waits(operations, count))
		return (int)changed(libc()->semtimedop(id, operations, count, timeout), id,
				    SEMAPHORES);
	int64_t length = timeout ? call_length(timeout) : CORO_FOREVER;
	if (length < 0) {
		errno = EINVAL;
		return -1;
	}
	return operate(id, operations, count, length);
}
