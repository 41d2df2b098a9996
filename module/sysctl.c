// SPDX-License-Identifier: GPL-2.0
/*
 * net.ttp: what an administrator may set. Memory is the machine's, not a
 * network namespace's, so this is seen in the first one alone, as udp_mem is.
 */
#include <linux/mm.h>
#include <linux/sysctl.h>
#include <linux/swap.h>
#include <net/net_namespace.h>

#include "ttp.h"

/* The limits as /proc/sys/net/ttp/mem shows them */
static unsigned long ttp_sysctl_mem[3];

/* The limits as the core reads them. For a protocol without memory pressure,
 * SO_RESERVE_MEM alone reads the second one, and -1 makes it fail. Where the core
 * does not refuse that option itself (6.1), it changes sk_forward_alloc under the
 * socket's lock, while queue.c does so under the queue's lock.
 */
long ttp_mem_limits[3] __read_mostly = { [1] = -1 };

static void ttp_set_limits(void)
{
	WRITE_ONCE(ttp_mem_limits[0], ttp_sysctl_mem[0]);
	WRITE_ONCE(ttp_mem_limits[2], ttp_sysctl_mem[2]);
}

static int ttp_proc_mem(TTP_CTL_TABLE *table, int write, void *buffer,
			size_t *lenp, loff_t *ppos)
{
	int err = proc_doulongvec_minmax(table, write, buffer, lenp, ppos);

	if (!err && write)
		ttp_set_limits();
	return err;
}

static struct ctl_table ttp_sysctls[] = {
	{
		.procname = "mem",
		.data = ttp_sysctl_mem,
		.maxlen = sizeof(ttp_sysctl_mem),
		.mode = 0644,
		.proc_handler = ttp_proc_mem,
	},
	TTP_SYSCTL_END
};

static struct ctl_table_header *ttp_sysctl_header;

/**
 * ttp_sysctl_init() - choose the limits and show them
 *
 * What all receive queues may hold, in pages: below the first all is well, above
 * it only a socket that holds little gets more, above the third nobody. The
 * second is for stream protocols. The choice is udp_init()'s: an eighth of the
 * memory.
 *
 * Return: 0 or -ENOMEM.
 */
int __init ttp_sysctl_init(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 8, 128UL);

	ttp_sysctl_mem[0] = limit / 4 * 3;
	ttp_sysctl_mem[1] = limit;
	ttp_sysctl_mem[2] = ttp_sysctl_mem[0] * 2;
	ttp_set_limits();

	ttp_sysctl_header = register_net_sysctl(&init_net, "net/ttp",
						ttp_sysctls);
	return ttp_sysctl_header || !IS_ENABLED(CONFIG_SYSCTL) ? 0 : -ENOMEM;
}

void ttp_sysctl_exit(void)
{
	unregister_net_sysctl_table(ttp_sysctl_header);
}
