/* SPDX-License-Identifier: MIT */
#include "core/context/special.h"

const struct context_observer *context_observer;
bool context_special;

void context_observe(const struct context_observer *callback)
{
	context_observer = callback;
	context_special = true;
}
