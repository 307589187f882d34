/* SPDX-License-Identifier: MIT */
/*
 * CORO_SAVE_EXCEPTIONS: a C++ runtime keeps the exceptions being handled in thread-local globals, which
 * are exchanged at a switch. The runtime may be loaded with the program, or later with a plugin.
 */
#include "base/system.h"
#include "core/coroutine.h"

#include <dlfcn.h>
#include <stdatomic.h>

/* As the C++ ABI has it. */
struct cxa_globals {
	void *caught;
	unsigned uncaught;
};

typedef struct cxa_globals *get_globals(void);

/* Absent in a program without a C++ runtime. dlopen and dlsym are absent in a static one. */
extern struct cxa_globals *__cxa_get_globals(void) __attribute__((weak));
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dladdr

/*
 * Keeps the library of this function loaded, since another thread may be about to call it. The program
 * itself is not found by its name, but is never unloaded.
 */
static void pin(get_globals *get)
{
	Dl_info info;
	if (dladdr && dladdr((void *)get, &info))
		dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* Finds the function in a plugin's runtime. One loaded with RTLD_LOCAL is found by its file name. */
static get_globals *lookup(void)
{
	static const char *const runtimes[] = {"libstdc++.so.6", "libc++abi.so.1", "libc++.so.1"};
	get_globals *get = (get_globals *)dlsym(RTLD_DEFAULT, "__cxa_get_globals");
	for (size_t i = 0; !get && i < sizeof(runtimes) / sizeof(*runtimes); i++) {
		void *runtime = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
		if (runtime)
			get = (get_globals *)dlsym(runtime, "__cxa_get_globals");
	}
	if (get)
		pin(get);
	return get;
}

/* Finds the function. Until it is found, each library that was loaded makes it search again. */
static get_globals *find_slow(void)
{
	static _Atomic(get_globals *) found;
	static _Atomic uint64_t searched_at;
	get_globals *get = atomic_load_explicit(&found, memory_order_acquire);
	if (get || !dlopen || !dlsym)
		return get;
	uint64_t loaded = system_libraries_loaded();
	if (loaded && atomic_load_explicit(&searched_at, memory_order_relaxed) == loaded)
		return NULL;
	get = lookup();
	atomic_store_explicit(&found, get, memory_order_release);
	atomic_store_explicit(&searched_at, loaded, memory_order_relaxed);
	return get;
}

void coroutine_swap_exceptions(struct frame *frame)
{
	get_globals *get = __cxa_get_globals ? __cxa_get_globals : find_slow();
	if (!get)
		return;
	struct cxa_globals *globals = get();
	struct cxa_globals now = *globals;
	globals->caught = frame->exceptions[0];
	globals->uncaught = (unsigned)(uintptr_t)frame->exceptions[1];
	frame->exceptions[0] = now.caught;
	frame->exceptions[1] = (void *)(uintptr_t)now.uncaught;
}
