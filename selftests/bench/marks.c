// SPDX-License-Identifier: GPL-2.0
/*
 * The marks that QEMU's plugin (selftests/profile) waits for, by address: from
 * one of the first two on it counts what is executed, as UDP's or as TTP's,
 * until mark_end(). In a file of their own, so that calls stay calls; the
 * comments keep them from being taken for one and the same function.
 */
#include "bench.h"

void mark_udp(void)
{
	__asm__ volatile("# udp");
}

void mark_ttp(void)
{
	__asm__ volatile("# ttp");
}

void mark_end(void)
{
	__asm__ volatile("# end");
}
