/* SPDX-License-Identifier: MIT */
/*
 * All things at once: tasks, generators, callbacks and deferred calls that do to one another what a
 * seed tells, out of all that may be done, until a budget is spent; then the loop is closed as it
 * stands. Whatever happens, nothing may be corrupted or left behind, and what locks and channels
 * promise must hold.
 *
 * MIXED_SEED=n runs that one alone, MIXED_SEED=n MIXED_LAST=m all from the one to the other, and
 * MIXED_SAY=1 names each.
 */
#include "base/random.h"
#include "tasks.h"

enum { SLOTS = 6, DEPTH = 4, BUDGET = 300, LONGEST = 6 };

/* Where an action is done: what it may not do there. */
struct place {
	int depth;
	bool bound; /* holds what must be ended by the same task: no yielding */
};

static struct {
	uint64_t random;
	int budget;
	struct coro_loop *loop;
	struct coro_future *futures[SLOTS]; /* tasks too */
	struct coro *generators[SLOTS];
	struct coro_handle *handles[SLOTS];
	struct coro_channel *channels[SLOTS];
	struct coro_locals *sets[SLOTS];
	struct coro_lock lock;
	struct coro_rwlock rwlock;
	struct coro_semaphore semaphore;
	struct coro_event event;
	struct coro_condition condition;
	struct coro_waitgroup group;
	struct coro_barrier barrier;
	int lockers, readers, writers;
	long sent, received; /* items of channels; those destroyed with one are received */
} world;

static struct coro_local locals[] = {CORO_LOCAL("a", NULL), CORO_LOCAL("b", NULL),
				     CORO_LOCAL("c", NULL)};

static unsigned any(unsigned count)
{
	return (unsigned)(random_next(&world.random) % count);
}

static bool one_in(unsigned count)
{
	return any(count) == 0;
}

/* Does a few of the things that may be done there until one fails; returns that error, or 0. */
static int act(struct place place);

static struct place deeper(struct place place, bool bound)
{
	return (struct place){place.depth + 1, place.bound || bound};
}

/* ---- bodies ---- */

static int task_body(void *arg)
{
	int r = act((struct place){0});
	if (one_in(8))
		return coro_raise(-EIO, "%u", any(10));
	return r < 0 ? r : coro_return(arg);
}

static void deferred(void *arg)
{
	act((struct place){.depth = DEPTH - 1});
}

static void callback(void *arg)
{
	act((struct place){.depth = DEPTH - 1, .bound = true});
}

static void handler(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	if (report->future && one_in(4))
		coro_cancel(report->future);
	if (!coro_current_task()) /* else it might wait */
		callback(NULL);
}

static int nested_body(void *arg)
{
	return act((struct place){.depth = DEPTH - 1});
}

/* ---- futures ---- */

static void keep(struct coro_future *future)
{
	struct coro_future **slot = &world.futures[any(SLOTS)], *old = *slot;
	*slot = future;
	coro_future_unref(old);
}

static int spawns(struct place place)
{
	struct coro_options options = {
		.flags =
			(one_in(2) ? CORO_EAGER_START : 0) | (one_in(4) ? CORO_SAVE_EXCEPTIONS : 0),
		.stack_size = one_in(4) ? 2 * CORO_STACK_SIZE : 0,
	};
	struct coro_future *task;
	int r = coro_loop_spawn(world.loop, &options, task_body, &world, &task);
	if (r == 0)
		keep(task);
	return 0;
}

static int makes_future(struct place place)
{
	struct coro_future *future;
	if (coro_future_create(world.loop, &future) == 0)
		keep(future);
	return 0;
}

static int sets_future(struct place place)
{
	struct coro_future *future = world.futures[any(SLOTS)];
	if (one_in(2))
		coro_future_set_result(future, &world);
	else
		coro_future_set_error(future, one_in(3) ? -ECANCELED : coro_raise(-EIO, "set"));
	return 0;
}

static int has_callback(struct place place)
{
	struct coro_future *future = world.futures[any(SLOTS)];
	if (one_in(3))
		coro_future_remove_done_callback(future, callback, NULL);
	else
		coro_future_add_done_callback(future, callback, NULL);
	return 0;
}

static int cancels(struct place place)
{
	struct coro_future *future = one_in(6) ? coro_current_task() : world.futures[any(SLOTS)];
	if (one_in(2))
		coro_cancel(future);
	else
		coro_cancel_with(future, "cancelled with %u", any(10));
	return 0;
}

