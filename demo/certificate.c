/* SPDX-License-Identifier: MIT */
/* Prints a new certificate for localhost, and its key, for https_server. Uses OpenSSL only. */
#include "certificate.h"

#include <stdio.h>

int main(void)
{
	char *text = certificate_make();
	if (!text || fputs(text, stdout) < 0)
		fprintf(stderr, "no certificate could be made\n");
	free(text);
	return !text;
}
