/* SPDX-License-Identifier: MIT */
/*
 * The user and group with whose rights a thread uses files. On Linux a thread may take another
 * user's for itself (setfsuid), as file servers do; the threads that work for it need the same.
 */
#ifndef BASE_IDENTITY_H
#define BASE_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#endif

struct identity {
	bool other; /* than the process's effective user and group */
	uid_t uid;
	gid_t gid;
};

#ifdef __linux__

/*
 * Whether the calling thread may take another identity. Without that right it has none, and is not
 * asked for one, since a sandbox may kill it for the call.
 */
static inline bool identity_may_change(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	return syscall(SYS_capget, &header, data) == 0 && data[0].effective & 1u << CAP_SETUID;
}

/* The calling thread's. An invalid id is not set, and both calls return the present one. */
static inline struct identity identity_of_thread(void)
{
	struct identity identity = {.uid = (uid_t)setfsuid((uid_t)-1),
				    .gid = (gid_t)setfsgid((gid_t)-1)};
	identity.other = identity.uid != geteuid() || identity.gid != getegid();
	return identity;
}

/* The calling thread takes it. */
static inline void identity_take(const struct identity *identity)
{
	setfsgid(identity->gid);
	setfsuid(identity->uid);
}

/* The calling thread gets the process's present identity. */
static inline void identity_drop(void)
{
	setfsuid(geteuid());
	setfsgid(getegid());
}

#else

static inline bool identity_may_change(void)
{
	return false;
}

static inline struct identity identity_of_thread(void)
{
	return (struct identity){0};
}

static inline void identity_take(const struct identity *identity)
{
	(void)identity;
}

static inline void identity_drop(void)
{
}

#endif

#endif
