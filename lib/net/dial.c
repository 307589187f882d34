/* SPDX-License-Identifier: MIT */
/*
 * Connecting to the first of several addresses that answers (happy eyeballs, RFC 8305). Each
 * attempt is a task. The next one begins when the last has failed, or after the attempt delay.
 */
#include "coro/net.h"

#include "base/system.h"
#include "core/fail.h"
#include "coro/task.h"
#include "coro/timeout.h"
#include "coro/wait.h"
#include "io/scoped_fd.h"
#include "net/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const int64_t default_attempt_delay = 250 * CORO_MSEC;

struct dialling {
	const struct coro_dial_options *options;
	struct place local; /* length 0: any */
	struct places places;
	int type;
	int errors[PLACES];
};

/* -- one attempt */

static int bind_local(int fd, const struct place *local, const struct place *place)
{
	if (local->length == 0)
		return 0;
	if (local->any.sa_family != place->any.sa_family)
		return -EAFNOSUPPORT;
	if (local->any.sa_family != AF_UNIX && place_port(local) == 0)
		system_choose_port_late(fd);
	return bind(fd, &local->any, local->length) < 0 ? -errno : 0;
}

/*
 * Whether the socket is connected to itself. This happens when nobody listens on a port and the
 * system picks that port to connect from (a simultaneous open).
 */
static bool is_own_peer(int fd, const struct place *to)
{
	struct place local = {.length = sizeof(local.local)}, peer = {.length = sizeof(peer.local)};
	if (getsockname(fd, &local.any, &local.length) < 0 || place_port(&local) != place_port(to))
		return false;
	return getpeername(fd, &peer.any, &peer.length) == 0 && local.length == peer.length &&
	       memcmp(&local.any, &peer.any, local.length) == 0;
}

