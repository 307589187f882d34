/* SPDX-License-Identifier: MIT */
/* Delegation: what is claimed here of chains of generators is what CPython does. */
#include "core/generators.h"

/* ---- delegation ---- */

START_TEST(delegating_yields_what_the_other_yields_and_gets_its_value)
{
	struct link link = {make(count, number(2)), 7};
	struct coro *g = make(delegate, &link);
	for (int i = 0; i < 6; i++)
		trace_next(g);
	ck_assert_trace("7000 1 2 7:got(100) 7 end(700) end(0)");
	ck_assert_int_eq(coro_state(link.inner), CORO_DONE);
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(link.inner), 0);
}
END_TEST

START_TEST(chain_yields_what_its_innermost_yields)
{
	struct link links[3] = {{make(count, number(2)), 1}, {NULL, 2}, {NULL, 3}};
	links[1].inner = make(delegate, &links[0]);
	links[2].inner = make(delegate, &links[1]);
	struct coro *g = make(delegate, &links[2]);
	for (int i = 0; i < 9; i++)
		trace_next(g);
	ck_assert_trace("3000 2000 1000 1 2 1:got(100) 1 2:got(100) 2 3:got(200) 3 end(300)");
	ck_assert_int_eq(coro_destroy(g), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_destroy(links[i].inner), 0);
}
END_TEST

START_TEST(values_sent_go_to_the_innermost)
{
	struct link links[2] = {{make(tenfold, NULL), 1}, {NULL, 2}};
	links[1].inner = make(delegate, &links[0]);
	struct coro *g = make(delegate, &links[1]);
	trace_next(g);
	trace_send(g, 3); /* to the outer one, which goes on to the next */
	trace_send(g, 4); /* to that one: its inner one starts with nothing */
	trace_send(g, 5);
	trace_send(g, 6);
	ck_assert_trace("2000 1000 0 50 60");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_trace("1:exit 2:exit");
	ck_assert_int_eq(coro_destroy(links[0].inner), 0);
	ck_assert_int_eq(coro_destroy(links[1].inner), 0);
}
END_TEST

START_TEST(errors_thrown_go_to_the_innermost)
{
	struct link links[2] = {{make(swallow, NULL), 1}, {NULL, 2}};
	links[1].inner = make(delegate, &links[0]);
	struct coro *g = make(delegate, &links[1]);
	for (int i = 0; i < 3; i++)
		trace_next(g);
	trace_throw(g, -EIO);
	trace_throw(g, -9);
	ck_assert_trace("2000 1000 0 5 9");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_trace("1:exit 2:exit");
	ck_assert_int_eq(coro_destroy(links[0].inner), 0);
	ck_assert_int_eq(coro_destroy(links[1].inner), 0);
}
END_TEST

START_TEST(error_that_the_inner_does_not_handle_is_the_outers)
{
	struct link links[2] = {{make(count, number(5)), 1}, {NULL, 2, .handles = true}};
	links[1].inner = make(delegate, &links[0]);
	struct coro *g = make(delegate, &links[1]);
	for (int i = 0; i < 3; i++)
		trace_next(g);
	trace_throw(g, -EIO);
	trace_next(g);
	ck_assert_trace("2000 1000 1 1:error 2:error 2 end(200)");
	ck_assert_int_eq(coro_status(links[0].inner), -EIO);
	ck_assert_int_eq(coro_status(links[1].inner), -EIO);
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(links[0].inner), 0);
	ck_assert_int_eq(coro_destroy(links[1].inner), 0);
}
END_TEST

START_TEST(inner_that_ends_well_at_an_error_gives_its_value)
{
	struct link link = {make(return_when_closed, NULL), 1};
	struct coro *g = make(delegate, &link);
	trace_next(g);
	trace_next(g);
	trace_throw(g, -EIO);
	ck_assert_trace("1000 1 1:got(0) 1");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(link.inner), 0);
}
END_TEST

