// SPDX-License-Identifier: GPL-2.0
/* The requests to an agent that are about its host, not about a socket. */
#include <arpa/inet.h>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ttp.h>

#include "agent.h"

/* Icmp.InMsgs: the value that stands under InMsgs in the two lines Icmp: */
static long snmp_stat(char *name)
{
	char *group = strsep(&name, "."), *keys, *vals, *key, *val;
	char line[2][4096];
	long found = -1;
	FILE *f;

	f = fopen("/proc/net/snmp", "r");
	while (f && found < 0 && fgets(line[0], sizeof(line[0]), f) &&
	       fgets(line[1], sizeof(line[1]), f)) {
		keys = line[0];
		vals = line[1];
		key = strsep(&keys, ":");
		strsep(&vals, ":");
		if (strcmp(key, group))
			continue;
		while ((key = strsep(&keys, " \n")) &&
		       (val = strsep(&vals, " \n")))
			if (!strcmp(key, name))
				found = atol(val);
	}
	if (f)
		fclose(f);
	return found;
}

static long ttp_stat(const char *name)
{
	char key[64];
	long val;
	FILE *f;
	int n;

	f = fopen("/proc/net/ttp/snmp", "r");
	if (!f)
		return -1;
	do
		n = fscanf(f, "%63s %ld", key, &val);
	while (n == 2 && strcmp(key, name));
	fclose(f);
	return n == 2 ? val : -1;
}

static long stat_value(const char *name)
{
	char copy[64];
	long val;

	snprintf(copy, sizeof(copy), "%s", name ?: "");
	val = strchr(copy, '.') ? snmp_stat(copy) : ttp_stat(copy);
	if (val < 0)
		die("no such counter");
	return val;
}

int do_stat(char **arg)
{
	return answer("%ld", stat_value(arg[1]));
}

int do_await(char **arg)
{
	long limit = now_ms() + atoi(WAIT_MS);
	long val;

	while ((val = stat_value(arg[1])) < number(arg[2])) {
		if (now_ms() > limit)
			return answer("still %ld", val);
		poll(NULL, 0, 1);
	}
	if (val > number(arg[2]))
		return answer("already %ld", val);
	return answer("ok");
}

int do_sysctl(char **arg)
{
	char path[128];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "/proc/sys/%s", arg[1]);
	f = fopen(path, "w");
	if (!f)
		return result(-1);
	ret = fputs(arg[2], f);
	if (fclose(f))
		ret = -1;
	return result(ret);
}

static unsigned short checksum(const void *data, int len)
{
	const unsigned short *p = data;
	unsigned int sum = 0;

	for (; len > 1; len -= 2)
		sum += *p++;
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* Sent to the one who is said to have sent the packet, as routers do. INFO is
 * the MTU of a "fragmentation needed" or the gateway of a redirect.
 */
int do_forge(char **arg)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		unsigned short sport, dport, len, check;
	} pkt = {
		.icmp.type = number(arg[2]),
		.icmp.code = number(arg[3]),
		.ip = { .version = 4, .ihl = 5, .ttl = 60 },
	};
	struct sockaddr_in info = addr(arg[4], 0), src = addr(arg[5], AF_INET),
			   dst = addr(arg[6], 0);
	int fd, ret;

	pkt.icmp.un.gateway = info.sin_addr.s_addr;
	pkt.ip.tot_len = htons(sizeof(pkt) - sizeof(pkt.icmp));
	pkt.ip.protocol = !strcmp(arg[1], "ttp") ? IPPROTO_TTP : IPPROTO_UDP;
	pkt.ip.saddr = src.sin_addr.s_addr;
	pkt.ip.daddr = dst.sin_addr.s_addr;
	pkt.ip.check = checksum(&pkt.ip, sizeof(pkt.ip));
	pkt.sport = src.sin_port;
	pkt.dport = dst.sin_port;
	pkt.len = htons(8);
	pkt.icmp.checksum = checksum(&pkt, sizeof(pkt));

	src.sin_port = 0;
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	ret = sendto(fd, &pkt, sizeof(pkt), 0, (void *)&src, sizeof(src));
	result(ret);
	return close(fd);
}
