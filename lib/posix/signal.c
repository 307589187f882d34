/* SPDX-License-Identifier: MIT */
/*
 * Signals: waiting for them, and handlers. A handler runs on top of whatever the thread does, a task as
 * well, and must not wait as one. So each that the program sets is called by one of ours, which notes
 * that a handler runs.
 */
#include "coro/io.h"
#include "posix/interrupt.h"
#include "posix/mask.h"

#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

/* -- handlers */

typedef void handler(int number, siginfo_t *info, void *context);

/* What the program has set; the kernel calls a handler of one argument with three, too. */
static handler *handlers[NSIG];

/* Which of them have SA_RESTART, atomic; and which siginterrupt wants without. */
static bool restarts[NSIG], interrupts[NSIG];

/*
 * Handlers that have returned; the tasks in pause, and those of them that were woken for others; what
 * wakes them, or -1. All atomic.
 */
static unsigned handled, pausing, pausing_on;
static int pause_fd = -1;

static void call_handler(int number, siginfo_t *info, void *context)
{
	handler *program = __atomic_load_n(&handlers[number], __ATOMIC_ACQUIRE);
	const char *before = call_handler_frame;
	int depth = call_handlers;
	call_handler_frame = __builtin_frame_address(0);
	call_handlers = depth + 1;
	program(number, info, context);
	call_handlers = depth;
	call_handler_frame = before;
	if (call_bound)
		coro_interrupt(__atomic_load_n(&restarts[number], __ATOMIC_RELAXED));
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&pausing, __ATOMIC_SEQ_CST)) {
		static const uint64_t one = 1;
		int error = errno;
		ssize_t n = libc()->write(pause_fd, &one, sizeof(one));
		(void)n; /* it may be full, which wakes as well */
		errno = error;
	}
}

static bool is_function(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN &&
	       action->sa_handler != SIG_HOLD;
}

/* The kernel's action as the program has set it. */
static void restore(struct sigaction *action, handler *program)
{
	if (action->sa_sigaction == call_handler)
		action->sa_sigaction = program;
}

static void note_handler(int number, const struct sigaction *action)
{
	bool restarted = action->sa_flags & SA_RESTART;
	__atomic_fetch_or(&interrupt_handlers,
			  HANDLERS_ANY | (restarted ? 0 : HANDLERS_UNRESTARTED), __ATOMIC_RELAXED);
	__atomic_store_n(&restarts[number], restarted, __ATOMIC_RELAXED);
	__atomic_store_n(&handlers[number], action->sa_sigaction, __ATOMIC_RELEASE);
}

PUBLIC int sigaction(int number, const struct sigaction *restrict action,
		     struct sigaction *restrict old)
{
	struct sigaction ours;
	if (number < 1 || number >= NSIG)
		return libc()->sigaction(number, action, old);
	handler *before = __atomic_load_n(&handlers[number], __ATOMIC_ACQUIRE);
	if (action && is_function(action)) {
		ours = *action;
		ours.sa_sigaction = call_handler;
		note_handler(number, action);
		action = &ours;
	}
	int r = libc()->sigaction(number, action, old);
	if (r < 0 && action == &ours)
		__atomic_store_n(&handlers[number], before, __ATOMIC_RELEASE);
	if (r == 0 && old)
		restore(old, before);
	return r;
}

