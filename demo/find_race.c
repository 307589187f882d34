/* SPDX-License-Identifier: MIT */
/*
 * Finding a race: an account is overdrawn, but only in some orders of events.
 *
 * Who pays looks at the balance, waits for the bank, and then subtracts. In the usual order of
 * events nobody comes in between. A loop with a seed runs what is ready in another order: the demo
 * tries seeds until one fails, and runs that one twice more to show that it fails in the same way.
 * Then it tries a thousand seeds with a lock around each payment.
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct account {
	int balance;
	bool locks; /* the bug is mended */
	struct coro_lock lock;
	char events[256]; /* what has happened, in order */
};

struct payment {
	struct account *account;
	const char *what;
	int amount;
	int thinks; /* how many turns go by before it is made */
};

static void note(struct account *account, const char *what, const char *event)
{
	size_t used = strlen(account->events);
	snprintf(account->events + used, sizeof(account->events) - used, "  %s %s\n", what, event);
}

static int pay_unlocked(const struct payment *payment)
{
	struct account *account = payment->account;
	bool enough = account->balance >= payment->amount;
	note(account, payment->what, enough ? "is approved" : "is refused");
	int r = coro_task_yield(); /* the bank writes a letter: others run */
	if (r < 0 || !enough)
		return r;
	account->balance -= payment->amount;
	note(account, payment->what, "is paid");
	return 0;
}

static int pay(void *arg)
{
	const struct payment *payment = arg;
	struct account *account = payment->account;
	int r = 0;
	for (int i = 0; i < payment->thinks && r == 0; i++)
		r = coro_task_yield();
	if (r == 0 && account->locks)
		r = coro_lock_acquire(&account->lock);
	if (r < 0)
		return r;
	r = pay_unlocked(payment);
	if (account->locks)
		coro_lock_release(&account->lock);
	return r;
}

/* The test. It fails if the account is overdrawn. */
static int pay_all(void *arg)
{
	struct account *account = arg;
	struct payment payments[] = {
		{account, "rent", 60, 0},
		{account, "food", 30, 1},
		{account, "a book", 20, 2},
	};
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (int i = 0; i < 3 && r == 0; i++)
		r = coro_group_spawn(group, pay, &payments[i], NULL);
	r = coro_group_end(group, r);
	if (r == 0 && account->balance < 0)
		r = coro_raise(-ERANGE, "the account is overdrawn by %d", -account->balance);
	return r;
}

static int run(uint64_t seed, bool locks, struct account *account)
{
	const struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK,
		.seed = seed,
		.max_turns = 1000,
	};
	*account = (struct account){.balance = 100, .locks = locks};
	return coro_run_with(&options, pay_all, account);
}

/* Returns the first seed that fails, from 0, the usual order, on; or the number of seeds. */
static uint64_t find_failure(uint64_t seeds, bool locks)
{
	struct account account;
	uint64_t seed = 0;
	while (seed < seeds && run(seed, locks, &account) == 0)
		seed++;
	return seed;
}

int main(void)
{
	struct account first, again;
	int r = run(0, false, &first);
	printf("in the usual order: %s\n%s", r < 0 ? coro_message(r) : "ok", first.events);

	uint64_t seed = find_failure(1000, false);
	r = run(seed, false, &first);
	printf("with seed %d: %s\n%s", (int)seed, r < 0 ? coro_message(r) : "ok", first.events);
	for (int i = 0; i < 2; i++) {
		bool same = run(seed, false, &again) == r;
		same = same && strcmp(first.events, again.events) == 0;
		printf("once more with seed %d: %s\n", (int)seed, same ? "the same" : "different");
	}

	bool holds = find_failure(1000, true) == 1000;
	printf("with a lock: %s\n", holds ? "1000 seeds, and none fails" : "a seed fails");
	return 0;
}
