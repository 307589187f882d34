/* SPDX-License-Identifier: MIT */
#include "sched/fault.h"

#include "base/memory.h"
#include "base/random.h"
#include "core/fail.h"

#include <string.h>

enum fault_when {
	WHEN_ALWAYS, /* each call */
	WHEN_ONCE,   /* the n-th */
	WHEN_FROM,   /* from the n-th on */
	WHEN_EVERY,  /* each n-th */
	WHEN_CHANCE, /* n of 100 */
};

struct fault_rule {
	uint8_t call, when;
	unsigned number;
	int result;
};

struct faults {
	uint64_t random;
	uint64_t calls[FAULT_CALLS]; /* how many there were */
	size_t count;
	struct fault_rule rules[];
};

/* -- names */

static const char *const call_names[FAULT_CALLS] = {
	"read",    "write", "recv",  "send",   "accept",  "connect",
	"resolve", "file",  "spawn", "thread", "process", "malloc",
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{"EACCES", EACCES},
	{"EADDRINUSE", EADDRINUSE},
	{"EADDRNOTAVAIL", EADDRNOTAVAIL},
	{"EAGAIN", EAGAIN},
	{"EBADF", EBADF},
	{"ECONNABORTED", ECONNABORTED},
	{"ECONNREFUSED", ECONNREFUSED},
	{"ECONNRESET", ECONNRESET},
	{"EDQUOT", EDQUOT},
	{"EEXIST", EEXIST},
	{"EFBIG", EFBIG},
	{"EHOSTUNREACH", EHOSTUNREACH},
	{"EINTR", EINTR},
	{"EINVAL", EINVAL},
	{"EIO", EIO},
	{"EISDIR", EISDIR},
	{"ELOOP", ELOOP},
	{"EMFILE", EMFILE},
	{"EMSGSIZE", EMSGSIZE},
	{"ENAMETOOLONG", ENAMETOOLONG},
	{"ENETDOWN", ENETDOWN},
	{"ENETUNREACH", ENETUNREACH},
	{"ENFILE", ENFILE},
	{"ENOBUFS", ENOBUFS},
	{"ENOENT", ENOENT},
	{"ENOMEM", ENOMEM},
	{"ENOSPC", ENOSPC},
	{"ENOSYS", ENOSYS},
	{"ENOTCONN", ENOTCONN},
	{"ENOTDIR", ENOTDIR},
	{"EPERM", EPERM},
	{"EPIPE", EPIPE},
	{"EROFS", EROFS},
	{"ETIMEDOUT", ETIMEDOUT},
};

/* -- reading rules */

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The length of text up to one of these characters, or to its end. */
static size_t piece(const char *text)
{
	return strcspn(text, ":,");
}

/* Reads a number from 1 on. Returns its end, or NULL if there is none. */
static const char *read_number(const char *text, unsigned *ret)
{
	enum { MOST = 1000000000 };
	unsigned number = 0;
	for (; *text >= '0' && *text <= '9' && number < MOST / 10; text++)
		number = number * 10 + (unsigned)(*text - '0');
	*ret = number;
	return number > 0 && !(*text >= '0' && *text <= '9') ? text : NULL;
}

/* Reads which calls fail: "*", "3", "3+", "*" "/10", "5%". Returns the end, or NULL. */
static const char *read_when(const char *text, struct fault_rule *rule)
{
	rule->when = WHEN_ALWAYS;
	if (*text == '*' && text[1] != '/')
		return text + 1;
	bool every = *text == '*';
	text = read_number(text + (every ? 2 : 0), &rule->number);
	rule->when = every ? WHEN_EVERY : WHEN_ONCE;
	if (!text || every)
		return text;
	if (*text == '+')
		rule->when = WHEN_FROM;
	if (*text == '%' && rule->number <= 100)
		rule->when = WHEN_CHANCE;
	return rule->when == WHEN_ONCE ? text : text + 1;
}

