/* SPDX-License-Identifier: MIT */
/*
 * A server with Redis's protocol, for redis-cli, redis-benchmark and redis_client.
 *
 * It is fast because it neither copies commands nor makes a system call for each: it runs all
 * commands that are complete where they are in the stream's buffer, and their replies are sent
 * together.
 *
 * A client may be silent between commands, but not within one: it has 30 s for the rest of a
 * command, or for 4 KiB of the rest. It has as long as it likes to read its replies, if it goes on
 * reading.
 *
 * resp.h parses commands, store.h keeps the values. They know nothing of coroutines.
 */
#include "idle.h"
#include "resp.h"
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <strings.h>
#include <unistd.h>

/* All tasks use it, without a lock: no command waits while it runs. */
static struct store store;

/* A connection. */
struct session {
	struct coro_stream *stream;
	struct resp_command command; /* the one that runs */
	int64_t now;                 /* the time for all commands that run together */
	size_t left;                 /* bytes of an incomplete command in the buffer */
	size_t renewed;              /* how many of them have moved the deadline */
	int64_t until;               /* the deadline for the rest of it */
	bool leaving;
};

/* ---- replies ---- */

/*
 * Writing does not wait. Its results are not checked: after a failure the stream is lost, and the
 * next call that waits returns the error.
 */
static void reply(struct session *session, const char *text)
{
	coro_stream_write(session->stream, text, strlen(text));
}

static void reply_number(struct session *session, char kind, int64_t number)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%c%" PRId64 "\r\n", kind, number);
	coro_stream_write(session->stream, text, (size_t)length);
}

static void reply_text(struct session *session, struct text text)
{
	reply_number(session, '$', (int64_t)text.length);
	struct iovec vec[] = {{(void *)text.bytes, text.length}, {(void *)"\r\n", 2}};
	coro_stream_writev(session->stream, vec, 2);
}

static void reply_entry(struct session *session, const struct entry *entry)
{
	if (entry)
		reply_text(session, entry->value);
	else
		reply(session, "$-1\r\n");
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
		reply_text(session, word(session, 1));
	else
		reply(session, "+PONG\r\n");
}

static void do_echo(struct session *session)
{
	reply_text(session, word(session, 1));
}

static void do_get(struct session *session)
{
	reply_entry(session, entry_of(session, 1));
}

static void do_mget(struct session *session)
{
	reply_number(session, '*', (int64_t)session->command.count - 1);
	for (size_t i = 1; i < session->command.count; i++)
		reply_entry(session, entry_of(session, i));
}

/* Computes the time n units from now, n being the text. Returns whether there is such a time. */
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
				reply(session, "-ERR invalid expire time in 'set' command\r\n");
				return;
			}
		} else {
			reply(session, "-ERR syntax error\r\n");
			return;
		}
	}
	bool there = (only_new || only_old) && entry_of(session, 1);
	if ((only_new && there) || (only_old && !there)) {
		reply(session, "$-1\r\n");
		return;
	}
	struct entry *entry = store_set(&store, word(session, 1), word(session, 2), session->now);
	if (entry)
		entry->expires = expires;
	reply(session, entry ? "+OK\r\n" : "-OOM out of memory\r\n");
}

static void do_mset(struct session *session)
{
	if (session->command.count % 2 == 0) {
		reply(session, "-ERR wrong number of arguments for 'mset' command\r\n");
		return;
	}
	for (size_t i = 1; i < session->command.count; i += 2) {
		struct entry *entry =
			store_set(&store, word(session, i), word(session, i + 1), session->now);
		if (!entry) {
			reply(session, "-OOM out of memory\r\n");
			return;
		}
		entry->expires = INT64_MAX;
	}
	reply(session, "+OK\r\n");
}

static void do_del(struct session *session)
{
	int64_t deleted = 0;
	for (size_t i = 1; i < session->command.count; i++)
		deleted += store_delete(&store, word(session, i), session->now);
	reply_number(session, ':', deleted);
}

static void do_exists(struct session *session)
{
	int64_t there = 0;
	for (size_t i = 1; i < session->command.count; i++)
		there += entry_of(session, i) != NULL;
	reply_number(session, ':', there);
}

static void add(struct session *session, int64_t more)
{
	struct entry *entry = entry_of(session, 1);
	int64_t number = 0;
	char text[32];
	if ((entry && !resp_number(entry->value, &number)) ||
	    __builtin_add_overflow(number, more, &number)) {
		reply(session, "-ERR value is not an integer or out of range\r\n");
		return;
	}
	int length = snprintf(text, sizeof(text), "%" PRId64, number);
	if (store_set(&store, word(session, 1), (struct text){text, (size_t)length}, session->now))
		reply_number(session, ':', number);
	else
		reply(session, "-OOM out of memory\r\n");
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
		reply(session, "-ERR value is not an integer or out of range\r\n");
}

static void do_expire(struct session *session)
{
	int64_t expires;
	struct entry *entry = entry_of(session, 1);
	if (!time_of(session, word(session, 2), CORO_SEC, &expires)) {
		reply(session, "-ERR value is not an integer or out of range\r\n");
		return;
	}
	if (entry)
		entry->expires = expires;
	reply_number(session, ':', entry != NULL);
}

static void do_persist(struct session *session)
{
	struct entry *entry = entry_of(session, 1);
	bool would_expire = entry && entry->expires != INT64_MAX;
	if (would_expire)
		entry->expires = INT64_MAX;
	reply_number(session, ':', would_expire);
}

