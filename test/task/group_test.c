/* SPDX-License-Identifier: MIT */
/* Groups: all tasks end before the group does; a failure ends the others, and the body too. */
#include "task/owner.h"

/* ---- members ---- */

static int result_of_group(const struct owner *this)
{
	return result_of(owner, (void *)this);
}

/* ---- all goes well ---- */

START_TEST(end_waits_for_all_and_gives_the_bodys_status)
{
	ck_assert_int_eq(result_of_group(&(struct owner){
				 .members = MEMBERS({"a", 3}, {"b", 1, 7}, {"c", 0}),
				 .sleeps = 2,
				 .status = 5,
			 }),
			 5);
	ck_assert_trace("c b body a end");
	assert_time(3);
	ck_assert_uint_eq(error_count, 0);
}
END_TEST

START_TEST(end_need_not_wait_if_all_have_ended)
{
	ck_assert_int_eq(
		result_of_group(&(struct owner){.members = MEMBERS({"a", 1}), .sleeps = 5}), 0);
	ck_assert_trace("a body end");
	assert_time(5);
}
END_TEST

START_TEST(group_without_tasks_is_no_wait)
{
	static const int results[] = {0, 5, -EIO, CORO_USER_ERROR, -ECANCELED};
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		struct owner empty = {.sleeps = -1, .status = results[i]};
		struct coro_future *task = spawn_owner(&empty);
		coro_future_unref(spawn(says, "other"));
		run();
		ck_assert_trace("body end other");
		assert_ended(task, results[i]);
	}
}
END_TEST

static int keeps_its_members(void *arg)
{
	struct coro_future *tasks[3];
	struct member members[] = {{"a", 1, 4}, {"b", 2, 5}, {"c", 3, 6}};
	ck_assert_int_eq(coro_group_create(&group), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_group_spawn(group, member, &members[i], &tasks[i]), 0);
	ck_assert_int_eq(coro_await(tasks[1], NULL), 5);
	ck_assert_int_eq(coro_group_end(group, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_ended(tasks[i], 4 + i);
	return 0;
}

START_TEST(tasks_of_a_group_can_be_held_and_awaited)
{
	ck_assert_int_eq(result_of(keeps_its_members, NULL), 0);
}
END_TEST

static int asks_where(void *site)
{
	return strcmp(coro_task_site(coro_current_task()), site);
}

static int spawns_from_here(void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, asks_where, CORO_HERE, &task), 0);
	ck_assert_int_eq(coro_group_end(group, 0), 0);
	assert_ended(task, 0);
	return 0;
}

START_TEST(task_of_a_group_knows_where_it_was_spawned)
{
	ck_assert_int_eq(result_of(spawns_from_here, NULL), 0);
}
END_TEST

static int generations;

static int spawns_the_next(void *arg)
{
	if (--generations == 0)
		return 0;
	ck_assert_int_eq(coro_group_spawn(group, spawns_the_next, NULL, NULL), 0);
	return generations % 3 ? 0 : coro_task_yield();
}

static int founds(void *arg)
{
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, spawns_the_next, NULL, NULL), 0);
	return coro_group_end(group, 0);
}

START_TEST(members_may_spawn_others_while_the_end_waits)
{
	generations = 1000;
	ck_assert_int_eq(result_of(founds, NULL), 0);
	ck_assert_int_eq(generations, 0);
}
END_TEST

static int counted;

static int counts(void *arg)
{
	counted++;
	return coro_sleep(counted % 10);
}

static int spawns_many(void *arg)
{
	ck_assert_int_eq(coro_group_create(&group), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(coro_group_spawn(group, counts, NULL, NULL), 0);
	return coro_group_end(group, 0);
}

START_TEST(group_may_be_large)
{
	ck_assert_int_eq(result_of(spawns_many, NULL), 0);
	ck_assert_int_eq(counted, 1000);
	assert_time(9);
}
END_TEST

/* ---- a task fails ---- */

START_TEST(first_failure_cancels_the_others_and_the_body)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9}, {"b", 2, -EIO}, {"c", 1}, {"d", 9, .cleanup = 3}),
		.sleeps = 50,
	});
	run();
	ck_assert_trace("c b a! body! d! end");
	assert_time(5);
	ck_assert_uint_eq(error_count, 1);
	ck_assert_int_eq(errors[0], -EIO);
	assert_owner(task, -EIO, "b failed", 0);
}
END_TEST

