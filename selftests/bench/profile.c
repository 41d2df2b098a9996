// SPDX-License-Identifier: GPL-2.0
/* The measured part of a profile, between marks that QEMU's plugin knows. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define ROUNDS	10
#define COUNT	100

int run_profile(const char *mode)
{
	void (*run)(struct pair *p, size_t size, int n);
	bool connected = !strcmp(mode, "conn");
	struct pair pairs[2];
	int i;

	if (!connected && strcmp(mode, "sr"))
		die("what shall be profiled? conn or sr");
	run = connected ? run_conn : run_sr;
	open_pair(&pairs[UDP], &protos[UDP], false, connected);
	open_pair(&pairs[TTP], &protos[TTP], false, connected);
	run(&pairs[UDP], 64, COUNT);
	run(&pairs[TTP], 64, COUNT);
	for (i = 0; i < ROUNDS; i++) {
		mark_udp();
		run(&pairs[UDP], 64, COUNT);
		mark_end();
		mark_ttp();
		run(&pairs[TTP], 64, COUNT);
		mark_end();
	}
	printf("# %s: %d datagrams\n", mode, ROUNDS * COUNT);
	return 0;
}
