/* SPDX-License-Identifier: MIT */
/* What cancellation must know of waiting for several. */
#ifndef LOOP_WAIT_H
#define LOOP_WAIT_H

#include "coro/wait.h"

/* Cancels the children of a gather; false if all were done. */
bool gather_cancel(struct coro_future *outer);

#endif