START_TEST(failure_of_the_inner_reaches_the_outer_with_its_message)
{
	struct link links[2] = {{make(fail_after_one, NULL), 1}, {NULL, 2}};
	links[1].inner = make(delegate, &links[0]);
	struct coro *g = make(delegate, &links[1]);
	for (int i = 0; i < 5; i++)
		trace_next(g);
	ck_assert_trace("2000 1000 1 1:error 2:error error(5) end(0)");
	ck_assert_str_eq(coro_message(-EIO), "after 1");
	ck_assert_ptr_nonnull(coro_origin(-EIO));
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(links[0].inner), 0);
	ck_assert_int_eq(coro_destroy(links[1].inner), 0);
}
END_TEST

/* ---- closing a chain ---- */

static int trace_exit(void *arg)
{
	int r = coro_yield(number(1), NULL);
	trace("0:%s", r == CORO_EXIT ? "exit" : "other");
	return arg ? number_of(arg) : r;
}

START_TEST(close_goes_down_the_chain_innermost_first)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(trace_exit, NULL));
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("0:exit 1:exit 2:exit 3:exit");
	ck_assert_int_eq(coro_status(g), CORO_EXIT);
	destroy_chain(g, links);
}
END_TEST

START_TEST(outer_is_closed_though_the_inner_ended_well)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(trace_exit, number(6)));
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("0:exit 1:exit 2:exit 3:exit");
	ck_assert_int_eq(coro_status(links[0].inner), 6);
	destroy_chain(g, links);
}
END_TEST

START_TEST(exit_thrown_in_closes_as_close_does)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(trace_exit, number(6)));
	trace_throw(g, CORO_EXIT);
	ck_assert_trace("0:exit 1:exit 2:exit 3:exit EXIT");
	destroy_chain(g, links);
}
END_TEST

START_TEST(failure_in_closing_goes_up_as_that)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(trace_exit, number(-EIO)));
	ck_assert_int_eq(coro_close(g), -EIO);
	ck_assert_trace("0:exit 1:error 2:error 3:error");
	destroy_chain(g, links);
}
END_TEST

START_TEST(failure_in_closing_may_be_handled_but_not_by_a_yield)
{
	struct link links[3] = {[1] = {.handles = true}};
	struct coro *g = start_chain(links, make(trace_exit, number(-EIO)));
	ck_assert_int_eq(coro_close(g), -EPROTO);
	ck_assert_trace("0:exit 1:error 2:error");
	trace_next(g); /* it is no longer being closed */
	trace_next(g);
	ck_assert_trace("3:got(200) 3 end(300)");
	destroy_chain(g, links);
}
END_TEST

static int handle_any_error(void *arg)
{
	int r = coro_yield_from(arg, NULL);
	trace("handled(%d)", -r);
	return 0;
}

START_TEST(outer_is_closed_though_an_inner_handled_a_failure)
{
	struct coro *inner = make(trace_exit, number(-EIO));
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(handle_any_error, inner));
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("0:exit handled(5) 1:exit 2:exit 3:exit");
	destroy_chain(g, links);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

static int stay_once(void *arg)
{
	int r = coro_yield(number(1), NULL);
	if (r == CORO_EXIT)
		r = coro_yield(number(2), NULL);
	return r < 0 ? r : coro_return(number(4));
}

START_TEST(chain_whose_innermost_does_not_leave_lives_on)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(stay_once, NULL));
	ck_assert_int_eq(coro_close(g), -EPROTO);
	ck_assert_int_eq(coro_state(g), CORO_SUSPENDED);
	ck_assert_trace("");
	for (int i = 0; i < 4; i++)
		trace_next(g);
	ck_assert_trace("1:got(4) 1 2:got(100) 2 3:got(200) 3 end(300)");
	destroy_chain(g, links);

	g = start_chain(links, make(stay_once, NULL));
	ck_assert_int_eq(coro_destroy(g), -EPROTO);
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("1:exit 2:exit 3:exit");
	destroy_chain(g, links);
}
END_TEST

static int delegate_when_closed(void *arg)
{
	int r = coro_yield(number(1), NULL);
	trace("0:exit");
	int inner = coro_yield_from(arg, NULL); /* which ends without yielding */
	trace("0:after(%d)", inner);
	return r;
}

