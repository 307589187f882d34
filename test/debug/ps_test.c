/* SPDX-License-Identifier: MIT */
/*
 * coro-ps from inside: whatever it reads, random memory and core files with random bytes, it comes
 * to an end and does no harm. test/check-ps looks at what it prints.
 */
#include "base/random.h"
#include "core/coroutine.h"
#include "debug/ps/descriptor.h"
#include "debug/ps/image.h"
#include "debug/ps/report.h"
#include "debug/ps/table.h"
#include "fail_alloc.h"
#include "support.h"

#include <coro.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* ---- helpers ---- */

static uint64_t state = 1;

static uint64_t draw(uint64_t below)
{
	return random_next(&state) % below;
}

/* What is printed goes nowhere from quiet_begin to quiet_end, complaints too. */
static int saved[2] = {-1, -1};

static void quiet_begin(void)
{
	fflush(NULL);
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(nowhere, 0);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(i + 1);
		ck_assert_int_ge(saved[i], 0);
		ck_assert_int_eq(dup2(nowhere, i + 1), i + 1);
	}
	close(nowhere);
}

static void quiet_end(void)
{
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(dup2(saved[i], i + 1), i + 1);
		close(saved[i]);
	}
}

/* From capture_begin to capture_end, what is printed goes to a file; its text is returned. */
static int captured = -1;

static void capture_begin(void)
{
	quiet_begin();
	captured = memfd_create("printed", MFD_CLOEXEC);
	ck_assert_int_ge(captured, 0);
	ck_assert_int_eq(dup2(captured, 1), 1);
}

