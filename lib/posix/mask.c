/* SPDX-License-Identifier: MIT */
#include "posix/mask.h"

#include <stddef.h>

bool mask_differs(const sigset_t *mask)
{
	sigset_t now;
	if (!mask || pthread_sigmask(SIG_SETMASK, NULL, &now) != 0)
		return false;
	for (int number = 1; number < NSIG; number++)
		if (sigismember(mask, number) != sigismember(&now, number))
			return true;
	return false;
}
