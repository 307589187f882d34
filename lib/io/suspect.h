/* SPDX-License-Identifier: MIT */
/*
 * For pollers that register fds: those whose registration may be gone. The system forgets it when
 * the file is closed. If the program closed an fd by plain close and opened another under its
 * number, no event would come for the waiters of the new fd.
 *
 * So an fd that has had an event is suspected: it is registered anew before the loop waits for
 * long. To do so at each wait would cost a call for each message. All suspected fds are checked
 * when nothing has come for a while. If events never pause, one is checked now and then.
 */
#ifndef IO_SUSPECT_H
#define IO_SUSPECT_H

#include "io/fd.h"

/* When all suspected fds are checked: nothing has come for this time. */
enum { SUSPECT_QUIET_MS = 10 };

struct suspects {
	struct io *io;
	/*
	 * Registers the file that has the number now, if it is not registered, or forgets the fd.
	 * Returns 0, or an error after which it is to be tried again.
	 */
	int (*renew)(struct io *io, struct fd *fd);
	unsigned waits;  /* waits that returned events */
	struct list fds; /* in the order of their first events; linked by struct fd's link */
};

void suspects_init(struct suspects *suspects, struct io *io,
		   int (*renew)(struct io *io, struct fd *fd));

/* Suspects an fd that is not suspected yet. */
void suspects_add(struct suspects *suspects, struct fd *fd);

/*
 * Checks each fd that is suspected now. One that stays suspected is not checked again. Returns whether
 * any was registered anew.
 */
bool suspects_check_all(struct suspects *suspects);

/*
 * To be called when a wait found no event. Checks all, unless the wait was a mere poll between other
 * work. Returns whether the caller must poll again: before virtual time jumps, it must see the
 * events of fds that were only now registered.
 */
bool suspects_check_in_quiet(struct suspects *suspects, int64_t when);

/* Checks the fd that has been suspected longest. */
void suspects_check_one(struct suspects *suspects);

/* To be called when a wait has returned events. Checks one fd now and then. */
static inline void suspects_count_wait(struct suspects *suspects)
{
	enum { WAITS_A_CHECK = 256 };
	if (unlikely(++suspects->waits % WAITS_A_CHECK == 0))
		suspects_check_one(suspects);
}

#endif
