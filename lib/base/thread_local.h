/* SPDX-License-Identifier: MIT */
/* How the library's one thread-local variable is reached. */
#ifndef BASE_THREAD_LOCAL_H
#define BASE_THREAD_LOCAL_H

#include <stdint.h> /* tells __GLIBC__ */

#ifdef __TINYC__
#error "tcc has no thread-local variables (__thread): take gcc or clang"
#endif

/*
 * Initial-exec is the fastest: the variable lies at an offset from the thread pointer that is fixed
 * when the library is loaded. For a library that dlopen loads, some room is kept by glibc and the BSDs,
 * and none by musl.
 */
#if defined(__linux__) && !defined(__GLIBC__)
#define THREAD_LOCAL_MODEL "global-dynamic"
#else
#define THREAD_LOCAL_MODEL "initial-exec"
#endif

#endif
