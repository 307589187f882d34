/* SPDX-License-Identifier: MIT */
/*
 * The user and group with whose rights a thread uses files. On Linux a thread may change its own
 * (setfsuid), as file servers do. A thread that works for it must take the same.
 */
#ifndef BASE_IDENTITY_H
#define BASE_IDENTITY_H

#include "base/system.h"

struct identity {
	bool other; /* not the process's effective user and group */
	uid_t uid;
	gid_t gid;
};

/* Returns the identity of the calling thread. */
static inline struct identity identity_of_thread(void)
{
	struct identity identity = {.uid = system_set_file_user((uid_t)-1),
				    .gid = system_set_file_group((gid_t)-1)};
	identity.other = identity.uid != geteuid() || identity.gid != getegid();
	return identity;
}

/* Gives the calling thread this identity. */
static inline void identity_take(const struct identity *identity)
{
	system_set_file_group(identity->gid);
	system_set_file_user(identity->uid);
}

/* Gives the calling thread the process's present identity back. */
static inline void identity_drop(void)
{
	system_set_file_user(geteuid());
	system_set_file_group(getegid());
}

#endif
