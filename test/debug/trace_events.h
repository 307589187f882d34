/* SPDX-License-Identifier: MIT */
/* Reads a trace: strictly as JSON, and then event by event. */
#ifndef TEST_DEBUG_TRACE_EVENTS_H
#define TEST_DEBUG_TRACE_EVENTS_H

#include "tasks.h"

#include <ctype.h>

/* ---- JSON ---- */

static const char *json_value(const char *at);

static inline const char *json_blank(const char *at)
{
	return at + strspn(at, " \n\r\t");
}

/* Each of these returns the end of what begins there, or NULL if it is none. */

static inline const char *json_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < ' ')
			return NULL;
		if (*at == '\\' && !strchr("\"\\/bfnrt", *++at))
			return NULL;
	}
	return at + 1;
}

static inline const char *json_number(const char *at)
{
	char *end;
	if (*at != '-' && !isdigit((unsigned char)*at))
		return NULL;
	strtod(at, &end);
	return end;
}

static inline const char *json_member(const char *at)
{
	at = json_string(json_blank(at));
	at = at ? json_blank(at) : NULL;
	return at && *at == ':' ? json_value(at + 1) : NULL;
}

/* A list of values or members between brackets. */
static inline const char *json_list(const char *at, char close, const char *(*part)(const char *))
{
	at = json_blank(at + 1);
	if (*at == close)
		return at + 1;
	while ((at = part(at)) && *(at = json_blank(at)) == ',')
		at++;
	return at && *at == close ? at + 1 : NULL;
}

static inline const char *json_value(const char *at)
{
	at = json_blank(at);
	if (*at == '{')
		return json_list(at, '}', json_member);
	if (*at == '[')
		return json_list(at, ']', json_value);
	return *at == '"' ? json_string(at) : json_number(at);
}

/* ---- events ---- */

struct event {
	char phase;
	unsigned pid, track;
	double ts, dur; /* us */
	double id;
	char name[256];
	const char *line; /* all of it, NUL-terminated */
};

enum { EVENTS = 20000 };
static struct event events[EVENTS];
static int event_count;
static char *trace_text;

/* The end of "key": in a line, or NULL. */
static inline const char *field(const char *line, const char *key)
{
	char text[32];
	snprintf(text, sizeof(text), "\"%s\":", key);
	const char *at = strstr(line, text);
	return at ? at + strlen(text) : NULL;
}

static inline double field_number(const char *line, const char *key)
{
	const char *at = field(line, key);
	return at ? strtod(at, NULL) : 0;
}

static inline struct event event_of(const char *line)
{
	struct event event = {
		.phase = field(line, "ph")[1],
		.pid = (unsigned)field_number(line, "pid"),
		.track = (unsigned)field_number(line, "tid"),
		.ts = field_number(line, "ts"),
		.dur = field_number(line, "dur"),
		.id = field_number(line, "id"),
		.line = line,
	};
	const char *name = field(line, "name");
	ck_assert_ptr_nonnull(name);
	snprintf(event.name, sizeof(event.name), "%.*s", (int)strcspn(name + 1, "\""), name + 1);
	return event;
}

static inline char *text_of(const char *path)
{
	FILE *file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	fseek(file, 0, SEEK_END);
	long size = ftell(file);
	char *text = malloc((size_t)size + 1);
	rewind(file);
	ck_assert_uint_eq(fread(text, 1, (size_t)size, file), (size_t)size);
	text[size] = '\0';
	fclose(file);
	return text;
}

/* A line for each event, in the text of an array. */
static inline void read_lines(char *text)
{
	event_count = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (*line == '{') {
			ck_assert_int_lt(event_count, EVENTS);
			events[event_count++] = event_of(line);
		}
}

static inline int in_time(const void *one, const void *other)
{
	const struct event *a = one, *b = other;
	if (a->track != b->track)
		return a->track < b->track ? -1 : 1;
	if (a->ts != b->ts)
		return a->ts < b->ts ? -1 : 1;
	return a->dur > b->dur ? -1 : a->dur < b->dur;
}