static const char *capture_end(void)
{
	static char text[32768];
	quiet_end();
	ssize_t n = pread(captured, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(captured);
	return text;
}

/* The table of this very program. */
static struct debug_offsets own_table(void)
{
	struct image image;
	struct debug_offsets tables[TABLES];
	ck_assert_int_eq(process_open(getpid(), &image), 0);
	ck_assert_int_eq(tables_find(&image, "this process", tables), 1);
	image_finish(&image);
	return tables[0];
}

/* ---- an image of an array ---- */

#define BASE UINT64_C(0x7000000)

enum { WORDS = 4096, BYTES = WORDS * 8 };

struct array_image {
	struct image image; /* first */
	uint64_t words[WORDS];
};

static void array_read(struct source *source, struct piece *pieces, size_t count)
{
	const struct array_image *array = (struct array_image *)source;
	for (size_t i = 0; i < count; i++) {
		struct piece *piece = &pieces[i];
		if (piece->start < BASE || piece->start - BASE > BYTES ||
		    piece->size > BYTES - (piece->start - BASE))
			continue;
		memcpy(piece->bytes, (char *)array->words + (piece->start - BASE), piece->size);
		piece->read = true;
	}
}

static void array_init(struct array_image *array)
{
	memset(array, 0, sizeof(*array));
	array->image.source.read = array_read;
	array->image.fd = -1;
	array->image.now = 1;
	memory_init(&array->image.memory, &array->image.source);
}

static void set_pointer(struct array_image *array, uint64_t at, uint64_t value)
{
	uintptr_t word = (uintptr_t)value;
	memcpy((char *)array->words + (at - BASE), &word, sizeof(word));
}

static void set_u32(struct array_image *array, uint64_t at, uint32_t value)
{
	memcpy((char *)array->words + (at - BASE), &value, sizeof(value));
}

/* Takes a snapshot of it, and prints that in every way. Returns whether it is damaged. */
static bool look(struct image *image, const struct debug_offsets *table, bool unwind)
{
	struct snapshot snapshot;
	snapshot_take(&snapshot, image, table, 1, true);
	snapshot_find_registers(&snapshot);
	struct report report = {.snapshot = &snapshot, .what = "it", .servants = draw(2)};
	report.unwinder = unwind ? unwind_begin(&snapshot) : NULL;
	report_list(&report);
	report_tree(&report);
	report_json(&report);
	unwind_end(report.unwinder);
	bool damaged = snapshot.damaged;
	for (size_t i = 0; i < snapshot.loop_count; i++)
		damaged = damaged || snapshot.loops[i].damaged;
	snapshot_finish(&snapshot);
	memory_finish(&image->memory);
	return damaged;
}

/* A word as damaged memory may have it: mostly one that leads somewhere. */
static uint64_t any_word(void)
{
	uint64_t inside = BASE + draw(BYTES);
	switch (draw(8)) {
	case 0:
		return 0;
	case 1:
		return draw(8);
	case 2:
		return ~(inside & ~UINT64_C(7));
	case 3:
		return random_next(&state);
	case 4:
		return inside;
	default:
		return inside & ~UINT64_C(7);
	}
}

START_TEST(random_memory_does_no_harm)
{
	static struct array_image array;
	struct debug_offsets table = own_table();
	table.loops = BASE;
	quiet_begin();
	for (int round = 0; round < many(3000, 200); round++) {
		array_init(&array);
		for (size_t i = 0; i < WORDS; i++)
			array.words[i] = any_word();
		array.words[0] = ~(BASE + 64 + (draw(BYTES / 2) & ~UINT64_C(7)));
		table.context = (uint32_t)draw(4);
		look(&array.image, &table, round % 16 == 0);
	}
	quiet_end();
}
END_TEST

START_TEST(random_offsets_do_no_harm)
{
	static struct array_image array;
	const size_t first = offsetof(struct debug_offsets, list);
	quiet_begin();
	for (int round = 0; round < many(1000, 100); round++) {
		struct debug_offsets table = own_table();
		table.loops = BASE;
		for (size_t at = first; at + 4 <= sizeof(table); at += 4)
			if (draw(4) == 0) {
				uint32_t value = (uint32_t)(draw(2) ? draw(256) : draw(UINT32_MAX));
				memcpy((char *)&table + at, &value, 4);
			}
		array_init(&array);
		for (size_t i = 0; i < WORDS; i++)
			array.words[i] = any_word();
		look(&array.image, &table, false);
	}
	quiet_end();
}
END_TEST

/* ---- lists that do not end ---- */

/* A loop with so many tasks in its list; the last leads to the task of that index, or -1: the head. */
static void make_loop(struct array_image *array, const struct debug_offsets *table, int count,
		      int back)
{
	enum { EACH = 512 };
	uint64_t sched = BASE + 1024, head = sched + table->tasks.all, node = head;
	uint64_t tasks = BASE + BYTES / 2;
	array_init(array);
	set_pointer(array, BASE, ~sched);
	set_pointer(array, sched + table->tasks.servants, sched + table->tasks.servants);
	for (int i = 0; i < count; i++) {
		uint64_t task = tasks + (uint64_t)i * EACH;
		set_u32(array, task + table->task.number, (uint32_t)i + 1);
		set_pointer(array, node + table->list.next, task + table->spawned.all);
		node = task + table->spawned.all;
	}
	set_pointer(array, node + table->list.next,
		    back < 0 ? head : tasks + (uint64_t)back * EACH + table->spawned.all);
}

/* Gives the first of these tasks a frame at that address, with its context right below. */
static void add_frame(struct array_image *array, const struct debug_offsets *table, uint64_t frame)
{
	uint64_t task = BASE + BYTES / 2;
	((char *)array->words)[task + table->coro.state - BASE] = STATE_RUNNING;
	set_pointer(array, task + table->coro.at, task);
	set_pointer(array, task + table->coro.frame, frame);
	set_pointer(array, task + table->coro.context, frame - 64);
	if (frame - BASE < BYTES - table->frame.bytes)
		set_pointer(array, frame + table->frame.co, task);
}

/* Takes a snapshot of an array with one loop, of one task. */
static const struct task_record *take_task(struct array_image *array,
					   const struct debug_offsets *table,
					   struct snapshot *snapshot)
{
	snapshot_take(snapshot, &array->image, table, 1, true);
	ck_assert_uint_eq(snapshot->loop_count, 1);
	ck_assert_uint_eq(snapshot->loops[0].task_count, 1);
	ck_assert_uint_eq(snapshot->loops[0].tasks[0].part_count, 1);
	return &snapshot->loops[0].tasks[0];
}

START_TEST(a_frame_at_the_end_of_addresses_is_not_read)
{
	static struct array_image array;
	struct snapshot snapshot;
	struct debug_offsets table = own_table();
	const uint64_t frames[] = {BASE + BYTES * 3 / 4, (uintptr_t)-8};
	table.loops = BASE;
	for (int end = 0; end < 2; end++) {
		make_loop(&array, &table, 1, -1);
		add_frame(&array, &table, frames[end]);
		const struct task_record *task = take_task(&array, &table, &snapshot);
		ck_assert_int_eq(task->parts[0].piece.read, !end);
		ck_assert_int_eq(task->state, end ? TASK_UNKNOWN : TASK_READY);
		snapshot_finish(&snapshot);
		memory_finish(&array.image.memory);
	}
}
END_TEST

/* The region begins in a hole and ends in the middle of a page. The table is the last in it. */
START_TEST(a_table_is_found_in_a_region_that_cannot_be_read_as_a_whole)
{
	enum { HOLE = 1600 };
	static struct array_image array;
	struct debug_offsets table = own_table(), found[TABLES];
	struct region region = {
		.start = BASE - HOLE, .end = BASE + BYTES, .held = HOLE + BYTES, .writable = true};
	array_init(&array);
	table.self = BASE + ((BYTES - sizeof(table)) & ~UINT64_C(15));
	memcpy((char *)array.words + (table.self - BASE), &table, sizeof(table));
	array.image.regions = &region;
	array.image.region_count = 1;
	ck_assert_int_eq(tables_find(&array.image, "the array", found), 1);
	ck_assert_mem_eq(&found[0], &table, sizeof(table));
	memory_finish(&array.image.memory);
}
END_TEST

START_TEST(a_list_in_a_circle_is_read_once_and_called_damaged)
{
	static struct array_image array;
	struct debug_offsets table = own_table();
	table.loops = BASE;
	quiet_begin();
	for (int count = 0; count <= 20; count++)
		for (int back = -1; back < count; back++) {
			make_loop(&array, &table, count, back);
			ck_assert(look(&array.image, &table, false) == (back >= 0));
		}
	quiet_end();
}
END_TEST

START_TEST(loops_in_a_circle_are_called_damaged)
{
	static struct array_image array;
	struct debug_offsets table = own_table();
	table.loops = BASE;
	make_loop(&array, &table, 2, -1);
	set_pointer(&array, BASE + 1024 + table.sched.next_loop, ~(BASE + 1024));
	quiet_begin();
	ck_assert(look(&array.image, &table, false));
	quiet_end();
}
END_TEST

START_TEST(a_read_of_several_pages_ends_where_it_is_to_end)
{
	enum { FROM = 100, LENGTH = 6000 };
	static struct array_image array;
	static unsigned char got[3 * LENGTH];
	array_init(&array);
	for (int i = 0; i < WORDS; i++)
		array.words[i] = random_next(&state);
	memset(got, 0xa5, sizeof(got));
	ck_assert(memory_read(&array.image.memory, BASE + FROM, got, LENGTH));
	ck_assert_int_eq(memcmp(got, (char *)array.words + FROM, LENGTH), 0);
	for (size_t i = LENGTH; i < sizeof(got); i++)
		ck_assert_uint_eq(got[i], 0xa5);
	memory_finish(&array.image.memory);
}
END_TEST

/* Every word of its memory is its address. */
static void endless_read(struct source *source, struct piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < pieces[i].size; at++) {
			uint64_t place = pieces[i].start + at, word = place / 8 * 8;
			((unsigned char *)pieces[i].bytes)[at] =
				((unsigned char *)&word)[place % 8];
		}
		pieces[i].read = true;
	}
}

/* What the first bytes of a word are as a number. */
static uint64_t beginning(uint64_t word, size_t bytes)
{
	size_t others = 8 * (8 - bytes);
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? word >> others
						      : word & UINT64_MAX >> others;
}

START_TEST(many_pages_are_kept_and_found_again)
{
	enum { PAGES = 1000, PAGE = 4096 };
	struct source source = {.read = endless_read};
	struct memory memory;
	memory_init(&memory, &source);
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < PAGES; i++) {
			uint64_t at = BASE + i * PAGE * 7 + 8;
			for (size_t bytes = 8; bytes > 0; bytes /= 2)
				ck_assert_uint_eq(memory_word(&memory, at, bytes),
						  beginning(at, bytes));
		}
	ck_assert_uint_eq(memory.count, PAGES);
	ck_assert_uint_eq(memory_word(&memory, 8, 8), 8);
	memory_finish(&memory);
}
END_TEST

