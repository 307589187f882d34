/* SPDX-License-Identifier: MIT */
/* Numbers that look random, and are told by a seed: xorshift64*. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* A state for any seed; a state may be all but 0. */
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