START_TEST(failure_while_the_end_waits_cancels_the_others)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9}, {"b", 2, -EIO}),
		.sleeps = -1,
		.status = 5,
	});
	run();
	ck_assert_trace("body b a! end");
	assert_time(2);
	assert_owner(task, -EIO, "b failed", 0);
}
END_TEST

START_TEST(failure_of_the_last_task_is_not_missed)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 2, -EIO}),
		.sleeps = -1,
	});
	run();
	ck_assert_trace("body a end");
	assert_owner(task, -EIO, "a failed", 0);
}
END_TEST

START_TEST(failure_before_the_body_first_waits_is_not_missed)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 0, -EIO}, {"b", 5}),
		.sleeps = 0,
	});
	run();
	ck_assert_trace("body a b! end");
	assert_owner(task, -EIO, "a failed", 0);
}
END_TEST

START_TEST(body_may_make_light_of_its_cancellation)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 1, -EIO}, {"b", 9}),
		.sleeps = 50,
		.cleanup = 3,
		.swallows = true,
		.status = 7,
	});
	run();
	ck_assert_trace("a b! body! end");
	assert_time(4);
	assert_owner(task, -EIO, "a failed", 0);
}
END_TEST

START_TEST(failures_are_listed_in_the_order_they_came)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9, .status_of_cleanup = -ENOENT}, {"b", 2, -EIO},
				   {"c", 9, .status_of_cleanup = CORO_USER_ERROR, .cleanup = 2},
				   {"d", 9}, {"e", 2, -EPROTO}),
		.sleeps = 50,
		.cleanup = 10,
	});
	run();
	ck_assert_trace("b e a! d! body! c! end");
	ck_assert_uint_eq(error_count, 4);
	ck_assert_int_eq(errors[0], -EIO);
	ck_assert_int_eq(errors[1], -EPROTO);
	ck_assert_int_eq(errors[2], -ENOENT);
	ck_assert_int_eq(errors[3], CORO_USER_ERROR);
	assert_owner(task, -EIO, "b failed", 0);
}
END_TEST

static int lists_some(void *arg)
{
	int some[] = {1, 1, 1};
	struct member members[] = {{"a", 0, -EIO}, {"b", 0, -EPROTO}, {"c", 0, -ENOENT}};
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_uint_eq(coro_group_errors(group, some, 3), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_group_spawn(group, member, &members[i], NULL), 0);
	ck_assert_uint_eq(coro_group_errors(group, some, 3), 0);
	ck_assert_int_eq(coro_sleep(1), -ECANCELED);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_uint_eq(coro_group_errors(group, NULL, 0), 3);
	ck_assert_uint_eq(coro_group_errors(group, NULL, 3), 3);
	ck_assert_uint_eq(coro_group_errors(group, some, 0), 3);
	ck_assert_int_eq(some[0], 1);
	ck_assert_uint_eq(coro_group_errors(group, some, 2), 3);
	ck_assert_int_eq(some[0], -EIO);
	ck_assert_int_eq(some[1], -EPROTO);
	ck_assert_int_eq(some[2], 1);
	return coro_group_end(group, 0);
}

START_TEST(as_many_failures_are_listed_as_there_is_room_for)
{
	ck_assert_int_eq(result_of(lists_some, NULL), -EIO);
	ck_assert_uint_eq(coro_group_errors(NULL, errors, 8), 0);
}
END_TEST

START_TEST(cancelled_task_is_no_failure)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 1, -ECANCELED}, {"b", 2}),
		.sleeps = -1,
		.status = 3,
	});
	run();
	ck_assert_trace("body a b end");
	assert_ended(task, 3);
}
END_TEST

