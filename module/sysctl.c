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

long ttp_mem_limits[3] __read_mostly;

static struct ctl_table ttp_sysctls[] = {
	{
		.procname = "mem",
		.data = ttp_mem_limits,
		.maxlen = sizeof(ttp_mem_limits),
		.mode = 0644,
		.proc_handler = proc_doulongvec_minmax,
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

	ttp_mem_limits[0] = limit / 4 * 3;
	ttp_mem_limits[1] = limit;
	ttp_mem_limits[2] = ttp_mem_limits[0] * 2;

	ttp_sysctl_header = register_net_sysctl(&init_net, "net/ttp",
						ttp_sysctls);
	return ttp_sysctl_header || !IS_ENABLED(CONFIG_SYSCTL) ? 0 : -ENOMEM;
}

void ttp_sysctl_exit(void)
{
	unregister_net_sysctl_table(ttp_sysctl_header);
}
