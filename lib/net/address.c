/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include "base/system.h"
#include "core/fail.h"
#include "coro/coroutine.h"
#include "coro/net.h"
#include "io/option.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- from text */

/* The text behind the prefix. NULL if it does not begin with it. */
static const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);
	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* Whether it is a name of Linux's abstract namespace, without a file. */
static bool is_abstract(const char *path)
{
	return SYSTEM_ABSTRACT_NAMES && path[0] == '@';
}

/*
 * Reads an abstract name, which may contain any byte: \\0 stands for a NUL, \\\\ for a backslash.
 * Returns its length with the NUL in front, or 0 if it does not fit.
 */
static size_t read_abstract(const char *text, char *ret, size_t room)
{
	size_t length = 0;
	ret[length++] = '\0';
	for (; *text; text++) {
		if (length == room)
			return 0;
		bool escaped = text[0] == '\\' && (text[1] == '0' || text[1] == '\\');
		if (escaped)
			text++;
		ret[length++] = (char)(escaped && *text == '0' ? '\0' : *text);
	}
	return length;
}

static int parse_local(const char *path, struct address *ret)
{
	const size_t room = sizeof(ret->local.sun_path);
	size_t length = strlen(path), end = length;
	if (length == 0)
		return -EINVAL;
	ret->family = AF_UNIX;
	ret->local.sun_family = AF_UNIX;
	if (is_abstract(path)) {
		length = end = read_abstract(path + 1, ret->local.sun_path, room);
		if (length == 0)
			return -ENAMETOOLONG;
	} else {
		/* On Linux a path may fill sun_path without a NUL. */
		if (length > room - !SYSTEM_ABSTRACT_NAMES)
			return -ENAMETOOLONG;
		memcpy(ret->local.sun_path, path, length);
		end = length < room ? length + 1 : length;
	}
	ret->local_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + end);
	return 0;
}

static int copy(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(to, from, length);
	to[length] = '\0';
	return 0;
}

/* Parses a numeric port. Returns 0, -EINVAL if it is not numeric, or -ERANGE. */
static int parse_port(const char *text, in_port_t *ret)
{
	unsigned long port = 0;
	if (text[strspn(text, "0123456789")])
		return -EINVAL;
	for (const char *at = text; *at; at++) {
		port = 10 * port + (unsigned long)(*at - '0');
		if (port > 65535)
			return -ERANGE;
	}
	*ret = (in_port_t)port;
	return 0;
}

int address_parse(const char *text, struct address *ret)
{
	*ret = (struct address){.family = AF_UNSPEC, .type = SOCK_STREAM};
	const char *rest;
	if ((rest = after(text, "unix:")))
		return parse_local(rest, ret);
	if ((rest = after(text, "udp:"))) {
		ret->type = SOCK_DGRAM;
		text = rest;
	} else if ((rest = after(text, "tcp:"))) {
		text = rest;
	}
	const char *end = strrchr(text, ':'), *host = text;
	in_port_t port;
	if (!end || end[1] == '\0' || parse_port(end + 1, &port) == -ERANGE)
		return -EINVAL;
	size_t length = (size_t)(end - host);
	if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
		if (!memchr(host, ':', length))
			return -EINVAL; /* brackets are for IPv6 */
	} else if (memchr(host, ':', length) || memchr(host, '[', length)) {
		return -EINVAL;
	}
	if (length > 0 && host[0] == '.')
		return -EINVAL;
	int r = copy(ret->host, sizeof(ret->host), host, length);
	return r < 0 ? r : copy(ret->port, sizeof(ret->port), end + 1, strlen(end + 1));
}

/* -- places */

void place_set_port(struct place *place, in_port_t port)
{
	if (place->any.sa_family == AF_INET)
		place->v4.sin_port = htons(port);
	else if (place->any.sa_family == AF_INET6)
		place->v6.sin6_port = htons(port);
}

in_port_t place_port(const struct place *place)
{
	if (place->any.sa_family == AF_INET)
		return ntohs(place->v4.sin_port);
	return place->any.sa_family == AF_INET6 ? ntohs(place->v6.sin6_port) : 0;
}

bool place_path(const struct place *place, char ret[static PATH_OF_PLACE])
{
	size_t start = offsetof(struct sockaddr_un, sun_path);
	if (place->any.sa_family != AF_UNIX || place->length <= start || !place->local.sun_path[0])
		return false;
	size_t length = strnlen(place->local.sun_path, place->length - start);
	memcpy(ret, place->local.sun_path, length);
	ret[length] = '\0';
	return true;
}