START_TEST(cleanup_may_delegate_to_one_that_does_not_yield)
{
	struct coro *cleaner = make(count, number(0));
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(delegate_when_closed, cleaner));
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("0:exit 0:after(0) 1:exit 2:exit 3:exit");
	destroy_chain(g, links);
	ck_assert_int_eq(coro_destroy(cleaner), 0);
}
END_TEST

/* ---- what can be delegated to ---- */

START_TEST(one_that_is_done_yields_nothing_and_has_no_value)
{
	struct link link = {make(count, number(1)), 1};
	struct coro *g = make(delegate, &link);
	trace_next(link.inner);
	trace_next(link.inner);
	trace_next(g);
	trace_next(g);
	ck_assert_trace("1 end(100) 1000 1:got(0) 1");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(link.inner), 0);
}
END_TEST

START_TEST(one_that_failed_before_yields_nothing_too)
{
	struct link link = {make(fail_after_one, NULL), 1};
	struct coro *g = make(delegate, &link);
	trace_next(link.inner);
	trace_next(link.inner);
	trace_next(g);
	trace_next(g);
	ck_assert_trace("1 error(5) 1000 1:got(0) 1");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(link.inner), 0);
}
END_TEST

START_TEST(one_that_was_begun_goes_on_where_it_stood)
{
	struct link link = {make(count, number(3)), 1};
	struct coro *g = make(delegate, &link);
	trace_next(link.inner);
	for (int i = 0; i < 4; i++)
		trace_next(g);
	ck_assert_trace("1 1000 2 3 1:got(100) 1");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(link.inner), 0);
}
END_TEST

static int receives(void *arg)
{
	int r = coro_yield(NULL, (void **)arg);
	trace("%d", r);
	return r < 0 ? r : coro_yield(NULL, NULL);
}

/* As if it were resumed with None. */
START_TEST(one_that_was_begun_receives_nothing_and_no_error)
{
	void *received = number(7);
	struct link link = {make(receives, &received), 1};
	struct coro *g = make(delegate, &link);
	ck_assert_int_eq(coro_next(link.inner, NULL), 1);
	ck_assert_ptr_eq(received, number(7));
	trace_next(g);
	ck_assert_int_eq(coro_next(g, NULL), 1);
	ck_assert_ptr_null(received);
	ck_assert_trace("1000 0");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(link.inner), 0);
}
END_TEST

START_TEST(one_that_delegates_already_brings_its_chain_along)
{
	struct link links[3] = {0}, top = {NULL, 9};
	top.inner = start_chain(links, make(count, number(2)));
	struct coro *g = make(delegate, &top);
	for (int i = 0; i < 3; i++)
		trace_next(g);
	ck_assert_trace("9000 2 1:got(100) 1");
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("2:exit 3:exit 9:exit");
	ck_assert_int_eq(coro_destroy(g), 0);
	destroy_chain(top.inner, links);
}
END_TEST

/* Delegates again to the one that was refused, and traces the result. */
static int try_to_delegate(void *arg)
{
	struct coro **to = arg;
	void *value = &value;
	int r = coro_yield_from(*to, &value);
	trace("%d%s", r, value == &value ? "" : " wrote");
	return coro_yield(number(5), NULL);
}

START_TEST(one_that_another_delegates_to_is_ebusy)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(count, number(3)));
	for (int i = 0; i < 3; i++) {
		struct coro *other = make(try_to_delegate, &links[i].inner);
		trace_next(other);
		ck_assert_trace("-16 5");
		ck_assert_int_eq(coro_destroy(other), 0);
	}
	trace_next(g);
	ck_assert_trace("2");
	destroy_chain(g, links);
}
END_TEST

