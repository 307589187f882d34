/* SPDX-License-Identifier: MIT */
/* Addresses: from words, and the sockets' addresses that they stand for. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "coro/base.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The words, taken apart. */
struct address {
	int family; /* AF_UNIX, or AF_UNSPEC for what the host has */
	int type;   /* SOCK_STREAM, SOCK_DGRAM */
	char host[256];
	char port[32];
	struct sockaddr_un local; /* AF_UNIX */
	socklen_t local_length;
};

/* One that a socket can have. */
struct place {
	socklen_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	};
};

enum { PLACES = 16 };

struct places {
	size_t count;
	struct place at[PLACES];
};

/* Room for the path of a unix socket, and a NUL that it need not have in its address. */
#define PATH_OF_PLACE (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1)

/* The path of a unix socket that has a file: whether it is one. */
bool place_path(const struct place *place, char ret[static PATH_OF_PLACE]);

/* 0; -EINVAL: it is no address; -ENAMETOOLONG. */
int address_parse(const char *text, struct address *ret);

/*
 * The places that an address stands for, of that family, 0 for any, in the order to be tried: the
 * families take turns. to_listen: no host means all, else this one. Looks names up: 0 or an error.
 */
coro_async int address_places(const struct address *address, int family, bool to_listen,
			      struct places *ret);

/* Puts a port into a place of the Internet; and gives it, 0 for others. */
void place_set_port(struct place *place, in_port_t port);
in_port_t place_port(const struct place *place);

#endif
