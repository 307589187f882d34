/* SPDX-License-Identifier: MIT */
/* Names and addresses, which libc looks up by its own calls: in a thread. */
#include "coro/thread.h"
#include "posix/apart.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* -- getaddrinfo */

struct lookup {
	struct apart apart;
	struct addrinfo hints, *found;
	bool has_hints;
	int error; /* errno, for EAI_SYSTEM */
	char *node, *service;
	char text[];
};

static ssize_t look_up(struct apart *apart)
{
	struct lookup *lookup = (struct lookup *)apart;
	int r = libc()->getaddrinfo(lookup->node, lookup->service,
				    lookup->has_hints ? &lookup->hints : NULL, &lookup->found);
	lookup->error = errno;
	return r == 0 ? 0 : r > 0 ? r : -r;
}

static void forget(struct apart *apart, ssize_t result)
{
	struct lookup *lookup = (struct lookup *)apart;
	if (result == 0)
		freeaddrinfo(lookup->found);
}

static struct lookup *lookup_create(const char *node, const char *service,
				    const struct addrinfo *hints)
{
	size_t node_size = node ? strlen(node) + 1 : 0;
	size_t service_size = service ? strlen(service) + 1 : 0;
	struct lookup *lookup =
		(struct lookup *)apart_create(sizeof(*lookup) + node_size + service_size);
	if (!lookup)
		return NULL;
	lookup->apart.call = look_up;
	lookup->apart.undo = forget;
	lookup->has_hints = hints;
	if (hints)
		lookup->hints = *hints;
	if (node)
		lookup->node = memcpy(lookup->text, node, node_size);
	if (service)
		lookup->service = memcpy(lookup->text + node_size, service, service_size);
	return lookup;
}

/* A name of digits alone needs no thread: the answer is there. */
static bool is_numeric(const struct addrinfo *hints)
{
	return hints && hints->ai_flags & AI_NUMERICHOST;
}

/* EAI_ codes are negative, and made positive here to tell them from a result of apart_run. */
PUBLIC int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret)
{
	if (!call_waits() || is_numeric(hints))
		return libc()->getaddrinfo(node, service, hints, ret);
	int before = errno;
	struct lookup *lookup = lookup_create(node, service, hints);
	if (!lookup)
		return EAI_MEMORY;
	struct apart *apart = &lookup->apart;
	ssize_t r = apart_run(&apart);
	if (!apart || r < 0) {
		free(apart);
		errno = (int)-r;
		return r == -ENOMEM ? EAI_MEMORY : EAI_SYSTEM;
	}
	errno = r == -EAI_SYSTEM ? lookup->error : before;
	if (r == 0)
		*ret = lookup->found;
	free(lookup);
	return EAI_FAIL < 0 ? (int)-r : (int)r;
}

/* -- the others: the call waits for libc's, also if the task is cancelled, and so needs no copies */

struct question {
	int (*ask)(struct question *question);
	int result, error, h_error;
	const void *name;
	socklen_t length;
	int family, flags;
	char *host, *service;
	socklen_t host_length, service_length;
	struct hostent *entry, **found;
	char *buffer;
	size_t size;
	int *h_errno_ret;
};

static int in_a_thread(void *arg)
{
	struct question *question = arg;
	question->result = question->ask(question);
	question->error = errno;
	question->h_error = h_errno;
	return 0;
}

/* Returns 0 or an error; errno and h_errno are those of libc's call. */
static int ask(struct question *question)
{
	int r = coro_to_thread(in_a_thread, question);
	if (r < 0)
		return r;
	errno = question->error;
	h_errno = question->h_error;
	return 0;
}

static int ask_nameinfo(struct question *question)
{
	return libc()->getnameinfo(question->name, question->length, question->host,
				   question->host_length, question->service,
				   question->service_length, question->flags);
}

