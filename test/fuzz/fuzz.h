/* SPDX-License-Identifier: MIT */
/*
 * What fuzzers share. Each is a file with a function that takes any bytes, and aborts if what they
 * come to is wrong. It is driven by clang's libFuzzer, or by main.c, where there is none.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define fuzz_assert(condition)                                                                  \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* What is left of the bytes. */
struct input {
	const uint8_t *at, *end;
};

static inline size_t input_left(const struct input *input)
{
	return (size_t)(input->end - input->at);
}

/* The next byte; 0 when there is none. */
static inline unsigned take(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

/* A number below that one. */
static inline unsigned take_below(struct input *input, unsigned most)
{
	unsigned number = most > 256 ? take(input) << 8 : 0;
	return (number | take(input)) % most;
}

/* A copy in memory that ends where it does, so that reading past its end is found. */
static inline char *exact_copy(const void *bytes, size_t length)
{
	char *copy = malloc(length ? length : 1);
	fuzz_assert(copy);
	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

#endif
