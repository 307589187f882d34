/* SPDX-License-Identifier: MIT */
/*
 * A server of Redis's protocol, for redis-cli and redis-benchmark. Commands are taken where they
 * lie in the stream's buffer, as many as have come; what is answered goes out in one piece.
 *
 * A client may be silent for as long as it likes, but not in the middle of a command: it has 30 s for
 * the rest, or for 4 KiB of it. It has as long as it goes on reading for what it has asked for.
 */
#include "patience.h"
#include "resp.h"
#include "service.h"

#include <errno.h>
#include <inttypes.h>
#include <strings.h>
#include <unistd.h>

static struct store store;

struct session {
	struct coro_stream *stream;
	struct resp_command command;
	int64_t now;
	size_t left;     /* bytes of a command that has not come as a whole */
	size_t rewarded; /* of them, with patience */
	int64_t until;   /* then there is no more of that */
	bool leaving;
};

/* ---- answers ---- */

static void answer(struct session *session, const char *text)
{
	coro_stream_write(session->stream, text, strlen(text));
}

static void answer_number(struct session *session, char kind, int64_t number)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%c%" PRId64 "\r\n", kind, number);
	coro_stream_write(session->stream, text, (size_t)length);
}

static void answer_text(struct session *session, struct text text)
{
	answer_number(session, '$', (int64_t)text.length);
	struct iovec vec[] = {{(void *)text.bytes, text.length}, {(void *)"\r\n", 2}};
	coro_stream_writev(session->stream, vec, 2);
}

static void answer_entry(struct session *session, const struct entry *entry)
{
	if (entry)
		answer_text(session, entry->value);
	else
		answer(session, "$-1\r\n");
}

/* ---- commands ---- */

static struct text word(const struct session *session, size_t i)
{
	return session->command.words[i];
}

static bool is_word(struct text text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.bytes, word, text.length) == 0;
}

static struct entry *entry_of(const struct session *session, size_t i)
{
	return store_get(&store, word(session, i), session->now);
}

static void do_ping(struct session *session)
{
	if (session->command.count > 1)
		answer_text(session, word(session, 1));
	else
		answer(session, "+PONG\r\n");
}

static void do_echo(struct session *session)
{
	answer_text(session, word(session, 1));
}

static void do_get(struct session *session)
{
	answer_entry(session, entry_of(session, 1));
}

static void do_mget(struct session *session)
{
	answer_number(session, '*', (int64_t)session->command.count - 1);
	for (size_t i = 1; i < session->command.count; i++)
		answer_entry(session, entry_of(session, i));
}

/* The time so many seconds or milliseconds from now; whether there is such a time. */
static bool time_of(const struct session *session, struct text text, int64_t unit, int64_t *ret)
{
	int64_t number;
	return resp_number(text, &number) && !__builtin_mul_overflow(number, unit, &number) &&
	       !__builtin_add_overflow(number, session->now, ret);
}

/* SET name value [EX seconds | PX milliseconds] [NX | XX] */
static void do_set(struct session *session)
{
	int64_t expires = INT64_MAX;
	bool only_new = false, only_old = false, has_time = false;
	for (size_t i = 3; i < session->command.count; i++) {
		struct text option = word(session, i);
		bool seconds = is_word(option, "EX"), last = i + 1 == session->command.count;
		if (is_word(option, "NX") && !only_old) {
			only_new = true;
		} else if (is_word(option, "XX") && !only_new) {
			only_old = true;
		} else if ((seconds || is_word(option, "PX")) && !has_time && !last) {
			has_time = true;
			if (!time_of(session, word(session, ++i), seconds ? CORO_SEC : CORO_MSEC,
				     &expires) ||
			    expires <= session->now) {
				answer(session, "-ERR invalid expire time in 'set' command\r\n");
				return;
			}
		} else {
			answer(session, "-ERR syntax error\r\n");
			return;
		}
	}
	bool there = (only_new || only_old) && entry_of(session, 1);
	if ((only_new && there) || (only_old && !there)) {
		answer(session, "$-1\r\n");
		return;
	}
	struct entry *entry = store_set(&store, word(session, 1), word(session, 2), session->now);
	if (entry)
		entry->expires = expires;
	answer(session, entry ? "+OK\r\n" : "-OOM out of memory\r\n");
}