static int cancels_a_member(void *arg)
{
	struct coro_future *task;
	struct member a = {"a", 5};
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, member, &a, &task), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	cancel(task);
	int r = coro_group_end(group, 0);
	assert_ended(task, -ECANCELED);
	return r;
}

START_TEST(task_that_others_cancel_is_no_failure)
{
	ck_assert_int_eq(result_of(cancels_a_member, NULL), 0);
	ck_assert_trace("a!");
}
END_TEST

/* ---- the body fails ---- */

START_TEST(failure_of_the_body_cancels_the_tasks_and_is_returned)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9}, {"b", 9, .cleanup = 3}, {"c", 1}),
		.sleeps = 2,
		.status = -EPROTO,
	});
	run();
	ck_assert_trace("c body a! b! end");
	assert_time(5);
	assert_owner(task, -EPROTO, "the body failed", 0);
}
END_TEST

START_TEST(failure_of_a_task_comes_before_that_of_the_body)
{
	/* A failure before it, and one in the cleanup that it caused. */
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 1, -EIO}),
		.sleeps = 2,
		.status = -EPROTO,
	});
	run();
	ck_assert_trace("a body! end");
	assert_owner(task, -EIO, "a failed", 0);

	task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9, .status_of_cleanup = -ENOENT}),
		.sleeps = 2,
		.status = -EPROTO,
	});
	run();
	ck_assert_trace("body a! end");
	assert_owner(task, -ENOENT, coro_strerror(-ENOENT), 0);
}
END_TEST

START_TEST(body_that_returns_cancelled_cancels_the_tasks)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9}),
		.sleeps = 2,
		.status = -ECANCELED,
	});
	run();
	ck_assert_trace("body a! end");
	assert_ended(task, -ECANCELED);
	assert_time(2);
}
END_TEST

/* ---- joined, and asked afterwards ---- */

/* Joins instead of ending; what failed, also meanwhile, is listed before the group goes. */
static int joins(void *arg)
{
	const struct owner *this = arg;
	ck_assert_int_eq(coro_group_create(&group), 0);
	for (const struct member *m = this->members; m->name; m++)
		ck_assert_int_eq(coro_group_spawn(group, member, (void *)m, NULL), 0);
	int r = coro_sleep(this->sleeps);
	if (this->status)
		r = coro_raise(this->status, "the body failed");
	r = coro_group_join(group, r);
	trace("joined");
	ck_assert_int_eq(coro_group_join(group, 0), -EALREADY);
	ck_assert_int_eq(coro_group_spawn(group, member, NULL, NULL), -ESHUTDOWN);
	error_count = coro_group_errors(group, errors, 8);
	ck_assert_int_eq(coro_group_destroy(group), 0);
	group = NULL;
	return r;
}

START_TEST(failures_while_the_join_waits_are_listed_too)
{
	struct owner this = {
		.members =
			MEMBERS({"a", 3, -EIO}, {"b", 9, .status_of_cleanup = -ENOENT}, {"c", 9}),
		.sleeps = 1,
	};
	ck_assert_int_eq(result_of(joins, &this), -EIO);
	ck_assert_trace("a b! c! joined");
	ck_assert_uint_eq(error_count, 2);
	ck_assert_int_eq(errors[0], -EIO);
	ck_assert_int_eq(errors[1], -ENOENT);
}
END_TEST

START_TEST(failure_of_the_body_is_listed_last)
{
	struct owner this = {
		.members = MEMBERS({"a", 9, .status_of_cleanup = -ENOENT}),
		.sleeps = 1,
		.status = -EPROTO,
	};
	struct coro_future *task = spawn(joins, &this);
	run();
	ck_assert_uint_eq(error_count, 2);
	ck_assert_int_eq(errors[0], -ENOENT);
	ck_assert_int_eq(errors[1], -EPROTO);
	assert_ended(task, -ENOENT);

	struct owner alone = {.members = MEMBERS({"a", 9}), .sleeps = 1, .status = -EPROTO};
	task = spawn(joins, &alone);
	run();
	ck_assert_uint_eq(error_count, 1);
	ck_assert_int_eq(errors[0], -EPROTO);
	ck_assert_str_eq(coro_future_message(task), "the body failed");
	assert_ended(task, -EPROTO);
}
END_TEST

