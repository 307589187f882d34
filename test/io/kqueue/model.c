/* SPDX-License-Identifier: MIT */
/*
 * kqueue by epoll. An fd is in the epoll, level-triggered, with the filters that are registered for
 * it. kqueue forgets an fd when it is closed; epoll keeps a file that has duplicates, and is made to
 * forget it when an event comes for a number that has another file.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ, WRITE, FILTERS };

/* libc's own calls: those of the model are not the library's, so tests neither count them nor make them fail. */
static int (*libc_fstat)(int fd, struct stat *ret);
static int (*libc_epoll_create)(int flags);
static int (*libc_epoll_ctl)(int epoll, int op, int fd, struct epoll_event *event);
static int (*libc_epoll_wait)(int epoll, struct epoll_event *events, int room,
			      const struct timespec *timeout, const sigset_t *mask);

__attribute__((constructor)) static void find_calls(void)
{
	*(void **)&libc_fstat = dlsym(RTLD_DEFAULT, "fstat");
	*(void **)&libc_epoll_create = dlsym(RTLD_DEFAULT, "epoll_create1");
	*(void **)&libc_epoll_ctl = dlsym(RTLD_DEFAULT, "epoll_ctl");
	*(void **)&libc_epoll_wait = dlsym(RTLD_DEFAULT, "epoll_pwait2");
}

/* Of the tests: whether a call has to fail. */
__attribute__((weak)) bool call_fails(const char *name);

struct registration {
	bool on, once;
	void *udata;
};

struct entry {
	dev_t device;
	ino_t inode;
	struct registration filters[FILTERS];
};

struct model {
	size_t count;
	struct entry *entries; /* by fd */
};

/* By the epoll's fd. A number that is used again begins anew. */
static struct model models[65536];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int kqueue(void)
{
	int fd = call_fails && call_fails("kqueue") ? -1 : libc_epoll_create(0);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&lock);
	free(models[fd].entries);
	models[fd] = (struct model){0};
	pthread_mutex_unlock(&lock);
	return fd;
}

static struct entry *entry_of(struct model *model, int fd)
{
	if ((size_t)fd >= model->count) {
		size_t count = (size_t)fd + 64;
		struct entry *entries = realloc(model->entries, count * sizeof(*entries));
		if (!entries)
			return NULL;
		memset(entries + model->count, 0, (count - model->count) * sizeof(*entries));
		model->entries = entries;
		model->count = count;
	}
	return &model->entries[fd];
}

static uint32_t events_of(const struct entry *entry)
{
	return (entry->filters[READ].on ? EPOLLIN | EPOLLRDHUP : 0) |
	       (entry->filters[WRITE].on ? EPOLLOUT : 0);
}

/* Has the epoll watch what is registered. */
static int renew(int kq, int fd, const struct entry *entry)
{
	struct epoll_event event = {.events = events_of(entry), .data.fd = fd};
	if (!event.events)
		return libc_epoll_ctl(kq, EPOLL_CTL_DEL, fd, &event);
	if (libc_epoll_ctl(kq, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return errno == EEXIST ? libc_epoll_ctl(kq, EPOLL_CTL_MOD, fd, &event) : -1;
}

/* Returns 0 or an errno. */
static int apply(int kq, const struct kevent *change)
{
	int fd = (int)change->ident;
	struct stat status;
	if (fd < 0 || libc_fstat(fd, &status) < 0)
		return EBADF;
	struct entry *entry = entry_of(&models[kq], fd);
	if (!entry)
		return ENOMEM;
	if (entry->device != status.st_dev || entry->inode != status.st_ino)
		*entry = (struct entry){.device = status.st_dev, .inode = status.st_ino};
	struct registration *filter = &entry->filters[change->filter == EVFILT_READ ? READ : WRITE];
	struct registration before = *filter;
	*filter = (struct registration){
		.on = change->flags & EV_ADD,
		.once = change->flags & EV_ONESHOT,
		.udata = change->udata,
	};
	if (renew(kq, fd, entry) == 0)
		return 0;
	*filter = before;
	return errno == EPERM ? EINVAL : errno;
}

/* Applies all changes. Returns how many events they brought, or -1. */
static int apply_all(int kq, const struct kevent *changes, int count, struct kevent *events,
		     int room)
{
	int n = 0;
	for (int i = 0; i < count; i++) {
		int error = apply(kq, &changes[i]);
		if (!error && !(changes[i].flags & EV_RECEIPT))
			continue;
		if (n == room) {
			errno = error;
			return error ? -1 : n;
		}
		events[n] = changes[i];
		events[n].flags = EV_ERROR;
		events[n++].data = error;
	}
	return n;
}

static bool is_same(const struct entry *entry, int fd)
{
	struct stat status;
	return libc_fstat(fd, &status) == 0 && entry->device == status.st_dev &&
	       entry->inode == status.st_ino;
}

/* Makes a kevent of a filter that has come. */
static void take(struct entry *entry, int fd, int which, uint32_t got, struct kevent *ret)
{
	struct registration *filter = &entry->filters[which];
	*ret = (struct kevent){
		.ident = (uintptr_t)fd,
		.filter = which == READ ? EVFILT_READ : EVFILT_WRITE,
		.flags = got & (EPOLLHUP | EPOLLRDHUP | EPOLLERR) ? EV_EOF : 0,
		.udata = filter->udata,
	};
	filter->on = !filter->once;
}

static int tell(int kq, const struct epoll_event *event, struct kevent *ret)
{
	static const uint32_t causes[] = {EPOLLIN | EPOLLRDHUP, EPOLLOUT};
	int fd = event->data.fd, n = 0;
	struct entry *entry = &models[kq].entries[fd];
	if (!is_same(entry, fd))
		return 0;
	for (int i = 0; i < FILTERS; i++)
		if (entry->filters[i].on && event->events & (causes[i] | EPOLLHUP | EPOLLERR))
			take(entry, fd, i, event->events, &ret[n++]);
	renew(kq, fd, entry);
	return n;
}

int kevent(int kq, const struct kevent *changes, int change_count, struct kevent *events, int room,
	   const struct timespec *timeout)
{
	enum { EVENTS = 1024 };
	struct epoll_event got[EVENTS];
	bool waits = room > 0 && !(change_count > 0 && changes[0].flags & EV_RECEIPT);
	if (!waits && call_fails && call_fails("kevent_change"))
		return -1;
	int n = apply_all(kq, changes, change_count, events, room);
	if (n != 0 || !waits)
		return n;
	/* A signal ends the wait alone: the changes are made. */
	if (call_fails && call_fails("kevent"))
		return -1;
	int count = libc_epoll_wait(kq, got, room < EVENTS ? room : EVENTS, timeout, NULL);
	for (int i = 0; i < count && n + FILTERS <= room; i++)
		n += tell(kq, &got[i], events + n);
	return count < 0 ? -1 : n;
}
