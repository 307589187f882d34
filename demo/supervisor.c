/* SPDX-License-Identifier: MIT */
/*
 * A supervisor: starts a service again when it fails, after a delay that doubles each time. A
 * service that fails too often is given up, and the program ends (as with Erlang's supervisors).
 *
 * Each service has a task that runs supervise(). It calls the service as a plain function, and the
 * service may wait however deep. The group of these tasks ends the others when one gives up.
 */
#include <coro.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct service {
	const char *name;
	coro_fn *run;
	int starts, failures; /* failures since it last ran well */
};

static int64_t now(void)
{
	return coro_loop_time(coro_running_loop());
}

/* Prints a line with the time and the service's name. */
CORO_PRINTF(2, 3) static void tell(const struct service *service, const char *format, ...)
{
	va_list args;
	printf("%4d s  %s: ", (int)(now() / CORO_SEC), service->name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- the supervisor ---- */

/* A task. Returns when the service has ended without failure, or was cancelled or given up. */
static coro_async int supervise(void *arg)
{
	enum { MAX_FAILURES = 4 };
	struct service *service = arg;
	for (;;) {
		int64_t started = now();
		service->starts++;
		int r = service->run(service);
		if (r >= 0 || r == -ECANCELED)
			return r;
		if (now() - started >= 60 * CORO_SEC)
			service->failures = 0; /* it ran well for a while */
		if (++service->failures == MAX_FAILURES)
			return coro_raise(r, "%s is given up: %s", service->name, coro_message(r));
		int delay = 1 << (service->failures - 1);
		tell(service, "%s, starts again in %d s", coro_message(r), delay);
		r = coro_sleep(delay * CORO_SEC);
		if (r < 0)
			return r;
	}
}

static coro_async int supervise_all(struct service *services, int count)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (int i = 0; i < count && r == 0; i++)
		r = coro_group_spawn(group, supervise, &services[i], NULL);
	return coro_group_end(group, r);
}

/* ---- services ---- */

static coro_async int run_clock(void *service)
{
	int r = 0;
	while (r == 0) {
		tell(service, "ticks");
		r = coro_sleep(50 * CORO_SEC);
	}
	tell(service, "stops"); /* cleanup is ordinary code after the call that was cancelled */
	return r;
}

/* Fails twice, then runs. */
static coro_async int run_database(void *arg)
{
	const struct service *service = arg;
	if (service->starts <= 2)
		return coro_raise(-ECONNREFUSED, "cannot connect");
	tell(service, "runs");
	return coro_sleep(CORO_FOREVER);
}

/* Runs well for 90 s, then fails each time. */
static coro_async int run_mail(void *arg)
{
	const struct service *service = arg;
	tell(service, "runs");
	int r = coro_sleep(service->starts == 1 ? 90 * CORO_SEC : 0);
	return r < 0 ? r : coro_raise(-ENOSPC, "the disk is full");
}

static coro_async int program(void *arg)
{
	struct service services[] = {
		{.name = "clock", .run = run_clock},
		{.name = "database", .run = run_database},
		{.name = "mail", .run = run_mail},
	};
	int r = supervise_all(services, 3);
	printf("%s\n", coro_message(r));
	return r == -ENOSPC ? 0 : -EPROTO;
}

int main(void)
{
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
