/* SPDX-License-Identifier: MIT */
#include "core/overflow.h"

#include "base/system.h"
#include "core/coroutine.h"
#include "core/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- the report: async-signal-safe calls only */

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));
	(void)written;
}

static void say_number(size_t n)
{
	char digits[24], *at = digits + sizeof(digits);
	*--at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	say(at);
}

void (*overflow_tell_more)(const struct thread *thread);

/* The thread's own stack: that of a callback, if a loop runs on it. */
static void say_root(const struct coro *root)
{
	say(root->name ? "thread " : "");
	say(root->name ? root->name : root->thread->sched != NULL ? "a callback" : "a thread");
}

static void report(const struct coro *co)
{
	say("coro: stack overflow in ");
	if (co == &co->thread->root)
		say_root(co);
	else
		say(co->name ? co->name : co->flags & FLAG_IS_TASK ? "a task" : "a coroutine");
	if (co->site) {
		say(co->flags & FLAG_IS_TASK ? ", spawned at " : ", made at ");
		say(co->site);
	}
	if (co->frame && co->frame->stack.size) {
		say(", stack of ");
		say_number(co->frame->stack.size->bytes / 1024);
		say(" KiB");
	}
	say("\n");
	if (overflow_tell_more)
		overflow_tell_more(co->thread);
}

/*
 * Whether a fault above the stack pointer is at the end of the stack, which both are behind then. RISC-V
 * and MIPS save registers first, where a frame begins. A fault where the stack begins is no overflow:
 * there is memory at the stack pointer.
 */
static bool is_behind_the_end(const char *at, const char *sp, ptrdiff_t most)
{
	return at > sp && at - sp <= most && !system_can_read(sp);
}

/*
 * Whether a fault is an overflow: in a guard, in a frame so large that it reaches beyond it, or at
 * the end of the thread's own stack.
 */
static bool overflows(const struct coro *co, const char *at, const char *sp)
{
	/* An access this far from the stack pointer still counts. */
	enum { BELOW = 64 * 1024, ABOVE = 256 };
	const struct thread *thread = co->thread;
	if (stack_pool_guards(&thread->stacks, at))
		return true;
	if (!sp)
		return false;
	if (co == &thread->root)
		return sp - at <= BELOW && (at - sp <= ABOVE || is_behind_the_end(at, sp, BELOW));
	const char *low = co->frame->stack.low;
	return sp < low && at < low && (at >= sp || sp - at <= BELOW);
}

/*
 * Whether the fault was executing code on a stack, which can run now. A library with such code (GNU C's
 * nested functions) may be loaded after the stack was mapped. The C library then makes its own stacks
 * executable; this does the same for ours.
 */
static bool made_executable(const struct coro *co, const char *at, const char *pc)
{
	const struct stack *stack;
	if (at != pc || !(system_stack_protection() & PROT_EXEC))
		return false;
	stack = stack_pool_at(&co->thread->stacks, at);
	return stack && at >= stack->low &&
	       mprotect(stack->low, stack->size->bytes, system_stack_protection()) == 0;
}

/*
 * Reports an overflow, recognized by its address. Any fault then happens again with the default action,
 * so that a core dump shows where it was.
 */
static void on_fault(int number, siginfo_t *info, void *context)
{
	struct coro *co = thread_current->self;
	const char *at = info->si_addr, *pc, *sp;
	system_interrupted(context, &pc, &sp);
	if (info->si_code == SEGV_ACCERR && number == SIGSEGV && made_executable(co, at, pc))
		return;
	if (info->si_code > 0 && overflows(co, at, sp))
		report(co);
	signal(number, SIG_DFL);
	if (info->si_code <= 0)
		raise(number); /* sent by kill; delivered again when the handler returns */
}

/* -- installation */

static void install(int number)
{
	struct sigaction old,
		ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigemptyset(&ours.sa_mask);
	if (sigaction(number, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) &&
	    old.sa_handler == SIG_DFL)
		sigaction(number, &ours, NULL);
}

static void install_all(void)
{
	install(SIGSEGV);
	install(SIGBUS);
}

static bool installed(int number)
{
	struct sigaction now;
	return sigaction(number, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
	       now.sa_sigaction == on_fault;
}

/* -- the alternate stack: [guard][room for any handler's locals and the signal's frame] */

enum { ROOM = 64 * 1024, GUARD = 64 * 1024 };

static size_t alternate_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (ROOM + system_signal_frame() + page - 1) / page * page;
}

/* Maps the stack with its guard. NULL on failure. */
static char *alternate_map(size_t size)
{
	char *mapping = mmap(NULL, GUARD + size, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping == MAP_FAILED)
		return NULL;
	if (mprotect(mapping + GUARD, size, system_stack_protection()) == 0)
		return mapping;
	munmap(mapping, GUARD + size);
	return NULL;
}

static void *overflow_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *wanted = getenv("CORO_OVERFLOW");
	if (wanted && strcmp(wanted, "0") == 0)
		return NULL;
	pthread_once(&once, install_all);
	if (!installed(SIGSEGV) && !installed(SIGBUS))
		return NULL;

	stack_t old;
	if (sigaltstack(NULL, &old) < 0 || !(old.ss_flags & SS_DISABLE))
		return NULL;
	size_t size = alternate_size();
	char *mapping = alternate_map(size);
	if (!mapping)
		return NULL; /* an overflow then ends the process without a report */
	if (sigaltstack(&(stack_t){.ss_sp = mapping + GUARD, .ss_size = size}, NULL) == 0)
		return mapping;
	munmap(mapping, GUARD + size);
	return NULL;
}

void overflow_watch_thread(struct thread *thread)
{
	if (thread->overflow_watched)
		return;
	thread->overflow_watched = true;
	thread->alternate = overflow_watch();
}

/* Being on the coroutine's own stack is fine, and so is a stack of the program's own. */
void overflow_check(const void *at)
{
	const struct coro *self = thread_current->self;
	const struct stack *stack = &self->frame->stack;
	if (((const char *)at >= stack->low && at < (const void *)stack) ||
	    !stack_pool_covers(&self->thread->stacks, at))
		return;
	if (installed(SIGSEGV)) {
		report(self);
		signal(SIGSEGV, SIG_DFL);
	}
	raise(SIGSEGV);
	signal(SIGSEGV, SIG_DFL); /* a handler of the program has returned */
	raise(SIGSEGV);
}

void overflow_uninstall(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS};
	for (int i = 0; i < 2; i++)
		if (installed(numbers[i]))
			signal(numbers[i], SIG_DFL);
}

void overflow_unwatch(void *alternate)
{
	stack_t current;
	char *mapping = alternate;
	if (!mapping)
		return;
	if (sigaltstack(NULL, &current) == 0 && current.ss_sp == mapping + GUARD)
		sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
	munmap(mapping, GUARD + alternate_size());
}
