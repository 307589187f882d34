/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/loop.h. */
#include "example.h"

#include "loop.1.inc"
