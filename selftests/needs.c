// SPDX-License-Identifier: GPL-2.0
/*
 * needs OPTION...: prints the first of these kernel options, named without
 * CONFIG_, that the running kernel lacks, and returns 1.
 */
#define _GNU_SOURCE
#include "needs.h"

int main(int argc, char **argv)
{
	const char *name = NULL;

	while (!name && *++argv)
		name = lacks(*argv);
	if (name)
		puts(name);
	return !!name;
}
