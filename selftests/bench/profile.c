// SPDX-License-Identifier: GPL-2.0
/*
 * The measured part of a profile. QEMU's plugin (selftests/profile) knows the
 * addresses of these marks: from one of them on it counts what is executed, as
 * UDP's or as TTP's, until mark_end().
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define ROUNDS	10
#define COUNT	100

void mark_udp(void);
void mark_ttp(void);
void mark_end(void);

__attribute__((noinline)) void mark_udp(void) { __asm__ volatile(""); }
__attribute__((noinline)) void mark_ttp(void) { __asm__ volatile(""); }
__attribute__((noinline)) void mark_end(void) { __asm__ volatile(""); }

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