/* Replies with the time left, in units; -1: it does not expire; -2: there is no such name. */
static void reply_left(struct session *session, int64_t unit)
{
	const struct entry *entry = entry_of(session, 1);
	if (!entry || entry->expires == INT64_MAX)
		reply_number(session, ':', entry ? -1 : -2);
	else
		reply_number(session, ':', (entry->expires - session->now + unit / 2) / unit);
}

static void do_ttl(struct session *session)
{
	reply_left(session, CORO_SEC);
}

static void do_pttl(struct session *session)
{
	reply_left(session, CORO_MSEC);
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
		reply_text(listing->session, entry->name);
}

static void do_keys(struct session *session)
{
	struct listing listing = {.session = session, .counting = true};
	store_each(&store, session->now, list_entry, &listing);
	reply_number(session, '*', listing.count);
	listing.counting = false;
	store_each(&store, session->now, list_entry, &listing);
}

static void do_dbsize(struct session *session)
{
	store_each(&store, session->now, NULL, NULL);
	reply_number(session, ':', (int64_t)store.count);
}

static void do_flush(struct session *session)
{
	store_clear(&store);
	reply(session, "+OK\r\n");
}

static void do_ok(struct session *session)
{
	reply(session, "+OK\r\n");
}

static void do_quit(struct session *session)
{
	session->leaving = true;
	reply(session, "+OK\r\n");
}

/* For CONFIG GET and COMMAND, which some clients begin with: an empty list. */
static void do_nothing(struct session *session)
{
	reply(session, "*0\r\n");
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
	reply(session, "-ERR unknown command\r\n");
}

/* ---- a connection ---- */

enum {
	FULL = 256 << 10, /* bytes of replies after which no more commands run */
	MUCH = 64 << 10,  /* bytes of replies after which the client must read some */
};

static bool is_full(const struct session *session)
{
	return coro_stream_pending(session->stream) > FULL;
}

/* Runs the commands that are complete. Returns their length in bytes, or -1 for a malformed one. */
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

enum {
	IDLE_TIMEOUT = 30, /* seconds */
	PART = 4096,       /* bytes of a command that move its deadline */
};

/* Notes that commands of done bytes have run, and left bytes of an incomplete one remain. */
static void set_deadline(struct session *session, size_t done, size_t left)
{
	if (done > 0 || session->left == 0 || left - session->renewed >= PART) {
		session->renewed = left;
		session->until = session->now + IDLE_TIMEOUT * CORO_SEC;
	}
	session->left = left;
}

/*
 * Waits for more bytes than are left. Returns how many there are, no more at the end, or an error.
 */
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

/* Waits until the client has read much of its replies, or all of them. */
static coro_async int wait_for_reader(struct session *session, bool all)
{
	struct idle idle;
	int r = idle_begin(&idle, session->stream, IDLE_TIMEOUT * CORO_SEC);
	if (r < 0)
		return r;
	r = all ? coro_stream_flush(session->stream) : coro_stream_drain(session->stream);
	return idle_end(&idle, r);
}

/* The last reply to a client that does not speak the protocol. */
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
		set_deadline(session, (size_t)done, is_full(session) ? 0 : (size_t)(n - done));
		int r = coro_stream_pending(session->stream) > MUCH
				? wait_for_reader(session, false)
				: 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* An idle client is not a failure: its connection is reset, and what it has not read is dropped. */
static coro_async int talk_to_the_end(struct session *session)
{
	int r = talk(session);
	if (r != -ECANCELED && r != -ETIMEDOUT) {
		int flushed = wait_for_reader(session, true);
		r = flushed < 0 ? flushed : r;
	}
	return r == -ETIMEDOUT ? coro_stream_abort(session->stream) : r;
}

/* Runs as a task for each connection. A session is too large for the stack's first page. */
static coro_async int serve(struct coro_stream *stream, void *arg)
{
	struct session *session = calloc(1, sizeof(*session));
	if (!session)
		return -ENOMEM;
	session->stream = stream;
	int r = talk_to_the_end(session);
	free(session);
	return r;
}

/* ---- the server ---- */

/* Called when a serve() fails. That clients hang up is not worth a line. */
static void client_failed(int error, const char *message, void *arg)
{
	if (error != -ECONNRESET && error != -EPIPE)
		fprintf(stderr, "client: %s\n", message);
}

static coro_async int run_server(void *address)
{
	const struct coro_server_options options = {
		.listen.flags = CORO_NET_KEEPALIVE, /* notices clients whose machine is gone */
		.stream.limit = RESP_COMMAND,       /* a whole command fits the buffer */
		.max_connections = 10000,
		.failed = client_failed,
	};
	struct coro_server *server;
	char name[CORO_ADDRESS_SIZE] = "";
	int r = coro_server_start(address, &options, serve, NULL, &server);
	if (r < 0)
		return r;
	coro_server_address(server, name, sizeof(name));
	printf("listening on %s\n", name);
	fflush(stdout);

	r = coro_signal_wait(SIGINT, SIGTERM);
	coro_server_shutdown(server, 0); /* between commands, clients would stay */
	coro_server_destroy(server);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 1, 1, "HOST:PORT");
	if (!store_init(&store, (uint64_t)coro_clock() ^ (uint64_t)getpid() << 32))
		return 1;
	int r = coro_run(run_server, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	store_clear(&store);
	free(store.buckets);
	return r < 0;
}