/* The slice on the track of an event that includes its time, the innermost; NULL for none. */
static inline const struct event *slice_at(const struct event *event)
{
	const struct event *found = NULL;
	for (int i = 0; i < event_count; i++)
		if (events[i].phase == 'X' && events[i].track == event->track &&
		    events[i].ts <= event->ts && event->ts < events[i].ts + events[i].dur &&
		    (!found || events[i].ts >= found->ts))
			found = &events[i];
	return found;
}

/* Slices of one track lie one after another, or one in another. They are in order of time. */
static inline void assert_nested(void)
{
	double ends[16];
	int depth = 0;
	unsigned track = 0;
	for (int i = 0; i < event_count; i++) {
		const struct event *event = &events[i];
		if (event->phase != 'X')
			continue;
		if (event->track != track)
			depth = 0;
		track = event->track;
		while (depth > 0 && ends[depth - 1] <= event->ts + 0.0001)
			depth--;
		ck_assert_msg(depth == 0 || event->ts + event->dur <= ends[depth - 1] + 0.0001,
			      "%s is not inside of what it begins in", event->line);
		ck_assert_int_lt(depth, 16);
		ends[depth++] = event->ts + event->dur;
	}
}

/* Where the arrow that ends in this event begins. */
static inline const struct event *start_of(const struct event *end)
{
	const struct event *found = NULL;
	for (int i = 0; i < event_count; i++)
		if (events[i].phase == 's' && events[i].id == end->id) {
			ck_assert_msg(!found, "%s begins twice", events[i].line);
			found = &events[i];
		}
	ck_assert_msg(found != NULL, "%s begins nowhere", end->line);
	return found;
}

/* How many arrows with that number end. */
static inline int ends_of(double id)
{
	int count = 0;
	for (int i = 0; i < event_count; i++)
		count += events[i].phase == 'f' && events[i].id == id;
	return count;
}

/* Both ends of an arrow are in slices, and it leads forward, to one slice. */
static inline void assert_arrows(void)
{
	for (int i = 0; i < event_count; i++) {
		const struct event *event = &events[i];
		if (event->phase == 's' || event->phase == 'f')
			ck_assert_msg(slice_at(event) != NULL, "%s is in no slice", event->line);
		if (event->phase == 'f') {
			ck_assert_msg(start_of(event)->ts <= event->ts, "%s", event->line);
			ck_assert(slice_at(event)->ts == event->ts);
			ck_assert_int_eq(ends_of(event->id), 1);
		}
	}
}

/* Reads a trace that is complete, and checks what holds for any. */
static inline void read_trace(const char *path)
{
	free(trace_text);
	trace_text = text_of(path);
	const char *end = json_value(trace_text);
	ck_assert_msg(*trace_text == '[' && end && *json_blank(end) == '\0', "%s", trace_text);
	read_lines(trace_text);
	qsort(events, (size_t)event_count, sizeof(events[0]), in_time);
	assert_nested();
	if (event_count < 3000)
		assert_arrows();
}

static inline int count_events(char phase, const char *name)
{
	int count = 0;
	for (int i = 0; i < event_count; i++)
		count += events[i].phase == phase && (!name || strcmp(events[i].name, name) == 0);
	return count;
}

/* The n-th event of that kind, from 0 on. */
static inline const struct event *event_named(char phase, const char *name, int n)
{
	for (int i = 0; i < event_count; i++)
		if (events[i].phase == phase && strcmp(events[i].name, name) == 0 && n-- == 0)
			return &events[i];
	ck_abort_msg("there is no %c %s", phase, name);
	return NULL;
}

/* The name of the slice from which an arrow leads to this slice; "" if none does. */
static inline const char *waker_of(const struct event *slice)
{
	for (int i = 0; i < event_count; i++)
		if (events[i].phase == 'f' && slice_at(&events[i]) == slice)
			return slice_at(start_of(&events[i]))->name;
	return "";
}

/* A text of the line: "then":"..." */
static inline bool says_then(const struct event *slice, const char *then)
{
	char text[160];
	snprintf(text, sizeof(text), "\"then\":\"%s\"", then);
	return strstr(slice->line, text);
}

#endif