PUBLIC int getnameinfo(const struct sockaddr *restrict address, socklen_t length,
		       char *restrict host, socklen_t host_length, char *restrict service,
		       socklen_t service_length, int flags)
{
	struct question question = {.ask = ask_nameinfo,
				    .name = address,
				    .length = length,
				    .host = host,
				    .host_length = host_length,
				    .service = service,
				    .service_length = service_length,
				    .flags = flags};
	if (flags & NI_NUMERICHOST || !host || !call_waits())
		return ask_nameinfo(&question);
	int r = ask(&question);
	if (r == 0)
		return question.result;
	errno = -r;
	return r == -ENOMEM ? EAI_MEMORY : EAI_SYSTEM;
}

static int ask_host(struct question *question)
{
	question->entry = question->family
				  ? libc()->gethostbyname2(question->name, question->family)
				  : libc()->gethostbyname(question->name);
	return 0;
}

static int ask_address(struct question *question)
{
	question->entry = libc()->gethostbyaddr(question->name, question->length, question->family);
	return 0;
}

/* The result is libc's, and the next call by anybody overwrites it. */
static struct hostent *entry_of(struct question *question)
{
	int r = call_waits() ? ask(question) : question->ask(question);
	if (r == 0)
		return question->entry;
	errno = -r;
	h_errno = TRY_AGAIN;
	return NULL;
}

PUBLIC struct hostent *gethostbyname(const char *name)
{
	return entry_of(&(struct question){.ask = ask_host, .name = name});
}

PUBLIC struct hostent *gethostbyname2(const char *name, int family)
{
	return entry_of(&(struct question){.ask = ask_host, .name = name, .family = family});
}

PUBLIC struct hostent *gethostbyaddr(const void *address, socklen_t length, int family)
{
	return entry_of(&(struct question){
		.ask = ask_address, .name = address, .length = length, .family = family});
}

static int ask_host_r(struct question *question)
{
	return question->family
		       ? libc()->gethostbyname2_r(question->name, question->family, question->entry,
						  question->buffer, question->size, question->found,
						  question->h_errno_ret)
		       : libc()->gethostbyname_r(question->name, question->entry, question->buffer,
						 question->size, question->found,
						 question->h_errno_ret);
}

static int ask_address_r(struct question *question)
{
	return libc()->gethostbyaddr_r(question->name, question->length, question->family,
				       question->entry, question->buffer, question->size,
				       question->found, question->h_errno_ret);
}

/* Returns an error, and not -1. */
static int code_of(struct question *question)
{
	if (!call_waits())
		return question->ask(question);
	int r = ask(question);
	if (r == 0)
		return question->result;
	*question->found = NULL;
	*question->h_errno_ret = TRY_AGAIN;
	return -r;
}

PUBLIC int gethostbyname_r(const char *restrict name, struct hostent *restrict entry,
			   char *restrict buffer, size_t size, struct hostent **restrict found,
			   int *restrict h_errno_ret)
{
	return code_of(&(struct question){.ask = ask_host_r,
					  .name = name,
					  .entry = entry,
					  .buffer = buffer,
					  .size = size,
					  .found = found,
					  .h_errno_ret = h_errno_ret});
}

PUBLIC int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict entry,
			    char *restrict buffer, size_t size, struct hostent **restrict found,
			    int *restrict h_errno_ret)
{
	return code_of(&(struct question){.ask = ask_host_r,
					  .name = name,
					  .family = family,
					  .entry = entry,
					  .buffer = buffer,
					  .size = size,
					  .found = found,
					  .h_errno_ret = h_errno_ret});
}

PUBLIC int gethostbyaddr_r(const void *restrict address, socklen_t length, int family,
			   struct hostent *restrict entry, char *restrict buffer, size_t size,
			   struct hostent **restrict found, int *restrict h_errno_ret)
{
	return code_of(&(struct question){.ask = ask_address_r,
					  .name = address,
					  .length = length,
					  .family = family,
					  .entry = entry,
					  .buffer = buffer,
					  .size = size,
					  .found = found,
					  .h_errno_ret = h_errno_ret});
}