START_TEST(a_read_ends_where_addresses_end_and_of_nothing_succeeds)
{
	struct source source = {.read = endless_read};
	struct memory memory;
	uint64_t word = 1;
	memory_init(&memory, &source);
	ck_assert(memory_read(&memory, BASE, &word, 0));
	ck_assert_uint_eq(word, 1);
	ck_assert(!memory_read(&memory, UINT64_MAX - 3, &word, sizeof(word)));
	ck_assert_uint_eq(word, 0);
	memory_finish(&memory);
}
END_TEST

/* So many bytes can be read. */
static uint64_t readable;

static void sliver_read(struct source *source, struct piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t start = pieces[i].start, end = start + pieces[i].size;
		pieces[i].read = start >= BASE && end <= BASE + readable;
		if (pieces[i].read)
			memset(pieces[i].bytes, 0x77, pieces[i].size);
	}
}

START_TEST(a_read_may_end_in_a_part_of_a_page)
{
	struct source source = {.read = sliver_read};
	struct memory memory;
	unsigned char got[150] = {0};
	readable = 4096 + 100;
	memory_init(&memory, &source);
	ck_assert(memory_read(&memory, BASE + 4096 - 50, got, sizeof(got)));
	for (size_t i = 0; i < sizeof(got); i++)
		ck_assert_uint_eq(got[i], 0x77);
	memory_finish(&memory);
}
END_TEST

START_TEST(a_read_with_a_hole_has_nothing)
{
	static const unsigned char none[150];
	struct source source = {.read = sliver_read};
	struct memory memory;
	unsigned char got[150];
	readable = 100;
	memory_init(&memory, &source);
	memset(got, 0xff, sizeof(got));
	ck_assert(memory_read(&memory, BASE, got, 100));
	ck_assert_uint_eq(got[0], 0x77);
	ck_assert_uint_eq(got[99], 0x77);
	ck_assert_uint_eq(got[100], 0xff);
	ck_assert(!memory_read(&memory, BASE - 50, got, sizeof(got)));
	ck_assert_mem_eq(got, none, sizeof(got));
	memory_finish(&memory);
}
END_TEST

START_TEST(how_long_a_task_has_waited_is_told)
{
	struct task_record task = {.state = TASK_WAITING, .waits_in = (char *)"a lock"};
	char text[64];
	report_write_state(text, sizeof(text), &task);
	ck_assert_str_eq(text, "waits in a lock");
	task.waited = 1500 * CORO_MSEC;
	report_write_state(text, sizeof(text), &task);
	ck_assert_str_eq(text, "waits in a lock, for 1.500 s so far");
}
END_TEST

START_TEST(registers_are_not_known_of_too_few_bytes)
{
	static const unsigned char few[8];
	struct registers registers;
	uint64_t tls;
	ck_assert(!registers_of_thread(few, sizeof(few), &registers, &tls));
}
END_TEST

START_TEST(an_address_outside_of_all_regions_has_no_module)
{
	static struct array_image array;
	char path[] = "/bin/true";
	struct region region = {.start = BASE, .end = BASE + BYTES, .offset = 4096, .path = path};
	struct call_site site;
	array_init(&array);
	array.image.regions = &region;
	array.image.region_count = 1;
	unwind_locate(&array.image, BASE + BYTES, &site);
	ck_assert_uint_eq(site.pc, BASE + BYTES);
	ck_assert_ptr_null(site.module);
	ck_assert_uint_eq(site.offset, 0);
	unwind_locate(&array.image, BASE + BYTES - 1, &site);
	ck_assert_str_eq(site.module, path);
	ck_assert_uint_eq(site.offset, 4096 + BYTES - 1);
}
END_TEST

/* ---- this process, while it runs ---- */

static int sleeps(void *arg)
{
	return coro_sleep(CORO_FOREVER);
}

/* Frees both, and ends the task that was looked at. */
static void drop_own(struct image *image, struct snapshot *snapshot, struct coro_future *task)
{
	snapshot_finish(snapshot);
	image_finish(image);
	coro_cancel(task);
	ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
	coro_future_unref(task);
}

static int looks_at_itself(void *arg)
{
	struct coro_future *task;
	struct image image;
	struct snapshot snapshot;
	struct debug_offsets table = own_table();
	ck_assert_int_eq(coro_spawn(sleeps, NULL, &task), 0);
	coro_task_set_name(task, "\xc3\xa9t\xc3\xa9 \x1b[7m \xff");
	ck_assert_int_eq(coro_task_yield(), 0);

	ck_assert_int_eq(process_open(getpid(), &image), 0);
	process_look(&image);
	snapshot_take(&snapshot, &image, &table, 1, true);
	ck_assert_uint_eq(snapshot.loop_count, 1);
	const struct loop_record *own = &snapshot.loops[0];
	ck_assert(own->runs && !own->damaged);
	ck_assert_int_eq(own->tid, getpid());
	ck_assert_uint_eq(own->task_count, 2);
	ck_assert_int_eq(own->tasks[0].state, TASK_RUNNING);
	ck_assert_int_eq(own->tasks[1].state, TASK_WAITING);
	ck_assert_str_eq(own->tasks[1].waits_in, "a sleep without end");
	ck_assert_str_eq(own->tasks[1].name,
			 "\xc3\xa9t\xc3\xa9 ?[7m ?"); /* no control characters */
	ck_assert_uint_eq(own->tasks[1].parent, 1);
	ck_assert_uint_eq(own->tasks[1].part_count, 1);
	ck_assert(own->tasks[1].parts[0].piece.read);
	drop_own(&image, &snapshot, task);
	return 0;
}

START_TEST(a_process_can_read_itself)
{
	ck_assert_int_eq(coro_run(looks_at_itself, NULL), 0);
}
END_TEST

/* ---- what tasks wait for ---- */

enum { MANY = 20 };

static struct coro_future *future, *sleepers[MANY];
static struct coro_lock lock;
static struct coro_process *process;

static int awaits_future(void *arg)
{
	return coro_await(future, NULL);
}

