/* SPDX-License-Identifier: MIT */
/*
 * demo/resp.h with any bytes: pieces come to the same as the whole, and words lie within; patterns
 * against what they mean, written down another way.
 */
#include "../../demo/resp.h"

#include "fuzz.h"

/* ---- commands ---- */

static void check_command(const struct resp_command *command, const char *bytes, long length)
{
	fuzz_assert(command->count <= RESP_WORDS);
	for (size_t i = 0; i < command->count; i++) {
		struct text word = command->words[i];
		fuzz_assert(word.length <= RESP_LENGTH);
		fuzz_assert(word.bytes >= bytes && word.bytes + word.length <= bytes + length);
	}
}

static void compare(const struct resp_command *a, const struct resp_command *b)
{
	fuzz_assert(a->count == b->count);
	for (size_t i = 0; i < a->count; i++)
		fuzz_assert(text_equal(a->words[i], b->words[i]));
}

static void check_pieces(const uint8_t *bytes, size_t size, const struct resp_command *whole,
			 long expected)
{
	static struct resp_command command;
	size_t step = size > 256 ? size / 128 : 1;
	for (size_t length = 0; length <= size; length += step) {
		char *piece = exact_copy(bytes, length);
		long r = resp_parse((struct text){piece, length}, &command);
		fuzz_assert(r == 0 || r == expected);
		fuzz_assert(r != 0 || expected <= 0 || (long)length < expected);
		if (r > 0)
			compare(&command, whole);
		if (r < 0)
			fuzz_assert(command.error && strcmp(command.error, whole->error) == 0);
		free(piece);
	}
}

static void try_command(const uint8_t *bytes, size_t size)
{
	static struct resp_command command;
	char *copy = exact_copy(bytes, size);
	long r = resp_parse((struct text){copy, size}, &command);
	fuzz_assert(r >= -1 && r <= (long)size);
	if (r > 0)
		check_command(&command, copy, r);
	check_pieces(bytes, size, &command, r);
	free(copy);
}

/* ---- numbers and patterns ---- */

static void try_number(const uint8_t *bytes, size_t size)
{
	char *copy = exact_copy(bytes, size), text[32];
	int64_t number, again;
	if (resp_number((struct text){copy, size}, &number)) {
		int length = snprintf(text, sizeof(text), "%lld", (long long)number);
		fuzz_assert(resp_number((struct text){text, (size_t)length}, &again));
		fuzz_assert(again == number && strtoll(text, NULL, 10) == number);
	}
	free(copy);
}

/* Whether a letter is of the choice at the pattern's beginning; how long that is. */
static bool is_chosen(struct text pattern, char letter, size_t *ret)
{
	const char *at = pattern.bytes + 1, *end = pattern.bytes + pattern.length;
	bool otherwise = at < end && *at == '^', chosen = false;
	for (at += otherwise; at < end && *at != ']'; at++) {
		bool range = end - at > 2 && at[1] == '-' && at[2] != ']';
		chosen |= at[0] <= letter && letter <= at[range ? 2 : 0];
		at += range ? 2 : 0;
	}
	*ret = (size_t)(at - pattern.bytes) + (at < end);
	return chosen != otherwise;
}

/* Without its first letters. */
static struct text behind(struct text text, size_t length)
{
	return (struct text){text.bytes + length, text.length - length};
}

static bool is_like(struct text name, struct text pattern)
{
	size_t length = 1;
	if (pattern.length == 0)
		return name.length == 0;
	char first = pattern.bytes[0];
	if (first == '*') {
		for (size_t i = 0; i <= name.length; i++)
			if (is_like(behind(name, i), behind(pattern, 1)))
				return true;
		return false;
	}
	if (name.length == 0)
		return false;
	if (first == '[') {
		if (!is_chosen(pattern, name.bytes[0], &length))
			return false;
	} else if (first == '\\' && pattern.length > 1) {
		if (pattern.bytes[1] != name.bytes[0])
			return false;
		length = 2;
	} else if (first != '?' && first != name.bytes[0]) {
		return false;
	}
	return is_like(behind(name, 1), behind(pattern, length));
}

static void try_pattern(const uint8_t *bytes, size_t size)
{
	size_t half = size > 0 ? bytes[0] % size : 0;
	size_t stars = 0;
	if (size > 40)
		return; /* the other way takes long */
	char *name = exact_copy(bytes, half), *pattern = exact_copy(bytes + half, size - half);
	struct text a = {name, half}, b = {pattern, size - half};
	for (size_t i = 0; i < b.length; i++)
		stars += b.bytes[i] == '*';
	bool like = resp_like(a, b);
	fuzz_assert(stars > 4 || like == is_like(a, b));
	free(name);
	free(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	try_command(bytes, size);
	try_number(bytes, size);
	try_pattern(bytes, size);
	return 0;
}
