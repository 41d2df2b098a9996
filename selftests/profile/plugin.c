// SPDX-License-Identifier: GPL-2.0
/*
 * Loaded into QEMU (-plugin FILE,out=PATH,udp=ADDR,ttp=ADDR,end=ADDR): counts
 * how often each translated block runs between the marks of ttp-bench, whose
 * addresses no other program uses, and writes, at QEMU's end, a line a block:
 * its runs after the mark of UDP, after that of TTP, and the addresses of its
 * instructions. A repeated string instruction counts once a repetition, as it
 * does for -icount.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

int qemu_plugin_version = PLUGIN_VERSION;

enum { OFF = -1, UDP, TTP, WINDOWS };

struct block {
	struct block *next;
	uint64_t runs[WINDOWS];
	size_t n;
	uint64_t addr[];
};

static uint64_t marks[WINDOWS], mark_end;
static struct block *blocks;
static int window = OFF;
static FILE *out;

static void run_mark(unsigned int cpu, void *data)
{
	(void)cpu;
	window = (intptr_t)data;
}

static void run_block(unsigned int cpu, void *data)
{
	struct block *block = data;

	(void)cpu;
	if (window != OFF)
		block->runs[window]++;
}

static void translate(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;
	struct block *block;
	intptr_t mark;

	(void)id;
	block = calloc(1, sizeof(*block) + n * sizeof(block->addr[0]));
	if (!block)
		abort();
	block->n = n;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		block->addr[i] = qemu_plugin_insn_vaddr(insn);
	}

	for (mark = UDP; mark < WINDOWS; mark++)
		if (block->addr[0] == marks[mark])
			break;
	if (mark == WINDOWS && block->addr[0] == mark_end)
		mark = OFF;
	if (mark != WINDOWS) {
		free(block);
		qemu_plugin_register_vcpu_tb_exec_cb(tb, run_mark, 0,
						     (void *)mark);
		return;
	}
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, run_block, 0, block);
}

static void write_out(uint64_t id, void *data)
{
	const struct block *block;
	size_t i;

	(void)id;
	(void)data;
	for (block = blocks; block; block = block->next) {
		if (!block->runs[UDP] && !block->runs[TTP])
			continue;
		fprintf(out, "%llu %llu", (unsigned long long)block->runs[UDP],
			(unsigned long long)block->runs[TTP]);
		for (i = 0; i < block->n; i++)
			fprintf(out, " %llx",
				(unsigned long long)block->addr[i]);
		fputc('\n', out);
	}
	fclose(out);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (!value)
			return -1;
		value++;
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(value, "w");
		else if (!strncmp(argv[i], "udp=", 4))
			marks[UDP] = strtoull(value, NULL, 16);
		else if (!strncmp(argv[i], "ttp=", 4))
			marks[TTP] = strtoull(value, NULL, 16);
		else if (!strncmp(argv[i], "end=", 4))
			mark_end = strtoull(value, NULL, 16);
		else
			return -1;
	}
	if (!out || !marks[UDP] || !marks[TTP] || !mark_end)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, write_out, NULL);
	return 0;
}