static void add(struct places *places, const void *address, socklen_t length)
{
	if (places->count == PLACES || length > sizeof(places->at[0].local))
		return;
	struct place *place = &places->at[places->count++];
	place->length = length;
	memcpy(&place->any, address, length);
}

static void add_v4(struct places *places, struct in_addr address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = address};
	add(places, &v4, sizeof(v4));
}

static void add_v6(struct places *places, struct in6_addr address, uint32_t scope)
{
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_addr = address, .sin6_scope_id = scope};
	add(places, &v6, sizeof(v6));
}

/* The index of an interface by its name or number. 0 if there is none. */
static uint32_t parse_scope(const char *name)
{
	uint32_t index = if_nametoindex(name);
	char *end;
	if (index)
		return index;
	unsigned long number = strtoul(name, &end, 10);
	return *name && !*end && number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* Adds the address of a numeric host. False if the host is not numeric. */
static bool add_numeric(struct places *places, const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char bare[sizeof(((struct address *)0)->host)];
	if (inet_pton(AF_INET, host, &v4) == 1) {
		add_v4(places, v4);
		return true;
	}
	const char *percent = strchr(host, '%');
	size_t length = percent ? (size_t)(percent - host) : strlen(host);
	copy(bare, sizeof(bare), host, length);
	if (inet_pton(AF_INET6, bare, &v6) != 1)
		return false;
	uint32_t scope = percent ? parse_scope(percent + 1) : 0;
	if (percent && scope == 0)
		return false;
	add_v6(places, v6, scope);
	return true;
}

/* Adds the addresses for no host. [::] listens on IPv4 too; 0.0.0.0 is for hosts without IPv6. */
static void add_default(struct places *places, bool to_listen)
{
	add_v6(places, to_listen ? in6addr_any : in6addr_loopback, 0);
	add_v4(places, (struct in_addr){htonl(to_listen ? INADDR_ANY : INADDR_LOOPBACK)});
}

static void keep_family(struct places *places, int family)
{
	size_t kept = 0;
	for (size_t i = 0; i < places->count; i++)
		if (family == AF_UNSPEC || places->at[i].any.sa_family == family)
			places->at[kept++] = places->at[i];
	places->count = kept;
}

/* The first entry from here on that is of the family, or, if not `same`, of another. */
static const struct addrinfo *next_of(const struct addrinfo *from, int family, bool same)
{
	while (from && (from->ai_family == family) != same)
		from = from->ai_next;
	return from;
}

/* Adds the addresses with the families alternating, the first one's first (RFC 8305, 4). */
static void add_alternating(struct places *places, const struct addrinfo *list)
{
	int family = list ? list->ai_family : AF_UNSPEC;
	const struct addrinfo *one = list, *other = next_of(list, family, false);
	while (one || other) {
		if (one) {
			add(places, one->ai_addr, one->ai_addrlen);
			one = next_of(one->ai_next, family, true);
		}
		if (other) {
			add(places, other->ai_addr, other->ai_addrlen);
			other = next_of(other->ai_next, family, false);
		}
	}
}

static coro_async int lookup(const struct address *address, int family, bool to_listen,
			     struct places *ret)
{
	struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = address->type,
		.ai_flags = to_listen ? AI_PASSIVE : 0,
	};
	struct addrinfo *list;
	int r = coro_getaddrinfo(address->host[0] ? address->host : NULL, address->port, &hints,
				 &list);
	if (r < 0)
		return r;
	add_alternating(ret, list);
	freeaddrinfo(list);
	return 0;
}

int address_places(const struct address *address, int family, bool to_listen, struct places *ret)
{
	in_port_t port;
	ret->count = 0;
	if (address->family == AF_UNIX) {
		add(ret, &address->local, address->local_length);
		return 0;
	}
	if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
		return fail_with(-EINVAL, "the family is not AF_INET, AF_INET6 or 0");
	int r = 0;
	if (parse_port(address->port, &port) < 0)
		r = lookup(address, family, to_listen, ret);
	else if (address->host[0] && !add_numeric(ret, address->host))
		r = strchr(address->host, ':')
			    ? fail_with(-EINVAL, "not an IPv6 address, or no such interface")
			    : lookup(address, family, to_listen, ret);
	else if (!address->host[0])
		add_default(ret, to_listen);
	if (r < 0)
		return r;
	keep_family(ret, family);
	if (parse_port(address->port, &port) == 0)
		for (size_t i = 0; i < ret->count; i++)
			place_set_port(&ret->at[i], port);
	return ret->count > 0 ? 0 : fail_code(-EADDRNOTAVAIL);
}

