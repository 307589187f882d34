/* SPDX-License-Identifier: MIT */
/* Addresses as text, and the socket addresses that they resolve to. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "coro/base.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A parsed text. */
struct address {
	int family; /* AF_UNIX, or AF_UNSPEC: the host's addresses decide */
	int type;   /* SOCK_STREAM, SOCK_DGRAM */
	char host[256];
	char port[32];
	struct sockaddr_un local; /* AF_UNIX */
	socklen_t local_length;
};

/* A socket address. */
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

/* The size of a unix socket's path with its NUL, which a full sun_path does not have. */
#define PATH_OF_PLACE (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1)

/* Copies the path of a unix socket. False if the address is not one with a file. */
bool place_path(const struct place *place, char ret[static PATH_OF_PLACE]);

/* Parses a text. Returns 0, -EINVAL if it is not an address, or -ENAMETOOLONG. */
int address_parse(const char *text, struct address *ret);

/*
 * Resolves an address to the socket addresses of a family (0: any), in the order to try them: the
 * families alternate. Without a host these are all of the host's addresses if to_listen, else the
 * loopback ones. Returns 0 or an error.
 */
coro_async int address_places(const struct address *address, int family, bool to_listen,
			      struct places *ret);

/* Set and get the port of an IPv4 or IPv6 address. Other addresses have port 0 and keep it. */
void place_set_port(struct place *place, in_port_t port);
in_port_t place_port(const struct place *place);

#endif
