/* SPDX-License-Identifier: MIT */
#include "posix/call.h"

#include "coro/loop.h"
#include "posix/interrupt.h"

#include <pthread.h>

unsigned interrupt_handlers;

__thread int call_handlers __attribute__((tls_model("initial-exec")));

__thread const char *call_handler_frame __attribute__((tls_model("initial-exec")));

/* The stack grows downwards: a handler that still runs has its frame above ours. */
bool call_handler_runs(void)
{
	enum { FAR = 1 << 20 };
	const char *here = __builtin_frame_address(0);
	if (here < call_handler_frame || here - call_handler_frame > FAR)
		return true;
	call_handlers = 0;
	return false;
}

static pid_t process;

static void note_process(void)
{
	process = getpid();
}

__attribute__((constructor)) static void begin(void)
{
	note_process();
	pthread_atfork(NULL, NULL, note_process);
}

bool call_in_process(void)
{
	return getpid() == process;
}

bool call_in_loop(void)
{
	return call_bound && !call_in_handler() && coro_running_loop();
}

int64_t call_length(const struct timespec *time)
{
	int64_t length;
	if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= CORO_SEC)
		return -EINVAL;
	if (__builtin_mul_overflow((int64_t)time->tv_sec, CORO_SEC, &length) ||
	    __builtin_add_overflow(length, (int64_t)time->tv_nsec, &length))
		return CORO_FOREVER;
	return length;
}

int64_t call_end(int64_t length)
{
	int64_t end;
	return __builtin_add_overflow(coro_loop_time(coro_running_loop()), length, &end)
		       ? CORO_FOREVER
		       : end;
}

int64_t call_left(int64_t end)
{
	int64_t left = end == CORO_FOREVER ? end : end - coro_loop_time(coro_running_loop());
	return left > 0 ? left : 0;
}