static int gathers(void *arg)
{
	return coro_gather(sleepers, MANY, NULL);
}

static int waits_for_several(void *arg)
{
	return coro_wait(sleepers, 2, CORO_ALL_COMPLETED, CORO_FOREVER);
}

static int takes_the_first(void *arg)
{
	void *done;
	struct coro_iterator *it = coro_as_completed(sleepers, 3, CORO_FOREVER);
	int r = coro_iter_next(it, &done);
	int closed = coro_iter_close(it);
	return r < 0 ? r : closed;
}

static int starts(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_end(group, coro_group_start(group, sleeps, NULL, NULL, NULL));
	return r;
}

static int locks(void *arg)
{
	int r = coro_lock_acquire_at("here.c:1", &lock);
	if (r == 0)
		r = coro_sleep(CORO_FOREVER);
	if (r == 0 || coro_lock_locked(&lock))
		coro_lock_release(&lock);
	return r;
}

static int waits_for_process(void *arg)
{
	return coro_process_wait(process, NULL);
}

/* What each waits in, with # for each number of a task or process. */
static const struct {
	const char *name;
	coro_fn *fn;
	const char *waits_in;
} waits[] = {
	{"future", awaits_future, "a future"},
	{"gather", gathers,
	 "a gather, # of # left: task #, task #, task #, task #, task #, task #, task #, task # "
	 "and # more"},
	{"several", waits_for_several, "several futures, # of # left: task #, task #"},
	{"first", takes_the_first, "as_completed, # of # left: task #, task #, task #"},
	{"starts", starts, "the start of task #"},
	{"holder", locks, "a sleep without end"},
	{"locks", locks, "a lock, held by task # since here.c:#"},
	{"process", waits_for_process, "the end of process #"},
};

enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

static const char *without_numbers(const char *text)
{
	static char all[256];
	char *to = all;
	for (; text && *text; text++) {
		bool digit = *text >= '0' && *text <= '9';
		if (!digit)
			*to++ = *text;
		else if (to == all || to[-1] != '#')
			*to++ = '#';
	}
	*to = '\0';
	return all;
}

static void check_waits(void)
{
	struct image image;
	struct snapshot snapshot;
	struct debug_offsets table = own_table();
	ck_assert_int_eq(process_open(getpid(), &image), 0);
	process_look(&image);
	snapshot_take(&snapshot, &image, &table, 1, true);
	ck_assert_uint_eq(snapshot.loop_count, 1);
	const struct loop_record *own = &snapshot.loops[0];
	int found = 0;
	for (size_t i = 0; i < own->task_count; i++)
		for (int j = 0; j < WAITS; j++) {
			const struct task_record *task = &own->tasks[i];
			if (!task->name || strcmp(task->name, waits[j].name) != 0)
				continue;
			ck_assert_str_eq(without_numbers(task->waits_in), waits[j].waits_in);
			ck_assert_int_ge(task->waited, 0); /* which debug mode knows */
			found++;
		}
	ck_assert_int_eq(found, WAITS);
	snapshot_finish(&snapshot);
	image_finish(&image);
}

static int has_tasks_that_wait(void *arg)
{
	struct coro_process_options options = {.in = CORO_PIPE};
	struct coro_future *tasks[WAITS];
	struct coro_group *group;
	coro_lock_init(&lock);
	ck_assert_int_eq(coro_future_create(coro_running_loop(), &future), 0);
	ck_assert_int_eq(coro_process_shell("read x", &options, &process), 0);
	ck_assert_int_eq(coro_group_create(&group), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(coro_group_spawn(group, sleeps, NULL, &sleepers[i]), 0);
	for (int i = 0; i < WAITS; i++) {
		ck_assert_int_eq(coro_spawn(waits[i].fn, NULL, &tasks[i]), 0);
		coro_task_set_name(tasks[i], waits[i].name);
	}
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_task_yield(), 0);
	check_waits();
	for (int i = WAITS; i-- > 0;) {
		coro_cancel(tasks[i]);
		coro_await(tasks[i], NULL);
		coro_future_unref(tasks[i]);
	}
	coro_group_cancel(group);
	coro_group_end(group, 0);
	for (int i = 0; i < MANY; i++)
		coro_future_unref(sleepers[i]);
	coro_future_unref(future);
	coro_process_close_stdin(process);
	coro_process_wait(process, NULL);
	return coro_process_destroy(process);
}

START_TEST(each_kind_of_wait_is_told)
{
	struct coro_loop_options options = {.flags = CORO_DEBUG};
	ck_assert_int_eq(coro_run_with(&options, has_tasks_that_wait, NULL), 0);
}
END_TEST

/* Takes a snapshot of this process, with what is known of its fds. */
static void take_own(struct image *image, struct snapshot *snapshot)
{
	static struct debug_offsets table; /* the snapshot points to it */
	table = own_table();
	ck_assert_int_eq(process_open(getpid(), image), 0);
	process_look(image);
	snapshot_take(snapshot, image, &table, 1, true);
	ck_assert_uint_eq(snapshot->loop_count, 1);
	descriptors_describe(snapshot);
}

/* ---- many tasks ---- */

enum { CROWD = 1100 };

