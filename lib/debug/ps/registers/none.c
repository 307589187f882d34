/* SPDX-License-Identifier: MIT */
/* A CPU whose registers are not known. */
#include "debug/ps/registers.h"

const struct cpu registers_cpu = {.kept_count = 0};
