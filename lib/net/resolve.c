/* SPDX-License-Identifier: MIT */
#include "coro/net.h"

#include "core/fail.h"
#include "coro/coroutine.h"
#include "task/task.h"
#include "thread/submit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A question and its answer: of the task that asks and the thread that does, the last one frees it. */
struct question {
	unsigned refs; /* atomic */
	const char *node, *service;
	bool hinted;
	struct addrinfo hints;
	int code, error; /* getaddrinfo's, and errno */
	struct addrinfo *answer;
	/* The task's: */
	struct coro_future *future;
	struct cleanup cleanup;
	char names[];
};

/* -- answers */

/* getaddrinfo's code as one of ours. */
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

static void question_unref(void *arg)
{
	struct question *question = arg;
	if (__atomic_sub_fetch(&question->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (question->answer)
		freeaddrinfo(question->answer);
	free(question);
}

static int ask(void *arg)
{
	struct question *question = arg;
	question->code = getaddrinfo(question->node, question->service,
				     question->hinted ? &question->hints : NULL, &question->answer);
	question->error = errno;
	return 0;
}

/* -- in a task */

/* Copies a name behind the others, NULL for NULL. */
static const char *keep(char **place, const char *name)
{
	if (!name)
		return NULL;
	char *copy = *place;
	*place = stpcpy(copy, name) + 1;
	return copy;
}

static struct question *question_create(const char *node, const char *service,
					const struct addrinfo *hints)
{
	size_t size = (node ? strlen(node) + 1 : 0) + (service ? strlen(service) + 1 : 0);
	struct question *question = malloc(sizeof(*question) + size);
	if (!question)
		return NULL;
	*question = (struct question){.refs = 2, .hinted = hints};
	if (hints)
		question->hints = *hints;
	char *place = question->names;
	question->node = keep(&place, node);
	question->service = keep(&place, service);
	return question;
}

/* The task does not ask any more. */
static void question_leave(struct question *question)
{
	coro_future_unref(question->future);
	question_unref(question);
}

static void discard(struct cleanup *cleanup)
{
	question_leave(container_of(cleanup, struct question, cleanup));
}

static int wait_for_answer(struct question *question, struct addrinfo **ret)
{
	cleanup_push(task_running(), &question->cleanup, discard);
	int r = coro_await(question->future, NULL);
	cleanup_pop(&question->cleanup);
	if (r == 0)
		r = answer(question->code, question->error, question->node, question->service);
	if (r == 0) {
		*ret = question->answer;
		question->answer = NULL;
	}
	question_leave(question);
	return r;
}

/* Whether it takes no more than reading: no host's name, and no service's. */
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
	if (!task_running() || is_numeric(node, service))
		return ask_here(node, service, hints, ret);
	struct question *question = question_create(node, service, hints);
	if (!question)
		return fail_code(-ENOMEM);
	int r = submit_name(ask, question, question_unref, &question->future);
	if (r == 0)
		return wait_for_answer(question, ret);
	question->refs = 1;
	question_unref(question);
	return r == -ENOMEM ? r : ask_here(node, service, hints, ret);
}
