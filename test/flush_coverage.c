/* SPDX-License-Identifier: MIT */
/*
 * make coverage: what a child of fork has run counts too, if the child ends by _exit, which would
 * not write the counts. A child of vfork has its parent's memory, and with it the parent's counts.
 */
#ifdef COVERAGE
#include <pthread.h>
#include <unistd.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

static pid_t own;

static void note(void)
{
	own = getpid();
}

__attribute__((constructor)) static void begin(void)
{
	note();
	pthread_atfork(NULL, NULL, note);
}

_Noreturn void __wrap__exit(int status)
{
	if (getpid() == own)
		__gcov_dump();
	__real__exit(status);
}
#endif
