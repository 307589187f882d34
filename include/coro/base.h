/* SPDX-License-Identifier: MIT */
/*
 * Conventions, error codes and units of time, which all other headers use.
 *
 *   - A call that can fail returns a negative error code. 0 is success, and a result above 0 has a
 *     meaning of its own. `if (r < 0) return r;` passes an error on, as `raise` does in Python.
 *   - Out-parameters come last, are called ret, and are untouched when the call fails. A pointer to
 *     one may be NULL only if the comment says so.
 *   - NULL for an object, a function or a required ret is -EINVAL.
 *   - Times are int64_t nanoseconds.
 *   - A call marked coro_async may suspend its caller: other tasks run before it returns. So may a
 *     call that runs a function of yours, such as coro_resume, coro_next or coro_iter_collect, if
 *     that function waits.
 *   - Each flag has a bit of its own, whichever options it belongs to. A flag that is given to
 *     other options is -EINVAL.
 *
 * Error codes are
 *
 *      -1 .. -4095   errno, negated: -EINVAL, -ENOMEM, -ECANCELED, ...
 *   -4096 .. -8191   the library's own
 *   -8192 ..         the program's own, which the library passes on unchanged
 */
#ifndef CORO_BASE_H
#define CORO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The unsafe stack belongs to the thread: coroutines would overwrite one another's variables. */
#ifdef __has_feature
#if __has_feature(safe_stack)
#error "coroutines cannot be used with -fsanitize=safe-stack"
#endif
#endif

/* The version of these headers. coro_version returns that of the library. */
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

/* A switch is so short that a jump through the PLT would cost. noplt calls through the GOT. */
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
 * If CORO_WARN_UNUSED is defined before the headers are included, the compiler warns when a result
 * is not used. It warns of calls that can fail in a correct program: those that wait, transfer or
 * create. It does not warn of calls that release or destroy, such as coro_lock_release and
 * coro_channel_destroy.
 */
#if defined(CORO_WARN_UNUSED) && defined(__GNUC__)
#define CORO_MUST_CHECK __attribute__((warn_unused_result))
#else
#define CORO_MUST_CHECK
#endif

/* Marks a function that may suspend its caller. It is for the reader; the compiler sees nothing. */
#define coro_async

/* For the macros that declare typed views, and for nothing else. */
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

/* The value of a macro, as a string. */
#define CORO_STRING(x) CORO_STRING_(x)

/*
 * The place where it stands in the source, "file.c:12". Reports name a coroutine by such a place.
 */
#define CORO_HERE __FILE__ ":" CORO_STRING(__LINE__)

/* The error that asks a generator to return. Like GeneratorExit. */
#define CORO_EXIT (-4096)

/* The error of a stream that ended too soon. Like asyncio.IncompleteReadError. */
#define CORO_INCOMPLETE (-4097)

/* The error of a peer whose certificate is not accepted. Like ssl.SSLCertVerificationError. */
#define CORO_UNTRUSTED (-4098)

/* The first of the program's own error codes. The others are CORO_USER_ERROR - n. */
#define CORO_USER_ERROR (-8192)

/* Units of time, in nanoseconds: coro_sleep(20 * CORO_MSEC). */
#define CORO_NSEC INT64_C(1)
#define CORO_USEC INT64_C(1000)
#define CORO_MSEC INT64_C(1000000)
#define CORO_SEC INT64_C(1000000000)

/*
 * The timeout that never ends. coro_sleep(CORO_FOREVER) ends when it is cancelled, or when a
 * virtual clock jumps to the end of time.
 */
#define CORO_FOREVER INT64_MAX

CORO_BEGIN_DECLS

/*
 * The function that a coroutine, generator or task runs: its body. A negative result is an error.
 */
typedef int coro_fn(void *arg);

/* A function that the loop calls. It may not wait: see coro_call_soon. */
typedef void coro_callback(void *arg);

/*
 * Returns a text for an error code of either sign: strerror's in the C locale for errno, the library's
 * for its own codes, a general one for the program's. Never fails. coro_message has the text of one
 * error.
 */
CORO_API const char *coro_strerror(int error);

/* Returns the version of the library that runs: "0.1.0". */
CORO_API const char *coro_version(void);

/* Returns the time of CLOCK_MONOTONIC in nanoseconds. Like time.monotonic_ns. */
CORO_API int64_t coro_clock(void);

CORO_END_DECLS

#endif
