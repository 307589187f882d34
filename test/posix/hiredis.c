/* SPDX-License-Identifier: MIT */
/*
 * hiredis, as it is, in tasks of one thread: hiredis PORT COMMAND, where the command kills the server at
 * once; or hiredis PORT COMMAND CA OTHER, with files of the certificate by which the server is known, and
 * of another's: then all connections are by TLS. See test/check-posix-hiredis.
 */
#include "libraries.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef WITH_TLS
#include <hiredis/hiredis_ssl.h>
#endif

enum { CONNECTIONS = 50, PIPELINED = 10000 };

static int port;
static const char *kill_server;

/* -- TLS */

#ifdef WITH_TLS

static const char *other;
static redisSSLContext *tls; /* NULL: the server has none */

static redisSSLContext *tls_create(const char *ca)
{
	redisSSLContextError error;
	redisSSLContext *created = redisCreateSSLContext(ca, NULL, NULL, NULL, NULL, &error);
	claim(created, "TLS: %s", created ? "" : redisSSLContextGetError(error));
	return created;
}

static void tls_init(const char *ca, const char *other_ca)
{
	redisInitOpenSSL();
	tls = tls_create(ca);
	other = other_ca;
}

static void tls_finish(void)
{
	redisFreeSSLContext(tls);
}

static void tls_begin(redisContext *redis)
{
	if (tls)
		claim(redisInitiateSSLWithContext(redis, tls) == REDIS_OK, "TLS: %s",
		      redis->errstr);
}

#else

static void tls_init(const char *ca, const char *other_ca)
{
	claim(!ca, "there is no TLS");
}

static void tls_finish(void)
{
}

static void tls_begin(redisContext *redis)
{
}

#endif

/* -- connections and commands */

static redisContext *connect_to(int number)
{
	redisContext *redis = redisConnect("127.0.0.1", number);
	claim(redis && !redis->err, "redisConnect: %s", redis ? redis->errstr : "no memory");
	return redis;
}

static redisContext *open_connection(void)
{
	redisContext *redis = connect_to(port);
	tls_begin(redis);
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

/* -- cancellation, timeouts, and the server's death */

static int waits_for_ever(void *arg)
{
	redisContext *redis = open_connection();
	redisReply *reply = command(redis, "BLPOP never 0");
	bool failed = !reply && redis->err;
	redisFree(redis);
	return failed ? 0 : -EIO;
}

/* Cancels a task that waits in the library, and gives it back. Returns its result. */
static int cancel_inside(struct coro_future *task)
{
	int r = 0;
	while (r == 0 && inside == 0)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_sleep(20 * CORO_MSEC);
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

static int cancelled_task(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(waits_for_ever, NULL, &task);
	return r < 0 ? r : cancel_inside(task);
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

/* -- of TLS alone */

#ifdef WITH_TLS

static int unknown_certificate(void *arg)
{
	redisSSLContext *wrong = tls_create(other);
	redisContext *redis = connect_to(port);
	bool refused = redisInitiateSSLWithContext(redis, wrong) == REDIS_ERR;
	claim(strstr(redis->errstr, "certificate"), "TLS: %s", redis->errstr);
	redisFree(redis);
	redisFreeSSLContext(wrong);
	return refused ? 0 : -EIO;
}

static int shakes_hands_for_ever(void *arg)
{
	redisContext *redis = connect_to((int)(intptr_t)arg);
	enter();
	bool failed = redisInitiateSSLWithContext(redis, tls) == REDIS_ERR && redis->err;
	leave();
	redisFree(redis);
	return failed ? 0 : -EIO;
}

/* Its peer never says anything. */
static int cancelled_handshake(void *arg)
{
	struct coro_future *task;
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	claim(bind(listener, (struct sockaddr *)&address, length) == 0 &&
		      listen(listener, 1) == 0 &&
		      getsockname(listener, (struct sockaddr *)&address, &length) == 0,
	      "listener");
	int r = coro_spawn(shakes_hands_for_ever, (void *)(intptr_t)ntohs(address.sin_port), &task);
	r = r < 0 ? r : cancel_inside(task);
	close(listener);
	return r;
}

static void steps_of_tls(void)
{
	if (!tls)
		return;
	step("a certificate that is not known", unknown_certificate, NULL);
	step("a task that is cancelled in a handshake", cancelled_handshake, NULL);
}

#else

static void steps_of_tls(void)
{
}

#endif

static int steps(void *arg)
{
	printf("hiredis %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	step("50 connections, all in BLPOP for 0.2 s", many_connections, NULL);
	step("200 items pushed, and popped by another", producer_and_consumer, NULL);
	step("pipelines of 10,000 commands, 4 times", pipelining, NULL);
	step("50 messages published to 5 subscribers", publishing, NULL);
	steps_of_tls();
	step("a task that is cancelled in BLPOP", cancelled_task, NULL);
	step("a timeout of hiredis", timed_out, NULL);
	step("the server is killed in 10 BLPOPs", killed_server, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 5)
		return 2;
	port = atoi(argv[1]);
	kill_server = argv[2];
	if (argc == 5)
		tls_init(argv[3], argv[4]);
	int r = run_steps(steps);
	if (argc == 5)
		tls_finish();
	return r < 0;
}