static int awaits(struct place place)
{
	void *value = NULL;
	struct coro_future *future = world.futures[any(SLOTS)]; /* held by who waits for it */
	int r = -EINVAL;
	switch (any(3)) {
	case 0:
		r = coro_await(future, &value);
		break;
	case 1:
		r = coro_wait_for(future, any(5), &value);
		break;
	case 2:
		r = coro_shield(future, &value);
		break;
	}
	if (r < 0)
		ck_assert_ptr_nonnull(coro_message(r));
	return r == -ECANCELED ? r : 0;
}

static void closes_iterator(void *it)
{
	coro_iter_close(it);
}

static int awaits_many(struct place place)
{
	struct coro_future *futures[20];
	struct coro_result results[20];
	unsigned count = 0, wanted = one_in(3) ? 20 : 3;
	for (unsigned i = 0; i < wanted; i++) {
		struct coro_future *future = world.futures[any(SLOTS)];
		if (future && coro_future_loop(future) == coro_running_loop())
			futures[count++] = future;
	}
	int r = 0;
	struct coro_iterator *it;
	switch (any(4)) {
	case 0:
		r = coro_gather(futures, count, results);
		break;
	case 1:
		r = coro_gather_all(futures, count, one_in(2) ? results : NULL);
		break;
	case 2:
		r = coro_wait(futures, count, any(3), one_in(2) ? CORO_FOREVER : any(6));
		break;
	case 3:
		it = coro_as_completed(futures, count, one_in(2) ? CORO_FOREVER : any(6));
		coro_defer(closes_iterator, it);
		for (int i = 0; i < 4 && (r = coro_iter_next(it, NULL)) > 0; i++)
			act(deeper(place, true));
		coro_undefer(closes_iterator, it);
		coro_iter_close(it);
		break;
	}
	return r == -ECANCELED ? r : 0;
}

static void ends_group(void *group)
{
	coro_group_end(group, 0);
}

static int in_group(struct place place)
{
	struct coro_group *group;
	if (coro_group_create(&group) < 0)
		return 0;
	int r = 0;
	coro_defer(ends_group, group);
	for (unsigned i = any(4); i > 0 && r == 0; i--) {
		struct coro_future *task;
		r = coro_group_spawn(group, task_body, NULL, &task);
		if (r == 0)
			keep(task);
	}
	r = act(deeper(place, true));
	coro_undefer(ends_group, group);
	return coro_group_end(group, r);
}

static void counts_down(void *group)
{
	ck_assert_int_eq(coro_waitgroup_done(group), 0);
}

static int counted_body(void *group)
{
	if (coro_defer(counts_down, group) < 0)
		counts_down(group);
	return act((struct place){.depth = 1});
}

/* The others signal their end by an object on this task's stack. */
static int awaits_all(struct place place)
{
	struct coro_waitgroup group;
	if (!coro_current_task() || place.bound)
		return 0;
	coro_waitgroup_init(&group);
	for (unsigned i = any(4); i > 0; i--) {
		coro_waitgroup_add(&group, 1);
		if (coro_spawn(counted_body, &group, NULL) < 0)
			coro_waitgroup_done(&group);
	}
	int r = 0;
	while (coro_waitgroup_count(&group) > 0)
		if (coro_waitgroup_wait(&group) < 0)
			r = -ECANCELED;
	return r;
}

static int under_timeout(struct place place)
{
	struct coro_timeout timeout;
	if (coro_timeout_begin(&timeout, any(8)) < 0)
		return 0;
	int r = act(deeper(place, true));
	if (one_in(3))
		coro_timeout_reschedule(&timeout, coro_loop_time(coro_running_loop()) + any(3));
	if (r == 0)
		r = coro_sleep(any(10));
	return coro_timeout_end(&timeout, r);
}

/* ---- generators ---- */

static int yields(struct place place)
{
	if (place.bound)
		return 0;
	return coro_yield(&world, NULL) == CORO_EXIT ? CORO_EXIT : 0;
}

static int generator_body(void *arg)
{
	int r = 0;
	for (unsigned i = any(4) + 1; i > 0 && r >= 0; i--) {
		r = act((struct place){0});
		if (r >= 0)
			r = coro_yield(&world, NULL);
	}
	if (one_in(8))
		return coro_raise(-EIO, "of a generator");
	return r;
}

static int makes_generator(struct place place)
{
	struct coro **slot = &world.generators[any(SLOTS)];
	struct coro_options options = {.flags = one_in(2) ? CORO_SAVE_EXCEPTIONS : 0};
	if (!*slot)
		coro_create_with(&options, generator_body, NULL, slot);
	return 0;
}

