/* SPDX-License-Identifier: MIT */
/*
 * hiredis, as it is, in tasks of one thread: hiredis PORT TLS_PORT CA COMMAND, where the command kills
 * the server at once. With an empty TLS_PORT there is no TLS. See test/check-posix-hiredis.
 */
#include "libraries.h"

#include <hiredis/hiredis.h>
#ifdef WITH_TLS
#include <hiredis/hiredis_ssl.h>
#endif

enum { CONNECTIONS = 50, PIPELINED = 10000 };

static int port, tls_port;
static const char *ca, *kill_server;

static redisContext *open_connection(void)
{
	redisContext *redis = redisConnect("127.0.0.1", port);
	claim(redis && !redis->err, "redisConnect: %s", redis ? redis->errstr : "no memory");
	return redis;
}

/* The reply of a command, NULL if the connection fails. */
static redisReply *command(redisContext *redis, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	enter();
	redisReply *reply = redisvCommand(redis, format, arguments);
	leave();
	va_end(arguments);
	return reply;
}

static void must(redisContext *redis, const char *text)
{
	redisReply *reply = command(redis, text);
	claim(reply && reply->type != REDIS_REPLY_ERROR, "%s: %s", text,
	      reply ? reply->str : redis->errstr);
	freeReplyObject(reply);
}

/* -- many connections: each waits for an item, until all do */

static int blocks(void *arg)
{
	redisContext *redis = open_connection();
	redisReply *reply = command(redis, "BLPOP item%d 0", (int)(intptr_t)arg);
	bool right = reply && reply->type == REDIS_REPLY_ARRAY &&
		     atoi(reply->element[1]->str) == (int)(intptr_t)arg;
	freeReplyObject(reply);
	redisFree(redis);
	return right ? 0 : -EIO;
}

static int gives_items(void *arg)
{
	int r = 0;
	while (r == 0 && inside < CONNECTIONS)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_sleep(200 * CORO_MSEC);
	redisContext *redis = open_connection();
	for (int i = 0; i < CONNECTIONS && r == 0; i++)
		freeReplyObject(command(redis, "RPUSH item%d %d", i, i));
	redisFree(redis);
	return r;
}

static int many_connections(void *arg)
{
	struct coro_future *giver;
	int r = coro_spawn(gives_items, NULL, &giver);
	r = r < 0 ? r : run_several(CONNECTIONS, blocks);
	r = r < 0 ? r : coro_await(giver, NULL);
	coro_future_unref(giver);
	return r;
}

/* One pushes, the other pops, in turn. */
static int pops(void *arg)
{
	redisContext *redis = open_connection();
	int count = 0;
	for (; count < 200; count++) {
		redisReply *reply = command(redis, "BLPOP line 0");
		bool right = reply && reply->type == REDIS_REPLY_ARRAY &&
			     atoi(reply->element[1]->str) == count;
		freeReplyObject(reply);
		if (!right)
			break;
	}
	redisFree(redis);
	return count == 200 ? 0 : -EIO;
}

