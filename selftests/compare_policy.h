/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two hosts for the tests of policies, and datagrams between them.
 *
 *	+---------------------+             +---------------------+
 *	| this namespace   v0 +-------------+ v1            "there" |
 *	+----------- 10.0.0.1 +             + 10.0.0.2 -----------+
 */
#ifndef _COMPARE_POLICY_H
#define _COMPARE_POLICY_H

#include "compare_world.h"

#include <linux/filter.h>
#include <linux/xfrm.h>

#include "bpf.h"

#define HERE	"10.0.0.1"
#define THERE	"10.0.0.2"
#define GROUP	"239.1.2.3"

#define NFT(chain)	"nft 'table ip t { chain c { type " chain " }; }'"
#define FILTER(hook, rule) \
	NFT("filter hook " hook " priority 0; " rule)
#define FLUSH	"nft flush ruleset"
#define MATCH	"meta l4proto { udp, 253 } th dport 5000 "

static int here_ns = -1, there_ns = -1;

/* A failure differs at each door, so the case fails. */
static void run_here(const char *command)
{
	if (system(command))
		put(" failed at %s: %s", door->name, command);
}

static void run_there(const char *command)
{
	setns(there_ns, CLONE_NEWNET);
	run_here(command);
	setns(here_ns, CLONE_NEWNET);
}

/* Both hosts, for the first door that runs the case */
static void hosts(void)
{
	char command[512];

	if (here_ns >= 0)
		return;
	here_ns = open("/proc/self/ns/net", O_RDONLY);
	unshare(CLONE_NEWNET);
	there_ns = open("/proc/self/ns/net", O_RDONLY);
	device_up("lo");
	setns(here_ns, CLONE_NEWNET);
	snprintf(command, sizeof(command),
		 "ip -batch - <<-END\n"
		 "link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02 netns /proc/%d/fd/%d\n"
		 "address add " HERE "/24 dev v0\n"
		 "link set v0 up\n"
		 "neigh add " THERE " lladdr 02:00:00:00:00:02 dev v0\n"
		 "neigh add 10.0.0.9 lladdr 02:00:00:00:00:02 dev v0\n"
		 "route add 239.0.0.0/8 dev v0\n"
		 "END", getpid(), there_ns);
	run_here(command);
	run_there("ip -batch - <<-END\n"
		  "address add " THERE "/24 dev v1\n"
		  "link set v1 up\n"
		  "neigh add " HERE " lladdr 02:00:00:00:00:01 dev v1\n"
		  "neigh add 10.0.0.7 lladdr 02:00:00:00:00:01 dev v1\n"
		  "END");
	run_there("echo 0 >/proc/sys/net/ipv4/icmp_ratelimit");
	/* Devices send when the kernel has noticed their carrier. */
	run_here("until ip link show v0 | grep -q 'state UP'; do :; done");
	run_there("until ip link show v1 | grep -q 'state UP'; do :; done");
}

/* A socket of the other host, which has a port */
static int holder_there(const char *ip, int port)
{
	int fd;

	setns(there_ns, CLONE_NEWNET);
	fd = holder(ip, port);
	setns(here_ns, CLONE_NEWNET);
	return fd;
}

/* A datagram has come, and an error of ICMP is back. */
static void all_arrived(void)
{
	arrived();
	arrived();
	arrived();
}

static void put_sin(const struct sockaddr_in *sin)
{
	put(" %s", inet_ntoa(sin->sin_addr));
	put_port(ntohs(sin->sin_port));
	if (sin->sin_family != door->family)
		put(" family %d", sin->sin_family);
}

/* What is in the queue, @n datagrams at least: IPsec may take its time. */
static void put_queue(int fd, int n)
{
	struct sockaddr_in sin;
	static char buf[65536];
	socklen_t len;
	ssize_t size;

	all_arrived();
	put(" |");
	for (;;) {
		len = sizeof(sin);
		if (n-- > 0)
			await(fd, POLLIN, WAIT_MS);
		size = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT,
				(void *)&sin, &len);
		if (size < 0)
			break;
		put(" %zd", size);
		if (len)
			put_sin(&sin);
	}
	if (errno != EAGAIN)
		put_ret(-1);
}

#endif /* _COMPARE_POLICY_H */