/* Whether the kernel reads many pieces in one call, without the process's /proc/PID/mem. */
static bool reads_at_once(void)
{
	char from = 1, to = 0;
	struct iovec local = {&to, 1}, remote = {&from, 1};
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

static void take_own_at_once(struct image *image, struct snapshot *snapshot)
{
	static struct debug_offsets table; /* the snapshot points to it */
	table = own_table();
	ck_assert_int_eq(process_open(getpid(), image), 0);
	process_look(image);
	if (reads_at_once()) {
		close(image->fd);
		image->fd = -1;
	}
	snapshot_take(snapshot, image, &table, 1, true);
}

static int has_a_crowd(void *arg)
{
	static struct coro_future *crowd[CROWD];
	struct image image;
	struct snapshot snapshot;
	for (int i = 0; i < CROWD; i++)
		ck_assert_int_eq(coro_spawn(sleeps, NULL, &crowd[i]), 0);
	ck_assert_int_eq(coro_task_yield(), 0);
	take_own_at_once(&image, &snapshot);
	ck_assert_uint_eq(snapshot.loops[0].task_count, 1 + CROWD);
	for (int i = 1; i <= CROWD; i++) {
		const struct task_record *task = &snapshot.loops[0].tasks[i];
		ck_assert_uint_eq(task->part_count, 1);
		ck_assert(task->parts[0].piece.read);
		ck_assert_str_eq(task->waits_in, "a sleep without end");
	}
	snapshot_finish(&snapshot);
	image_finish(&image);
	for (int i = 0; i < CROWD; i++) {
		coro_cancel(crowd[i]);
		ck_assert_int_eq(coro_await(crowd[i], NULL), -ECANCELED);
		coro_future_unref(crowd[i]);
	}
	return 0;
}

/* More than are read at once. */
START_TEST(the_stacks_of_many_tasks_are_all_read)
{
	ck_assert_int_eq(coro_run(has_a_crowd, NULL), 0);
}
END_TEST

/* ---- a backtrace without the program's file ---- */

struct calls {
	struct call_site first;
	char module[256];
	int count;
};

static void note_call(const struct call_site *site, void *arg)
{
	struct calls *calls = arg;
	if (calls->count++ > 0)
		return;
	calls->first = *site;
	snprintf(calls->module, sizeof(calls->module), "%s", site->module ? site->module : "");
}

static void check_backtrace(struct image *image, struct snapshot *snapshot)
{
	struct calls calls = {.count = 0};
	const struct task_record *task = &snapshot->loops[0].tasks[1];
	for (size_t i = 0; i < image->region_count; i++)
		image->regions[i].file_is_same = false;
	struct unwinder *unwinder = unwind_begin(snapshot);
	int count = unwind_task(unwinder, task, note_call, &calls);
	unwind_end(unwinder);
	ck_assert_int_eq(count, calls.count);
	if (unwind_by_tables)
		ck_assert_int_eq(count, 1);
	ck_assert_int_ge(count, 1);
	ck_assert_uint_eq(calls.first.pc, task->parts[0].registers.pc);
	ck_assert_ptr_null(calls.first.function);
	ck_assert_str_ne(calls.module, "");
}

static bool registers_found;

static int is_unwound(void *arg)
{
	struct coro_future *task;
	struct image image;
	struct snapshot snapshot;
	ck_assert_int_eq(coro_spawn(sleeps, NULL, &task), 0);
	ck_assert_int_eq(coro_task_yield(), 0);
	take_own(&image, &snapshot);
	snapshot_find_registers(&snapshot);
	registers_found = snapshot.loops[0].tasks[1].parts[0].has_registers;
	if (registers_found)
		check_backtrace(&image, &snapshot);
	drop_own(&image, &snapshot, task);
	return 0;
}

START_TEST(without_its_file_a_backtrace_has_the_innermost_call)
{
	ck_assert_int_eq(coro_run(is_unwound, NULL), 0);
	if (!registers_found)
		skip_test("of a thread that runs, no registers are known here");
}
END_TEST

/* ---- tasks that are not listed ---- */

/* Of three tasks the first awaits the others, and one that is nowhere. The third is the library's. */
START_TEST(what_is_awaited_but_not_listed_is_left_out)
{
	static struct array_image array;
	uint64_t awaits[] = {10, 30, 20};
	struct task_record tasks[] = {
		{.address = 1,
		 .number = 1,
		 .state = TASK_WAITING,
		 .awaits = awaits,
		 .await_count = 3,
		 .fd = -1},
		{.address = 20, .number = 2, .state = TASK_READY, .fd = -1},
		{.address = 30, .number = 3, .state = TASK_READY, .fd = -1, .servant = true},
	};
	struct loop_record record = {.tasks = tasks, .task_count = 3, .own_count = 2};
	struct snapshot snapshot = {.image = &array.image, .loops = &record, .loop_count = 1};
	struct report report = {.snapshot = &snapshot, .what = "it"};
	array_init(&array);
	snapshot_sort(&record);

	capture_begin();
	report_json(&report);
	ck_assert_ptr_nonnull(strstr(capture_end(), "\"awaits\": [2], "));
	capture_begin();
	report_tree(&report);
	const char *text = capture_end();
	ck_assert_ptr_nonnull(strstr(text, "\n  task 2, ready\n"));
	ck_assert_ptr_null(strstr(text, "task 3"));

	report.servants = true;
	capture_begin();
	report_json(&report);
	ck_assert_ptr_nonnull(strstr(capture_end(), "\"awaits\": [3, 2], "));
	capture_begin();
	report_tree(&report);
	ck_assert_ptr_nonnull(strstr(capture_end(), "\n  task 3, ready\n  task 2, ready\n"));
	free(record.by_address);
}
END_TEST

/* ---- a tree ---- */

enum { RING = 12 };

static struct coro_future *ring[RING];

static int waits_for_next(void *arg)
{
	return coro_wait(arg, 1, CORO_ALL_COMPLETED, CORO_FOREVER);
}

static int waits_for_sleeper(void *arg)
{
	return coro_wait(sleepers, 1, CORO_ALL_COMPLETED, CORO_FOREVER);
}

/* A long ring of tasks, and two that wait for the same one. */
static int has_a_tree(void *arg)
{
	struct image image;
	struct snapshot snapshot;
	struct coro_future *two[2];
	ck_assert_int_eq(coro_spawn(sleeps, NULL, &sleepers[0]), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_spawn(waits_for_sleeper, NULL, &two[i]), 0);
	for (int i = 0; i < RING; i++)
		ck_assert_int_eq(coro_spawn(waits_for_next, &ring[(i + 1) % RING], &ring[i]), 0);
	ck_assert_int_eq(coro_task_yield(), 0);
	take_own(&image, &snapshot);
	capture_begin();
	report_tree(&(struct report){.snapshot = &snapshot, .what = "it"});
	const char *text = capture_end();
	ck_assert_ptr_nonnull(strstr(text, "\n  task 2, see above\n"));
	ck_assert_ptr_nonnull(strstr(text, " -> 4 more -> task "));
	snapshot_finish(&snapshot);
	image_finish(&image);
	for (int i = 0; i < RING; i++)
		coro_cancel(ring[i]);
	coro_cancel(sleepers[0]);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_await(two[i], NULL), 1);
	for (int i = 0; i < RING; i++) {
		ck_assert_int_eq(coro_await(ring[i], NULL), -ECANCELED);
		coro_future_unref(ring[i]);
	}
	coro_future_unref(sleepers[0]);
	coro_future_unref(two[0]);
	coro_future_unref(two[1]);
	return 0;
}

