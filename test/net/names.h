/* SPDX-License-Identifier: MIT */
/* The addresses of a name, and ports for tests to listen at. */
#ifndef TEST_NET_NAMES_H
#define TEST_NET_NAMES_H

#include "fds.h"

#include "net/address.h"

#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static const char *answers[32]; /* addresses of any name, up to NULL; none: there is no such name */
static _Atomic int asked;       /* by the threads that look names up */

struct answer {
	struct addrinfo info;
	struct place place;
};

static inline struct addrinfo *answer(const char *host, const char *port, int type)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	struct place *place = &answer->place;
	bool v6 = strchr(host, ':');
	place->any.sa_family = v6 ? AF_INET6 : AF_INET;
	if (v6)
		inet_pton(AF_INET6, host, &place->v6.sin6_addr);
	else
		inet_pton(AF_INET, host, &place->v4.sin_addr);
	place_set_port(place, (in_port_t)(strcmp(port, "http") == 0 ? 80 : atoi(port)));
	answer->info = (struct addrinfo){
		.ai_family = place->any.sa_family,
		.ai_socktype = type,
		.ai_addr = &place->any,
		.ai_addrlen = v6 ? sizeof(place->v6) : sizeof(place->v4),
	};
	return &answer->info;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	struct addrinfo **last = ret;
	asked++;
	if (!answers[0])
		return EAI_NONAME;
	for (int i = 0; answers[i]; i++) {
		*last = answer(answers[i], port, hints->ai_socktype);
		last = &(*last)->ai_next;
	}
	return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
	while (info) {
		struct addrinfo *next = info->ai_next;
		free(info);
		info = next;
	}
}

/* A name has these addresses from now on. */
#define NAME_HAS(...) memcpy(answers, ((const char *[32]){__VA_ARGS__}), sizeof(answers))

static inline const char *places_of(const char *text, int family, bool to_listen)
{
	static char words[2048];
	struct address address;
	struct places places;
	size_t length = 0;
	int r = address_parse(text, &address);
	if (r == 0)
		r = address_places(&address, family, to_listen, &places);
	if (r < 0)
		return coro_strerror(r);
	for (size_t i = 0; i < places.count; i++) {
		char one[CORO_ADDRESS_SIZE];
		ck_assert_int_gt(coro_address_text(&places.at[i].any, places.at[i].length, one,
						   sizeof(one)),
				 0);
		length += (size_t)snprintf(words + length, sizeof(words) - length, "%s%s",
					   i ? " " : "", one);
	}
	return words;
}

#define ck_assert_places(text, expected) ck_assert_str_eq(places_of(text, 0, false), expected)

struct listening {
	const char *address;
	struct coro_listen_options options;
	int fd;
};

static inline int listens(void *arg)
{
	struct listening *listening = arg;
	return coro_listen(listening->address, &listening->options, &listening->fd);
}

static inline int listen_on(const char *address)
{
	struct listening listening = {address};
	ck_assert_int_eq(result_of(listens, &listening), 0);
	return listening.fd;
}

static inline const char *address_of(int fd)
{
	static char text[CORO_ADDRESS_SIZE];
	ck_assert_int_gt(coro_getsockname(fd, text, sizeof(text)), 0);
	return text;
}

struct dialling {
	const char *address;
	struct coro_dial_options options;
	int fd;
};

static inline int dials(void *arg)
{
	struct dialling *dialling = arg;
	int r = coro_dial(dialling->address, &dialling->options, &dialling->fd);
	if (r < 0)
		trace("%s", coro_message(r));
	return r;
}

static inline int dial(const char *address)
{
	struct dialling dialling = {address};
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	return dialling.fd;
}

static inline void close_in_loop(int fd)
{
	ck_assert_int_eq(coro_fd_close(fd), 0);
}

static char directory[64];

static inline const char *socket_file(void)
{
	static char address[100];
	strcpy(directory, "/tmp/coro-net-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(address, sizeof(address), "unix:%s/socket", directory);
	return address;
}

enum { CLIENTS = 4 };

static struct silent {
	int fd, clients[CLIENTS];
	char port[16];
} silent;

/* An address with the port at which 127.0.0.1 does not answer. */
static inline const char *at_silent_port(const char *host)
{
	static char address[CORO_ADDRESS_SIZE];
	snprintf(address, sizeof(address), "%s%s", host, silent.port);
	return address;
}

#endif
