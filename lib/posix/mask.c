/* SPDX-License-Identifier: MIT */
#include "posix/mask.h"

#include "coro/io.h"
#include "posix/apart.h"
#include "posix/interrupt.h"

#include <stdlib.h>
#include <string.h>

bool mask_differs(const sigset_t *mask)
{
	sigset_t now;
	if (pthread_sigmask(SIG_SETMASK, NULL, &now) != 0)
		return false;
	for (int number = 1; number < NSIG; number++)
		if (sigismember(mask, number) != sigismember(&now, number))
			return true;
	return false;
}

struct masked {
	struct apart apart;
	sigset_t mask;
	struct timespec time;
	bool limited;
	nfds_t count;
	struct pollfd fds[];
};

static ssize_t wait_masked(struct apart *apart)
{
	struct masked *masked = (struct masked *)apart;
	int r = libc()->ppoll(masked->fds, masked->count, masked->limited ? &masked->time : NULL,
			      &masked->mask);
	return r < 0 ? -errno : r;
}

static int poll_by_thread(struct pollfd *fds, nfds_t count, int64_t length, const sigset_t *mask)
{
	size_t size = count * sizeof(*fds);
	struct masked *masked = (struct masked *)apart_create(sizeof(*masked) + size);
	if (!masked)
		return -ENOMEM;
	masked->apart.call = wait_masked;
	masked->apart.signals = true;
	masked->mask = *mask;
	masked->limited = length != CORO_FOREVER;
	if (masked->limited)
		masked->time = (struct timespec){.tv_sec = length / CORO_SEC,
						 .tv_nsec = length % CORO_SEC};
	masked->count = count;
	if (count > 0)
		memcpy(masked->fds, fds, size);
	struct apart *apart = &masked->apart;
	ssize_t r = apart_run(&apart);
	if (apart && r >= 0 && count > 0)
		memcpy(fds, masked->fds, size);
	free(apart);
	return (int)r;
}

int mask_poll(struct pollfd *fds, nfds_t count, int64_t length, const sigset_t *mask)
{
	struct interruptible call;
	int r = interruptible_begin(&call, BY_ANY);
	if (r < 0)
		return r;
	r = mask && mask_differs(mask) ? poll_by_thread(fds, count, length, mask)
				       : coro_poll(fds, count, length);
	return (int)interruptible_end(&call, r);
}