static int drives(struct place place)
{
	struct coro *generator = world.generators[any(SLOTS)];
	int r = 0;
	switch (any(4)) {
	case 0:
	case 1:
		r = coro_next(generator, NULL);
		break;
	case 2:
		r = coro_throw(generator, one_in(2) ? -EIO : -ECANCELED, NULL);
		break;
	case 3:
		r = coro_close(generator);
		break;
	}
	return r == -ECANCELED ? r : 0;
}

static int destroys(struct place place)
{
	struct coro **slot = &world.generators[any(SLOTS)], *generator = *slot;
	int r = coro_destroy(generator);
	if (r != -EBUSY && r != -EPERM && r != -EPROTO)
		*slot = NULL;
	return 0;
}

static int delegates(struct place place)
{
	if (place.bound)
		return 0;
	int r = coro_yield_from(world.generators[any(SLOTS)], NULL);
	return r == CORO_EXIT || r == -ECANCELED ? r : 0;
}

static int shuts_down(struct place place)
{
	int r = one_in(4) ? coro_loop_shutdown_asyncgens(world.loop) : 0;
	return r == -ECANCELED ? r : 0;
}

/* ---- channels ---- */

static struct coro_channel *any_channel(void)
{
	struct coro_channel **slot = &world.channels[any(SLOTS)];
	if (!*slot)
		coro_channel_create(sizeof(int), any(3), slot);
	return *slot;
}

static int sends(struct place place)
{
	int item = 42;
	struct coro_channel *channel = any_channel();
	int r = one_in(3) ? coro_channel_try_send(channel, &item)
			  : coro_channel_send(channel, &item);
	world.sent += r == 0;
	return r == -ECANCELED ? r : 0;
}

static int receives(struct place place)
{
	int item = 0;
	struct coro_channel *channel = any_channel();
	int r = one_in(3) ? coro_channel_try_receive(channel, &item)
			  : coro_channel_receive(channel, &item);
	ck_assert(r < 0 || item == 42);
	world.received += r == 0;
	return r == -ECANCELED ? r : 0;
}

static int closes(struct place place)
{
	struct coro_channel **slot = &world.channels[any(SLOTS)];
	if (one_in(3))
		coro_channel_close(*slot);
	long left = (long)coro_channel_length(*slot);
	if (one_in(2) && coro_channel_destroy(*slot) == 0) {
		world.received += left;
		*slot = NULL;
	}
	return 0;
}

static int selects(struct place place)
{
	struct coro_select_case cases[4];
	int items[4], out = 42, r = 0;
	unsigned count = any(5);
	for (unsigned i = 0; i < count; i++) {
		bool receives = one_in(2);
		cases[i] = (struct coro_select_case){
			.channel = one_in(6) ? NULL : any_channel(),
			.direction = receives ? CORO_RECEIVE : CORO_SEND,
			.item = receives ? &items[i] : &out,
		};
	}
	/* The same cases again, whatever happened to them. */
	for (int i = 0; i < 2 && r != -ECANCELED; i++) {
		r = coro_select(cases, count, one_in(3) ? 0 : any(6));
		if (r >= 0 && cases[r].result == 0) {
			ck_assert_int_lt(r, (int)count);
			ck_assert(cases[r].direction == CORO_SEND || items[r] == 42);
			world.sent += cases[r].direction == CORO_SEND;
			world.received += cases[r].direction == CORO_RECEIVE;
			break;
		}
		for (unsigned each = 0; each < count; each++)
			cases[each].channel = any_channel(); /* the old ones may be gone */
	}
	return r == -ECANCELED ? r : 0;
}

/* ---- locks ---- */

static int locks(struct place place)
{
	int r = one_in(4) ? coro_lock_try_acquire(&world.lock) : coro_lock_acquire(&world.lock);
	if (r < 0)
		return r == -ECANCELED ? r : 0;
	ck_assert_int_eq(world.lockers++, 0);
	r = act(deeper(place, true));
	world.lockers--;
	coro_lock_release(&world.lock);
	return r;
}

static int reads(struct place place)
{
	int r = one_in(4) ? coro_rwlock_try_read_acquire(&world.rwlock)
			  : coro_rwlock_read_acquire(&world.rwlock);
	if (r < 0)
		return r == -ECANCELED ? r : 0;
	ck_assert_int_eq(world.writers, 0);
	world.readers++;
	r = act(deeper(place, true));
	world.readers--;
	coro_rwlock_release(&world.rwlock);
	return r;
}

