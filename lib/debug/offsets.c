/* SPDX-License-Identifier: MIT */
#include "debug/offsets.h"

#include "coro/base.h"
#include "io/fd.h"
#include "loop/loop.h"
#include "process/process.h"
#include "sched/loops.h"
#include "sync/lock.h"
#include "task/as_completed.h"
#include "task/done_call.h"
#include "task/gather.h"
#include "task/group.h"

#include <stddef.h>

/* The Makefile names the backend. */
#define CONTEXT_ucontext DEBUG_CONTEXT_UCONTEXT
#define CONTEXT_setjmp DEBUG_CONTEXT_SETJMP
#define CONTEXT_x86_64 DEBUG_CONTEXT_X86_64
#define CONTEXT_aarch64 DEBUG_CONTEXT_AARCH64
#define CONTEXT_riscv64 DEBUG_CONTEXT_RISCV64
#define CONTEXT_i386 DEBUG_CONTEXT_I386
#define CONTEXT_armhf DEBUG_CONTEXT_ARMHF
#define CONTEXT_s390x DEBUG_CONTEXT_S390X
#ifndef CONTEXT
#define CONTEXT DEBUG_CONTEXT_UNKNOWN
#endif

#define AT(type, field) ((uint32_t)offsetof(type, field))

#define LIBRARY_VERSION \
	((uint32_t)(CORO_VERSION_MAJOR << 16 | CORO_VERSION_MINOR << 8 | CORO_VERSION_PATCH))

#ifdef __ELF__
#define SECTION __attribute__((section(".coro.debug"), aligned(16), used))
#else
#define SECTION __attribute__((used))
#endif

/* Writable, since core files have no other memory of an object. */
static struct debug_offsets offsets SECTION = {
		.magic = DEBUG_MAGIC,
		.version = DEBUG_VERSION,
		.bytes = sizeof(offsets),
		.library_version = LIBRARY_VERSION,
		.pointer_bytes = sizeof(void *),
		.context = CONTEXT,
		.list.next = AT(struct list, next),
		.sched =
			{
				.next_loop = AT(struct sched, next_loop),
				.tid = AT(struct sched, tid),
				.running = AT(struct sched, running),
				.runner = AT(struct sched, runner),
				.context = AT(struct sched, runner_context),
				.ready = AT(struct sched, ready),
				.timers = AT(struct sched, timers),
				.virtual_clock = AT(struct sched, virtual_clock),
				.closed = AT(struct sched, closed),
				.now = AT(struct sched, now),
				.watching = AT(struct sched, watching),
				.thread = AT(struct sched, thread),
			},
		.thread =
			{
				.self = AT(struct thread, self),
				.sizes = AT(struct thread, stacks.sizes),
				.colours = AT(struct thread, stacks.colours),
			},
		.tasks =
			{
				.all = AT(struct tasks, all),
				.servants = AT(struct tasks, servants),
				.spawned = AT(struct tasks, spawned),
			},
		.spawned =
			{
				.all = AT(struct spawned, all),
				.future = AT(struct spawned, future),
				.parent = AT(struct spawned, parent),
			},
		.task =
			{
				.sched = AT(struct task, sched),
				.number = AT(struct task, number),
				.cancels = AT(struct task, cancels),
			},
		.coro =
			{
				.context = AT(struct coro, context),
				.at = AT(struct coro, at),
				.state = AT(struct coro, state),
				.flags = AT(struct coro, flags),
				.frame = AT(struct coro, frame),
				.resumer = AT(struct coro, resumer),
				.name = AT(struct coro, name),
				.site = AT(struct coro, site),
			},
		.frame =
			{
				.bytes = sizeof(struct frame),
				.size = AT(struct frame, stack.size),
				.low = AT(struct frame, stack.low),
				.co = AT(struct frame, co),
				.fn = AT(struct frame, fn),
				.arg = AT(struct frame, arg),
				.wait = AT(struct frame, outer),
			},
		.stack =
			{
				.header = STACK_HEADER,
				.colour_unit = COLOUR_UNIT,
				.colour_step = COLOUR_STEP,
				.next = AT(struct stack, next),
			},
		.stack_size =
			{
				.bytes = AT(struct stack_size, bytes),
				.slot = AT(struct stack_size, slot),
				.next = AT(struct stack_size, next),
				.warm = AT(struct stack_size, warm),
				.slabs = AT(struct stack_size, slabs),
			},
		.slab =
			{
				.next = AT(struct stack_slab, next),
				.start = AT(struct stack_slab, start),
				.fresh = AT(struct stack_slab, fresh),
				.cold = AT(struct stack_slab, cold),
			},
		.wait =
			{
				.kind = AT(struct task_wait, kind),
				.waiter = AT(struct task_wait, waiter),
				.timer = AT(struct task_wait, timer),
				.outer = AT(struct task_wait, outer),
				.since = AT(struct task_wait, since),
			},
		.wait_kind =
			{
				.what = AT(struct wait_kind, what),
				.call = AT(struct wait_kind, call),
				.subject_type = AT(struct wait_kind, subject.type),
				.subject_beside = AT(struct wait_kind, subject.beside_waiter),
				.subject_at = AT(struct wait_kind, subject.at),
			},
		.future =
			{
				.kind = AT(struct coro_future, kind),
				.done = AT(struct coro_future, done),
				.status = AT(struct coro_future, status),
			},
		.ring =
			{
				.slots = AT(struct ring, slots),
				.mask = AT(struct ring, mask),
				.head = AT(struct ring, head),
				.tail = AT(struct ring, tail),
			},
		.heap =
			{
				.entries = AT(struct heap, entries),
				.count = AT(struct heap, count),
				.entry_bytes = sizeof(struct heap_entry),
				.entry_key = AT(struct heap_entry, key),
				.entry_node = AT(struct heap_entry, node),
				.timer_node = AT(struct timer, node),
				.node_place = AT(struct heap_node, place),
			},
		.done_calls =
			{
				.count = AT(struct done_calls, count),
				.all = AT(struct done_calls, all),
				.item_bytes = sizeof(struct owned_done_call),
				.item_future = AT(struct owned_done_call, done_call.future),
			},
		.group.members = AT(struct coro_group, members),
		.member =
			{
				.link = AT(struct member, link),
				.future = AT(struct member, done_call.future),
			},
		.lock.hold = AT(struct coro_lock, hold),
		.hold =
			{
				.task = AT(struct hold, task),
				.site = AT(struct hold, resource.site),
			},
		.fd.number = AT(struct fd, number),
		.process.pid = AT(struct coro_process, pid),
};

/*
 * Being called for each program also keeps the section: linkers drop what nobody refers to, but no
 * constructors. And what was written to is in core files.
 */
__attribute__((constructor)) static void publish(void)
{
	offsets.loops = (uintptr_t)&loops_first;
	offsets.gather.children = (uint32_t)gather_children_at;
	offsets.completed.count = (uint32_t)completed_layout.count;
	offsets.completed.all = (uint32_t)completed_layout.entries;
	offsets.completed.item_bytes = (uint32_t)completed_layout.bytes;
	offsets.completed.item_future = (uint32_t)completed_layout.future;
	offsets.self = (uintptr_t)&offsets;
}
