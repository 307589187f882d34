/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 (RFC 9112): parses requests and chunks. It copies nothing: the texts of a request are in
 * the buffer that the request came in. Knows nothing of coroutines.
 *
 * It is strict where lenient servers have let requests be smuggled: line ends, space before a
 * colon, folded lines, and lengths that contradict each other.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum {
	HTTP_HEAD = 16384, /* limit for the request line and the fields together, in bytes */
	HTTP_FIELDS = 64,
};

struct http_text {
	const char *bytes;
	size_t length;
};

struct http_field {
	struct http_text name, value;
};

struct http_request {
	struct http_text method, target;
	int minor; /* of HTTP/1.x */
	struct http_field fields[HTTP_FIELDS];
	size_t field_count;
	uint64_t length; /* of the body, if it is not chunked */
	bool chunked;
	bool keep_alive;
	bool expects_continue;
};

static inline bool http_is(struct http_text text, const char *word)
{
	return text.length == strlen(word) && memcmp(text.bytes, word, text.length) == 0;
}

static inline bool http_is_caseless(struct http_text text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.bytes, word, text.length) == 0;
}

/* Names and methods consist of these. */
static inline bool http_is_token_letter(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static inline bool http_is_token(struct http_text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!http_is_token_letter((unsigned char)text.bytes[i]))
			return false;
	return text.length > 0;
}

/* Returns whether the text is a decimal number that fits. */
static inline bool http_number(struct http_text text, uint64_t *ret)
{
	uint64_t number = 0;
	for (size_t i = 0; i < text.length; i++) {
		unsigned digit = (unsigned)text.bytes[i] - '0';
		if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			return false;
	}
	*ret = number;
	return text.length > 0;
}

/* Returns whether a list such as "a, b" has this word; *last tells whether it is the last item. */
static inline bool http_has(struct http_text list, const char *word, bool *last)
{
	bool has = false;
	*last = false;
	for (size_t at = 0; at < list.length;) {
		size_t begin = at;
		while (at < list.length && list.bytes[at] != ',')
			at++;
		struct http_text item = {list.bytes + begin, at - begin};
		while (item.length > 0 && strchr(" \t", item.bytes[0])) {
			item.bytes++;
			item.length--;
		}
		while (item.length > 0 && strchr(" \t", item.bytes[item.length - 1]))
			item.length--;
		if (item.length > 0)
			*last = http_is_caseless(item, word);
		has |= *last;
		at++;
	}
	return has;
}

/*
 * Finds the line that begins at a place. Returns where the next line begins, or NULL if this one is
 * malformed: only "\r\n" ends a line, and no "\r" or NUL is elsewhere.
 */
static inline const char *http_line(const char *at, const char *end, struct http_text *ret)
{
	const char *stop = memchr(at, '\r', (size_t)(end - at));
	if (!stop || stop + 1 >= end || stop[1] != '\n' || memchr(at, '\n', (size_t)(stop - at)) ||
	    memchr(at, '\0', (size_t)(stop - at)))
		return NULL;
	*ret = (struct http_text){at, (size_t)(stop - at)};
	return stop + 2;
}

