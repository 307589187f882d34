/* SPDX-License-Identifier: MIT */
/*
 * Backtraces by elfutils' libdw: by the tables that C++ exceptions use too, which are there without
 * debug information; that gives names of files and lines where it is found.
 *
 * To libdw, what a task has of a stack is a thread. There is one at a time.
 */
#include "debug/ps/unwind.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const bool unwind_by_tables = true;

struct unwinder {
	const struct snapshot *snapshot;
	Dwfl *dwfl;
	bool attached;
	/* What is being unwound: */
	const struct task_record *task;
	const struct stack_part *part;
	void (*fn)(const struct call_site *site, void *arg);
	void *arg;
	int count;
};

/* -- what libdw asks for */

enum { THREAD = 1 };

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl;
	if (*thread)
		return 0;
	*thread = arg;
	return THREAD;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	(void)dwfl;
	*thread = arg;
	return tid == THREAD;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *ret, void *arg)
{
	const struct unwinder *unwinder = arg;
	uintptr_t word;
	(void)dwfl;
	if (!snapshot_read(unwinder->snapshot, unwinder->task, at, &word, sizeof(word)))
		return false;
	*ret = word;
	return true;
}

static bool set(Dwfl_Thread *thread, int number, Dwarf_Word value)
{
	return dwfl_thread_state_registers(thread, number, 1, &value);
}

static bool set_pc(Dwfl_Thread *thread, Dwarf_Word pc)
{
	if (registers_cpu.pc >= 0)
		return set(thread, registers_cpu.pc, pc);
	dwfl_thread_state_register_pc(thread, pc);
	return true;
}

/* The return address of a call belongs to the instruction before it. */
static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct cpu *cpu = &registers_cpu;
	const struct unwinder *unwinder = arg;
	const struct registers *registers = &unwinder->part->registers;
	for (size_t i = 0; i < cpu->kept_count; i++)
		if (!set(thread, cpu->kept[i], registers->kept[i]))
			return false;
	return set(thread, cpu->bp, registers->bp) && set(thread, cpu->sp, registers->sp) &&
	       set_pc(thread, registers->pc - !registers->active);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

static char *debug_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debug_path,
};

/* -- modules */

/* Writes the regions as /proc/PID/maps has them. libdw takes inodes for names. */
static void write_maps(const struct image *image, FILE *file)
{
	const char *last = "";
	int inode = 0;
	for (size_t i = 0; i < image->region_count; i++) {
		const struct region *region = &image->regions[i];
		if (!region->path || *region->path != '/' || !region->file_is_same ||
		    strchr(region->path, '\n'))
			continue;
		inode += strcmp(last, region->path) != 0;
		last = region->path;
		fprintf(file, "%llx-%llx r%c%cp %llx 01:01 %d %s\n",
			(unsigned long long)region->start, (unsigned long long)region->end,
			region->writable ? 'w' : '-', region->executable ? 'x' : '-',
			(unsigned long long)region->offset, inode, region->path);
	}
}

static void report_modules(struct unwinder *unwinder)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	if (!file)
		return;
	write_maps(unwinder->snapshot->image, file);
	fclose(file);
	file = size ? fmemopen(text, size, "r") : NULL;
	if (file) {
		dwfl_report_begin(unwinder->dwfl);
		dwfl_linux_proc_maps_report(unwinder->dwfl, file);
		dwfl_report_end(unwinder->dwfl, NULL, NULL);
		fclose(file);
	}
	free(text);
}

/* libdw would ask servers for debug information, which may take minutes. */
struct unwinder *unwind_begin(const struct snapshot *snapshot)
{
	struct unwinder *unwinder = calloc(1, sizeof(*unwinder));
	if (!unwinder)
		return NULL;
	unsetenv("DEBUGINFOD_URLS");
	unwinder->snapshot = snapshot;
	unwinder->dwfl = dwfl_begin(&callbacks);
	if (unwinder->dwfl) {
		report_modules(unwinder);
		int pid = snapshot->image->pid > 0 ? snapshot->image->pid : 1;
		unwinder->attached =
			dwfl_attach_state(unwinder->dwfl, NULL, pid, &thread_callbacks, unwinder);
	}
	return unwinder;
}

void unwind_end(struct unwinder *unwinder)
{
	if (unwinder && unwinder->dwfl)
		dwfl_end(unwinder->dwfl);
	free(unwinder);
}

/* -- calls */

static void give(struct unwinder *unwinder, uint64_t pc, uint64_t inside)
{
	struct call_site site;
	unwind_locate(unwinder->snapshot->image, pc, &site);
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, inside);
	if (module) {
		GElf_Off offset;
		GElf_Sym symbol;
		site.function =
			dwfl_module_addrinfo(module, inside, &offset, &symbol, NULL, NULL, NULL);
		Dwfl_Line *line = dwfl_module_getsrc(module, inside);
		if (line)
			site.file = dwfl_lineinfo(line, NULL, &site.line, NULL, NULL, NULL);
	}
	unwinder->fn(&site, unwinder->arg);
	unwinder->count++;
}

static int on_frame(Dwfl_Frame *frame, void *arg)
{
	struct unwinder *unwinder = arg;
	Dwarf_Addr pc;
	bool active;
	if (!dwfl_frame_pc(frame, &pc, &active))
		return DWARF_CB_ABORT;
	/* The first is active to libdw. Of a suspended one we have gone into the call ourselves. */
	bool suspended = unwinder->count == 0 && !unwinder->part->registers.active;
	give(unwinder, pc + suspended, active ? pc : pc - 1);
	return unwinder->count < CALLS_MOST ? DWARF_CB_OK : DWARF_CB_ABORT;
}

int unwind_task(struct unwinder *unwinder, const struct task_record *task,
		void (*fn)(const struct call_site *site, void *arg), void *arg)
{
	int count = 0;
	unwinder->task = task;
	unwinder->fn = fn;
	unwinder->arg = arg;
	for (size_t i = 0; i < task->part_count; i++) {
		unwinder->part = &task->parts[i];
		unwinder->count = 0;
		if (!unwinder->part->has_registers || !unwinder->part->piece.read)
			continue;
		if (unwinder->attached)
			dwfl_getthread_frames(unwinder->dwfl, THREAD, on_frame, unwinder);
		if (unwinder->count == 0) /* no table for the first: its address at least */
			give(unwinder, unwinder->part->registers.pc,
			     unwinder->part->registers.pc - !unwinder->part->registers.active);
		count += unwinder->count;
	}
	return count;
}

bool unwind_body(struct unwinder *unwinder, const struct loop_record *loop,
		 const struct task_record *task,
		 void (*fn)(const struct call_site *site, void *arg), void *arg)
{
	uint64_t address = unwind_body_address(unwinder->snapshot, loop, task);
	unwinder->fn = fn;
	unwinder->arg = arg;
	if (address && unwinder->dwfl)
		give(unwinder, address, address);
	return address && unwinder->dwfl;
}