static void do_mset(struct session *session)
{
	if (session->command.count % 2 == 0) {
		answer(session, "-ERR wrong number of arguments for 'mset' command\r\n");
		return;
	}
	for (size_t i = 1; i < session->command.count; i += 2) {
		struct entry *entry =
			store_set(&store, word(session, i), word(session, i + 1), session->now);
		if (!entry) {
			answer(session, "-OOM out of memory\r\n");
			return;
		}
		entry->expires = INT64_MAX;
	}
	answer(session, "+OK\r\n");
}

static void do_del(struct session *session)
{
	int64_t deleted = 0;
	for (size_t i = 1; i < session->command.count; i++)
		deleted += store_delete(&store, word(session, i), session->now);
	answer_number(session, ':', deleted);
}

static void do_exists(struct session *session)
{
	int64_t there = 0;
	for (size_t i = 1; i < session->command.count; i++)
		there += entry_of(session, i) != NULL;
	answer_number(session, ':', there);
}

static void add(struct session *session, int64_t more)
{
	struct entry *entry = entry_of(session, 1);
	int64_t number = 0;
	char text[32];
	if ((entry && !resp_number(entry->value, &number)) ||
	    __builtin_add_overflow(number, more, &number)) {
		answer(session, "-ERR value is not an integer or out of range\r\n");
		return;
	}
	int length = snprintf(text, sizeof(text), "%" PRId64, number);
	if (store_set(&store, word(session, 1), (struct text){text, (size_t)length}, session->now))
		answer_number(session, ':', number);
	else
		answer(session, "-OOM out of memory\r\n");
}

static void do_incr(struct session *session)
{
	add(session, 1);
}

static void do_decr(struct session *session)
{
	add(session, -1);
}

static void do_incrby(struct session *session)
{
	int64_t number;
	if (resp_number(word(session, 2), &number))
		add(session, number);
	else
		answer(session, "-ERR value is not an integer or out of range\r\n");
}

static void do_expire(struct session *session)
{
	int64_t expires;
	struct entry *entry = entry_of(session, 1);
	if (!time_of(session, word(session, 2), CORO_SEC, &expires)) {
		answer(session, "-ERR value is not an integer or out of range\r\n");
		return;
	}
	if (entry)
		entry->expires = expires;
	answer_number(session, ':', entry != NULL);
}

static void do_persist(struct session *session)
{
	struct entry *entry = entry_of(session, 1);
	bool would_expire = entry && entry->expires != INT64_MAX;
	if (would_expire)
		entry->expires = INT64_MAX;
	answer_number(session, ':', would_expire);
}

/* What is left, in such units: -1 for ever, -2 there is no such name. */
static void answer_left(struct session *session, int64_t unit)
{
	const struct entry *entry = entry_of(session, 1);
	if (!entry || entry->expires == INT64_MAX)
		answer_number(session, ':', entry ? -1 : -2);
	else
		answer_number(session, ':', (entry->expires - session->now + unit / 2) / unit);
}

static void do_ttl(struct session *session)
{
	answer_left(session, CORO_SEC);
}

static void do_pttl(struct session *session)
{
	answer_left(session, CORO_MSEC);
}

struct listing {
	struct session *session;
	int64_t count;
	bool counting;
};

static void list_entry(struct entry *entry, void *arg)
{
	struct listing *listing = arg;
	if (!resp_like(entry->name, word(listing->session, 1)))
		return;
	if (listing->counting)
		listing->count++;
	else
		answer_text(listing->session, entry->name);
}

static void do_keys(struct session *session)
{
	struct listing listing = {.session = session, .counting = true};
	store_each(&store, session->now, list_entry, &listing);
	answer_number(session, '*', listing.count);
	listing.counting = false;
	store_each(&store, session->now, list_entry, &listing);
}