START_TEST(a_tree_has_each_task_once_and_shortens_long_rings)
{
	ck_assert_int_eq(coro_run(has_a_tree, NULL), 0);
}
END_TEST

/* ---- fds ---- */

static int waits_for_fd(void *arg)
{
	return coro_readable(*(int *)arg);
}

static int open_bound(void)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	return fd;
}

static int open_odd_fifo(void)
{
	char path[] = "/tmp/coro-ps-XXXXXX", fifo[64];
	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(fifo, sizeof(fifo), "%s/a\nb", path);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	int fd = open(fifo, O_RDWR | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	unlink(fifo);
	rmdir(path);
	return fd;
}

enum { BOUND, ODD, LOCAL, FDS };

static int has_fds(void *arg)
{
	int fds[FDS] = {open_bound(), open_odd_fifo(), socket(AF_UNIX, SOCK_DGRAM, 0)};
	struct coro_future *tasks[FDS];
	struct image image;
	struct snapshot snapshot;
	for (int i = 0; i < FDS; i++)
		ck_assert_int_eq(coro_spawn(waits_for_fd, &fds[i], &tasks[i]), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_task_yield(), 0);
	take_own(&image, &snapshot);
	const struct task_record *records = &snapshot.loops[0].tasks[1];
	ck_assert_uint_eq(snapshot.loops[0].task_count, 1 + FDS);
	ck_assert_ptr_nonnull(strstr(records[BOUND].waits_in, ", to read, bound to 127.0.0.1:"));
	ck_assert_ptr_nonnull(strstr(records[ODD].waits_in, "/a?b"));
	ck_assert_str_eq(without_numbers(records[LOCAL].waits_in), "fd #, to read");
	snapshot_finish(&snapshot);
	image_finish(&image);
	for (int i = 0; i < FDS; i++) {
		coro_cancel(tasks[i]);
		coro_await(tasks[i], NULL);
		coro_future_unref(tasks[i]);
		coro_fd_close(fds[i]);
	}
	return 0;
}

START_TEST(what_an_fd_is_is_told)
{
	if (access("/proc/self/net/udp", R_OK) < 0)
		skip_test("/proc has no sockets here");
	ck_assert_int_eq(coro_run(has_fds, NULL), 0);
}
END_TEST

static int reads(void *arg)
{
	char byte;
	return (int)coro_recv(*(int *)arg, &byte, 1, 0);
}

static int closes_what_is_read(void *arg)
{
	int fds[2];
	struct coro_future *task;
	struct image image;
	struct snapshot snapshot;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(coro_spawn(reads, &fds[0], &task), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_task_yield(), 0);
	ck_assert_int_eq(coro_fd_close(fds[0]), 0);
	take_own(&image, &snapshot);
	const struct task_record *record = &snapshot.loops[0].tasks[1];
	ck_assert_int_eq(record->state, TASK_WAITING);
	ck_assert_str_eq(record->waits_in, "an fd that is closed");
	ck_assert_int_eq(record->fd, -1);
	snapshot_finish(&snapshot);
	image_finish(&image);
	ck_assert_int_eq(coro_await(task, NULL), -EBADF);
	coro_future_unref(task);
	coro_fd_close(fds[1]);
	return 0;
}

/* The kernel still works on the call. Other pollers wake the task at once. */
START_TEST(a_task_whose_fd_was_closed_waits_until_the_kernel_is_done_with_it)
{
	struct coro_loop_options options = {.poller = CORO_POLLER_URING};
	struct coro_loop *loop;
	if (coro_loop_create(&options, &loop) < 0)
		skip_test("there is no io_uring here");
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_run_with(&options, closes_what_is_read, NULL), 0);
}
END_TEST

/* ---- core files ---- */

struct fake_core {
	ElfW(Ehdr) header;
	ElfW(Phdr) parts[4];
	struct {
		ElfW(Nhdr) header;
		char name[8];
		unsigned long words[2 + 3];
		char path[32];
	} __attribute__((packed)) files; /* a note has no gap before what it says */
	struct {
		ElfW(Nhdr) header;
		char name[8];
		char content[512];
	} thread;
	unsigned char memory[BYTES];
};

static unsigned char own_ident[EI_NIDENT];
static int own_machine;

static void learn_own_kind(void)
{
	ElfW(Ehdr) header;
	int fd = open("/proc/self/exe", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, &header, sizeof(header)), sizeof(header));
	close(fd);
	memcpy(own_ident, header.e_ident, sizeof(own_ident));
	own_machine = header.e_machine;
}

static void make_core(struct fake_core *core, const struct array_image *array,
		      const struct debug_offsets *table)
{
	memset(core, 0, sizeof(*core));
	memcpy(core->header.e_ident, own_ident, sizeof(own_ident));
	core->header.e_type = ET_CORE;
	core->header.e_machine = (ElfW(Half))own_machine;
	core->header.e_phoff = offsetof(struct fake_core, parts);
	core->header.e_phentsize = sizeof(core->parts[0]);
	core->header.e_phnum = 4;
	core->parts[0] = (ElfW(Phdr)){.p_type = PT_NOTE,
				      .p_offset = offsetof(struct fake_core, files),
				      .p_filesz = sizeof(core->files)};
	core->parts[1] = (ElfW(Phdr)){.p_type = PT_NOTE,
				      .p_offset = offsetof(struct fake_core, thread),
				      .p_filesz = sizeof(core->thread)};
	core->parts[2] = (ElfW(Phdr)){.p_type = PT_LOAD,
				      .p_flags = PF_R | PF_W,
				      .p_vaddr = BASE,
				      .p_offset = offsetof(struct fake_core, memory),
				      .p_filesz = BYTES,
				      .p_memsz = BYTES};
	core->parts[3] = (ElfW(Phdr)){.p_type = PT_LOAD,
				      .p_flags = PF_R | PF_X,
				      .p_vaddr = BASE + BYTES,
				      .p_memsz = BYTES};
	core->files.header =
		(ElfW(Nhdr)){5, sizeof(core->files.words) + sizeof(core->files.path), NT_FILE};
	memcpy(core->files.name, "CORE", 5);
	core->files.words[0] = core->files.words[1] = 1;
	core->files.words[2] = BASE;
	core->files.words[3] = BASE + 2 * BYTES;
	strcpy(core->files.path, "/proc/self/exe");
	core->thread.header = (ElfW(Nhdr)){5, sizeof(core->thread.content), NT_PRSTATUS};
	memcpy(core->thread.name, "CORE", 5);
	memcpy(core->memory, array->words, BYTES);
	struct debug_offsets placed = *table;
	placed.self = BASE + BYTES / 4;
	memcpy(core->memory + BYTES / 4, &placed, sizeof(placed));
}

