/* SPDX-License-Identifier: MIT */
#include "debug/signal_name.h"

#include "base/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

int signal_named(const char *name)
{
	static const struct {
		const char *name;
		int signum;
	} names[] = {
		{"HUP", SIGHUP},   {"INT", SIGINT},     {"QUIT", SIGQUIT},     {"USR1", SIGUSR1},
		{"USR2", SIGUSR2}, {"TERM", SIGTERM},   {"ALRM", SIGALRM},     {"URG", SIGURG},
		{"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"VTALRM", SIGVTALRM},
	};
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].signum;
	char *end;
	long number = strtol(name, &end, 10);
	return *name && !*end && number > 0 && number < NSIG ? (int)number : 0;
}

void signal_refuse(const char *variable, const char *name, atomic_flag *told)
{
	char chars[160];
	struct text text = {chars, sizeof(chars), 0};
	if (atomic_flag_test_and_set(told))
		return;
	text_add(&text, "coro: %s=%.64s is no signal that can be caught\n", variable, name);
	text_write(&text);
}