static int writes(struct place place)
{
	int r = one_in(4) ? coro_rwlock_try_write_acquire(&world.rwlock)
			  : coro_rwlock_write_acquire(&world.rwlock);
	if (r < 0)
		return r == -ECANCELED ? r : 0;
	ck_assert_int_eq(world.writers++, 0);
	ck_assert_int_eq(world.readers, 0);
	r = act(deeper(place, true));
	world.writers--;
	if (one_in(3)) {
		world.readers++;
		coro_rwlock_downgrade(&world.rwlock);
		act(deeper(place, true));
		world.readers--;
	}
	coro_rwlock_release(&world.rwlock);
	return r;
}

static int signals(struct place place)
{
	int r = 0;
	switch (any(8)) {
	case 0:
		r = coro_event_wait(&world.event);
		break;
	case 1:
		coro_event_set(&world.event);
		coro_event_clear(&world.event);
		break;
	case 2:
		r = coro_semaphore_acquire(&world.semaphore);
		break;
	case 3:
		coro_semaphore_release(&world.semaphore);
		break;
	case 4:
		coro_waitgroup_add(&world.group, one_in(2) ? 1 : -1);
		break;
	case 5:
		r = coro_waitgroup_wait(&world.group);
		break;
	case 6:
		r = coro_barrier_wait(&world.barrier, NULL);
		break;
	case 7:
		if (coro_condition_acquire(&world.condition) < 0)
			break;
		if (one_in(2))
			coro_condition_notify(&world.condition, any(3));
		else
			r = coro_condition_wait(&world.condition);
		coro_condition_release(&world.condition);
		break;
	}
	return r == -ECANCELED ? r : 0;
}

/* ---- the rest ---- */

static int sleeps(struct place place)
{
	int r = one_in(2) ? coro_task_yield() : coro_sleep(any(5));
	return r == -ECANCELED ? r : 0;
}

static int defers(struct place place)
{
	if (one_in(4))
		coro_undefer(deferred, NULL);
	else
		coro_defer(deferred, NULL);
	return 0;
}

static int calls(struct place place)
{
	struct coro_handle **slot = &world.handles[any(SLOTS)];
	if (*slot) {
		coro_handle_cancel(*slot);
		coro_handle_unref(*slot);
		*slot = NULL;
	}
	if (one_in(2))
		coro_call_soon(world.loop, callback, NULL, slot);
	else
		coro_call_later(world.loop, any(4), callback, NULL, slot);
	return 0;
}

static int called_with_set(void *arg)
{
	return act(*(struct place *)arg);
}

static int sets_locals(struct place place)
{
	struct coro_local *local = &locals[any(3)];
	struct coro_local_token token;
	if (one_in(2)) {
		struct coro_locals **slot = &world.sets[any(SLOTS)];
		if (!*slot)
			coro_locals_copy(slot);
		else if (coro_locals_destroy(*slot) == 0)
			*slot = NULL;
		struct place in = deeper(place, true);
		return *slot ? coro_locals_run(*slot, called_with_set, &in) : 0;
	}
	if (coro_local_set(local, &world, &token) < 0)
		return 0;
	int r = act(deeper(place, true));
	coro_local_reset(local, &token);
	return r;
}

static int meddles(struct place place)
{
	switch (any(7)) {
	case 0:
		coro_loop_stop(world.loop);
		break;
	case 1:
		if (!coro_loop_debug(world.loop)) /* which would speak, without one */
			coro_loop_set_exception_handler(world.loop, one_in(4) ? NULL : handler,
							NULL);
		break;
	case 2:
		coro_task_uncancel(coro_current_task());
		break;
	case 3:
		keep(NULL);
		break;
	case 4:
		if (!coro_running_loop())
			coro_run_with(&(struct coro_loop_options){.flags = CORO_VIRTUAL_CLOCK},
				      nested_body, NULL);
		break;
	case 5:
		coro_pool_limit(any(5));
		break;
	case 6:
		coro_pool_trim();
		break;
	}
	return 0;
}

static int fails(struct place place)
{
	return one_in(6) ? coro_raise(-EIO, "failed at %d", place.depth) : 0;
}

