/* SPDX-License-Identifier: MIT */
/*
 * A model of kqueue for systems without it, so that lib/io/poller/kqueue.c is tested there: make
 * KQUEUE_MODEL=1 check. It has what that file uses: EVFILT_READ and EVFILT_WRITE, as levels or with
 * EV_ONESHOT, and EV_RECEIPT. As in FreeBSD, registrations that fail bring an event with EV_ERROR,
 * and then the call does not wait.
 */
#ifndef TEST_SYS_EVENT_H
#define TEST_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	unsigned fflags;
	int64_t data;
	void *udata;
};

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ONESHOT 0x0010
#define EV_RECEIPT 0x0040
#define EV_EOF 0x8000
#define EV_ERROR 0x4000

#define EV_SET(event, id, kind, what, more, number, user) \
	(*(event) = (struct kevent){(id), (kind), (what), (more), (number), (user)})

int kqueue(void);

int kevent(int kq, const struct kevent *changes, int change_count, struct kevent *events,
	   int event_count, const struct timespec *timeout);

#endif