/* Writes a core file and opens it. Returns what core_open does. */
static int open_core(const struct fake_core *core, size_t size, struct image *image)
{
	char path[64];
	int fd = memfd_create("core", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, core, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int r = core_open(path, image);
	close(fd);
	return r;
}

/* Looks at the file as main does. Returns the number of tables, or -1. */
static int look_at_core(const struct fake_core *core, size_t size)
{
	struct image image;
	struct debug_offsets tables[TABLES];
	int count = -1;
	if (open_core(core, size, &image) == 0)
		count = tables_find(&image, "the core", tables);
	if (count > 0)
		look(&image, &tables[0], draw(8) == 0);
	image_finish(&image);
	return count;
}

START_TEST(core_files_with_random_bytes_do_no_harm)
{
	static struct array_image array;
	static struct fake_core core;
	const size_t head = offsetof(struct fake_core, memory);
	struct debug_offsets table = own_table();
	table.loops = BASE;
	learn_own_kind();
	quiet_begin();
	make_loop(&array, &table, 5, -1);
	make_core(&core, &array, &table);
	ck_assert_int_eq(look_at_core(&core, sizeof(core)), 1); /* as it is, it can be read */
	for (int round = 0; round < many(2000, 100); round++) {
		make_loop(&array, &table, 5, -1);
		make_core(&core, &array, &table);
		for (uint64_t i = draw(12); i > 0; i--)
			((unsigned char *)&core)[draw(2) ? draw(head) : draw(sizeof(core))] =
				(unsigned char)(draw(2) ? draw(256) : draw(2) * 255);
		look_at_core(&core, draw(4) ? sizeof(core) : (size_t)draw(sizeof(core)));
	}
	quiet_end();
}
END_TEST

/* A core file with one loop, of one task. */
static void make_small_core(struct fake_core *core)
{
	static struct array_image array;
	struct debug_offsets table = own_table();
	learn_own_kind();
	table.loops = BASE;
	make_loop(&array, &table, 1, -1);
	make_core(core, &array, &table);
}

/* Looks at the open file as main does. Returns the number of tables, or -1. */
static int look_at_file(const char *path)
{
	struct image image;
	struct debug_offsets tables[TABLES];
	int count = -1;
	if (core_open(path, &image) == 0)
		count = tables_find(&image, "the core", tables);
	if (count > 0)
		look(&image, &tables[0], false);
	image_finish(&image);
	return count;
}

struct attempt {
	char path[64];
	unsigned long n; /* the allocation that is to fail */
	int count;
	bool failed;
};

static void *look_without_memory(void *arg)
{
	struct attempt *attempt = arg;
	fail_nth(attempt->n);
	attempt->count = look_at_file(attempt->path);
	attempt->failed = fail_off();
	return NULL;
}

static void write_core_with_a_stack(int fd)
{
	static struct array_image array;
	static struct fake_core core;
	struct debug_offsets table = own_table();
	table.loops = BASE;
	learn_own_kind();
	make_loop(&array, &table, 1, -1);
	add_frame(&array, &table, BASE + BYTES * 3 / 4);
	make_core(&core, &array, &table);
	ck_assert_int_eq(write(fd, &core, sizeof(core)), sizeof(core));
}

/* Then coro-ps says so, or shows what it has. It leaves nothing allocated: see fail_each_allocation. */
START_TEST(each_allocation_may_fail)
{
	struct attempt this = {.failed = true};
	int fd = memfd_create("core", MFD_CLOEXEC), threads = threads_now(), refused = 0;
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
	write_core_with_a_stack(fd);
	snprintf(this.path, sizeof(this.path), "/proc/self/fd/%d", fd);
	quiet_begin();
	for (this.n = 1; this.failed; this.n++) {
		in_thread(look_without_memory, &this);
		await_threads(threads);
		size_t before = allocated();
		in_thread(look_without_memory, &this);
		await_threads(threads);
		ck_assert_uint_eq(allocated(), before);
		refused += this.count < 0;
	}
	quiet_end();
	ck_assert_int_eq(this.count, 1);
	ck_assert_int_gt(refused, 0);
	close(fd);
}
END_TEST

/* Opens a core file with two segments, of which a file is mapped at those addresses. */
static void open_mapped(uint64_t start, uint64_t end, struct image *image)
{
	static struct fake_core core;
	make_small_core(&core);
	core.files.words[2] = start;
	core.files.words[3] = end;
	ck_assert_int_eq(open_core(&core, sizeof(core), image), 0);
}

static void expect_region(const struct image *image, const struct region *expected)
{
	const uint64_t ends[] = {expected->start, expected->end - 1};
	for (int i = 0; i < 2; i++) {
		const struct region *region = image_region(image, ends[i]);
		ck_assert_ptr_nonnull(region);
		ck_assert_uint_eq(region->start, expected->start);
		ck_assert_uint_eq(region->end, expected->end);
		ck_assert_uint_eq(region->offset, expected->offset);
		ck_assert_uint_eq(region->held, expected->held);
		ck_assert_int_eq(region->writable, expected->writable);
		ck_assert_int_eq(region->executable, expected->executable);
		ck_assert_int_eq(region->file_is_same, expected->file_is_same);
		ck_assert_pstr_eq(region->path, expected->path);
	}
}

/* The number of its program headers stands in the first section header, if there are that many. */
START_TEST(headers_may_be_counted_elsewhere)
{
	static struct fake_core core;
	ElfW(Shdr) section = {.sh_info = 4};
	for (int there = 0; there < 2; there++) {
		make_small_core(&core);
		core.header.e_phnum = PN_XNUM;
		core.header.e_shoff =
			there ? offsetof(struct fake_core, thread.content) : 2 * sizeof(core);
		memcpy(core.thread.content, &section, sizeof(section));
		core.thread.header.n_type = 0;
		quiet_begin();
		ck_assert_int_eq(look_at_core(&core, sizeof(core)), there ? 1 : -1);
		quiet_end();
	}
}
END_TEST

START_TEST(notes_without_their_contents_are_passed_over)
{
	static const unsigned types[] = {NT_FILE, NT_PRSTATUS, NT_PRPSINFO};
	static struct fake_core core;
	struct image image;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		make_small_core(&core);
		core.parts[0].p_type = PT_NULL;
		core.parts[1].p_filesz = sizeof(core.thread.header) + 8 + 8;
		core.thread.header.n_type = types[i];
		core.thread.header.n_descsz = 8;
		ck_assert_int_eq(open_core(&core, sizeof(core), &image), 0);
		ck_assert_uint_eq(image.thread_count, 0);
		ck_assert_uint_eq(image.region_count, 2);
		ck_assert_str_eq(image.name, "");
		image_finish(&image);
	}
}
END_TEST

