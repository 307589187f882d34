/* SPDX-License-Identifier: MIT */
/*
 * A search for primes in any number of processes on any number of machines, which meet at a Redis
 * server. One process hands out the numbers and shows the progress; the others work, with several
 * tasks each:
 *
 *	prime_cluster search HOST:PORT FIRST COUNT
 *	prime_cluster work   HOST:PORT FIRST COUNT TASKS
 *
 * The numbers are entries of a stream, and the tasks are consumers of a group. Redis gives each
 * entry to one consumer, and remembers it until that says that the work is done (XACK). If a process
 * is killed, its entries are claimed by another when nobody has worked at them for a second
 * (XAUTOCLAIM). So a number may be tried twice, but it counts once: its result is set only if
 * there is none (HSETNX), before the entry is acknowledged. An entry's ID is its number, so a search
 * that is started again adds none twice, and goes on.
 *
 * hiredis knows nothing of tasks. It blocks in poll and recv, which libcoro-posix, linked before
 * libc, makes waits of the task.
 *
 * Built if pkg-config finds hiredis, and libcoro-posix is made. Redis is 6.2 or later.
 */
#include "talk.h"
#include "usage.h"

#include <hiredis.h>
#include <stdarg.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	IDLE = 1000,      /* ms without a result, after which an entry is claimed */
	NEXT = 200,       /* ms to wait for an entry that is new */
	KEPT = 3600,      /* s for which the results are kept at the end */
	PIPELINED = 1000, /* entries that are added together */
	MAX_COUNT = 1000000,
	MAX_TASKS = 1000,
};

static char host[256];
static int port;
static int64_t first, count;
static char numbers[64], results[64]; /* keys: the stream, and what is known of each number */

/* ---- Redis ---- */

/* Returns a connection, NULL without memory; redis->err tells of other errors. */
static coro_async redisContext *open_redis(void)
{
	return redisConnectWithTimeout(host, port, (struct timeval){.tv_sec = 10});
}

/* Returns 0 or an error, with hiredis's words. */
static int check(const redisContext *redis, const redisReply *reply)
{
	if (!redis)
		return -ENOMEM;
	if (redis->err == REDIS_ERR_IO && errno == ECANCELED)
		return -ECANCELED;
	if (redis->err || !reply)
		return coro_raise(-EIO, "%s:%d: %s", host, port, redis->errstr);
	if (reply->type == REDIS_REPLY_ERROR)
		return coro_raise(-EPROTO, "%s:%d: %s", host, port, reply->str);
	return 0;
}

/* Runs a command. Returns 0 or an error; the reply is the caller's. */
static coro_async int command(redisContext *redis, redisReply **ret, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	*ret = redisvCommand(redis, format, arguments);
	va_end(arguments);
	int r = check(redis, *ret);
	if (r < 0) {
		freeReplyObject(*ret);
		*ret = NULL;
	}
	return r;
}

/* Connects, and creates stream and group, which another process may have done. */
static coro_async int join(redisContext **ret)
{
	redisReply *reply = NULL;
	redisContext *redis = *ret = open_redis();
	if (!redis || redis->err)
		return check(redis, NULL);
	reply = redisCommand(redis, "XGROUP CREATE %s workers 0 MKSTREAM", numbers);
	bool is_there = reply && reply->type == REDIS_REPLY_ERROR &&
			strncmp(reply->str, "BUSYGROUP", 9) == 0;
	int r = is_there ? 0 : check(redis, reply);
	freeReplyObject(reply);
	return r;
}

/* Returns how many results there are, or an error. */
static coro_async int64_t count_results(redisContext *redis)
{
	redisReply *reply;
	int r = command(redis, &reply, "HLEN %s", results);
	int64_t known = r < 0 ? r : reply->integer;
	freeReplyObject(reply);
	return known;
}

/* ---- work ---- */

struct worker {
	redisContext *redis;
	char name[128];  /* of the consumer */
	char cursor[64]; /* where to look for entries to claim */
	int tried, claimed;
};

/*
 * Gets the number of the first entry in a list of them, which may be empty or nil. Returns 1, 0 if
 * there is none, or an error.
 */
static int first_number(const redisReply *entries, int64_t *ret)
{
	if (entries->type != REDIS_REPLY_ARRAY || entries->elements == 0)
		return 0;
	const redisReply *entry = entries->element[0];
	if (entry->type != REDIS_REPLY_ARRAY || entry->elements < 1 ||
	    entry->element[0]->type != REDIS_REPLY_STRING)
		return coro_raise(-EPROTO, "not an entry of a stream");
	*ret = strtoll(entry->element[0]->str, NULL, 10);
	return 1;
}

