/* SPDX-License-Identifier: MIT */
/* Debug mode: the coroutines that nobody has destroyed when their thread ends. */
#ifndef CORE_LEFTOVER_H
#define CORE_LEFTOVER_H

struct thread;

/*
 * Reports the suspended coroutines of a thread that ends, by the place where they were made. No
 * tool can see them: their stacks hold them. Does nothing outside of debug mode, and for the copies
 * in a child made by fork. The thread stands on its own stack.
 */
void generators_left_report(struct thread *thread);

#endif