START_TEST(files_without_a_path_are_passed_over)
{
	static struct fake_core core;
	struct image image;
	for (int i = 0; i < 3; i++) {
		make_small_core(&core);
		if (i == 0)
			memset(core.files.path, '/', sizeof(core.files.path));
		else if (i == 1)
			core.files.words[3] = core.files.words[2];
		else
			core.files.words[0] = 1000;
		ck_assert_int_eq(open_core(&core, sizeof(core), &image), 0);
		ck_assert_ptr_null(image_region(&image, BASE)->path);
		image_finish(&image);
	}
}
END_TEST

/* Where the core has zeros for its beginning, a file cannot be told from another. */
START_TEST(a_file_is_the_same_unless_it_begins_otherwise)
{
	static struct fake_core core;
	struct image image;
	for (int other = 0; other < 2; other++) {
		make_small_core(&core);
		memset(core.memory, other, 1024);
		quiet_begin();
		ck_assert_int_eq(open_core(&core, sizeof(core), &image), 0);
		quiet_end();
		ck_assert_str_eq(image_region(&image, BASE)->path, "/proc/self/exe");
		ck_assert_int_eq(image_region(&image, BASE)->file_is_same, !other);
		image_finish(&image);
	}
}
END_TEST

#define REGION(...) (&(struct region){__VA_ARGS__})
#define THE_FILE .path = "/proc/self/exe", .file_is_same = true

/* Nothing of it was to be copied: it has no segment, and comes after those that have. */
START_TEST(a_mapping_without_a_segment_is_found_below_the_others)
{
	struct image image;
	open_mapped(BASE - BYTES, BASE, &image);
	ck_assert_uint_eq(image.region_count, 3);
	expect_region(&image, REGION(BASE - BYTES, BASE, THE_FILE));
	expect_region(&image, REGION(BASE, BASE + BYTES, .held = BYTES, .writable = true));
	expect_region(&image, REGION(BASE + BYTES, BASE + 2 * BYTES, .executable = true));
	ck_assert_ptr_null(image_region(&image, BASE - BYTES - 1));
	ck_assert_ptr_null(image_region(&image, BASE + 2 * BYTES));
	image_finish(&image);
}
END_TEST

START_TEST(a_segment_has_the_file_that_reaches_it)
{
	struct image image;
	open_mapped(BASE + BYTES / 2, BASE + 2 * BYTES, &image);
	ck_assert_uint_eq(image.region_count, 2);
	expect_region(&image, REGION(BASE, BASE + BYTES, .held = BYTES, .writable = true));
	expect_region(&image, REGION(BASE + BYTES, BASE + 2 * BYTES, .offset = BYTES / 2,
				     .executable = true, THE_FILE));
	image_finish(&image);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, a_mapping_without_a_segment_is_found_below_the_others);
	tcase_add_test(tests, a_segment_has_the_file_that_reaches_it);
	tcase_add_test(tests, random_memory_does_no_harm);
	tcase_add_test(tests, random_offsets_do_no_harm);
	tcase_add_test(tests, a_frame_at_the_end_of_addresses_is_not_read);
	tcase_add_test(tests, a_table_is_found_in_a_region_that_cannot_be_read_as_a_whole);
	tcase_add_test(tests, a_list_in_a_circle_is_read_once_and_called_damaged);
	tcase_add_test(tests, loops_in_a_circle_are_called_damaged);
	tcase_add_test(tests, a_read_of_several_pages_ends_where_it_is_to_end);
	tcase_add_test(tests, a_process_can_read_itself);
	tcase_add_test(tests, each_kind_of_wait_is_told);
	tcase_add_test(tests, many_pages_are_kept_and_found_again);
	tcase_add_test(tests, a_read_ends_where_addresses_end_and_of_nothing_succeeds);
	tcase_add_test(tests, a_read_with_a_hole_has_nothing);
	tcase_add_test(tests, a_read_may_end_in_a_part_of_a_page);
	tcase_add_test(tests, registers_are_not_known_of_too_few_bytes);
	tcase_add_test(tests, an_address_outside_of_all_regions_has_no_module);
	tcase_add_test(tests, the_stacks_of_many_tasks_are_all_read);
	tcase_add_test(tests, without_its_file_a_backtrace_has_the_innermost_call);
	tcase_add_test(tests, what_is_awaited_but_not_listed_is_left_out);
	tcase_add_test(tests, how_long_a_task_has_waited_is_told);
	tcase_add_test(tests, a_tree_has_each_task_once_and_shortens_long_rings);
	tcase_add_test(tests, what_an_fd_is_is_told);
	tcase_add_test(tests, a_task_whose_fd_was_closed_waits_until_the_kernel_is_done_with_it);
	tcase_add_test(tests, each_allocation_may_fail);
	tcase_add_test(tests, headers_may_be_counted_elsewhere);
	tcase_add_test(tests, notes_without_their_contents_are_passed_over);
	tcase_add_test(tests, files_without_a_path_are_passed_over);
	tcase_add_test(tests, a_file_is_the_same_unless_it_begins_otherwise);
	tcase_add_test(tests, core_files_with_random_bytes_do_no_harm);
}

TEST_MAIN("ps", add_tests)
