/* SPDX-License-Identifier: MIT */
#include "loop/signal_source.h"

#include "core/fail.h"
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

/* A signal that is wanted, or was. */
struct caught {
	struct signal_source *first; /* atomic; NULL: it is not wanted */
	struct sigaction before;     /* the action before, to be restored */
};

static struct caught caught[NSIG];

/* How many handlers run and may look at the lists. Atomic. */
static unsigned delivering;

/* Guards the lists, but not against handlers, and the actions. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* -- delivery, in the handler */

static void announce(struct signal_source *source)
{
	/* One message stands for all signals until it has run. */
	if (__atomic_fetch_add(&source->count, 1, __ATOMIC_SEQ_CST) == 0)
		sched_post(sched_of(source->loop), &source->message);
}

/* Gives the signal to the sources of this kind. Returns whether there were any. */
static bool offer(int signum, bool once)
{
	bool taken = false;
	struct signal_source *source = __atomic_load_n(&caught[signum].first, __ATOMIC_SEQ_CST);
	for (; source; source = __atomic_load_n(&source->next, __ATOMIC_SEQ_CST)) {
		if (source->once != once)
			continue;
		if (once && __atomic_exchange_n(&source->spent, true, __ATOMIC_SEQ_CST))
			continue;
		announce(source);
		taken = true;
	}
	return taken;
}

static void on_signal(int signum);

static int install(int signum)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	return sigaction(signum, &action, NULL) < 0 ? -errno : 0;
}

/* Restores the action of before, if it is still ours. */
static void restore(int signum)
{
	struct sigaction now;
	if (sigaction(signum, NULL, &now) == 0 && now.sa_handler == on_signal)
		sigaction(signum, &caught[signum].before, NULL);
}

/*
 * No source wants the signal: restores its action, and raises it again for when the handler
 * returns. A source may have been added just before the action was restored.
 */
static void decline(int signum)
{
	restore(signum);
	if (offer(signum, false))
		install(signum);
	else
		raise(signum);
}

static void on_signal(int signum)
{
	int error = errno;
	__atomic_add_fetch(&delivering, 1, __ATOMIC_SEQ_CST);
	if (!offer(signum, false) && !offer(signum, true))
		decline(signum);
	__atomic_sub_fetch(&delivering, 1, __ATOMIC_SEQ_CST);
	errno = error;
}

/* -- fork */

/* From before the fork until all is put back, no handler may run in the child. */
static sigset_t mask;

static void before_fork(void)
{
	sigset_t all, old;
	pthread_mutex_lock(&mutex);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	mask = old;
}

static void in_parent(void)
{
	sigset_t old = mask;
	pthread_mutex_unlock(&mutex);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* The sources are the parent's. */
static void in_child(void)
{
	for (int signum = 1; signum < NSIG; signum++) {
		if (!caught[signum].first)
			continue;
		restore(signum);
		caught[signum].first = NULL;
	}
	delivering = 0;
	in_parent();
}

/*
 * Returns 0 or -ENOMEM. Called without the mutex: libc may hold a lock of its own around the
 * handlers above.
 */
static int watch_forks(void)
{
	static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;
	static bool watched;
	pthread_mutex_lock(&registering);
	int r = watched ? 0 : pthread_atfork(before_fork, in_parent, in_child);
	if (r == 0)
		watched = true;
	pthread_mutex_unlock(&registering);
	return -r;
}

/* -- the calls */

static bool can_be_caught(int signum)
{
	switch (signum) {
	case SIGKILL:
	case SIGSTOP:
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
		return false;
	default:
		return signum > 0 && signum < NSIG;
	}
}

/* Notes the present action for the first source. */
static int examine(const struct signal_source *source)
{
	struct caught *this = &caught[source->signum];
	struct sigaction now;
	if (sigaction(source->signum, NULL, &now) < 0)
		return -errno; /* -EINVAL: libc uses the signal itself */
	if (now.sa_handler != on_signal)
		this->before = now;
	return source->once && this->before.sa_handler != SIG_DFL ? -EBUSY : 0;
}

/* With the mutex held. */
static int add(struct signal_source *source)
{
	struct caught *this = &caught[source->signum];
	bool first = !this->first;
	int r = first || source->once ? examine(source) : 0;
	if (r < 0)
		return r;
	/* The source is in the list before signals come. */
	source->next = this->first;
	__atomic_store_n(&this->first, source, __ATOMIC_SEQ_CST);
	if (!first)
		return 0;
	r = install(source->signum);
	if (r < 0) /* no signal has come */
		__atomic_store_n(&this->first, source->next, __ATOMIC_SEQ_CST);
	return r;
}

static void drop(struct message *message)
{
	(void)message; /* it lies in the source */
}

int signal_source_add(struct signal_source *source)
{
	if (!can_be_caught(source->signum))
		return fail_with(-EINVAL, "a signal that cannot be caught");
	int r = watch_forks();
	if (r < 0)
		return fail_code(r);
	source->message.drop = drop;
	source->spent = false;
	source->count = 0;
	pthread_mutex_lock(&mutex);
	r = add(source);
	pthread_mutex_unlock(&mutex);
	return fail_code(r);
}

/* Takes a source off its list. Returns when no handler looks at it any more. */
static void take_off(struct signal_source *source)
{
	static const struct timespec moment = {.tv_nsec = 10000};
	struct caught *this = &caught[source->signum];
	pthread_mutex_lock(&mutex);
	if (this->first == source && !source->next)
		restore(source->signum);
	struct signal_source **at = &this->first;
	while (*at != source)
		at = &(*at)->next;
	__atomic_store_n(at, source->next, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&mutex);
	while (__atomic_load_n(&delivering, __ATOMIC_SEQ_CST) > 0)
		nanosleep(&moment, NULL);
}

void signal_source_remove(struct signal_source *source)
{
	/* In a child made by fork the lists are empty, but the inbox is a copy of the parent's. */
	if (sched_is_own(sched_of(source->loop)))
		take_off(source);
	inbox_discard(&sched_of(source->loop)->inbox, &source->message);
}
