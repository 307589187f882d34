/* SPDX-License-Identifier: MIT */
/* Parses URLs such as http://example.org:8080/path?query. */
#ifndef URL_H
#define URL_H

#include <coro.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct url {
	char host[256];    /* with the port, if the URL has one: for the field Host */
	char address[300]; /* always with a port: for coro_open_connection */
	char target[2000]; /* path and query: for the request line */
};

/* Parses a URL of this scheme, "http" or "https". Returns 0, or -EINVAL with a message. */
static inline int url_parse(const char *text, const char *scheme, struct url *ret)
{
	size_t n = strlen(scheme);
	if (strncmp(text, scheme, n) != 0 || strncmp(text + n, "://", 3) != 0)
		return coro_raise(-EINVAL, "%s: not %s", text, scheme);
	const char *host = text + n + 3, *path = host + strcspn(host, "/?#");
	size_t length = (size_t)(path - host);
	size_t name = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (name == 0 || name > length || length >= sizeof(ret->host))
		return coro_raise(-EINVAL, "%s: no host", text);
	memcpy(ret->host, host, length);
	ret->host[length] = '\0';
	snprintf(ret->address, sizeof(ret->address), "%s%s%s", ret->host, name == length ? ":" : "",
		 name == length ? scheme : "");
	int size = snprintf(ret->target, sizeof(ret->target), "%s%.*s", *path == '/' ? "" : "/",
			    (int)strcspn(path, "#"), path);
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ') /* would end the request's line */
			return coro_raise(-EINVAL, "%s: malformed", text);
	return size < (int)sizeof(ret->target) ? 0 : coro_raise(-EINVAL, "%s: too long", text);
}

#endif
