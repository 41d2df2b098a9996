// SPDX-License-Identifier: GPL-2.0
/*
 * Hash tables of sockets, one for all network namespaces each. The size depends
 * on the memory of the machine and never changes, as with UDP's tables: what
 * users do neither allocates nor moves anything here, and an entry is removed
 * without a walk.
 */
#include <linux/log2.h>
#include <linux/mm.h>

#include "ttp.h"

/* A slot for each 64 KiB of memory: if sockets took all of it, a chain would
 * have some thirty entries. Beyond 4 GiB chains may grow longer.
 */
#define TTP_PAGES_A_SLOT	(SZ_64K / PAGE_SIZE ?: 1)
#define TTP_MIN_SLOTS		1024UL

/**
 * ttp_table_init() - allocate an empty table
 * @table: table
 *
 * Mirrors udp_table_init().
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int ttp_table_init(struct ttp_table *table)
{
	unsigned long i, size = totalram_pages() / TTP_PAGES_A_SLOT;

	size = roundup_pow_of_two(clamp(size, TTP_MIN_SLOTS, TTP_MAX_SLOTS));
	table->slots = kvmalloc_array(size, sizeof(*table->slots), GFP_KERNEL);
	if (!table->slots)
		return -ENOMEM;
	for (i = 0; i < size; i++) {
		INIT_HLIST_NULLS_HEAD(&table->slots[i].chain, i);
		spin_lock_init(&table->slots[i].lock);
	}
	table->mask = size - 1;
	return 0;
}

/**
 * ttp_table_exit() - free a table
 * @table: table, empty, which nobody reads any more
 *
 * Context: process context.
 */
void ttp_table_exit(struct ttp_table *table)
{
	kvfree(table->slots);
}