/* Waits a little for a number that nobody has had. Returns 1, 0 if there is none, or an error. */
static coro_async int next_number(struct worker *worker, int64_t *ret)
{
	redisReply *reply;
	int r = command(worker->redis, &reply,
			"XREADGROUP GROUP workers %s COUNT 1 BLOCK %d STREAMS %s >", worker->name,
			NEXT, numbers);
	/* A list of streams, each its name and its entries. */
	if (r == 0 && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
	    reply->element[0]->elements == 2)
		r = first_number(reply->element[0]->element[1], ret);
	freeReplyObject(reply);
	return r;
}

/*
 * Claims a number that another has had for too long. Redis looks at some entries, and says where
 * to go on. Returns 1, 0 if there was none among them, or an error.
 */
static coro_async int claim_number(struct worker *worker, int64_t *ret)
{
	redisReply *reply;
	int r = command(worker->redis, &reply, "XAUTOCLAIM %s workers %s %d %s COUNT 1", numbers,
			worker->name, IDLE, worker->cursor);
	if (r == 0 && reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2) {
		snprintf(worker->cursor, sizeof(worker->cursor), "%s", reply->element[0]->str);
		r = first_number(reply->element[1], ret);
	}
	freeReplyObject(reply);
	worker->claimed += r > 0;
	return r;
}

/* The result comes first: if the process is killed between the two, another has nothing to add. */
static coro_async int give_result(struct worker *worker, int64_t number, bool is_prime)
{
	redisReply *reply;
	int r = command(worker->redis, &reply, "HSETNX %s %" PRId64 " %d", results, number,
			is_prime);
	freeReplyObject(reply);
	if (r < 0)
		return r;
	r = command(worker->redis, &reply, "XACK %s workers %" PRId64 "-0", numbers, number);
	freeReplyObject(reply);
	return r;
}

static coro_async int work_to_the_end(struct worker *worker)
{
	for (;;) {
		int64_t number;
		int r = next_number(worker, &number);
		if (r == 0)
			r = claim_number(worker, &number);
		if (r > 0) {
			r = aio_is_prime(&number, NULL); /* others of this thread go on meanwhile */
			worker->tried++;
			if (r >= 0)
				r = give_result(worker, number, r);
		} else if (r == 0) {
			int64_t known = count_results(worker->redis);
			if (known < 0 || known >= count)
				return known < 0 ? (int)known : 0;
		}
		if (r < 0)
			return r;
	}
}

/* A task. */
static coro_async int work(void *arg)
{
	struct worker *worker = arg;
	int r = join(&worker->redis);
	if (r == 0)
		r = work_to_the_end(worker);
	redisFree(worker->redis);
	return r;
}

static coro_async int work_together(int tasks)
{
	struct worker *workers = calloc((size_t)tasks, sizeof(*workers));
	struct coro_group *group;
	char machine[64] = "";
	int tried = 0, claimed = 0, r = workers ? coro_group_create(&group) : -ENOMEM;
	if (r < 0) {
		free(workers);
		return r;
	}
	gethostname(machine, sizeof(machine) - 1);
	for (int i = 0; i < tasks && r == 0; i++) {
		strcpy(workers[i].cursor, "0-0");
		snprintf(workers[i].name, sizeof(workers[i].name), "%s-%ld-%d", machine,
			 (long)getpid(), i);
		r = coro_group_spawn(group, work, &workers[i], NULL);
	}
	r = coro_group_end(group, r);
	for (int i = 0; i < tasks; i++) {
		tried += workers[i].tried;
		claimed += workers[i].claimed;
	}
	printf("tried %d numbers, %d of them claimed from others\n", tried, claimed);
	free(workers);
	return r;
}

/* ---- the search ---- */

/* Takes the replies of n XADDs. An entry that is there already is refused. */
static coro_async int take_replies(redisContext *redis, int n)
{
	int r = 0;
	for (; n > 0 && r == 0; n--) {
		redisReply *reply = NULL;
		redisGetReply(redis, (void **)&reply);
		bool is_there = reply && reply->type == REDIS_REPLY_ERROR &&
				strstr(reply->str, "equal or smaller");
		r = is_there ? 0 : check(redis, reply);
		freeReplyObject(reply);
	}
	return r;
}