START_TEST(cancellation_of_the_body_is_not_listed)
{
	struct owner this = {.members = MEMBERS({"a", 9}), .sleeps = 5};
	struct coro_future *task = start(joins, &this);
	cancel(task);
	run();
	ck_assert_uint_eq(error_count, 0);
	assert_ended(task, -ECANCELED);
}
END_TEST

static int destroys_for_others(void *expected)
{
	ck_assert_int_eq(coro_group_destroy(group), -EPERM);
	return 0;
}

static int destroys_too_early(void *arg)
{
	struct member a = {"a", 1};
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_destroy(group), -EBUSY);
	ck_assert_int_eq(coro_group_spawn(group, member, &a, NULL), 0);
	ck_assert_int_eq(coro_group_destroy(group), -EBUSY);
	ck_assert_int_eq(coro_group_join(group, 0), 0);
	coro_future_unref(spawn(destroys_for_others, NULL));
	ck_assert_int_eq(coro_sleep(1), 0);
	return coro_group_destroy(group);
}

START_TEST(only_its_owner_destroys_a_group_and_not_before_the_join)
{
	ck_assert_int_eq(coro_group_destroy(NULL), 0);
	ck_assert_int_eq(result_of(destroys_too_early, NULL), 0);
}
END_TEST

/* ---- spawning too late ---- */

static int spawns_in_vain(void *arg)
{
	struct coro_future *none = NULL;
	if (coro_sleep(9) == -ECANCELED)
		ck_assert_int_eq(coro_group_spawn(group, counts, NULL, &none), -ESHUTDOWN);
	ck_assert_ptr_null(none);
	trace("refused");
	return 0;
}

static int spawns_after_a_failure(void *arg)
{
	struct coro_future *none = NULL;
	struct member a = {"a", 1, -EIO};
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, spawns_in_vain, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_spawn(group, member, &a, NULL), 0);
	ck_assert_int_eq(coro_sleep(50), -ECANCELED);
	ck_assert_int_eq(coro_group_spawn(group, counts, NULL, &none), -ESHUTDOWN);
	ck_assert_ptr_null(none);
	return coro_group_end(group, 0);
}

START_TEST(nothing_is_spawned_once_the_tasks_are_cancelled)
{
	ck_assert_int_eq(result_of(spawns_after_a_failure, NULL), -EIO);
	run();
	ck_assert_trace("a refused");
	ck_assert_int_eq(counted, 0);
}
END_TEST

static void spawn_too_late(void *arg)
{
	ck_assert_int_eq(coro_group_spawn(group, counts, NULL, NULL), -ESHUTDOWN);
	trace("refused");
}

static int spawns_as_the_last_has_ended(void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, gives_way, NULL, &task), 0);
	/* Called after the group was told. */
	ck_assert_int_eq(coro_future_add_done_callback(task, spawn_too_late, NULL), 0);
	int r = coro_group_end(group, 0);
	trace("end");
	coro_future_unref(task);
	return r;
}

START_TEST(nothing_is_spawned_once_the_group_has_ended)
{
	ck_assert_int_eq(result_of(spawns_as_the_last_has_ended, NULL), 0);
	run();
	ck_assert_trace("refused end");
	ck_assert_int_eq(counted, 0);
}
END_TEST

static void spawn_from_a_callback(void *arg)
{
	ck_assert_int_eq(coro_group_spawn(group, member, arg, NULL), 0);
}

START_TEST(callback_may_spawn)
{
	struct owner this = {.members = MEMBERS({"a", 5}), .sleeps = -1};
	struct coro_future *task = spawn_owner(&this);
	at(3, spawn_from_a_callback, &(struct member){"late", 4});
	run();
	ck_assert_trace("body a late end");
	assert_time(7);
	assert_ended(task, 0);
}
END_TEST

/* ---- misuse ---- */