static void do_dbsize(struct session *session)
{
	store_each(&store, session->now, NULL, NULL);
	answer_number(session, ':', (int64_t)store.count);
}

static void do_flush(struct session *session)
{
	store_clear(&store);
	answer(session, "+OK\r\n");
}

static void do_ok(struct session *session)
{
	answer(session, "+OK\r\n");
}

static void do_quit(struct session *session)
{
	session->leaving = true;
	answer(session, "+OK\r\n");
}

/* CONFIG GET and COMMAND, which clients ask for: there is nothing to tell. */
static void do_nothing(struct session *session)
{
	answer(session, "*0\r\n");
}

static const struct {
	const char *name;
	size_t least, most; /* words, the name included */
	void (*run)(struct session *session);
} commands[] = {
	{"GET", 2, 2, do_get},
	{"SET", 3, 8, do_set},
	{"PING", 1, 2, do_ping},
	{"ECHO", 2, 2, do_echo},
	{"MGET", 2, RESP_WORDS, do_mget},
	{"MSET", 3, RESP_WORDS, do_mset},
	{"DEL", 2, RESP_WORDS, do_del},
	{"EXISTS", 2, RESP_WORDS, do_exists},
	{"INCR", 2, 2, do_incr},
	{"DECR", 2, 2, do_decr},
	{"INCRBY", 3, 3, do_incrby},
	{"EXPIRE", 3, 3, do_expire},
	{"PERSIST", 2, 2, do_persist},
	{"TTL", 2, 2, do_ttl},
	{"PTTL", 2, 2, do_pttl},
	{"KEYS", 2, 2, do_keys},
	{"DBSIZE", 1, 1, do_dbsize},
	{"FLUSHALL", 1, 2, do_flush},
	{"FLUSHDB", 1, 2, do_flush},
	{"SELECT", 2, 2, do_ok},
	{"CLIENT", 2, RESP_WORDS, do_ok},
	{"CONFIG", 2, RESP_WORDS, do_nothing},
	{"COMMAND", 1, RESP_WORDS, do_nothing},
	{"QUIT", 1, 1, do_quit},
};

static void run_command(struct session *session)
{
	struct text name = word(session, 0);
	size_t words = session->command.count;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!is_word(name, commands[i].name))
			continue;
		if (words >= commands[i].least && words <= commands[i].most)
			commands[i].run(session);
		else
			coro_stream_printf(session->stream,
					   "-ERR wrong number of arguments for '%s' command\r\n",
					   commands[i].name);
		return;
	}
	answer(session, "-ERR unknown command\r\n");
}

/* ---- a connection ---- */

/* So much is answered before the client is to read some of it; and so much it may leave unread. */
enum { FULL = 256 << 10, MUCH = 64 << 10 };

static bool is_full(const struct session *session)
{
	return coro_stream_pending(session->stream) > FULL;
}

/* Runs the commands that have come as a whole: how many bytes they were, or -1. */
static long run_commands(struct session *session, struct text text)
{
	size_t at = 0;
	session->now = coro_loop_time(coro_running_loop());
	while (at < text.length && !session->leaving && !is_full(session)) {
		struct text rest = {text.bytes + at, text.length - at};
		long length = resp_parse(rest, &session->command);
		if (length < 0)
			return -1;
		if (length == 0)
			break;
		if (session->command.count > 0)
			run_command(session);
		at += (size_t)length;
	}
	return (long)at;
}

enum { PATIENCE = 30, PART = 4096 };

/* So many bytes were taken, and so many are left. */
static void reward(struct session *session, size_t done, size_t left)
{
	if (done > 0 || session->left == 0 || left - session->rewarded >= PART) {
		session->rewarded = left;
		session->until = session->now + PATIENCE * CORO_SEC;
	}
	session->left = left;
}