/* Reads the error of a call. Returns 0 if the rule may not have that one. */
static int read_result(const char *text, size_t length, const struct fault_rule *rule)
{
	bool reads = rule->call == FAULT_READ || rule->call == FAULT_RECV;
	if (is_word(text, length, "short"))
		return reads ? FAULT_SHORT : 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (is_word(text, length, errors[i].name))
			return rule->call != FAULT_MALLOC || errors[i].error == ENOMEM
				       ? -errors[i].error
				       : 0;
	return 0;
}

/* What a call fails with if its rule does not say. */
static int usual_result(enum fault_call call)
{
	return call == FAULT_MALLOC || call == FAULT_SPAWN || call == FAULT_THREAD ? -ENOMEM : -EIO;
}

static bool read_call(const char *text, size_t length, struct fault_rule *rule)
{
	for (rule->call = 0; rule->call < FAULT_CALLS; rule->call++)
		if (is_word(text, length, call_names[rule->call]))
			return true;
	return false;
}

/* Reads a rule, CALL:WHEN or CALL:WHEN:ERROR. Returns its end, or NULL. */
static const char *read_rule(const char *text, struct fault_rule *rule)
{
	size_t length = piece(text);
	if (!read_call(text, length, rule) || text[length] != ':')
		return NULL;
	text = read_when(text + length + 1, rule);
	if (!text)
		return NULL;
	rule->result = usual_result(rule->call);
	if (*text == ':') {
		length = piece(++text);
		rule->result = read_result(text, length, rule);
		text += length;
	}
	return rule->result != 0 && (*text == ',' || *text == '\0') ? text : NULL;
}

/* -- memory */

/* memory_fault: counts the allocations of the loop that runs in this thread. */
static bool malloc_fault(void)
{
	return fault_of(FAULT_MALLOC) < 0;
}

static void note_rule(const struct fault_rule *rule)
{
	if (rule->call == FAULT_MALLOC)
		__atomic_store_n(&memory_fault, malloc_fault, __ATOMIC_RELEASE);
}

/* -- life */

int faults_create(const char *text, uint64_t seed, struct faults **ret, const char **wrong)
{
	size_t room = 1;
	for (const char *at = text; *at; at++)
		room += *at == ',';
	struct faults *faults = calloc(1, sizeof(*faults) + room * sizeof(faults->rules[0]));
	if (!faults)
		return -ENOMEM;
	faults->random = random_state(seed);
	while (*text) {
		struct fault_rule *rule = &faults->rules[faults->count++];
		const char *end = read_rule(text, rule);
		if (!end) {
			*wrong = text;
			free(faults);
			return -EINVAL;
		}
		note_rule(rule);
		text = end + (*end == ',');
	}
	*ret = faults;
	return 0;
}

void faults_destroy(struct faults *faults)
{
	free(faults);
}

/* -- calls */

static bool applies(const struct fault_rule *rule, struct faults *faults)
{
	uint64_t calls = faults->calls[rule->call];
	switch (rule->when) {
	case WHEN_ONCE:
		return calls == rule->number;
	case WHEN_FROM:
		return calls >= rule->number;
	case WHEN_EVERY:
		return calls % rule->number == 0;
	case WHEN_CHANCE:
		return random_next(&faults->random) >> 32 <
		       rule->number * (UINT64_C(1) << 32) / 100;
	default:
		return true;
	}
}

/* The message has no format where memory is what fails: it would be an allocation, too. */
static int fail_by_rule(const struct faults *faults, enum fault_call call, int error)
{
	if (call == FAULT_MALLOC)
		return error;
	return fail_format(error, NULL, "CORO_FAULTS: %s %llu of the loop", call_names[call],
			   (unsigned long long)faults->calls[call]);
}

int faults_count(struct faults *faults, enum fault_call call)
{
	int result = 0;
	faults->calls[call]++;
	for (size_t i = 0; i < faults->count; i++)
		if (faults->rules[i].call == call && applies(&faults->rules[i], faults) &&
		    result == 0)
			result = faults->rules[i].result;
	return result < 0 ? fail_by_rule(faults, call, result) : result;
}