static void creates_outside_tasks(void *arg)
{
	struct coro_group *none = NULL;
	ck_assert_int_eq(coro_group_create(&none), -EPERM);
	ck_assert_ptr_null(none);
	if (group)
		ck_assert_int_eq(coro_group_end(group, 0), -EPERM);
}

static int ends_for_others(void *arg)
{
	ck_assert_int_eq(coro_group_join(group, 0), -EPERM);
	return coro_group_end(group, 0);
}

START_TEST(group_belongs_to_the_task_that_made_it)
{
	creates_outside_tasks(NULL);
	struct owner this = {.members = MEMBERS({"a", 5}), .sleeps = 3, .status = 6};
	struct coro_future *task = spawn_owner(&this);
	turn();
	call_outside_tasks(creates_outside_tasks, NULL);
	creates_outside_tasks(NULL);
	ck_assert_int_eq(coro_group_spawn(group, counts, NULL, NULL), -EPERM); /* no loop runs */
	ck_assert_int_eq(result_of(ends_for_others, NULL), -EPERM);
	run();
	ck_assert_trace("body a end");
	assert_ended(task, 6);
	ck_assert_int_eq(counted, 0);
}
END_TEST

static int asks_for_nothing(void *arg)
{
	struct coro_future *none = NULL;
	ck_assert_int_eq(coro_group_create(NULL), -EINVAL);
	ck_assert_int_eq(coro_group_spawn(NULL, counts, NULL, &none), -EINVAL);
	ck_assert_int_eq(coro_group_end(NULL, 0), -EINVAL);
	ck_assert_int_eq(coro_group_join(NULL, 0), -EINVAL);
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, NULL, NULL, &none), -EINVAL);
	ck_assert_ptr_null(none);
	return coro_group_end(group, 0);
}

START_TEST(nothing_at_all_is_refused)
{
	ck_assert_int_eq(result_of(asks_for_nothing, NULL), 0);
}
END_TEST

START_TEST(loop_can_be_closed_while_a_group_is_open)
{
	/* While its body waits, while its end does, and as that is woken. */
	for (int stage = 0; stage < 3; stage++) {
		struct coro_loop *plain = loop;
		loop_setup();
		struct owner this = {.members = MEMBERS({"a", 50}, {"b", 0, stage == 2 ? -EIO : 0}),
				     .sleeps = stage ? -1 : 50};
		struct coro_future *task = spawn_owner(&this);
		for (int i = 0; i < 3 + (stage == 2); i++)
			turn();
		ck_assert(!coro_future_done(task));
		loop_teardown();
		coro_future_unref(task);
		loop = plain;
	}
}
END_TEST

/* ---- memory ---- */

static int serves_for_long(void *arg)
{
	size_t before = 0;
	int requests = many(10000, 2000);
	ck_assert_int_eq(coro_group_create(&group), 0);
	for (int i = 0; i < requests; i++) {
		if (i == 100)
			before = allocated();
		ck_assert_int_eq(coro_group_spawn(group, gives_way, NULL, NULL), 0);
		ck_assert_int_eq(coro_sleep(1), 0);
	}
	size_t after = allocated();
	ck_assert_uint_le(after, before + 1024);
	return coro_group_end(group, 0);
}

START_TEST(tasks_that_have_ended_take_no_memory)
{
	ck_assert_int_eq(result_of(serves_for_long, NULL), 0);
}
END_TEST

static int quick(void *status)
{
	return *(int *)status;
}

/* Uses all of it, and passes an -ENOMEM on. */
static int program(void *arg)
{
	struct coro_group *mine;
	static int good = 1, bad = -EIO;
	int r = coro_group_create(&mine);
	if (r < 0)
		return r;
	for (int i = 0; i < 40; i++) {
		r = coro_group_spawn(mine, quick, &good, NULL);
		if (r < 0)
			return coro_group_end(mine, r) == r ? r : -EPROTO;
		if (i % 10 == 9 && coro_sleep(1) < 0)
			break; /* one of them found no stack */
	}
	r = coro_group_end(mine, 0);
	if (r < 0)
		return r;

	r = coro_group_create(&mine);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 20; i++)
		r = coro_group_spawn(mine, quick, &bad, NULL);
	if (r < 0)
		return coro_group_end(mine, r) < 0 ? r : -EPROTO;
	coro_sleep(1);
	coro_sleep(1);
	if (coro_group_errors(mine, NULL, 0) != 20)
		return -EPROTO;
	r = coro_group_end(mine, 0);
	return r == -EIO ? 0 : r;
}