static int producer_and_consumer(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(pops, NULL, &task);
	redisContext *redis = open_connection();
	for (int i = 0; i < 200 && r == 0; i++)
		freeReplyObject(command(redis, "RPUSH line %d", i));
	redisFree(redis);
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

/* -- pipelines */

static int pipelines(void *arg)
{
	redisContext *redis = open_connection();
	void *reply;
	int right = 0;
	enter();
	for (int i = 0; i < PIPELINED; i++)
		redisAppendCommand(redis, "INCR count%d", (int)(intptr_t)arg);
	for (int i = 0; i < PIPELINED && redisGetReply(redis, &reply) == REDIS_OK; i++) {
		right += ((redisReply *)reply)->integer == i + 1;
		freeReplyObject(reply);
	}
	leave();
	redisFree(redis);
	return right == PIPELINED ? 0 : -EIO;
}

static int pipelining(void *arg)
{
	return run_several(4, pipelines);
}

/* -- channels */

static int subscribed;

static int subscribes(void *arg)
{
	redisContext *redis = open_connection();
	void *reply;
	int got = 0;
	must(redis, "SUBSCRIBE news");
	subscribed++;
	while (got < 50 && redisGetReply(redis, &reply) == REDIS_OK) {
		got += atoi(((redisReply *)reply)->element[2]->str) == got;
		freeReplyObject(reply);
	}
	redisFree(redis);
	return got == 50 ? 0 : -EIO;
}

static int publishes(void *arg)
{
	int r = 0;
	while (r == 0 && subscribed < 5)
		r = coro_sleep(CORO_MSEC);
	redisContext *redis = open_connection();
	for (int i = 0; i < 50 && r == 0; i++)
		freeReplyObject(command(redis, "PUBLISH news %d", i));
	redisFree(redis);
	return r;
}

static int publishing(void *arg)
{
	struct coro_future *publisher;
	int r = coro_spawn(publishes, NULL, &publisher);
	r = r < 0 ? r : run_several(5, subscribes);
	r = r < 0 ? r : coro_await(publisher, NULL);
	coro_future_unref(publisher);
	return r;
}

/* -- TLS */

#ifdef WITH_TLS
static redisSSLContext *tls;

static int pings_by_tls(void *arg)
{
	redisContext *redis = redisConnect("127.0.0.1", tls_port);
	claim(redis && !redis->err, "redisConnect: %s", redis ? redis->errstr : "no memory");
	enter();
	int r = redisInitiateSSLWithContext(redis, tls);
	leave();
	claim(r == REDIS_OK, "TLS: %s", redis->errstr);
	redisReply *reply = command(redis, "BLPOP nothing%d 0.1", (int)(intptr_t)arg);
	bool right = reply && reply->type == REDIS_REPLY_NIL;
	freeReplyObject(reply);
	redisFree(redis);
	return right ? 0 : -EIO;
}

static int over_tls(void *arg)
{
	redisSSLContextError error;
	redisInitOpenSSL();
	tls = redisCreateSSLContext(ca, NULL, NULL, NULL, NULL, &error);
	claim(tls, "TLS: %s", redisSSLContextGetError(error));
	int r = run_several(20, pings_by_tls);
	redisFreeSSLContext(tls);
	return r;
}
#endif

/* -- cancellation, timeouts, and the server's death */

static int waits_for_ever(void *arg)
{
	redisContext *redis = open_connection();
	redisReply *reply = command(redis, "BLPOP never 0");
	bool failed = !reply && redis->err;
	redisFree(redis);
	return failed ? 0 : -EIO;
}

static int cancelled_task(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(waits_for_ever, NULL, &task);
	while (r == 0 && inside == 0)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_sleep(20 * CORO_MSEC);
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

/* hiredis sets SO_RCVTIMEO. */
static int timed_out(void *arg)
{
	redisContext *redis = open_connection();
	redisSetTimeout(redis, (struct timeval){.tv_usec = 50000});
	redisReply *reply = command(redis, "BLPOP never 0");
	bool right = !reply && redis->err == REDIS_ERR_IO && errno == EAGAIN;
	redisFree(redis);
	return right ? 0 : -EIO;
}

static int kills(void *arg)
{
	int r = 0;
	while (r == 0 && inside < 10)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_sleep(20 * CORO_MSEC);
	return r < 0 ? r : coro_to_thread((coro_fn *)system, (void *)kill_server);
}

static bool refuses(void)
{
	redisContext *redis = redisConnect("127.0.0.1", port);
	bool refused = redis && redis->err;
	redisFree(redis);
	return refused;
}

static int killed_server(void *arg)
{
	return run_until_killed(10, waits_for_ever, kills, refuses);
}

static int steps(void *arg)
{
	printf("hiredis %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	step("50 connections, all in BLPOP for 0.2 s", many_connections, NULL);
	step("200 items pushed, and popped by another", producer_and_consumer, NULL);
	step("pipelines of 10,000 commands, 4 times", pipelining, NULL);
	step("50 messages published to 5 subscribers", publishing, NULL);
#ifdef WITH_TLS
	if (tls_port)
		step("20 connections over TLS", over_tls, NULL);
#endif
	step("a task that is cancelled in BLPOP", cancelled_task, NULL);
	step("a timeout of hiredis", timed_out, NULL);
	step("the server is killed in 10 BLPOPs", killed_server, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	port = atoi(argv[1]);
	tls_port = atoi(argv[2]);
	ca = argv[3];
	kill_server = argv[4];
	return run_steps(steps) < 0;
}
