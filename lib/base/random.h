/* SPDX-License-Identifier: MIT */
/* Pseudo-random numbers that a seed determines: xorshift64*. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* Returns the state for a seed, which may be any number. A state must not be 0. */
static inline uint64_t random_state(uint64_t seed)
{
	return ((seed + 1) * UINT64_C(0x9E3779B97F4A7C15)) | 1;
}

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

#endif
