/* SPDX-License-Identifier: MIT */
/*
 * A room to chat in, for any client that sends lines: telnet, nc. The first line is a name; what
 * comes after is sent to everybody else.
 */
#include "service.h"

struct guest {
	struct guest *next;
	struct coro_stream *stream;
	char name[20];
};

static struct guest *guests;

/* Nobody waits for one who does not read: he is thrown out. */
static void tell(struct guest *guest, const char *name, const char *mark, const char *words)
{
	enum { PATIENCE = 65536 };
	coro_stream_printf(guest->stream, "%s%s%s\n", name, mark, words);
	if (coro_stream_pending(guest->stream) > PATIENCE)
		coro_stream_abort(guest->stream);
}

static void tell_others(const struct guest *from, const char *mark, const char *words)
{
	for (struct guest *guest = guests; guest; guest = guest->next)
		if (guest != from)
			tell(guest, from->name, mark, words);
}

static void enter(struct guest *guest)
{
	for (const struct guest *other = guests; other; other = other->next)
		tell(guest, other->name, "", " is here");
	tell(guest, "welcome, ", guest->name, "");
	guest->next = guests;
	guests = guest;
	tell_others(guest, "", " has come");
}

static void leave(const struct guest *guest)
{
	struct guest **at = &guests;
	while (*at != guest)
		at = &(*at)->next;
	*at = guest->next;
	tell_others(guest, "", " has gone");
}

/* A line without its end, as far as there is room: 1; 0 at the end; or an error. */
static coro_async int read_line(struct coro_stream *stream, char *ret, size_t size)
{
	const char *line;
	ssize_t n = coro_stream_readline(stream, &line);
	if (n <= 0)
		return (int)n;
	size_t length = 0;
	while (length < (size_t)n && length < size - 1 && line[length] != '\r' &&
	       line[length] != '\n')
		length++;
	memcpy(ret, line, length);
	ret[length] = '\0';
	return 1;
}

static int chat(struct coro_stream *stream, void *arg)
{
	struct guest guest = {.stream = stream};
	char words[400];
	int r = read_line(stream, guest.name, sizeof(guest.name));
	if (r <= 0)
		return r;
	enter(&guest);
	while ((r = read_line(stream, words, sizeof(words))) > 0)
		tell_others(&guest, ": ", words);
	leave(&guest);
	return r;
}

/* ---- trying it out ---- */

/* What somebody says, and how many lines he hears before he does anything else. */
static coro_async int say(struct coro_stream *stream, const char *words, int hears)
{
	return service_ask(stream, words, hears);
}

static int try_out(void *address)
{
	struct coro_stream *ada = NULL, *bob = NULL;
	int r = coro_open_connection(address, NULL, NULL, &ada);
	if (r == 0)
		r = coro_open_connection(address, NULL, NULL, &bob);
	if (r == 0)
		r = say(ada, "ada\n", 1);
	if (r == 0)
		r = say(bob, "bob\n", 2);
	if (r == 0)
		r = say(bob, "hello, ada\n", 0);
	if (r == 0)
		r = coro_stream_flush(bob);
	if (r == 0)
		r = say(ada, "hello, bob\n", 2);
	if (r == 0)
		r = say(bob, "", 1);
	coro_stream_destroy(bob);
	if (r == 0)
		r = say(ada, "", 1);
	coro_stream_destroy(ada);
	return r;
}

int main(int argc, char **argv)
{
	return service_main(argc, argv, &(struct service){.serve = chat, .try_out = try_out});
}
