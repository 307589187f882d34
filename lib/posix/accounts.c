/* SPDX-License-Identifier: MIT */
/* Users and groups, which libc may ask servers for, by calls of its own. So a thread asks it. */
#include "coro/thread.h"
#include "posix/call.h"

#include <grp.h>
#include <pwd.h>

struct account {
	/* Asks libc, and sets result, or entry and errno. */
	void (*ask)(struct account *account);
	const char *name;
	id_t id;
	void *entry, *found; /* the caller's, for those of _r */
	char *buffer;
	size_t size;
	int result;
	int error; /* errno of the thread */
};

static int in_a_thread(void *arg)
{
	struct account *account = arg;
	errno = 0;
	account->ask(account);
	account->error = errno;
	return 0;
}

/* Returns 0 or an error. Without a thread libc is asked here. */
static int ask(struct account *account)
{
	int before = errno;
	int r = call_waits() ? coro_to_thread(in_a_thread, account) : -EAGAIN;
	if (r == -EAGAIN) {
		account->ask(account);
		return 0;
	}
	errno = r < 0 ? -r : account->error ? account->error : before;
	return r;
}

/* The entry is libc's, and the next call by anybody overwrites it. NULL and errno for none. */
static void *entry_of(struct account *account)
{
	return ask(account) == 0 ? account->entry : NULL;
}

/* Returns an error, and not -1. */
static int code_of(struct account *account)
{
	int before = errno;
	int r = ask(account);
	errno = before;
	return r == 0 ? account->result : -r;
}

/* -- users */

static void ask_user_of_name(struct account *account)
{
	account->entry = libc()->getpwnam(account->name);
}

static void ask_user_of_id(struct account *account)
{
	account->entry = libc()->getpwuid(account->id);
}

static void ask_user_of_name_r(struct account *account)
{
	account->result = libc()->getpwnam_r(account->name, account->entry, account->buffer,
					     account->size, account->found);
}

static void ask_user_of_id_r(struct account *account)
{
	account->result = libc()->getpwuid_r(account->id, account->entry, account->buffer,
					     account->size, account->found);
}

PUBLIC struct passwd *getpwnam(const char *name)
{
	return entry_of(&(struct account){.ask = ask_user_of_name, .name = name});
}

PUBLIC struct passwd *getpwuid(uid_t id)
{
	return entry_of(&(struct account){.ask = ask_user_of_id, .id = id});
}

PUBLIC int getpwnam_r(const char *restrict name, struct passwd *restrict entry,
		      char *restrict buffer, size_t size, struct passwd **restrict found)
{
	*found = NULL;
	return code_of(&(struct account){.ask = ask_user_of_name_r,
					 .name = name,
					 .entry = entry,
					 .buffer = buffer,
					 .size = size,
					 .found = found});
}

PUBLIC int getpwuid_r(uid_t id, struct passwd *restrict entry, char *restrict buffer, size_t size,
		      struct passwd **restrict found)
{
	*found = NULL;
	return code_of(&(struct account){.ask = ask_user_of_id_r,
					 .id = id,
					 .entry = entry,
					 .buffer = buffer,
					 .size = size,
					 .found = found});
}

/* -- groups */

static void ask_group_of_name(struct account *account)
{
	account->entry = libc()->getgrnam(account->name);
}

static void ask_group_of_id(struct account *account)
{
	account->entry = libc()->getgrgid(account->id);
}

static void ask_group_of_name_r(struct account *account)
{
	account->result = libc()->getgrnam_r(account->name, account->entry, account->buffer,
					     account->size, account->found);
}

static void ask_group_of_id_r(struct account *account)
{
	account->result = libc()->getgrgid_r(account->id, account->entry, account->buffer,
					     account->size, account->found);
}

PUBLIC struct group *getgrnam(const char *name)
{
	return entry_of(&(struct account){.ask = ask_group_of_name, .name = name});
}

PUBLIC struct group *getgrgid(gid_t id)
{
	return entry_of(&(struct account){.ask = ask_group_of_id, .id = id});
}

PUBLIC int getgrnam_r(const char *restrict name, struct group *restrict entry,
		      char *restrict buffer, size_t size, struct group **restrict found)
{
	*found = NULL;
	return code_of(&(struct account){.ask = ask_group_of_name_r,
					 .name = name,
					 .entry = entry,
					 .buffer = buffer,
					 .size = size,
					 .found = found});
}

PUBLIC int getgrgid_r(gid_t id, struct group *restrict entry, char *restrict buffer, size_t size,
		      struct group **restrict found)
{
	*found = NULL;
	return code_of(&(struct account){.ask = ask_group_of_id_r,
					 .id = id,
					 .entry = entry,
					 .buffer = buffer,
					 .size = size,
					 .found = found});
}