/* Parses "GET /path HTTP/1.1". Returns 0, or a negated HTTP status to refuse the request with. */
static inline int http_parse_first(struct http_text line, struct http_request *ret)
{
	const char *end = line.bytes + line.length;
	const char *space = memchr(line.bytes, ' ', line.length);
	if (!space)
		return -400;
	ret->method = (struct http_text){line.bytes, (size_t)(space - line.bytes)};
	const char *target = space + 1;
	space = memchr(target, ' ', (size_t)(end - target));
	if (!space || space == target || !http_is_token(ret->method))
		return -400;
	ret->target = (struct http_text){target, (size_t)(space - target)};
	for (const char *at = target; at < space; at++)
		if ((unsigned char)*at <= ' ' || *at == 127)
			return -400;
	const char *version = space + 1;
	if (end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.' ||
	    version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9')
		return -400;
	if (version[5] != '1')
		return -505;
	ret->minor = version[7] > '0';
	return 0;
}

static inline int http_parse_field(struct http_text line, struct http_field *ret)
{
	const char *colon = memchr(line.bytes, ':', line.length);
	if (!colon)
		return -400;
	ret->name = (struct http_text){line.bytes, (size_t)(colon - line.bytes)};
	ret->value = (struct http_text){colon + 1, line.length - ret->name.length - 1};
	while (ret->value.length > 0 && strchr(" \t", ret->value.bytes[0])) {
		ret->value.bytes++;
		ret->value.length--;
	}
	while (ret->value.length > 0 && strchr(" \t", ret->value.bytes[ret->value.length - 1]))
		ret->value.length--;
	return http_is_token(ret->name) ? 0 : -400;
}

/* Returns whether this is exactly one line, with its end, and has a field. */
static inline bool http_is_field(const char *bytes, size_t length)
{
	struct http_text line;
	struct http_field field;
	return http_line(bytes, bytes + length, &line) == bytes + length &&
	       http_parse_field(line, &field) == 0;
}

/* Interprets the fields about the body and the connection. Returns 0 or a negated status. */
static inline int http_understand(struct http_request *request)
{
	bool measured = false, last;
	int hosts = 0;
	request->keep_alive = request->minor > 0;
	for (size_t i = 0; i < request->field_count; i++) {
		struct http_text name = request->fields[i].name, value = request->fields[i].value;
		if (http_is_caseless(name, "host")) {
			hosts++;
		} else if (http_is_caseless(name, "content-length")) {
			uint64_t length;
			if (!http_number(value, &length) || (measured && length != request->length))
				return -400;
			request->length = length;
			measured = true;
		} else if (http_is_caseless(name, "transfer-encoding")) {
			if (request->chunked || request->minor == 0)
				return -400;
			if (!http_is_caseless(value, "chunked"))
				return -501;
			request->chunked = true;
		} else if (http_is_caseless(name, "connection")) {
			if (http_has(value, "close", &last))
				request->keep_alive = false;
			else if (http_has(value, "keep-alive", &last))
				request->keep_alive = true;
		} else if (http_is_caseless(name, "expect")) {
			if (!http_is_caseless(value, "100-continue"))
				return -417;
			request->expects_continue = request->minor > 0;
		}
	}
	if (hosts > 1 || (hosts == 0 && request->minor > 0) || (request->chunked && measured))
		return -400;
	return 0;
}

/* Returns the end of the empty line after the head; NULL if it has not come yet. */
static inline const char *http_head_end(const char *bytes, size_t length)
{
	const char *end = bytes + length;
	for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
		if (end - at > 1 && at[1] == '\n')
			return at + 2; /* malformed; http_line finds that */
		if (end - at > 2 && at[1] == '\r' && at[2] == '\n')
			return at + 3;
	}
	return NULL;
}

/*
 * Parses the head of the first request. Returns its length in bytes, 0 if it is not complete, or
 * the negated status to refuse it with. Skips one empty line before it.
 */
static inline long http_parse(const char *bytes, size_t length, struct http_request *ret)
{
	struct http_text line;
	const char *at = bytes;
	if (length >= 1 && at[0] == '\r') {
		if (length < 2)
			return 0;
		if (at[1] != '\n')
			return -400;
		at += 2;
	}
	const char *end = http_head_end(at, length - (size_t)(at - bytes));
	if (!end || end - bytes > HTTP_HEAD)
		return end || length > HTTP_HEAD ? -431 : 0;
	memset(ret, 0, offsetof(struct http_request, fields));
	memset(&ret->field_count, 0, sizeof(*ret) - offsetof(struct http_request, field_count));
	at = http_line(at, end, &line);
	int r = at ? http_parse_first(line, ret) : -400;
	while (r == 0 && (at = http_line(at, end, &line)) && line.length > 0) {
		if (ret->field_count == HTTP_FIELDS)
			return -431;
		r = http_parse_field(line, &ret->fields[ret->field_count++]);
	}
	if (r == 0 && !at)
		r = -400;
	if (r == 0)
		r = http_understand(ret);
	return r < 0 ? r : end - bytes;
}