START_TEST(oneself_is_ebusy)
{
	struct coro *g;
	g = make(try_to_delegate, &g);
	trace_next(g);
	ck_assert_trace("-16 5");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(ring_of_delegations_is_ebusy)
{
	struct link links[3] = {0};
	struct coro *g = NULL;
	g = start_chain(links, make(try_to_delegate, &g)); /* it runs before g is known */
	ck_assert_trace("-22");
	destroy_chain(g, links);

	struct coro *inner = make(try_to_delegate, &g);
	struct link link = {inner, 1};
	g = make(delegate, &link);
	trace_next(g);
	trace_next(g);
	trace_next(g);
	ck_assert_trace("1000 -16 5 1:got(0) 1");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

static int delegate_twice(void *arg)
{
	struct coro **both = arg;
	int r = coro_yield_from(both[0], NULL);
	return r < 0 ? r : coro_yield_from(both[1], NULL);
}

START_TEST(generator_delegates_to_one_after_another)
{
	struct coro *both[] = {make(count, number(2)), make(count, number(3))};
	struct coro *g = make(delegate_twice, both);
	for (int i = 0; i < 6; i++)
		trace_next(g);
	ck_assert_trace("1 2 1 2 3 end(0)");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(both[0]), 0);
	ck_assert_int_eq(coro_destroy(both[1]), 0);
}
END_TEST

/* Passes on a generator's items: a consumer that is itself a coroutine. */
static int consume(void *arg)
{
	void *item;
	int r;
	while ((r = coro_next(arg, &item)) > 0) {
		r = coro_yield(item, NULL);
		if (r < 0)
			return r;
	}
	return r;
}

START_TEST(consumers_may_take_turns)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(count, number(4)));
	struct coro *consumer = make(consume, g);
	trace_next(g);
	trace_next(consumer);
	trace_next(g);
	trace_next(consumer); /* the inner one ends: its delegator, too, yields to this consumer */
	trace_next(g);
	trace_next(consumer);
	ck_assert_trace("2 3 4 1:got(100) 1 2:got(100) 2 3:got(200) 3");
	trace_next(g);
	trace_next(consumer);
	ck_assert_trace("end(300) end(0)");
	ck_assert_int_eq(coro_destroy(consumer), 0);
	destroy_chain(g, links);
}
END_TEST

/* ---- driving an inner one by itself ---- */

START_TEST(inner_may_be_driven_by_itself_meanwhile)
{
	struct link links[3] = {0};
	struct coro *inner = make(count, number(8));
	struct coro *g = start_chain(links, inner);
	trace_next(g);
	trace_next(inner);
	trace_next(inner);
	trace_next(g);
	trace_next(inner);
	trace_next(g);
	trace_next(g);
	ck_assert_trace("2 3 4 5 6 7 8");
	trace_next(g);
	ck_assert_trace("1:got(100) 1");
	destroy_chain(g, links);
}
END_TEST

START_TEST(any_of_the_chain_may_be_driven_by_itself)
{
	struct link links[3] = {0};
	struct coro *inner = make(count, number(12));
	struct coro *g = start_chain(links, inner);
	struct coro *all[] = {inner, links[1].inner, links[2].inner, g};
	for (int i = 0; i < 11; i++)
		trace_next(all[i * 7 % 4]);
	ck_assert_trace("2 3 4 5 6 7 8 9 10 11 12");
	trace_next(
		links[1].inner); /* its inner one is at the end: it goes on, to its own consumer */
	ck_assert_trace("1:got(100) 1");
	trace_next(g);
	ck_assert_trace("2:got(100) 2");
	destroy_chain(g, links);
}
END_TEST

START_TEST(value_of_an_inner_that_ended_by_itself_is_its_drivers)
{
	struct link links[3] = {0};
	struct coro *inner = make(count, number(2));
	struct coro *g = start_chain(links, inner);
	trace_next(inner);
	trace_next(inner);
	ck_assert_trace("2 end(100)");
	trace_next(g);
	ck_assert_trace("1:got(0) 1");
	destroy_chain(g, links);
}
END_TEST

START_TEST(failure_of_an_inner_driven_by_itself_is_its_drivers)
{
	struct link links[3] = {0};
	struct coro *inner = make(fail_after_one, NULL);
	struct coro *g = start_chain(links, inner);
	trace_next(inner);
	ck_assert_trace("error(5)");
	trace_send(g, 5);
	ck_assert_trace("1:got(0) 1");
	destroy_chain(g, links);
}
END_TEST

