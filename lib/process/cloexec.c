/* SPDX-License-Identifier: MIT */
/*
 * Which fds a child does not inherit. There are three ways, for kernels and containers that lack
 * the better ones: close_range, the list of open fds in /proc, and a try of each number.
 */
#include "process/cloexec.h"

#include "base/system.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>

static void set(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

#ifdef __linux__

static bool by_range(int first)
{
#ifdef SYS_close_range
	enum { CLOSE_ON_EXEC = 4 }; /* Linux 5.11 */
	return syscall(SYS_close_range, (unsigned)first, ~0u, CLOSE_ON_EXEC) == 0;
#else
	(void)first;
	return false;
#endif
}

/* A file in a directory, as getdents64 writes it: libc's names differ by version. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* A number in decimal; -1 for what is none, such as "..". */
static int number_of(const char *name)
{
	int number = 0;
	do {
		if (*name < '0' || *name > '9')
			return -1;
		number = number * 10 + (*name - '0');
	} while (*++name);
	return number;
}

static bool by_list(int first)
{
	_Alignas(struct entry) char entries[4096];
	int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return false;
	long size;
	while ((size = syscall(SYS_getdents64, directory, entries, sizeof(entries))) > 0)
		for (long at = 0; at < size;) {
			const struct entry *entry = (const void *)(entries + at);
			int fd = number_of(entry->name);
			if (fd >= first)
				set(fd);
			at += entry->size;
		}
	close(directory);
	return size == 0;
}

#else

static bool by_range(int first)
{
	(void)first;
	return false;
}

static bool by_list(int first)
{
	(void)first;
	return false;
}

#endif

/* Tries each number below the limit, which may have been higher when an fd was opened. */
static void by_number(int first)
{
	enum { LEAST = 65536, MOST = 1 << 20 };
	struct rlimit limit;
	int end = LEAST;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max > LEAST)
		end = limit.rlim_max < MOST ? (int)limit.rlim_max : MOST;
	for (int fd = first; fd < end; fd++)
		set(fd);
}

void cloexec_from(int first)
{
	if (!by_range(first) && !by_list(first))
		by_number(first);
}
