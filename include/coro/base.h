/* SPDX-License-Identifier: MIT */
/*
 * What all other headers share: the version, the error codes, the units of time.
 *
 * Conventions of the whole library:
 *
 *   - A call that can fail returns a negative error code; 0 is done, > 0 carries a meaning of its
 *     own. `if (r < 0) return r;` passes an error on, as `raise` does in Python.
 *   - Out-parameters come last, are called ret, and are untouched when the call fails. Where a
 *     pointer to one may be NULL, the header says so.
 *   - Times are int64_t nanoseconds.
 *   - A call marked coro_async may suspend its caller: other tasks run before it returns. So may a
 *     call that runs a body or a function of yours (coro_resume, coro_next, the ends of an
 *     iterator), if that waits.
 *   - NULL for an object, a function or a required ret is -EINVAL.
 *   - Every flag of every kind of options has a bit of its own, so that one given to another kind
 *     is -EINVAL.
 */
#ifndef CORO_BASE_H
#define CORO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its unsafe stack belongs to the thread: coroutines would overwrite one another's variables. */
#ifdef __has_feature
#if __has_feature(safe_stack)
#error "coroutines cannot be used with -fsanitize=safe-stack"
#endif
#endif

#define CORO_VERSION_MAJOR 0
#define CORO_VERSION_MINOR 1
#define CORO_VERSION_PATCH 0

#ifdef __cplusplus
#define CORO_BEGIN_DECLS extern "C" {
#define CORO_END_DECLS }
#else
#define CORO_BEGIN_DECLS
#define CORO_END_DECLS
#endif

#if defined(__GNUC__)
#define CORO_API __attribute__((visibility("default")))
#else
#define CORO_API
#endif

#ifdef __cplusplus
#define CORO_STATIC_ASSERT static_assert
#else
#define CORO_STATIC_ASSERT _Static_assert
#endif

/* A switch is short enough for the jump by way of the PLT to count; noplt calls through the GOT. */
#ifdef __has_attribute
#if __has_attribute(noplt)
#undef CORO_API
#define CORO_API __attribute__((visibility("default"), noplt))
#endif
#endif

#if defined(__GNUC__)
#define CORO_UNUSED __attribute__((unused))
#define CORO_PRINTF(format, values) __attribute__((__format__(__printf__, format, values)))
#else
#define CORO_UNUSED
#define CORO_PRINTF(format, values)
#endif

/*
 * With CORO_WARN_UNUSED defined before the headers are included, the compiler warns when a result
 * is not looked at. It does so for calls that can fail in a program without mistakes: waiting,
 * transferring, making. It does not for calls that end or give back, such as coro_lock_release and
 * coro_channel_destroy.
 */
#if defined(CORO_WARN_UNUSED) && defined(__GNUC__)
#define CORO_MUST_CHECK __attribute__((warn_unused_result))
#else
#define CORO_MUST_CHECK
#endif

/*
 * Marks a function that may suspend its caller; it says so to the reader, and nothing to the
 * compiler.
 */
#define coro_async

/* For the macros that declare typed views; not for use elsewhere. */
#ifdef __cplusplus
#define CORO_FROM_VOID_(type, pointer) static_cast<type>(pointer)
#define CORO_TO_VOID_(pointer) const_cast<void *>(static_cast<const volatile void *>(pointer))
#define CORO_TAKES_SEMICOLON_ static_assert(true, "")
#else
#define CORO_FROM_VOID_(type, pointer) ((type)(pointer))
#define CORO_TO_VOID_(pointer) ((void *)(uintptr_t)(pointer))
#define CORO_TAKES_SEMICOLON_ _Static_assert(1, "")
#endif

#define CORO_STRING_(x) #x
#define CORO_STRING(x) CORO_STRING_(x)

/* The place in the source where it stands, "file.c:12": what a report names a coroutine by. */
#define CORO_HERE __FILE__ ":" CORO_STRING(__LINE__)

/*
 * Error codes, all negative:
 *
 *      -1 .. -4095   errno, negated: -EINVAL, -ENOMEM, -ECANCELED, ...
 *   -4096 .. -8191   the library's own
 *   -8192 ..         yours; the library carries them unchanged
 */
#define CORO_EXIT (-4096)       /* a generator is asked to leave (Python's GeneratorExit) */
#define CORO_INCOMPLETE (-4097) /* a stream ended too soon (IncompleteReadError) */
#define CORO_UNTRUSTED (-4098)  /* a peer is not who it should be (SSLCertVerificationError) */
#define CORO_USER_ERROR (-8192) /* the first of your own: CORO_USER_ERROR - n */

/* Units of time: coro_sleep(20 * CORO_MSEC). */
#define CORO_NSEC INT64_C(1)
#define CORO_USEC INT64_C(1000)
#define CORO_MSEC INT64_C(1000000)
#define CORO_SEC INT64_C(1000000000)

/* A timeout that never comes; as a delay to sleep, the end of time. */
#define CORO_FOREVER INT64_MAX

CORO_BEGIN_DECLS

/* A body: what a coroutine, generator or task runs. A negative result is its failure. */
typedef int coro_fn(void *arg);

/* A callback of the loop. */
typedef void coro_callback(void *arg);

/*
 * Words for an error code, of either sign: strerror's for errno, the library's for its own, a
 * general phrase for yours (see coro_raise for better ones). Never fails.
 */
CORO_API const char *coro_strerror(int error);

/* The library's version at run time: "0.1.0". */
CORO_API const char *coro_version(void);

/* The monotonic clock, CLOCK_MONOTONIC, in nanoseconds (Python's time.monotonic_ns). */
CORO_API int64_t coro_clock(void);

CORO_END_DECLS

#endif
