/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel options that tests need, each probed by what it is needed for: lacks()
 * for programs, and the program needs for scripts.
 */
#ifndef _TTP_NEEDS_H
#define _TTP_NEEDS_H

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NFT_RULE(hook, rule) \
	"nft 'table ip t { chain c { type " hook " priority 0; " rule "; }; }'"

/* @command succeeds where the option is there. It runs in a network namespace
 * of its own. Its output is not shown.
 */
static const struct kernel_option {
	const char *name, *command;
} kernel_options[] = {
	{ "BPF_SYSCALL", "[ -e /proc/sys/kernel/unprivileged_bpf_disabled ]" },
	{ "BRIDGE", "ip link add type bridge" },
	{ "DUMMY", "ip link add type dummy" },
	{ "INET_ESP",
	  "ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 24"
	  " mode transport enc cipher_null '' auth digest_null ''" },
	{ "IP_MULTICAST", "[ -e /proc/net/igmp ]" },
	{ "IP_MULTIPLE_TABLES", "ip rule" },
	{ "IP_ROUTE_MULTIPATH",
	  "[ -e /proc/sys/net/ipv4/fib_multipath_hash_policy ]" },
	{ "MODULE_UNLOAD", "[ -e /sys/module/ttp/refcnt ]" },
	{ "NETFILTER_EGRESS",
	  "nft 'table netdev t { chain c {"
	  " type filter hook egress device lo priority 0; }; }'" },
	{ "NET_ACT_GACT",
	  "tc qdisc add dev lo clsact &&"
	  " tc filter add dev lo egress matchall action drop" },
	{ "NET_SCH_FQ", "tc qdisc add dev lo root fq" },
	{ "NET_SCH_NETEM", "tc qdisc add dev lo root netem limit 9" },
	{ "NET_VRF", "ip link add type vrf table 10" },
	{ "NFT_CT", NFT_RULE("filter hook output", "ct state new") },
	{ "NFT_MASQ", NFT_RULE("nat hook postrouting", "masquerade") },
	{ "NFT_NAT", NFT_RULE("nat hook prerouting", "dnat to 10.0.0.1") },
	{ "NFT_NUMGEN", NFT_RULE("filter hook output", "numgen inc mod 2 0") },
	{ "NFT_REJECT", NFT_RULE("filter hook output", "reject") },
	{ "NF_CT_NETLINK", "conntrack -L" },
	{ "NF_TABLES_IPV4", NFT_RULE("filter hook output", "accept") },
	{ "NF_TABLES_NETDEV",
	  "nft 'table netdev t { chain c {"
	  " type filter hook ingress device lo priority 0; }; }'" },
	/* The node is udev's to make. */
	{ "TUN", "mkdir -p /dev/net; mknod -m 600 /dev/net/tun c 10 200;"
		 " ip tuntap add mode tun" },
	{ "VETH", "ip link add type veth" },
	{ "XFRM_USER", "ip xfrm policy" },
};

/* Is there a type of BPF programs for cgroups? */
static inline bool has_cgroup_bpf(void)
{
	struct bpf_insn code[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SKB,
		.insns = (unsigned long)code,
		.insn_cnt = 2,
		.license = (unsigned long)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) >= 0;
}

static inline bool has_option(const char *name)
{
	char command[512];
	bool has;
	size_t i;
	int fd;

	if (!strcmp(name, "NET_NS"))
		return access("/proc/self/ns/net", F_OK) == 0;
	if (!strcmp(name, "CGROUP_BPF"))
		return has_cgroup_bpf();
	if (!strcmp(name, "IO_URING"))
		return syscall(SYS_io_uring_setup, 0, NULL) < 0 &&
		       errno == EFAULT;
	if (!strcmp(name, "PACKET")) {
		fd = socket(AF_PACKET, SOCK_DGRAM, 0);
		close(fd);
		return fd >= 0;
	}
	if (!strcmp(name, "NETDEVICES")) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		has = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0) == 0;
		close(fd);
		return has;
	}
	for (i = 0; i < sizeof(kernel_options) / sizeof(*kernel_options); i++) {
		if (strcmp(name, kernel_options[i].name))
			continue;
		snprintf(command, sizeof(command), "(%s) >/dev/null 2>&1",
			 kernel_options[i].command);
		return unshare(CLONE_NEWNET) == 0 && system(command) == 0;
	}
	return false;
}

/* Return: the first of @names, with blanks between, that the kernel lacks, or
 * NULL
 */
static inline const char *lacks(const char *names)
{
	static char name[64];
	int n, status;
	pid_t pid;

	while (sscanf(names, "%63s%n", name, &n) == 1) {
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(!has_option(name));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return name;
		names += n;
	}
	return NULL;
}

#endif /* _TTP_NEEDS_H */