/* Closes with a reset, so that the port does not stay in TIME_WAIT. */
static void reset(struct scoped_fd *scoped)
{
	struct linger none = {.l_onoff = 1};
	setsockopt(scoped->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	scoped_fd_close(scoped);
}

/* Returns the fd or an error. *own is set if the socket was connected to itself. */
static coro_async int connect_once(const struct dialling *dialling, const struct place *place,
				   bool *own)
{
	struct scoped_fd scoped;
	*own = false;
	int fd = endpoint_create(place, dialling->type, dialling->options->flags);
	if (fd < 0)
		return fd;
	scoped_fd_begin(&scoped, fd);
	int r = bind_local(fd, &dialling->local, place);
	if (r == 0)
		r = coro_connect(fd, &place->any, place->length);
	if (r < 0) {
		scoped_fd_close(&scoped);
		return r;
	}
	bool may_be_own = dialling->type == SOCK_STREAM && place->any.sa_family != AF_UNIX &&
			  place_port(&dialling->local) == 0;
	*own = may_be_own && is_own_peer(fd, place);
	if (*own) {
		reset(&scoped);
		return -ECONNREFUSED;
	}
	return scoped_fd_take(&scoped);
}

/* Returns the fd or an error. A socket connected to itself means that nobody listens: tries again. */
static coro_async int connect_to(const struct dialling *dialling, const struct place *place)
{
	enum { TRIES = 3 };
	bool own;
	int r, tries = 0;
	do
		r = connect_once(dialling, place, &own);
	while (own && ++tries < TRIES);
	return r;
}

/* -- several addresses, one after another */

static coro_async int connect_in_turn(struct dialling *dialling)
{
	for (size_t i = 0; i < dialling->places.count; i++) {
		int r = connect_to(dialling, &dialling->places.at[i]);
		if (r >= 0 || r == -ECANCELED)
			return r;
		dialling->errors[i] = r;
	}
	return dialling->errors[0];
}

/* -- several addresses at a time */

struct attempt {
	const struct dialling *dialling;
	const struct place *place;
	struct coro_future *task;
	int result; /* the fd, or an error */
};

struct race {
	struct dialling *dialling;
	struct cleanup cleanup;
	size_t begun;
	struct attempt attempts[PLACES];
};

static int attempt_run(void *arg)
{
	struct attempt *attempt = arg;
	attempt->result = connect_to(attempt->dialling, attempt->place);
	return 0;
}

/* Closes the fds of all attempts but the winner's. Their tasks have ended. */
static void race_finish(struct race *race, const struct attempt *winner)
{
	for (size_t i = 0; i < race->begun; i++) {
		struct attempt *attempt = &race->attempts[i];
		coro_future_unref(attempt->task);
		if (attempt->result >= 0 && attempt != winner)
			coro_fd_close(attempt->result);
	}
}

static void race_discard(struct cleanup *cleanup)
{
	race_finish(container_of(cleanup, struct race, cleanup), NULL);
}

/* Begins the next attempt. Returns 0 or an error. */
static int race_begin(struct race *race)
{
	struct attempt *attempt = &race->attempts[race->begun];
	*attempt = (struct attempt){
		.dialling = race->dialling,
		.place = &race->dialling->places.at[race->begun],
		.result = -ECANCELED,
	};
	int r = coro_spawn(attempt_run, attempt, &attempt->task);
	if (r == 0)
		race->begun++;
	return r;
}

/* Lists the tasks that have not ended, and returns their number. */
static size_t race_running(const struct race *race, struct coro_future **ret)
{
	size_t count = 0;
	for (size_t i = 0; i < race->begun; i++)
		if (!coro_future_done(race->attempts[i].task))
			ret[count++] = race->attempts[i].task;
	return count;
}

static struct attempt *race_winner(struct race *race)
{
	for (size_t i = 0; i < race->begun; i++)
		if (race->attempts[i].result >= 0)
			return &race->attempts[i];
	return NULL;
}

/* Waits until one attempt has connected or all have failed. Returns 0 or an error. */
static coro_async int race_run(struct race *race)
{
	const struct dialling *dialling = race->dialling;
	int64_t delay =
		dialling->options->stagger ? dialling->options->stagger : default_attempt_delay;
	struct coro_future *running[PLACES];
	size_t count;
	int r = 0;
	do {
		bool more = race->begun < dialling->places.count;
		int begin = more ? race_begin(race) : 0;
		more = race->begun < dialling->places.count;
		count = race_running(race, running);
		if (count == 0)
			r = begin;
		else
			r = coro_wait(running, count, CORO_FIRST_COMPLETED,
				      more ? delay : CORO_FOREVER);
	} while (r >= 0 && !race_winner(race) &&
		 (count > 0 || race->begun < dialling->places.count));
	return r < 0 ? r : 0;
}

/* Ends the attempts that are left. Returns whether the caller was cancelled meanwhile. */
static coro_async bool race_end(struct race *race)
{
	struct coro_future *running[PLACES];
	bool cancelled = false;
	size_t count = race_running(race, running);
	for (size_t i = 0; i < count; i++)
		coro_cancel(running[i]);
	while ((count = race_running(race, running)) > 0) {
		int r = coro_wait(running, count, CORO_ALL_COMPLETED, CORO_FOREVER);
		if (r == -ENOMEM)
			r = coro_task_yield(); /* they end all the same */
		if (r < 0)
			cancelled = true;
	}
	return cancelled;
}

/* Notes the result of a task that was cancelled before it began. */
static void attempt_settle(struct attempt *attempt)
{
	int r = coro_future_result(attempt->task, NULL);
	if (r < 0 && attempt->result < 0)
		attempt->result = r;
}

static coro_async int connect_by_race(struct dialling *dialling)
{
	struct race race = {.dialling = dialling};
	cleanup_push(task_running(), &race.cleanup, race_discard);
	int r = race_run(&race);
	if (race_end(&race))
		r = -ECANCELED;
	cleanup_pop(&race.cleanup);
	for (size_t i = 0; i < race.begun; i++)
		attempt_settle(&race.attempts[i]);
	const struct attempt *winner = r < 0 ? NULL : race_winner(&race);
	race_finish(&race, winner);
	if (winner)
		return winner->result;
	for (size_t i = 0; i < race.begun; i++)
		dialling->errors[i] = race.attempts[i].result;
	return r < 0 ? r : dialling->errors[0];
}

/* -- the call */

static coro_async int connect_to_any(struct dialling *dialling)
{
	bool race = dialling->places.count > 1 && dialling->type == SOCK_STREAM && task_running();
	return race ? connect_by_race(dialling) : connect_in_turn(dialling);
}

/* Fails with a message that tells each address and its error. */
static int raise_all(int r, const char *text, const struct dialling *dialling)
{
	char message[1024], place[CORO_ADDRESS_SIZE];
	size_t length = 0;
	for (size_t i = 0; i < dialling->places.count && length < sizeof(message); i++) {
		const struct place *at = &dialling->places.at[i];
		if (!dialling->errors[i] ||
		    coro_address_text(&at->any, at->length, place, sizeof(place)) < 0)
			continue;
		bool same = strcmp(place, text) == 0;
		length += (size_t)snprintf(message + length, sizeof(message) - length, "%s%s%s%s",
					   length ? "; " : "", same ? "" : place, same ? "" : ": ",
					   coro_strerror(dialling->errors[i]));
	}
	return coro_raise_at(NULL, r, "cannot connect to %s: %s", text,
			     length ? message : coro_message(r));
}

static int parse_local(const char *text, struct place *ret)
{
	struct address address;
	struct places places;
	ret->length = 0;
	if (!text)
		return 0;
	int r = address_parse(text, &address);
	if (r == 0)
		r = address_places(&address, 0, true, &places);
	if (r == 0)
		*ret = places.at[0];
	return r;
}

static coro_async int dial(const char *text, struct dialling *dialling)
{
	struct address address;
	int r = address_parse(text, &address);
	if (r < 0)
		return coro_raise_at(NULL, r, "%s is not an address", text);
	dialling->type = address.type;
	r = parse_local(dialling->options->local, &dialling->local);
	if (r < 0)
		return coro_raise_at(NULL, r, "%s is not a local address",
				     dialling->options->local);
	r = address_places(&address, dialling->options->family, false, &dialling->places);
	if (r == 0)
		r = fail_code(connect_to_any(dialling));
	return r >= 0 || r == -ECANCELED ? r : raise_all(r, text, dialling);
}

static coro_async int dial_within(const char *text, struct dialling *dialling, int64_t time)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin_site(NULL, &timeout, time);
	if (r < 0)
		return r;
	int fd = dial(text, dialling);
	r = coro_timeout_end(&timeout, fd);
	if (r == -ETIMEDOUT && fd == -ECANCELED)
		return coro_raise_at(NULL, r, "no connection to %s within %.3g s", text,
				     (double)time / CORO_SEC);
	return r;
}

int coro_dial(const char *address, const struct coro_dial_options *options, int *ret)
{
	static const struct coro_dial_options defaults;
	enum { FLAGS = CORO_NET_DELAY | CORO_NET_KEEPALIVE };
	options = options ? options : &defaults;
	if (!address || !ret || options->flags & ~(unsigned)FLAGS || options->timeout < 0 ||
	    options->stagger < 0)
		return fail_with(-EINVAL, "coro_dial: an argument or option is wrong");
	struct dialling dialling = {.options = options};
	int r = options->timeout ? dial_within(address, &dialling, options->timeout)
				 : dial(address, &dialling);
	if (r < 0)
		return r;
	*ret = r;
	return 0;
}