/* Returns the value of a field; its bytes are NULL if the request has no such field. */
static inline struct http_text http_field(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->field_count; i++)
		if (http_is_caseless(request->fields[i].name, name))
			return request->fields[i].value;
	return (struct http_text){NULL, 0};
}

/* Parses the line before a chunk. Returns as http_parse; *ret is the size of the chunk. */
static inline long http_parse_chunk(const char *bytes, size_t length, uint64_t *ret)
{
	enum { LINE = 256, DIGITS = 15 };
	struct http_text line;
	const char *stop = memchr(bytes, '\n', length < LINE ? length : LINE);
	if (!stop)
		return length >= LINE ? -400 : 0;
	const char *next = http_line(bytes, stop + 1, &line);
	uint64_t size = 0;
	size_t digits = 0;
	for (; next && digits < line.length; digits++) {
		char c = line.bytes[digits];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;
		if (digit < 0)
			break;
		size = size << 4 | (unsigned)digit;
	}
	if (!next || digits == 0 || digits > DIGITS)
		return -400;
	size_t rest = digits; /* blanks and an extension may follow */
	while (rest < line.length && (line.bytes[rest] == ' ' || line.bytes[rest] == '\t'))
		rest++;
	if (rest < line.length && line.bytes[rest] != ';')
		return -400;
	*ret = size;
	return next - bytes;
}

/*
 * Returns the part of a target that matters to the server, such as /path?query: all of it, or what
 * follows the host in "http://host/path?query", which proxies send (RFC 9112, 3.2.2).
 */
static inline struct http_text http_origin_form(struct http_text target)
{
	static const char scheme[] = "http://";
	size_t at = sizeof(scheme) - 1;
	if (target.length <= at || strncasecmp(target.bytes, scheme, at) != 0 ||
	    strchr("/?#", target.bytes[at]))
		return target;
	while (at < target.length && target.bytes[at] != '/' && target.bytes[at] != '?')
		at++;
	if (at == target.length || target.bytes[at] == '?')
		return (struct http_text){"/", 1};
	return (struct http_text){target.bytes + at, target.length - at};
}

/*
 * Decodes the path of a target: without its query, %XX replaced, with a NUL. Returns its length,
 * -400 if it is malformed or leads out of the root, or -414 if it is too long.
 */
static inline long http_path(struct http_text target, char *ret, size_t size)
{
	size_t length = 0;
	target = http_origin_form(target);
	if (target.length == 0 || target.bytes[0] != '/')
		return -400;
	for (size_t i = 0; i < target.length && target.bytes[i] != '?'; i++) {
		unsigned value = (unsigned char)target.bytes[i];
		if (value == '%') {
			value = 0;
			for (int k = 0; k < 2; k++) {
				char c = ++i < target.length ? target.bytes[i] : '\0';
				unsigned digit = c >= '0' && c <= '9' ? (unsigned)c - '0'
						 : (c | 32) >= 'a' && (c | 32) <= 'f'
							 ? (unsigned)(c | 32) - 'a' + 10
							 : 256;
				value = value << 4 | digit;
			}
		}
		if (value == 0 || value > 255)
			return -400;
		if (length + 1 >= size)
			return -414;
		ret[length++] = (char)value;
	}
	ret[length] = '\0';
	for (const char *at = ret; (at = strstr(at, "/..")); at++)
		if (at[3] == '/' || at[3] == '\0')
			return -400;
	return (long)length;
}

#endif