/* A task. */
static coro_async int hand_out(void *arg)
{
	redisContext *redis;
	int pending = 0, r = join(&redis);
	for (int64_t i = 0; i < count && r == 0; i++) {
		redisAppendCommand(redis, "XADD %s %" PRId64 "-0 n 1", numbers, first + i);
		if (++pending == PIPELINED || i + 1 == count) {
			r = take_replies(redis, pending);
			pending = 0;
		}
	}
	redisFree(redis);
	return r;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Prints the primes among pairs of a number and whether it is one. */
static int print_primes(redisReply *const *pairs, size_t n)
{
	int64_t *primes = malloc((n / 2 + 1) * sizeof(*primes));
	size_t found = 0;
	if (!primes)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < n; i += 2)
		if (strcmp(pairs[i + 1]->str, "1") == 0)
			primes[found++] = strtoll(pairs[i]->str, NULL, 10);
	qsort(primes, found, sizeof(*primes), compare);
	for (size_t i = 0; i < found; i++)
		printf("%" PRId64 "\n", primes[i]);
	printf("%zu primes among %zu numbers\n", found, n / 2);
	free(primes);
	return 0;
}

/* Looks how far the workers are, and says so at each tenth. */
static coro_async int show_progress(redisContext *redis)
{
	int64_t known = 0, shown = 0;
	while (known < count) {
		int r = coro_sleep(100 * CORO_MSEC);
		known = r < 0 ? r : count_results(redis);
		if (known < 0)
			return (int)known;
		for (; shown < known * 10 / count; shown++)
			printf("%3d %% searched\n", (int)(shown + 1) * 10);
	}
	return 0;
}

/* A task. */
static coro_async int gather(void *arg)
{
	redisContext *redis;
	redisReply *reply;
	int r = join(&redis);
	if (r == 0)
		r = show_progress(redis);
	if (r == 0)
		r = command(redis, &reply, "HGETALL %s", results);
	if (r == 0) {
		r = print_primes(reply->element, reply->elements);
		freeReplyObject(reply);
	}
	/* Workers that have not seen the end yet will look for it here. */
	const char *keys[] = {numbers, results};
	for (int i = 0; i < 2 && r == 0; i++) {
		r = command(redis, &reply, "EXPIRE %s %d", keys[i], KEPT);
		freeReplyObject(reply);
	}
	redisFree(redis);
	return r;
}

static coro_async int search_together(void)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_group_spawn(group, hand_out, NULL, NULL);
	if (r == 0)
		r = coro_group_spawn(group, gather, NULL, NULL);
	return coro_group_end(group, r);
}

/* ---- the program ---- */

static coro_async int program(void *arg)
{
	const int *tasks = arg;
	return *tasks > 0 ? work_together(*tasks) : search_together();
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *ret)
{
	char *end;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return !errno && end > text && !*end && *ret >= least && *ret <= most;
}

/* Returns whether the arguments are right. */
static bool read_arguments(int argc, char **argv, int *tasks)
{
	int64_t number;
	bool works = argc == 6 && strcmp(argv[1], "work") == 0;
	if (!works && (argc != 5 || strcmp(argv[1], "search") != 0))
		return false;
	const char *colon = strrchr(argv[2], ':');
	if (!colon || (size_t)(colon - argv[2]) >= sizeof(host) ||
	    !read_number(colon + 1, 1, 65535, &number))
		return false;
	memcpy(host, argv[2], (size_t)(colon - argv[2]));
	port = (int)number;
	/* 0-0 is no ID of an entry. */
	if (!read_number(argv[3], 1, INT64_MAX - MAX_COUNT, &first) ||
	    !read_number(argv[4], 1, MAX_COUNT, &count))
		return false;
	snprintf(numbers, sizeof(numbers), "primes:%" PRId64 "+%" PRId64 ":numbers", first, count);
	snprintf(results, sizeof(results), "primes:%" PRId64 "+%" PRId64 ":results", first, count);
	number = 0;
	bool right = !works || read_number(argv[5], 1, MAX_TASKS, &number);
	*tasks = (int)number;
	return right;
}

int main(int argc, char **argv)
{
	static const char text[] =
		"search HOST:PORT FIRST COUNT | work HOST:PORT FIRST COUNT TASKS";
	int tasks;
	usage(argc, argv, 4, 5, text);
	if (!read_arguments(argc, argv, &tasks))
		usage(1, argv, 4, 5, text);
	setvbuf(stdout, NULL, _IOLBF, 0);
	int r = coro_run(program, &tasks);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
