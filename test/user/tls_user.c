/* SPDX-License-Identifier: MIT
 *
 * As user.c, with TLS.
 */
#include <coro.h>
#include <coro/tls.h>
#include <errno.h>
#include <stdio.h>

int main(void)
{
	struct coro_tls_context *context;
	int r = coro_tls_client_create(NULL, &context);
	if (r == 0)
		coro_tls_context_destroy(context);
	printf("%s %d %d\n", coro_version(), r, coro_tls_accept(NULL, NULL) == -EINVAL ? 6 : 0);
	return 0;
}