START_TEST(spawn_that_finds_no_memory_leaves_the_group_as_it_was)
{
	fail_each_allocation(program);
}
END_TEST

/* ---- options of a member ---- */

static int says_its_name(void *arg)
{
	(void)arg;
	trace("%s", coro_task_name(coro_current_task()));
	return 3;
}

static int owner_of_an_eager_member(void *arg)
{
	struct coro_options options = {.name = "quick", .flags = CORO_EAGER_START};
	struct coro_future *task;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn_with(group, &options, says_its_name, arg, &task), 0);
	trace("spawned");
	ck_assert_int_eq(coro_future_result(task, NULL), 3);
	coro_future_unref(task);
	options.flags = 1u << 31;
	ck_assert_int_eq(coro_group_spawn_with(group, &options, says_its_name, arg, NULL), -EINVAL);
	ck_assert_int_eq(coro_group_spawn_with(group, NULL, says_its_name, arg, NULL), 0);
	return coro_group_end(group, 0);
}

START_TEST(member_may_have_options)
{
	ck_assert_int_eq(result_of(owner_of_an_eager_member, NULL), 0);
	ck_assert_trace("quick spawned Task-3");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, end_waits_for_all_and_gives_the_bodys_status);
	tcase_add_test(tests, end_need_not_wait_if_all_have_ended);
	tcase_add_test(tests, group_without_tasks_is_no_wait);
	tcase_add_test(tests, tasks_of_a_group_can_be_held_and_awaited);
	tcase_add_test(tests, task_of_a_group_knows_where_it_was_spawned);
	tcase_add_test(tests, members_may_spawn_others_while_the_end_waits);
	tcase_add_test(tests, group_may_be_large);
	tcase_add_test(tests, member_may_have_options);
	tcase_add_test(tests, first_failure_cancels_the_others_and_the_body);
	tcase_add_test(tests, failure_while_the_end_waits_cancels_the_others);
	tcase_add_test(tests, failure_of_the_last_task_is_not_missed);
	tcase_add_test(tests, failure_before_the_body_first_waits_is_not_missed);
	tcase_add_test(tests, body_may_make_light_of_its_cancellation);
	tcase_add_test(tests, failures_are_listed_in_the_order_they_came);
	tcase_add_test(tests, as_many_failures_are_listed_as_there_is_room_for);
	tcase_add_test(tests, cancelled_task_is_no_failure);
	tcase_add_test(tests, task_that_others_cancel_is_no_failure);
	tcase_add_test(tests, failure_of_the_body_cancels_the_tasks_and_is_returned);
	tcase_add_test(tests, failure_of_a_task_comes_before_that_of_the_body);
	tcase_add_test(tests, body_that_returns_cancelled_cancels_the_tasks);
	tcase_add_test(tests, failures_while_the_join_waits_are_listed_too);
	tcase_add_test(tests, failure_of_the_body_is_listed_last);
	tcase_add_test(tests, cancellation_of_the_body_is_not_listed);
	tcase_add_test(tests, only_its_owner_destroys_a_group_and_not_before_the_join);
	tcase_add_test(tests, nothing_is_spawned_once_the_tasks_are_cancelled);
	tcase_add_test(tests, nothing_is_spawned_once_the_group_has_ended);
	tcase_add_test(tests, callback_may_spawn);
	tcase_add_test(tests, group_belongs_to_the_task_that_made_it);
	tcase_add_test(tests, nothing_at_all_is_refused);
	tcase_add_test(tests, loop_can_be_closed_while_a_group_is_open);
	tcase_add_test(tests, tasks_that_have_ended_take_no_memory);
	tcase_add_test(tests, spawn_that_finds_no_memory_leaves_the_group_as_it_was);
}

TEST_MAIN("group", add_tests)