static __sighandler_t set_handler(int number, __sighandler_t function, int flags)
{
	struct sigaction action = {.sa_handler = function, .sa_flags = flags}, old;
	sigemptyset(&action.sa_mask);
	if (function == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	return sigaction(number, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

PUBLIC __sighandler_t signal(int number, __sighandler_t function)
{
	bool known = number > 0 && number < NSIG;
	return set_handler(number, function, known && interrupts[number] ? 0 : SA_RESTART);
}

PUBLIC __sighandler_t __sysv_signal(int number, __sighandler_t function)
{
	return set_handler(number, function, (int)SA_RESETHAND | SA_NODEFER);
}

PUBLIC int siginterrupt(int number, int flag)
{
	struct sigaction action;
	if (sigaction(number, NULL, &action) < 0)
		return -1;
	interrupts[number] = flag;
	action.sa_flags = flag ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
	return sigaction(number, &action, NULL);
}

/* -- waiting */

/* Without a signalfd the thread would block, so that is an error. */
static int wait_for_signal(const sigset_t *set, siginfo_t *info, int64_t length)
{
	static const struct timespec none = {0};
	int64_t end = call_end(length);
	int number = libc()->sigtimedwait(set, info, &none);
	if (number >= 0 || errno != EAGAIN)
		return number < 0 ? -errno : number;
	if (length == 0)
		return -EAGAIN;
	int fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	coro_fd_forget(fd);
	do {
		struct pollfd poll = {.fd = fd, .events = POLLIN};
		int r = coro_poll(&poll, 1, call_left(end));
		number = r < 0 ? r : libc()->sigtimedwait(set, info, &none);
		if (r >= 0 && number < 0)
			number = -errno;
	} while (number == -EAGAIN && call_left(end) > 0);
	coro_fd_close(fd);
	return number;
}

PUBLIC int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
			const struct timespec *restrict timeout)
{
	if (!call_waits())
		return libc()->sigtimedwait(set, info, timeout);
	int before = errno;
	int64_t length = timeout ? call_length(timeout) : CORO_FOREVER;
	struct interruptible call;
	int r = length < 0 ? (int)length : interruptible_begin(&call, BY_ANY);
	if (r == 0)
		r = (int)interruptible_end(&call, wait_for_signal(set, info, length));
	return (int)call_result(r, before);
}

PUBLIC int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	return sigtimedwait(set, info, NULL);
}

/* Returns an error, and not -1. */
PUBLIC int sigwait(const sigset_t *restrict set, int *restrict ret)
{
	if (!call_waits())
		return libc()->sigwait(set, ret);
	int before = errno, number = wait_for_signal(set, NULL, CORO_FOREVER);
	errno = before;
	if (number < 0)
		return -number;
	*ret = number;
	return 0;
}

/* -- pause */

/* One for all, never closed. Returns 0 or an error. */
static int make_pause_fd(void)
{
	int none = -1;
	if (__atomic_load_n(&pause_fd, __ATOMIC_ACQUIRE) >= 0)
		return 0;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!__atomic_compare_exchange_n(&pause_fd, &none, fd, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		libc()->close(fd);
	return 0;
}

/*
 * It is readable for others, whose handler ran before this pause. It stays so until they have left. Then
 * one of those that go on empties it; a handler that has run meanwhile makes it readable again.
 */
static int pause_on(unsigned before)
{
	uint64_t count = 0;
	ssize_t n = 0;
	if (__atomic_add_fetch(&pausing_on, 1, __ATOMIC_SEQ_CST) ==
	    __atomic_load_n(&pausing, __ATOMIC_SEQ_CST))
		n = libc()->read(pause_fd, &count, sizeof(count));
	if (n > 0 && __atomic_load_n(&handled, __ATOMIC_SEQ_CST) != before)
		n = libc()->write(pause_fd, &count, sizeof(count));
	int r = coro_task_yield();
	__atomic_sub_fetch(&pausing_on, 1, __ATOMIC_SEQ_CST);
	return r;
}

/* The fd stays readable until all who pause have seen it, and the last empties it. */
static int pause_in_task(void)
{
	uint64_t count;
	int r = make_pause_fd();
	if (r < 0)
		return r;
	unsigned before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&pausing, 1, __ATOMIC_SEQ_CST);
	struct pollfd poll = {.fd = pause_fd, .events = POLLIN};
	while (r >= 0 && __atomic_load_n(&handled, __ATOMIC_SEQ_CST) == before) {
		r = coro_poll(&poll, 1, CORO_FOREVER);
		if (r >= 0 && __atomic_load_n(&handled, __ATOMIC_SEQ_CST) == before)
			r = pause_on(before);
	}
	bool last = __atomic_sub_fetch(&pausing, 1, __ATOMIC_SEQ_CST) == 0;
	ssize_t n = last ? libc()->read(pause_fd, &count, sizeof(count)) : 0;
	(void)n; /* it may be empty */
	return r < 0 ? r : -EINTR;
}

/* Ends when a handler that the program has set has run, in whichever thread. */
PUBLIC int pause(void)
{
	if (!call_waits())
		return libc()->pause();
	int before = errno;
	return (int)call_result(pause_in_task(), before);
}

/* Where the mask is the thread's, that is pause; otherwise a thread waits, and the handler runs there. */
PUBLIC int sigsuspend(const sigset_t *mask)
{
	if (!call_waits())
		return libc()->sigsuspend(mask);
	int before = errno;
	int r = mask_differs(mask) ? mask_poll(NULL, 0, CORO_FOREVER, mask) : pause_in_task();
	return (int)call_result(r, before);
}
