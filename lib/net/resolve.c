/* SPDX-License-Identifier: MIT */
#include "coro/net.h"

#include "base/memory.h"
#include "core/fail.h"
#include "coro/coroutine.h"
#include "sched/fault.h"
#include "task/task.h"
#include "thread/submit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A lookup and its result, shared by the task and the thread. The last of them frees it. */
struct lookup {
	unsigned refs; /* atomic */
	const char *node, *service;
	bool hinted;
	struct addrinfo hints;
	int code, error; /* getaddrinfo's, and errno */
	struct addrinfo *answer;
	/* Used by the task only: */
	struct coro_future *future;
	struct cleanup cleanup;
	char names[];
};

/* -- results */

/* getaddrinfo's code as a negative error. */
static int error_of(int code, int error)
{
	switch (code) {
	case 0:
		return 0;
	case EAI_SYSTEM:
		return error ? -error : -EIO;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_FAMILY:
		return -EAFNOSUPPORT;
	case EAI_SOCKTYPE:
		return -ESOCKTNOSUPPORT;
	case EAI_BADFLAGS:
		return -EINVAL;
	case EAI_NONAME:
	case EAI_SERVICE:
#ifdef EAI_NODATA
	case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
#endif
		return -ENOENT;
	default:
		return -EIO;
	}
}

static int answer(int code, int error, const char *node, const char *service)
{
	int r = error_of(code, error);
	if (r == 0)
		return 0;
	return coro_raise_at(NULL, r, "%s%s%s: %s", node ? node : "", node && service ? ":" : "",
			     service ? service : "",
			     code == EAI_SYSTEM ? coro_strerror(r) : gai_strerror(code));
}

static int ask_here(const char *node, const char *service, const struct addrinfo *hints,
		    struct addrinfo **ret)
{
	struct addrinfo *found;
	int code = getaddrinfo(node, service, hints, &found), error = errno;
	if (code == 0)
		*ret = found;
	return answer(code, error, node, service);
}

/* -- in a thread */

static void lookup_unref(void *arg)
{
	struct lookup *lookup = arg;
	if (__atomic_sub_fetch(&lookup->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (lookup->answer)
		freeaddrinfo(lookup->answer);
	free(lookup);
}

static int ask(void *arg)
{
	struct lookup *lookup = arg;
	lookup->code = getaddrinfo(lookup->node, lookup->service,
				   lookup->hinted ? &lookup->hints : NULL, &lookup->answer);
	lookup->error = errno;
	return 0;
}

/* -- in a task */

/* Copies a name to *place and moves *place behind it. NULL for NULL. */
static const char *keep(char **place, const char *name)
{
	if (!name)
		return NULL;
	char *copy = *place;
	*place = stpcpy(copy, name) + 1;
	return copy;
}

static struct lookup *lookup_create(const char *node, const char *service,
				    const struct addrinfo *hints)
{
	size_t size = (node ? strlen(node) + 1 : 0) + (service ? strlen(service) + 1 : 0);
	struct lookup *lookup = memory_alloc(sizeof(*lookup) + size);
	if (!lookup)
		return NULL;
	*lookup = (struct lookup){.refs = 2, .hinted = hints};
	if (hints)
		lookup->hints = *hints;
	char *place = lookup->names;
	lookup->node = keep(&place, node);
	lookup->service = keep(&place, service);
	return lookup;
}

/* The task gives up its share of the lookup. */
static void lookup_leave(struct lookup *lookup)
{
	coro_future_unref(lookup->future);
	lookup_unref(lookup);
}

static void discard(struct cleanup *cleanup)
{
	lookup_leave(container_of(cleanup, struct lookup, cleanup));
}

static int wait_for_answer(struct lookup *lookup, struct addrinfo **ret)
{
	cleanup_push(task_running(), &lookup->cleanup, discard);
	int r = coro_await(lookup->future, NULL);
	cleanup_pop(&lookup->cleanup);
	if (r == 0)
		r = answer(lookup->code, lookup->error, lookup->node, lookup->service);
	if (r == 0) {
		*ret = lookup->answer;
		lookup->answer = NULL;
	}
	lookup_leave(lookup);
	return r;
}

/* Whether both are numeric, so that getaddrinfo does not block. */
static bool is_numeric(const char *node, const char *service)
{
	struct in6_addr address;
	if (service && service[strspn(service, "0123456789")])
		return false;
	return !node || inet_pton(AF_INET, node, &address) == 1 ||
	       inet_pton(AF_INET6, node, &address) == 1;
}

int coro_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		     struct addrinfo **ret)
{
	if (!ret)
		return fail_with(-EINVAL, "coro_getaddrinfo: ret is NULL");
	if (node && node[0] == '.')
		return answer(EAI_NONAME, 0, node, service);
	int r = fault_of(FAULT_RESOLVE);
	if (r < 0)
		return r;
	if (!task_running() || is_numeric(node, service))
		return ask_here(node, service, hints, ret);
	struct lookup *lookup = lookup_create(node, service, hints);
	if (!lookup)
		return fail_code(-ENOMEM);
	r = submit_name(ask, lookup, lookup_unref, &lookup->future);
	if (r == 0)
		return wait_for_answer(lookup, ret);
	lookup->refs = 1;
	lookup_unref(lookup);
	return r == -ENOMEM ? r : ask_here(node, service, hints, ret);
}