START_TEST(inner_may_be_destroyed_meanwhile)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(trace_exit, NULL));
	ck_assert_int_eq(coro_destroy(links[0].inner), 0);
	links[0].inner = NULL;
	ck_assert_trace("0:exit");
	trace_next(g);
	trace_next(g);
	ck_assert_trace("1:got(0) 1 2:got(100) 2");
	destroy_chain(g, links);
}
END_TEST

START_TEST(middle_may_be_destroyed_meanwhile)
{
	struct link links[3] = {0};
	struct coro *g = start_chain(links, make(trace_exit, NULL));
	ck_assert_int_eq(coro_destroy(links[1].inner), 0);
	links[1].inner = NULL;
	ck_assert_trace("0:exit 1:exit");
	trace_next(g);
	trace_next(g);
	ck_assert_trace("2:got(0) 2 3:got(200) 3");
	destroy_chain(g, links);
}
END_TEST

START_TEST(error_thrown_where_the_inner_is_gone_is_the_outers)
{
	struct link links[3] = {[1] = {.handles = true}};
	struct coro *g = start_chain(links, make(trace_exit, NULL));
	ck_assert_int_eq(coro_close(links[0].inner), 0);
	trace_throw(g, -EIO);
	ck_assert_trace("0:exit 1:error 2:error 2");
	destroy_chain(g, links);
}
END_TEST

