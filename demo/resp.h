/* SPDX-License-Identifier: MIT */
/*
 * Redis's protocol, RESP 2: parses commands. It copies nothing: the words of a command are in the
 * buffer that the command came in. Knows nothing of coroutines.
 */
#ifndef RESP_H
#define RESP_H

#include "store.h"

#include <stdio.h>

enum {
	/* Limits. All but the first are bytes. */
	RESP_WORDS = 1024,       /* words of a command */
	RESP_LENGTH = 512 << 10, /* a word */
	RESP_COMMAND = 2 << 20,  /* a whole command */
	RESP_LINE = 64 << 10,    /* a command typed as a line */
	RESP_HEADER = 32,        /* a line with a length */
};

struct resp_command {
	size_t count;
	struct text words[RESP_WORDS];
	const char *error; /* why it is malformed */
};

/*
 * Finds the first line. Returns its length with its end, 0 if it is not complete; *ret is without.
 */
static inline size_t resp_line(struct text text, struct text *ret)
{
	const char *end = memchr(text.bytes, '\n', text.length);
	if (!end)
		return 0;
	size_t length = (size_t)(end - text.bytes);
	ret->bytes = text.bytes;
	ret->length = length > 0 && end[-1] == '\r' ? length - 1 : length;
	return length + 1;
}

/* Returns whether the text is a number that fits. */
static inline bool resp_number(struct text text, int64_t *ret)
{
	bool negative = text.length > 0 && text.bytes[0] == '-';
	int64_t number = 0;
	if (text.length == (size_t)negative)
		return false;
	for (size_t i = negative; i < text.length; i++) {
		int digit = text.bytes[i] - '0';
		if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_sub_overflow(number, digit, &number)) /* INT64_MIN has no positive */
			return false;
	}
	if (!negative && number == INT64_MIN)
		return false;
	*ret = negative ? number : -number;
	return true;
}

static inline long resp_refuse(struct resp_command *command, const char *error)
{
	command->error = error;
	return -1;
}

/* Parses a header, "*2\r\n" or "$3\r\n". Returns as resp_parse; *ret is the number. */
static inline long resp_header(struct text text, char kind, int64_t most, int64_t *ret,
			       struct resp_command *command)
{
	struct text line = {0};
	size_t length = resp_line(text, &line);
	if ((length ? length : text.length) > RESP_HEADER)
		return resp_refuse(command, "too big a number");
	if (length == 0)
		return 0;
	if (line.length == 0 || line.bytes[0] != kind)
		return resp_refuse(command, "a length was expected");
	if (!resp_number((struct text){line.bytes + 1, line.length - 1}, ret) || *ret > most)
		return resp_refuse(command, "invalid length");
	return (long)length;
}

/* Parses a word and the "\r\n" after it. Returns as resp_parse. */
static inline long resp_word(struct text text, struct resp_command *command)
{
	int64_t length = 0;
	long header = resp_header(text, '$', RESP_LENGTH, &length, command);
	if (header <= 0)
		return header;
	if (length < 0)
		return resp_refuse(command, "invalid length");
	size_t all = (size_t)header + (size_t)length + 2;
	if (text.length < all)
		return 0;
	if (memcmp(text.bytes + all - 2, "\r\n", 2) != 0)
		return resp_refuse(command, "a word is not as long as it says");
	command->words[command->count++] = (struct text){text.bytes + header, (size_t)length};
	return (long)all;
}

/* Parses a typed command: words with spaces between them. Returns as resp_parse. */
static inline long resp_typed(struct text text, struct resp_command *command)
{
	struct text line = {0};
	size_t length = resp_line(text, &line), at = 0;
	if ((length ? length : text.length) > RESP_LINE)
		return resp_refuse(command, "too big a line");
	while (length > 0 && at < line.length) {
		size_t begin = at;
		while (at < line.length && line.bytes[at] != ' ')
			at++;
		if (at > begin && command->count == RESP_WORDS)
			return resp_refuse(command, "too many words");
		if (at > begin)
			command->words[command->count++] =
				(struct text){line.bytes + begin, at - begin};
		at++;
	}
	return (long)length;
}

/*
 * Parses the first command of the text. Returns its length in bytes, 0 if it is not complete, or -1
 * if it is malformed: command->error says why. A command may have no words.
 */
static inline long resp_parse(struct text text, struct resp_command *command)
{
	int64_t count = 0;
	command->count = 0;
	if (text.length == 0)
		return 0;
	if (text.bytes[0] != '*')
		return resp_typed(text, command);
	long at = resp_header(text, '*', RESP_WORDS, &count, command);
	while (at > 0 && (int64_t)command->count < count) {
		long word = resp_word((struct text){text.bytes + at, text.length - (size_t)at},
				      command);
		if (word <= 0)
			return word;
		at += word;
	}
	return at;
}

/* Returns whether a name matches a pattern with *, ? and [a-z], as KEYS has them. */
static inline bool resp_like(struct text name, struct text pattern)
{
	size_t n = 0, p = 0, star = SIZE_MAX, from = 0;
	while (n < name.length) {
		char c = p < pattern.length ? pattern.bytes[p] : '\0';
		size_t next = p + 1;
		bool fits = false;
		if (p < pattern.length && c == '*') {
			star = p++;
			from = n;
			continue;
		}
		if (p < pattern.length && c == '[') {
			bool not = next < pattern.length && pattern.bytes[next] == '^';
			next += not ;
			for (; next < pattern.length && pattern.bytes[next] != ']'; next++) {
				char low = pattern.bytes[next], high = low;
				if (next + 2 < pattern.length && pattern.bytes[next + 1] == '-' &&
				    pattern.bytes[next + 2] != ']') {
					high = pattern.bytes[next + 2];
					next += 2;
				}
				fits |= low <= name.bytes[n] && name.bytes[n] <= high;
			}
			next++;
			fits ^= not ;
		} else if (p < pattern.length) {
			if (c == '\\' && next < pattern.length)
				c = pattern.bytes[next++];
			else
				fits = c == '?';
			fits |= c == name.bytes[n];
		}
		if (fits) {
			n++;
			p = next;
		} else if (star != SIZE_MAX) {
			p = star + 1; /* try again with one more letter for the star */
			n = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.length && pattern.bytes[p] == '*')
		p++;
	return p >= pattern.length;
}

#endif
