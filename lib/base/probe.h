/* SPDX-License-Identifier: MIT */
/*
 * Static probes (USDT), by which perf, bpftrace, SystemTap and gdb look into any program, without a
 * change of it. A probe is a nop and a note in the file that says where its arguments are. They
 * are there if <sys/sdt.h> was, and CORO_NO_PROBES was not defined, when the library was built. On
 * Linux alone: the header of that name on the BSDs and macOS is for DTrace's own compiler.
 *
 * On hot paths the arguments are what lies in registers or memory anyway, so that nothing is added
 * but the nop. coro-debugging(7) lists the probes.
 */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H

#if defined(__linux__) && __has_include(<sys/sdt.h>) && !defined(CORO_NO_PROBES)
#include <sys/sdt.h>
#define probe(name, one, other) DTRACE_PROBE2(coro, name, one, other)
#else
#define probe(name, one, other) ((void)0)
#endif

#endif
