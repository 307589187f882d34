/* SPDX-License-Identifier: MIT */
/* What newer systems have and older ones do without. */
#ifndef BASE_SYSTEM_H
#define BASE_SYSTEM_H

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linux 6.13: a guard page that is a mark in the page table. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Elsewhere there are no huge pages to be kept out. */
#ifndef MADV_NOHUGEPAGE
#define MADV_NOHUGEPAGE 15
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/*
 * Bytes of the smallest and of a sensible stack for signals; where the system does not tell, room
 * for AVX-512.
 */
static inline size_t system_signal_frame(void)
{
#ifdef _SC_MINSIGSTKSZ
	long size = sysconf(_SC_MINSIGSTKSZ);
	if (size > 0)
		return (size_t)size;
#endif
	return 8192;
}

static inline size_t system_signal_stack(void)
{
#ifdef _SC_SIGSTKSZ
	long size = sysconf(_SC_SIGSTKSZ);
	if (size > 0)
		return (size_t)size;
#endif
	return 65536;
}

#endif
