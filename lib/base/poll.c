/* SPDX-License-Identifier: MIT */
#include "base/poll.h"

#include "base/memory.h"
#include "base/system.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/select.h>

/* Returns a timeout in milliseconds, rounded up, or -1 for no limit. */
static int to_ms(const struct timespec *timeout)
{
	if (!timeout)
		return -1;
	if (timeout->tv_sec >= INT_MAX / 1000)
		return INT_MAX;
	return (int)timeout->tv_sec * 1000 + (int)((timeout->tv_nsec + 999999) / 1000000);
}

/* -- select */

enum { WORD_BITS = 8 * sizeof(unsigned long), FEW_WORDS = 1024 / WORD_BITS };

enum { READ_SET, WRITE_SET, EXCEPT_SET, SETS };

static const short events_of_set[SETS] = {POLLIN, POLLOUT, POLLPRI};

struct sets {
	int end; /* one more than the highest fd */
	size_t words;
	unsigned long *bits; /* the words of the sets, one set after another */
	unsigned long few[SETS * FEW_WORDS];
};

static unsigned long *word_of(struct sets *sets, int set, int fd)
{
	return sets->bits + (size_t)set * sets->words + (size_t)fd / WORD_BITS;
}

static unsigned long bit_of(int fd)
{
	return 1ul << ((unsigned)fd % WORD_BITS);
}

static int sets_init(struct sets *sets, const struct pollfd *fds, size_t count)
{
	*sets = (struct sets){.bits = sets->few};
	for (size_t i = 0; i < count; i++)
		if (fds[i].fd >= sets->end)
			sets->end = fds[i].fd + 1;
	sets->words = ((size_t)sets->end + WORD_BITS - 1) / WORD_BITS;
	if (sets->words > FEW_WORDS)
		sets->bits = memory_alloc_zeroed(SETS * sets->words, sizeof(*sets->bits));
	if (!sets->bits)
		return -1;
	for (size_t i = 0; i < count; i++)
		for (int set = 0; set < SETS; set++)
			if (fds[i].fd >= 0 && fds[i].events & events_of_set[set])
				*word_of(sets, set, fds[i].fd) |= bit_of(fds[i].fd);
	return 0;
}

static int select_by(struct sets *sets, const struct timespec *timeout)
{
	fd_set *of[SETS];
	for (int set = 0; set < SETS; set++)
		of[set] = (fd_set *)(sets->bits + (size_t)set * sets->words);
	return pselect(sets->end, of[READ_SET], of[WRITE_SET], of[EXCEPT_SET], timeout, NULL);
}

/* Fills in revents. Returns the number of fds that are ready. */
static int fill_in(struct pollfd *fds, size_t count, struct sets *sets)
{
	int ready = 0;
	for (size_t i = 0; i < count; i++) {
		fds[i].revents = 0;
		for (int set = 0; set < SETS; set++)
			if (fds[i].fd >= 0 && *word_of(sets, set, fds[i].fd) & bit_of(fds[i].fd))
				fds[i].revents |= events_of_set[set];
		ready += fds[i].revents != 0;
	}
	return ready;
}

/* Fills in revents when select has failed with EBADF. Returns the number of fds not open. */
static int fill_in_closed(struct pollfd *fds, size_t count)
{
	int ready = 0;
	for (size_t i = 0; i < count; i++) {
		bool closed = fds[i].fd >= 0 && fcntl(fds[i].fd, F_GETFD) < 0;
		fds[i].revents = closed ? POLLNVAL : 0;
		ready += closed;
	}
	return ready;
}

static int by_select(struct pollfd *fds, size_t count, const struct timespec *timeout)
{
	struct sets sets;
	if (sets_init(&sets, fds, count) < 0)
		return -1;
	int n = select_by(&sets, timeout);
	int error = errno;
	if (n >= 0)
		n = fill_in(fds, count, &sets);
	else if (error == EBADF)
		n = fill_in_closed(fds, count);
	if (sets.bits != sets.few)
		free(sets.bits);
	errno = error;
	return n;
}

int poll_fds_otherwise(struct pollfd *fds, size_t count, const struct timespec *timeout)
{
	int n = -1;
	if (system_lacks(errno))
		n = poll(fds, count, to_ms(timeout));
	bool too_many = SYSTEM_LARGE_FD_SETS && n < 0 && errno == EINVAL;
	return too_many ? by_select(fds, count, timeout) : n;
}
