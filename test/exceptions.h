/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for the C++ runtime: what it knows of exceptions, and the two calls between which a
 * catch block lies.
 */
#ifndef TEST_EXCEPTIONS_H
#define TEST_EXCEPTIONS_H

struct cxx_exception {
	struct cxx_exception *outer; /* that of the catch block around this one */
	const char *name;
};

/* As in the C++ ABI. */
static struct {
	struct cxx_exception *caught;
	unsigned uncaught;
} globals;

void *__cxa_get_globals(void);

void *__cxa_get_globals(void)
{
	return &globals;
}

static inline void catch_begin(struct cxx_exception *exception, const char *name)
{
	*exception = (struct cxx_exception){globals.caught, name};
	globals.caught = exception;
}

static inline void catch_end(void)
{
	globals.caught = globals.caught->outer;
}

#endif
