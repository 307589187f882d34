/* SPDX-License-Identifier: MIT */
/* Locks of files. One that is not free is waited for by a thread. */
#include "posix/lock.h"

#include "coro/io.h"
#include "posix/apart.h"

#include <stdlib.h>
#include <sys/file.h>

/* -- of an open file */

struct locking {
	struct apart apart;
	int fd; /* a duplicate: the program may close its own meanwhile */
	int how;
};

static ssize_t lock_file(struct apart *apart)
{
	const struct locking *locking = (struct locking *)apart;
	return libc()->flock(locking->fd, locking->how) < 0 ? -errno : 0;
}

static void unlock_file(struct apart *apart, ssize_t result)
{
	const struct locking *locking = (struct locking *)apart;
	if (result >= 0)
		libc()->flock(locking->fd, LOCK_UN);
	libc()->close(locking->fd);
}

static ssize_t flock_by_thread(int fd, int how)
{
	struct locking *locking = (struct locking *)apart_create(sizeof(*locking));
	if (!locking)
		return -ENOMEM;
	locking->apart.call = lock_file;
	locking->apart.undo = unlock_file;
	locking->how = how;
	locking->fd = libc()->fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int own = locking->fd;
	ssize_t r = own < 0 ? -errno : 0;
	struct apart *apart = &locking->apart;
	if (r == 0)
		r = apart_run_interruptibly(&apart);
	if (apart && own >= 0)
		libc()->close(own); /* the lock belongs to the open file, and stays */
	free(apart);
	return r;
}

PUBLIC int flock(int fd, int how)
{
	if (how & LOCK_NB || how == LOCK_UN || !call_waits())
		return libc()->flock(fd, how);
	int before = errno;
	if (libc()->flock(fd, how | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? (int)call_result(flock_by_thread(fd, how), before) : -1;
}

/* -- of parts of a file, which belong to the process or to an open file */

struct part {
	struct apart apart;
	int fd, command;
	struct flock lock;
};

/* With no duplicate: closing that would give up all locks of the process. */
static ssize_t lock_part(struct apart *apart)
{
	struct part *part = (struct part *)apart;
	return libc()->fcntl(part->fd, part->command, &part->lock) < 0 ? -errno : 0;
}

static void unlock_part(struct apart *apart, ssize_t result)
{
	struct part *part = (struct part *)apart;
	part->lock.l_type = F_UNLCK;
	if (result >= 0)
		libc()->fcntl(part->fd, part->command, &part->lock);
}

static ssize_t lock_by_thread(int fd, int command, const struct flock *lock)
{
	struct part *part = (struct part *)apart_create(sizeof(*part));
	if (!part)
		return -ENOMEM;
	part->apart.call = lock_part;
	part->apart.undo = unlock_part;
	part->fd = fd;
	part->command = command;
	part->lock = *lock;
	struct apart *apart = &part->apart;
	ssize_t r = apart_run_interruptibly(&apart);
	free(apart);
	return r;
}

int lock_wait(int fd, int command, struct flock *lock)
{
	int at_once = command == F_SETLKW ? F_SETLK : F_OFD_SETLK;
	if (!call_waits() || lock->l_type == F_UNLCK)
		return libc()->fcntl(fd, command, lock);
	int before = errno;
	if (libc()->fcntl(fd, at_once, lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return -1;
	return (int)call_result(lock_by_thread(fd, command, lock), before);
}

PUBLIC int lockf(int fd, int command, off_t length)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = length};
	return command == F_LOCK ? lock_wait(fd, F_SETLKW, &lock)
				 : libc()->lockf(fd, command, length);
}