static int act(struct place place)
{
	static int (*const actions[])(struct place place) = {
		spawns,     spawns, makes_future, sets_future, has_callback, cancels,
		cancels,    awaits, awaits,       awaits_many, in_group,     under_timeout,
		awaits_all, yields, drives,       drives,      destroys,     delegates,
		shuts_down, sends,  receives,     closes,      selects,      selects,
		locks,      reads,  writes,       signals,     sleeps,       sleeps,
		defers,     calls,  meddles,      sets_locals, fails,        makes_generator,
	};
	int r = 0;
	if (place.depth >= DEPTH)
		return 0;
	for (unsigned i = any(LONGEST) + 1; i > 0 && r >= 0 && world.budget > 0; i--) {
		world.budget--;
		r = actions[any(sizeof(actions) / sizeof(actions[0]))](place);
	}
	return r;
}

/* ---- a world ---- */

static int closes_the_world(void *arg)
{
	ck_assert_int_eq(coro_loop_close(world.loop), 0);
	return coro_task_yield();
}

static void begin(uint64_t seed)
{
	memset(&world, 0, sizeof(world));
	world.random = random_state(seed);
	world.budget = BUDGET;
	coro_lock_init(&world.lock);
	coro_rwlock_init(&world.rwlock);
	coro_semaphore_init(&world.semaphore, 1);
	coro_event_init(&world.event);
	coro_condition_init(&world.condition, NULL);
	coro_waitgroup_init(&world.group);
	coro_barrier_init(&world.barrier, 2);
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK | (one_in(4) ? CORO_EAGER_TASKS : 0) |
			 (one_in(4) ? CORO_DEBUG : 0),
		.seed = one_in(3) ? seed : 0,
	};
	ck_assert_int_eq(coro_loop_create(&options, &world.loop), 0);
	coro_loop_set_exception_handler(world.loop, handler, NULL);
	coro_loop_set_slow_callback_duration(world.loop, CORO_FOREVER);
}

/* When no task is ready, every item sent was received, or is in a channel. */
static void check_items(void)
{
	long left = 0;
	for (int i = 0; i < SLOTS; i++)
		left += (long)coro_channel_length(world.channels[i]);
	ck_assert_int_eq(world.sent, world.received + left);
}

static void end(void)
{
	if (one_in(3))
		ck_assert_int_eq(coro_run(closes_the_world, NULL), 0);
	else
		ck_assert_int_eq(coro_loop_close(world.loop), 0);
	world.budget = 0;
	if (coro_lock_locked(&world.lock)) /* it outlives its holder, and has a note of that */
		ck_assert_int_eq(coro_lock_release(&world.lock), 0);
	while (coro_rwlock_locked(&world.rwlock)) /* the same */
		ck_assert_int_eq(coro_rwlock_release(&world.rwlock), 0);
	for (int again = 0; again < 2; again++) { /* one may hold on to another at first */
		for (int i = 0; i < SLOTS; i++) {
			while (coro_destroy(world.generators[i]) == -EPROTO)
				;
			world.generators[i] = NULL;
		}
	}
	for (int i = 0; i < SLOTS; i++) {
		coro_future_unref(world.futures[i]);
		coro_handle_unref(world.handles[i]);
		ck_assert_int_eq(coro_channel_destroy(world.channels[i]), 0);
		ck_assert_int_eq(coro_locals_destroy(world.sets[i]), 0);
	}
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
}

static void live(uint64_t seed)
{
	begin(seed);
	for (int i = 0; i < 4; i++)
		spawns((struct place){0});
	bool stopped = false;
	for (unsigned i = 0; i < 20 && !stopped; i++) {
		if (one_in(6))
			coro_loop_stop(world.loop);
		int r = coro_run_forever(world.loop);
		ck_assert(r == 0 || r == -EDEADLK);
		if (r < 0)
			check_items();
		stopped = r < 0 && one_in(4);
		callback(NULL);
		for (int more = 0; more < 3; more++)
			spawns((struct place){0});
	}
	end();
}

static uint64_t first, last;

static void *live_all(void *arg)
{
	for (uint64_t seed = first; seed <= last; seed++) {
		if (getenv("MIXED_SAY"))
			fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
		live(seed);
	}
	return NULL;
}

START_TEST(whatever_happens_all_is_in_order_and_nothing_is_left)
{
	const char *seed = getenv("MIXED_SEED"), *upto = getenv("MIXED_LAST");
	first = seed ? strtoull(seed, NULL, 0) : 1;
	last = upto ? strtoull(upto, NULL, 0) : seed ? first : (uint64_t)many(3000, 200);
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
	in_thread(live_all, NULL);
	size_t before = allocated();
	in_thread(live_all, NULL);
	ck_assert_uint_eq(allocated(), before);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, whatever_happens_all_is_in_order_and_nothing_is_left);
}

TEST_MAIN("mixed", add)
