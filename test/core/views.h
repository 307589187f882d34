/* SPDX-License-Identifier: MIT */
/*
 * Typed views of types that are named like what the library calls its own arguments, and each of
 * its macros; in C and C++ alike, without a warning.
 */
#ifndef TEST_CORE_VIEWS_H
#define TEST_CORE_VIEWS_H

#include <coro.h>
#include <signal.h>

typedef struct {
	int n;
} item, channel, generator, base, capacity, coro_r;
typedef int ret, fn, arg;
typedef long r, count;
typedef unsigned it, value, name, type;

#ifdef __cplusplus
namespace views
{
#endif

CORO_GENERATOR(items, item);
CORO_GENERATOR(generators, generator);
CORO_GENERATOR(rets, ret);
CORO_GENERATOR(fns, fn);
CORO_GENERATOR(args, arg);
CORO_GENERATOR(rs, r);
CORO_GENERATOR(texts, const char);

CORO_ITERATOR(items, item);
CORO_ITERATOR(bases, base);
CORO_ITERATOR(counts, count);
CORO_ITERATOR(generators, generator);
CORO_ITERATOR(its, it);
CORO_ITERATOR(rets, ret);
CORO_ITERATOR(rs, r);

CORO_CHANNEL(item_channels, item);
CORO_CHANNEL(channels, channel);
CORO_CHANNEL(capacities, capacity);
CORO_CHANNEL(ret_channels, ret);
CORO_CHANNEL(text_channels, const char *);
CORO_CHANNEL(types, type);
CORO_CHANNEL(names, name);

static struct coro_local variable = CORO_LOCAL("variable", NULL);

/* Never called: the test is that it compiles. */
CORO_UNUSED static int use_all(coro_fn *body)
{
	struct coro_options options = {CORO_STACK_SIZE, CORO_SAVE_EXCEPTIONS, NULL, CORO_HERE};
	struct coro_loop_options looped = {CORO_SAVE_EXCEPTIONS | CORO_VIRTUAL_CLOCK,
					   CORO_POLLER_DEFAULT, CORO_STACK_SIZE, 0, 0};
	struct coro *made;
	int64_t times = CORO_NSEC + CORO_USEC + CORO_MSEC + CORO_SEC - CORO_FOREVER;
	size_t fleeting = CORO_NOCOPY;
	int n = coro_create(body, NULL, &made) + coro_create_with(&options, body, NULL, &made);
	n += coro_run(body, NULL) + coro_run_with(&looped, body, NULL);
	n += coro_spawn(body, NULL, NULL) + coro_group_spawn(NULL, body, NULL, NULL);
	n += coro_spawn_threadsafe(NULL, body, NULL, NULL);
	n += coro_runner_run(NULL, body, NULL) + coro_cancel_with(NULL, "no %d", 1);
	n += coro_signal_wait(SIGINT) + coro_raise(CORO_EXIT, "no %d", 1);
	n += coro_iter_close(coro_iter_generate(body, NULL, sizeof(item)));
	n += CORO_INCOMPLETE + CORO_UNTRUSTED + CORO_USER_ERROR;
	return coro_local_get(&variable) && times > 0 && fleeting > 0 ? n : 0;
}

#ifdef __cplusplus
}
#endif

#endif
