/* SPDX-License-Identifier: MIT */
/*
 * A pipeline: a generator, two tasks that share its items, and a generator that waits for theirs.
 *
 * read_words -> work (twice) -> queue -> arrive -> program
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct coro *words, *arrivals;
static struct coro_queue *done;
static int workers = 2;

/* A generator. */
static int read_words(void *text)
{
	int r = 0;
	for (char *word = strtok(text, " "); r == 0 && word; word = strtok(NULL, " "))
		r = coro_yield(word, NULL);
	return r;
}

/* A task. The last one shuts the queue down. */
static coro_async int work(void *name)
{
	void *word;
	int r;
	while ((r = coro_next(words, &word)) > 0) {
		printf("%s takes %s\n", (char *)name, (char *)word);
		r = coro_sleep((int64_t)strlen(word) * CORO_SEC);
		if (r < 0 || (r = coro_queue_put(done, word)) < 0)
			break;
	}
	if (--workers == 0)
		coro_queue_shutdown(done, false);
	return r;
}

/* A generator that waits. For its caller, it is a generator like any other. */
static coro_async int arrive(void *arg)
{
	void *word;
	int r;
	while ((r = coro_queue_get(done, &word)) == 0 && (r = coro_yield(word, NULL)) == 0)
		;
	return r == -EPIPE ? 0 : r;
}

static coro_async int program(void *text)
{
	void *word;
	int r = coro_create(read_words, text, &words);
	if (r == 0)
		r = coro_create(arrive, NULL, &arrivals);
	if (r == 0)
		r = coro_queue_create(1, &done);
	for (int i = 0; r == 0 && i < 2; i++)
		r = coro_spawn(work, i ? "Bob" : "Ann", NULL);
	while (r >= 0 && (r = coro_next(arrivals, &word)) > 0)
		printf("%s, after %d s\n", (char *)word,
		       (int)(coro_loop_time(coro_running_loop()) / CORO_SEC));
	coro_destroy(arrivals);
	coro_destroy(words);
	coro_queue_destroy(done);
	return r;
}

int main(void)
{
	char text[] = "now is the time for all good men";
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, text);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