/* -- to text */

/* Writes an abstract name, given without the NUL in front. Cut short if it does not fit. */
static int text_of_abstract(const char *name, size_t length, char *ret, size_t size)
{
	int n = snprintf(ret, size, "unix:@");
	for (size_t i = 0; i < length && (size_t)n < size; i++) {
		const char *one = name[i] == '\\' ? "\\\\" : name[i] ? NULL : "\\0";
		n += one ? snprintf(ret + n, size - (size_t)n, "%s", one)
			 : snprintf(ret + n, size - (size_t)n, "%c", name[i]);
	}
	return n;
}

static int text_of_local(const struct sockaddr_un *local, socklen_t length, char *ret, size_t size)
{
	size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t room = length > start ? length - start : 0;
	if (room > sizeof(local->sun_path))
		room = sizeof(local->sun_path);
	if (room > 0 && local->sun_path[0] == '\0')
		return text_of_abstract(local->sun_path + 1, room - 1, ret, size);
	/* A path that begins with @ would be taken for an abstract name. */
	bool like_abstract = room > 0 && is_abstract(local->sun_path);
	return snprintf(ret, size, "unix:%s%.*s", like_abstract ? "./" : "", (int)room,
			room ? local->sun_path : "");
}

static int text_of_v6(const struct sockaddr_in6 *v6, char *ret, size_t size)
{
	char host[INET6_ADDRSTRLEN], name[IF_NAMESIZE] = "", *at;
	inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
	if (v6->sin6_scope_id && !(at = if_indextoname(v6->sin6_scope_id, name)))
		snprintf(name, sizeof(name), "%u", v6->sin6_scope_id);
	return snprintf(ret, size, "[%s%s%s]:%u", host, name[0] ? "%" : "", name,
			ntohs(v6->sin6_port));
}

static int text_of_v4(const struct sockaddr_in *v4, char *ret, size_t size)
{
	char host[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
	return snprintf(ret, size, "%s:%u", host, ntohs(v4->sin_port));
}

int coro_address_text(const struct sockaddr *address, socklen_t length, char *ret, size_t size)
{
	char text[CORO_ADDRESS_SIZE];
	int n;
	if (!address || !ret || length < sizeof(address->sa_family))
		return fail_with(-EINVAL,
				 "coro_address_text: address or ret is NULL, or length too small");
	if (address->sa_family == AF_UNIX)
		n = text_of_local((const void *)address, length, text, sizeof(text));
	else if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in))
		n = text_of_v4((const void *)address, text, sizeof(text));
	else if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6))
		n = text_of_v6((const void *)address, text, sizeof(text));
	else
		return fail_code(-EAFNOSUPPORT);
	if ((size_t)n >= size)
		return fail_code(-ENOBUFS);
	memcpy(ret, text, (size_t)n + 1);
	return n;
}

/* Writes the address of a socket or its peer as coro_dial takes it, with the socket's type. */
static int text_for(int fd, const struct sockaddr_storage *address, socklen_t length, char *ret,
		    size_t size)
{
	static const char udp[] = "udp:";
	bool internet = address->ss_family == AF_INET || address->ss_family == AF_INET6;
	int type = internet ? socket_option(fd, SO_TYPE) : 0;
	if (type < 0)
		return fail_code(type);
	size_t prefix = internet && type == SOCK_DGRAM ? strlen(udp) : 0;
	if (!ret || size <= prefix)
		return ret ? fail_code(-ENOBUFS)
			   : fail_with(-EINVAL, "coro_getsockname, coro_getpeername: ret is NULL");
	int n = coro_address_text((const struct sockaddr *)address, length, ret + prefix,
				  size - prefix);
	if (n < 0)
		return n;
	memcpy(ret, udp, prefix);
	return n + (int)prefix;
}

int coro_getsockname(int fd, char *ret, size_t size)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return fail_code(-errno);
	return text_for(fd, &address, length, ret, size);
}

int coro_getpeername(int fd, char *ret, size_t size)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	if (getpeername(fd, (struct sockaddr *)&address, &length) < 0)
		return fail_code(-errno);
	return text_for(fd, &address, length, ret, size);
}
