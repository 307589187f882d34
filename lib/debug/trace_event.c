/* SPDX-License-Identifier: MIT */
#include "debug/trace_event.h"

#include "debug/trace_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void events_init(struct events *events, struct coro_trace *trace, unsigned track)
{
	events->trace = trace;
	events->now = trace->begun;
	events->ended = false;
	events->length = 0;
	events->prefix_length =
		(size_t)snprintf(events->prefix, sizeof(events->prefix),
				 ",\"pid\":%d,\"tid\":%u,\"ts\":", (int)getpid(), track);
}

void events_give(struct events *events)
{
	if (events->length == 0)
		return;
	if (!trace_add(events->trace, events->chars, events->length, events->now))
		events->ended = true;
	events->length = 0;
}

/* -- pieces */

static void add(struct events *events, const char *bytes, size_t length)
{
	memcpy(events->chars + events->length, bytes, length);
	events->length += length;
}

void event_add(struct events *events, const char *json)
{
	add(events, json, strlen(json));
}

/* Adds a number with at least so many digits. */
static void add_number(struct events *events, uint64_t number, size_t least)
{
	char digits[20], *at = digits + sizeof(digits);
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while ((size_t)(digits + sizeof(digits) - at) < least)
		*--at = '0';
	add(events, at, (size_t)(digits + sizeof(digits) - at));
}

void event_number(struct events *events, uint64_t number)
{
	add_number(events, number, 1);
}

void event_usec(struct events *events, int64_t nsec)
{
	uint64_t all = nsec > 0 ? (uint64_t)nsec : 0;
	add_number(events, all / 1000, 1);
	event_add(events, ".");
	add_number(events, all % 1000, 3);
}

/* The bytes of the character that begins here; 0 if it is no valid UTF-8. */
static size_t character(const unsigned char *at)
{
	size_t length = at[0] < 0x80   ? 1
			: at[0] < 0xc2 ? 0
			: at[0] < 0xe0 ? 2
			: at[0] < 0xf0 ? 3
				       : 4;
	if (at[0] > 0xf4 || (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

void event_string(struct events *events, const char *text, size_t most)
{
	for (size_t length; *text; text += length, most -= length) {
		size_t valid = character((const unsigned char *)text);
		length = valid ? valid : 1;
		if (length > most)
			return;
		if (valid == 0 || (unsigned char)*text < ' ')
			event_add(events, "?");
		else if (*text == '"' || *text == '\\')
			add(events, (char[]){'\\', *text}, 2);
		else
			add(events, text, length);
	}
}

/* -- events */

void event_begin(struct events *events, char phase, const char *category, int64_t time)
{
	if (events->length + EVENT_MOST > EVENTS_MOST)
		events_give(events);
	events->now = time;
	event_add(events, ",\n{\"ph\":\"");
	add(events, &phase, 1);
	event_add(events, "\"");
	add(events, events->prefix, events->prefix_length);
	event_usec(events, time - events->trace->begun);
	event_add(events, ",\"cat\":\"");
	event_add(events, category);
	event_add(events, "\"");
}

void event_end(struct events *events)
{
	event_add(events, "}");
}
