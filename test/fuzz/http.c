/* SPDX-License-Identifier: MIT */
/*
 * demo/http.h with any bytes: pieces come to the same as the whole, texts lie within, and what was
 * taken apart says the same when it is put together again.
 */
#include "../../demo/http.h"

#include "fuzz.h"

/* ---- requests ---- */

static bool same_text(struct http_text a, struct http_text b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static void compare(const struct http_request *a, const struct http_request *b)
{
	fuzz_assert(same_text(a->method, b->method) && same_text(a->target, b->target));
	fuzz_assert(a->minor == b->minor && a->length == b->length && a->chunked == b->chunked);
	fuzz_assert(a->keep_alive == b->keep_alive && a->expects_continue == b->expects_continue);
	fuzz_assert(a->field_count == b->field_count);
	for (size_t i = 0; i < a->field_count; i++) {
		fuzz_assert(same_text(a->fields[i].name, b->fields[i].name));
		fuzz_assert(same_text(a->fields[i].value, b->fields[i].value));
	}
}

static void check_text(struct http_text text, const char *bytes, long length)
{
	fuzz_assert(text.bytes >= bytes && text.length <= (size_t)length);
	fuzz_assert(text.bytes + text.length <= bytes + length);
	for (size_t i = 0; i < text.length; i++)
		fuzz_assert(text.bytes[i] && text.bytes[i] != '\r' && text.bytes[i] != '\n');
}

static void check_request(const struct http_request *request, const char *bytes, long length)
{
	check_text(request->method, bytes, length);
	check_text(request->target, bytes, length);
	fuzz_assert(request->method.length > 0 && request->target.length > 0);
	fuzz_assert(request->field_count <= HTTP_FIELDS);
	fuzz_assert(request->minor == 0 || request->minor == 1);
	fuzz_assert(!request->chunked || (request->minor == 1 && request->length == 0));
	for (size_t i = 0; i < request->field_count; i++) {
		fuzz_assert(http_is_token(request->fields[i].name));
		check_text(request->fields[i].name, bytes, length);
		check_text(request->fields[i].value, bytes, length);
	}
}

static void check_status(long r, size_t length)
{
	static const long refusals[] = {-400, -417, -431, -501, -505};
	bool known = r >= 0 && r <= (long)length && r <= HTTP_HEAD + 2;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		known |= r == refusals[i];
	fuzz_assert(known);
}

static char *put_text(char *at, struct http_text text, const char *after)
{
	memcpy(at, text.bytes, text.length);
	return stpcpy(at + text.length, after);
}

static void put_together(const struct http_request *request)
{
	static char text[2 * HTTP_HEAD];
	static struct http_request again;
	char *at = put_text(text, request->method, " ");
	at = put_text(at, request->target, request->minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
	for (size_t i = 0; i < request->field_count; i++) {
		at = put_text(at, request->fields[i].name, ":");
		at = put_text(at, request->fields[i].value, "\r\n");
	}
	at = stpcpy(at, "\r\n");
	fuzz_assert(http_parse(text, (size_t)(at - text), &again) == at - text);
	compare(request, &again);
}

/* In pieces of any size: each result but 0 is that of the whole. */
static void check_pieces(const uint8_t *bytes, size_t size, const struct http_request *whole,
			 long expected)
{
	static struct http_request request;
	size_t step = size > 256 ? size / 128 : 1;
	for (size_t length = 0; length <= size; length += step) {
		char *piece = exact_copy(bytes, length);
		long r = http_parse(piece, length, &request);
		fuzz_assert(r == 0 || r == expected);
		fuzz_assert(r != 0 || expected <= 0 || (long)length < expected);
		if (r > 0)
			compare(&request, whole);
		free(piece);
	}
}

static void try_request(const uint8_t *bytes, size_t size)
{
	static struct http_request request;
	char *copy = exact_copy(bytes, size);
	long r = http_parse(copy, size, &request);
	check_status(r, size);
	if (r > 0) {
		check_request(&request, copy, r);
		put_together(&request);
	}
	check_pieces(bytes, size, &request, r);
	free(copy);
}

/* ---- chunks and paths ---- */

static void try_chunk(const uint8_t *bytes, size_t size)
{
	uint64_t whole = 0, part;
	char *copy = exact_copy(bytes, size);
	long r = http_parse_chunk(copy, size, &whole);
	fuzz_assert(r == -400 || (r >= 0 && r <= 256 && (size_t)r <= size));
	fuzz_assert(whole < UINT64_C(1) << 60);
	free(copy);
	for (size_t length = 0; length < size && length < 300; length++) {
		copy = exact_copy(bytes, length);
		long piece = http_parse_chunk(copy, length, &part);
		fuzz_assert(piece == 0 || (piece == r && (r < 0 || part == whole)));
		free(copy);
	}
}

static void try_path(const uint8_t *bytes, size_t size, size_t room)
{
	char *copy = exact_copy(bytes, size), *path = exact_copy(bytes, 0);
	path = realloc(path, room);
	long r = http_path((struct http_text){copy, size}, path, room);
	fuzz_assert(r == -400 || r == -414 || (r > 0 && r < (long)room));
	if (r > 0) {
		fuzz_assert(path[0] == '/' && strlen(path) == (size_t)r);
		for (char *save, *part = strtok_r(path, "/", &save); part;
		     part = strtok_r(NULL, "/", &save))
			fuzz_assert(strcmp(part, "..") != 0);
	}
	free(path);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size > 2 * HTTP_HEAD)
		return 0;
	try_request(bytes, size);
	try_chunk(bytes, size);
	if (size > 0)
		try_path(bytes + 1, size - 1, 1 + bytes[0] % 64);
	return 0;
}