START_TEST(close_reaches_an_inner_that_was_driven_by_itself)
{
	struct link links[3] = {0};
	struct coro *inner = make(trace_exit, NULL);
	struct coro *g = start_chain(links, make(delegate, &(struct link){inner, 8}));
	trace_next(g);
	ck_assert_trace("1");
	/* Cut in two places. */
	ck_assert_int_eq(coro_throw(links[1].inner, CORO_EXIT, NULL), CORO_EXIT);
	ck_assert_trace("0:exit 8:exit 1:exit");
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("2:exit 3:exit");
	destroy_chain(g, links);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

START_TEST(close_after_inner_was_driven_closes_all_of_the_chain)
{
	struct link links[3] = {0};
	struct coro *inner = make(swallow, NULL);
	struct coro *g = start_chain(links, inner);
	trace_next(inner);
	trace_next(links[1].inner);
	ck_assert_trace("0 0");
	ck_assert_int_eq(coro_close(g), 0);
	ck_assert_trace("1:exit 2:exit 3:exit");
	ck_assert_int_eq(coro_state(inner), CORO_DONE);
	destroy_chain(g, links);
}
END_TEST

/* Resumes the given coroutine, traces the result, and returns. */
static int poke(void *arg)
{
	int r = coro_yield(number(1), NULL);
	if (r < 0)
		return r;
	trace_next(*(struct coro **)arg);
	return coro_return(number(4));
}

START_TEST(outer_of_one_that_runs_by_itself_is_ebusy)
{
	struct link links[3] = {0};
	struct coro *g = NULL, *inner = make(poke, &g);
	g = start_chain(links, inner);
	trace_next(inner); /* it resumes g, whose innermost it is */
	ck_assert_trace("error(16) end(4)");
	trace_next(g);
	ck_assert_trace("1:got(0) 1");
	destroy_chain(g, links);
}
END_TEST

START_TEST(outer_of_a_chain_that_runs_by_itself_is_ebusy)
{
	struct link links[3] = {0};
	struct coro *g = NULL, *inner = make(poke, &g);
	g = start_chain(links, inner);
	/* Its inner one resumes g, then ends: what follows is this driver's. */
	trace_next(links[1].inner);
	ck_assert_trace("error(16) 1:got(4) 1");
	trace_next(links[1].inner);
	ck_assert_trace("end(100)");
	trace_next(g);
	ck_assert_trace("2:got(0) 2");
	destroy_chain(g, links);
}
END_TEST

START_TEST(refused_calls_do_not_take_a_chains_end_from_its_driver)
{
	struct coro *g = NULL, *inner = make(poke, &g);
	struct link middle = {inner, 1}, outer = {make(just_delegate, &middle), 2};
	g = make(delegate, &outer);
	trace_next(g);
	trace_next(g);
	ck_assert_trace("2000 1");
	trace_next(outer.inner); /* its inner one resumes g, then both end */
	ck_assert_trace("error(16) end(5)");
	trace_next(g);
	ck_assert_trace("2:got(0) 2");
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_int_eq(coro_destroy(outer.inner), 0);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

static int delegate_back(void *arg)
{
	int r = coro_yield(number(1), NULL);
	if (r < 0)
		return r;
	r = coro_yield_from(*(struct coro **)arg, NULL);
	trace("%d", r);
	return coro_return(number(4));
}

START_TEST(delegating_to_the_outer_of_ones_running_chain_is_ebusy)
{
	struct link links[3] = {0};
	struct coro *g = NULL, *inner = make(delegate_back, &g);
	g = start_chain(links, inner);
	trace_next(links[1].inner);
	ck_assert_trace("-16 1:got(4) 1");
	trace_next(g);
	ck_assert_trace("2:got(100) 2");
	destroy_chain(g, links);
}
END_TEST

/* ---- long chains ---- */

struct chain {
	struct link *links;
	int length;
	struct coro *outermost;
};

static struct chain chain_make(int length, struct coro *inner)
{
	struct coro_options options = {.stack_size = (size_t)64 * 1024};
	struct chain chain = {calloc((size_t)length, sizeof(struct link)), length, NULL};
	for (int i = 0; i < length; i++) {
		chain.links[i].inner = inner;
		ck_assert_int_eq(coro_create_with(&options, just_delegate, &chain.links[i], &inner),
				 0);
	}
	chain.outermost = inner;
	return chain;
}

/* How many generators of the chain have run since they delegated. */
static int chain_left(const struct chain *chain)
{
	int left = 0;
	for (int i = 0; i < chain->length; i++)
		left += chain->links[i].left;
	return left;
}

static void chain_destroy(struct chain *chain)
{
	ck_assert_int_eq(coro_destroy(chain->outermost), 0);
	for (int i = 0; i < chain->length; i++)
		ck_assert_int_eq(coro_destroy(chain->links[i].inner), 0);
	free(chain->links);
	ck_assert_uint_eq(stacks_in_use(), 0);
}

START_TEST(nobody_between_runs_for_an_item_of_a_long_chain)
{
	int length = many(10000, 300);
	struct chain chain = chain_make(length, make(count, number(1000)));
	void *item = NULL;
	bool ordered = true;
	for (int i = 1; i <= 1000; i++)
		ordered &= coro_next(chain.outermost, &item) == 1 && number_of(item) == i;
	ck_assert(ordered);
	ck_assert_int_eq(chain_left(&chain), 0);
	ck_assert_int_eq(coro_next(chain.outermost, &item), 0);
	ck_assert_int_eq(number_of(item), 100 + length);
	ck_assert_int_eq(chain_left(&chain), length);
	chain_destroy(&chain);
}
END_TEST

START_TEST(error_goes_up_a_long_chain)
{
	int length = many(10000, 300);
	struct chain chain = chain_make(length, make(fail_after_one, NULL));
	ck_assert_int_eq(coro_next(chain.outermost, NULL), 1);
	ck_assert_int_eq(coro_next(chain.outermost, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "after 1");
	ck_assert_int_eq(chain_left(&chain), length);
	chain_destroy(&chain);
}
END_TEST

START_TEST(long_chain_is_closed_at_once)
{
	int length = many(10000, 300);
	struct chain chain = chain_make(length, make(trace_exit, NULL));
	ck_assert_int_eq(coro_next(chain.outermost, NULL), 1);
	ck_assert_int_eq(coro_close(chain.outermost), 0);
	ck_assert_trace("0:exit");
	ck_assert_int_eq(chain_left(&chain), length);
	chain_destroy(&chain);
}
END_TEST

START_TEST(long_chain_is_driven_from_its_middle)
{
	int length = many(10000, 300);
	struct chain chain = chain_make(length, make(count, number(100)));
	void *item = NULL;
	bool ordered = true;
	for (int i = 1; i <= 100; i++) {
		struct coro *driven = i % 3 == 0   ? chain.links[length / 2].inner
				      : i % 3 == 1 ? chain.outermost
						   : chain.links[0].inner;
		ordered &= coro_next(driven, &item) == 1 && number_of(item) == i;
	}
	ck_assert(ordered);
	chain_destroy(&chain);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, delegating_yields_what_the_other_yields_and_gets_its_value);
	tcase_add_test(tests, chain_yields_what_its_innermost_yields);
	tcase_add_test(tests, values_sent_go_to_the_innermost);
	tcase_add_test(tests, errors_thrown_go_to_the_innermost);
	tcase_add_test(tests, error_that_the_inner_does_not_handle_is_the_outers);
	tcase_add_test(tests, inner_that_ends_well_at_an_error_gives_its_value);
	tcase_add_test(tests, failure_of_the_inner_reaches_the_outer_with_its_message);
	tcase_add_test(tests, close_goes_down_the_chain_innermost_first);
	tcase_add_test(tests, outer_is_closed_though_the_inner_ended_well);
	tcase_add_test(tests, exit_thrown_in_closes_as_close_does);
	tcase_add_test(tests, failure_in_closing_goes_up_as_that);
	tcase_add_test(tests, outer_is_closed_though_an_inner_handled_a_failure);
	tcase_add_test(tests, failure_in_closing_may_be_handled_but_not_by_a_yield);
	tcase_add_test(tests, chain_whose_innermost_does_not_leave_lives_on);
	tcase_add_test(tests, cleanup_may_delegate_to_one_that_does_not_yield);
	tcase_add_test(tests, one_that_is_done_yields_nothing_and_has_no_value);
	tcase_add_test(tests, one_that_failed_before_yields_nothing_too);
	tcase_add_test(tests, one_that_was_begun_goes_on_where_it_stood);
	tcase_add_test(tests, one_that_was_begun_receives_nothing_and_no_error);
	tcase_add_test(tests, one_that_delegates_already_brings_its_chain_along);
	tcase_add_test(tests, one_that_another_delegates_to_is_ebusy);
	tcase_add_test(tests, oneself_is_ebusy);
	tcase_add_test(tests, ring_of_delegations_is_ebusy);
	tcase_add_test(tests, generator_delegates_to_one_after_another);
	tcase_add_test(tests, consumers_may_take_turns);
	tcase_add_test(tests, inner_may_be_driven_by_itself_meanwhile);
	tcase_add_test(tests, any_of_the_chain_may_be_driven_by_itself);
	tcase_add_test(tests, value_of_an_inner_that_ended_by_itself_is_its_drivers);
	tcase_add_test(tests, failure_of_an_inner_driven_by_itself_is_its_drivers);
	tcase_add_test(tests, inner_may_be_destroyed_meanwhile);
	tcase_add_test(tests, middle_may_be_destroyed_meanwhile);
	tcase_add_test(tests, error_thrown_where_the_inner_is_gone_is_the_outers);
	tcase_add_test(tests, close_reaches_an_inner_that_was_driven_by_itself);
	tcase_add_test(tests, close_after_inner_was_driven_closes_all_of_the_chain);
	tcase_add_test(tests, outer_of_one_that_runs_by_itself_is_ebusy);
	tcase_add_test(tests, outer_of_a_chain_that_runs_by_itself_is_ebusy);
	tcase_add_test(tests, refused_calls_do_not_take_a_chains_end_from_its_driver);
	tcase_add_test(tests, delegating_to_the_outer_of_ones_running_chain_is_ebusy);
	tcase_add_test(tests, nobody_between_runs_for_an_item_of_a_long_chain);
	tcase_add_test(tests, error_goes_up_a_long_chain);
	tcase_add_test(tests, long_chain_is_closed_at_once);
	tcase_add_test(tests, long_chain_is_driven_from_its_middle);
}

TEST_MAIN("delegation", add_tests)