/* More than is left: how much there is then; no more at the end; or an error. */
static coro_async ssize_t wait_for_more(struct session *session, const char **ret)
{
	struct coro_timeout timeout;
	if (session->left == 0)
		return coro_stream_peek(session->stream, 1, ret);
	int r = coro_timeout_begin_at(&timeout, session->until);
	if (r < 0)
		return r;
	r = (int)coro_stream_peek(session->stream, session->left + 1, ret);
	return coro_timeout_end(&timeout, r);
}

/* Waits while the client has much to read. */
static coro_async int make_room(struct session *session, bool all)
{
	struct patience patience;
	int r = patience_begin(&patience, session->stream, PATIENCE * CORO_SEC);
	if (r < 0)
		return r;
	r = all ? coro_stream_flush(session->stream) : coro_stream_drain(session->stream);
	return patience_end(&patience, r);
}

/* The client is told why, and that is the end. */
static int refuse(struct session *session, const char *why)
{
	return coro_stream_printf(session->stream, "-ERR Protocol error: %s\r\n", why);
}

static coro_async int talk(struct session *session)
{
	const char *bytes;
	while (!session->leaving) {
		ssize_t n = wait_for_more(session, &bytes);
		if (n == -EMSGSIZE)
			return refuse(session, "too big a command");
		if (n <= (ssize_t)session->left)
			return n < 0 ? (int)n : 0;
		long done = run_commands(session, (struct text){bytes, (size_t)n});
		if (done < 0)
			return refuse(session, session->command.error);
		coro_stream_consume(session->stream, (size_t)done);
		reward(session, (size_t)done, is_full(session) ? 0 : (size_t)(n - done));
		int r = coro_stream_pending(session->stream) > MUCH ? make_room(session, false) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the client has not read when there is no more patience, it never will. */
static coro_async int talk_to_the_end(struct session *session)
{
	int r = talk(session);
	if (r != -ECANCELED && r != -ETIMEDOUT) {
		int flushed = make_room(session, true);
		r = flushed < 0 ? flushed : r;
	}
	return r == -ETIMEDOUT ? coro_stream_abort(session->stream) : r;
}

static int serve(struct coro_stream *stream, void *arg)
{
	struct session *session = calloc(1, sizeof(*session));
	if (!session)
		return -ENOMEM;
	session->stream = stream;
	int r = talk_to_the_end(session);
	free(session);
	return r;
}

/* ---- trying it out ---- */

static int try_out(void *address)
{
	static const struct {
		const char *say;
		int lines;
	} script[] = {
		{"PING\r\n", 1},
		{"*3\r\n$3\r\nSET\r\n$5\r\nfruit\r\n$5\r\napple\r\n", 1},
		{"GET fruit\r\nGET nothing\r\n", 3},
		{"INCR count\r\nINCR count\r\nINCRBY count 40\r\nDECR count\r\n", 4},
		{"INCR fruit\r\n", 1},
		{"SET short life EX 100\r\nTTL short\r\nTTL fruit\r\nTTL nothing\r\n", 4},
		{"EXPIRE fruit 0\r\nGET fruit\r\n", 2},
		{"MGET count short nothing\r\n", 6},
		{"KEYS c*\r\n", 3},
		{"DEL count short nothing\r\nDBSIZE\r\n", 2},
		{"SING\r\n", 1},
		{"*1\r\n$x\r\n", 1},
	};
	struct coro_stream *stream;
	int r = coro_open_connection(address, NULL, NULL, &stream);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(script) / sizeof(*script) && r == 0; i++)
		r = service_ask(stream, script[i].say, script[i].lines);
	coro_stream_destroy(stream);
	return r;
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)coro_clock() ^ (uint64_t)getpid() << 32;
	if (!store_init(&store, seed))
		return EXIT_FAILURE;
	int r = service_main(argc, argv,
			     &(struct service){
				     .serve = serve,
				     .try_out = try_out,
				     .limit = RESP_COMMAND,
			     });
	store_clear(&store);
	free(store.buckets);
	return r;
}
