/* SPDX-License-Identifier: MIT */
/* The table of offsets: by it alone, from the memory of the process, tasks are found. */
#include "debug/offsets.h"
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <link.h>

/* ---- the table ---- */

/* AddressSanitizer must not mind what lies between variables. */
static __attribute__((no_sanitize("address"))) bool has_magic(const char *at)
{
	static const char magic[16] = DEBUG_MAGIC;
	for (size_t i = 0; i < sizeof(magic); i++)
		if (((const volatile char *)at)[i] != magic[i])
			return false;
	return true;
}

/* As a reader from outside does: by its magic and its address. */
static const struct debug_offsets *table_in(const char *from, size_t size)
{
	const char *at = (const char *)(((uintptr_t)from + 15) & ~(uintptr_t)15);
	for (; at + sizeof(struct debug_offsets) <= from + size; at += 16) {
		const struct debug_offsets *table = (const void *)at;
		if (has_magic(at) && table->self == (uintptr_t)at)
			return table;
	}
	return NULL;
}

static int look_at_object(struct dl_phdr_info *info, size_t size, void *ret)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		if (part->p_type != PT_LOAD || !(part->p_flags & PF_W))
			continue;
		const struct debug_offsets *table =
			table_in((const char *)info->dlpi_addr + part->p_vaddr, part->p_filesz);
		if (table)
			*(const struct debug_offsets **)ret = table;
	}
	return 0;
}

static const struct debug_offsets *table_find(void)
{
	const struct debug_offsets *table = NULL;
	dl_iterate_phdr(look_at_object, &table);
	ck_assert_ptr_nonnull(table);
	return table;
}

/* ---- reading by it ---- */

static uintptr_t word(uintptr_t at)
{
	return *(const uintptr_t *)at;
}

static uint32_t number(uintptr_t at)
{
	return *(const uint32_t *)at;
}

static uintptr_t first_loop(const struct debug_offsets *table)
{
	uintptr_t link = word((uintptr_t)table->loops);
	return link ? ~link : 0;
}

/* The task of that number; 0 if there is none. */
static uintptr_t find_task(const struct debug_offsets *table, uintptr_t loop, uint32_t wanted)
{
	uintptr_t head = loop + table->tasks.all;
	for (uintptr_t link = word(head + table->list.next); link != head;
	     link = word(link + table->list.next)) {
		uintptr_t task = link - table->spawned.all;
		if (number(task + table->task.number) == wanted)
			return task;
	}
	return 0;
}

static uintptr_t frame_of_task(const struct debug_offsets *table, uintptr_t task)
{
	return word(task + table->coro.frame);
}

/* ---- tests ---- */

START_TEST(the_table_says_what_it_is)
{
	const struct debug_offsets *table = table_find();
	ck_assert_uint_eq(table->version, DEBUG_VERSION);
	ck_assert_uint_eq(table->bytes, sizeof(*table));
	ck_assert_uint_eq(table->pointer_bytes, sizeof(void *));
	ck_assert_uint_eq(table->library_version,
			  CORO_VERSION_MAJOR << 16 | CORO_VERSION_MINOR << 8 | CORO_VERSION_PATCH);
	ck_assert_uint_ne(table->context, DEBUG_CONTEXT_UNKNOWN);
}
END_TEST

static struct coro_future *never;

static int waits(void *arg)
{
	return coro_await(never, NULL);
}

static int looks(void *arg)
{
	const struct debug_offsets *table = table_find();
	uintptr_t loop = first_loop(table);
	ck_assert_uint_eq(loop, (uintptr_t)coro_running_loop());

	uintptr_t self = find_task(table, loop, 1), other = find_task(table, loop, 2);
	ck_assert_uint_eq(word(loop + table->sched.running), self);
	ck_assert_uint_eq(word(self + table->task.sched), loop);
	ck_assert_str_eq((const char *)word(other + table->coro.name), "waits");
	ck_assert_uint_eq(number(other + table->spawned.parent), 1);
	ck_assert_uint_eq(word(other + table->coro.at), other);

	uintptr_t frame = frame_of_task(table, other);
	ck_assert_uint_eq(word(frame + table->frame.co), other);
	ck_assert_uint_eq(word(frame + table->frame.fn), (uintptr_t)waits);
	uintptr_t low = word(frame + table->frame.low), context = word(other + table->coro.context);
	ck_assert(low < context && context < frame);

	uintptr_t kind = word(frame + table->frame.wait + table->wait.kind);
	ck_assert_str_eq((const char *)word(kind + table->wait_kind.what), "a future");
	ck_assert_uint_eq(word(frame_of_task(table, self) + table->frame.wait + table->wait.kind),
			  0);
	return 0;
}

static int spawns_and_looks(void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_future_create(coro_running_loop(), &never), 0);
	ck_assert_int_eq(coro_spawn(waits, NULL, &task), 0);
	coro_task_set_name(task, "waits");
	ck_assert_int_eq(coro_task_yield(), 0);
	looks(arg);
	ck_assert(coro_cancel(task));
	ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
	coro_future_unref(task);
	coro_future_unref(never);
	return 0;
}

START_TEST(by_the_table_tasks_and_their_waits_are_found)
{
	ck_assert_int_eq(coro_run(spawns_and_looks, NULL), 0);
	ck_assert_uint_eq(first_loop(table_find()), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, the_table_says_what_it_is);
	tcase_add_test(tests, by_the_table_tasks_and_their_waits_are_found);
}

TEST_MAIN("offsets", add_tests)
