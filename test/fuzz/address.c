/* SPDX-License-Identifier: MIT */
/*
 * Addresses: any words are taken apart within their bounds, and those in figures come back from words
 * as they were. No name is looked up.
 */
#include "net/address.h"

#include "coro/net.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>

/* Back from words, it is the same. */
static void check_words(const struct sockaddr *address, socklen_t length, const char *text,
			const char *prefix)
{
	struct address again;
	struct places places;
	char words[CORO_ADDRESS_SIZE + 8];
	snprintf(words, sizeof(words), "%s%s", prefix, text);
	fuzz_assert(address_parse(words, &again) == 0);
	fuzz_assert(address_places(&again, 0, false, &places) == 0 && places.count == 1);
	fuzz_assert(places.at[0].length == length);
	fuzz_assert(memcmp(&places.at[0].any, address, length) == 0);
}

static void check_place(const struct place *place, const char *prefix)
{
	char text[CORO_ADDRESS_SIZE], *small;
	int n = coro_address_text(&place->any, place->length, text, sizeof(text));
	fuzz_assert(n > 0 && n < (int)sizeof(text) && strlen(text) == (size_t)n);
	check_words(&place->any, place->length, text, prefix);
	small = exact_copy(text, (size_t)n);
	fuzz_assert(coro_address_text(&place->any, place->length, small, (size_t)n) == -ENOBUFS);
	free(small);
}

/* Whether all is in figures, and no address of many. */
static bool is_in_figures(const struct address *address)
{
	struct in_addr v4;
	if (address->family == AF_UNIX)
		return true;
	return strspn(address->port, "0123456789") == strlen(address->port) &&
	       (strchr(address->host, ':') || inet_pton(AF_INET, address->host, &v4) == 1);
}

static void try_words(const uint8_t *bytes, size_t size)
{
	struct address address;
	struct places places;
	char *text = exact_copy(bytes, size + 1);
	text[size] = '\0';
	int r = address_parse(text, &address);
	fuzz_assert(r == 0 || r == -EINVAL || r == -ENAMETOOLONG);
	if (r == 0) {
		fuzz_assert(strnlen(address.host, sizeof(address.host)) < sizeof(address.host));
		fuzz_assert(strnlen(address.port, sizeof(address.port)) < sizeof(address.port));
		fuzz_assert(address.family == AF_UNIX || address.port[0]);
	}
	if (r == 0 && is_in_figures(&address) && address_places(&address, 0, false, &places) == 0) {
		fuzz_assert(places.count == 1);
		check_place(&places.at[0], address.type == SOCK_DGRAM ? "udp:" : "");
	}
	free(text);
}

/* Such as the system gives, of any length. */
static void try_bytes(const uint8_t *bytes, size_t size)
{
	static const sa_family_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_UNSPEC};
	char text[CORO_ADDRESS_SIZE];
	if (size < sizeof(sa_family_t) || size > sizeof(struct sockaddr_storage))
		return;
	struct sockaddr *address = (struct sockaddr *)exact_copy(bytes, size);
	address->sa_family = families[bytes[0] % 4];
	int n = coro_address_text(address, (socklen_t)size, text, sizeof(text));
	fuzz_assert(n == -EAFNOSUPPORT || (n > 0 && strlen(text) == (size_t)n));
	free(address);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t *terminated = malloc(size + 1);
	fuzz_assert(terminated);
	if (size > 0)
		memcpy(terminated, bytes, size);
	terminated[size] = '\0';
	try_words(terminated, size);
	try_bytes(bytes, size);
	free(terminated);
	return 0;
}
