/* SPDX-License-Identifier: MIT */
/*
 * The user and group with whose rights a thread uses files. On Linux a thread may take another
 * user's for itself (setfsuid), as file servers do; the threads that work for it need the same.
 */
#ifndef BASE_IDENTITY_H
#define BASE_IDENTITY_H

#include "base/system.h"

struct identity {
	bool other; /* than the process's effective user and group */
	uid_t uid;
	gid_t gid;
};

/* The calling thread's. */
static inline struct identity identity_of_thread(void)
{
	struct identity identity = {.uid = system_set_file_user((uid_t)-1),
				    .gid = system_set_file_group((gid_t)-1)};
	identity.other = identity.uid != geteuid() || identity.gid != getegid();
	return identity;
}

/* The calling thread takes it. */
static inline void identity_take(const struct identity *identity)
{
	system_set_file_group(identity->gid);
	system_set_file_user(identity->uid);
}

/* The calling thread gets the process's present identity. */
static inline void identity_drop(void)
{
	system_set_file_user(geteuid());
	system_set_file_group(getegid());
}

#endif
