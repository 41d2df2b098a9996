/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets of a test's own making, and what becomes of them: a device whose
 * other side is the test (TUN), the counters that move, the reasons for which
 * the module drops.
 *
 * What is written to the device has been judged when write() returns, and what
 * the host answers is there to be read, so nothing needs to be waited for.
 */
#ifndef _TTP_PACKET_H
#define _TTP_PACKET_H

#include "ttp_test.h"

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#define US	"192.0.2.1"
#define PEER	"192.0.2.2"
#define MAX_IP	65535

/* RFC 1071, straight from the page */
static inline unsigned short csum(const void *data, size_t len)
{
	const unsigned char *p = data;
	unsigned long sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

struct packet {
	union {
		unsigned char data[MAX_IP];
		struct iphdr ip;
	};
	int len;
};

static inline void *l4(struct packet *p)
{
	return p->data + p->ip.ihl * 4;
}

static inline int l4_len(const struct packet *p)
{
	return p->len - p->ip.ihl * 4;
}

/* The IPv4 header for what stands behind it, up to @len, has all but sums. */
static inline void seal(struct packet *p, int len)
{
	p->len = len;
	p->ip.tot_len = htons(len);
	p->ip.check = 0;
	p->ip.check = csum(p->data, p->ip.ihl * 4);
}

static inline void make_ip(struct packet *p, int protocol, const char *src,
			   const char *dst, const void *payload, int len)
{
	memset(&p->ip, 0, sizeof(p->ip));
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.ttl = 64;
	p->ip.protocol = protocol;
	p->ip.saddr = inet_addr(src);
	p->ip.daddr = inet_addr(dst);
	memcpy(p->data + sizeof(p->ip), payload, len);
	seal(p, sizeof(p->ip) + len);
}

/* The checksum of what make_datagram() made, after it was changed */
static inline void sum_datagram(struct packet *p)
{
	struct udphdr *uh = l4(p);
	struct ttphdr *th = l4(p);

	if (p->ip.protocol == IPPROTO_UDP) {
		uh->check = 0;		/* none */
		uh->len = htons(l4_len(p));
	} else {
		th->check = 0;
		th->check = csum(th, l4_len(p)) ?: 0xffff;
	}
}

/* A good datagram of UDP or TTP from PEER to us */
static inline void make_datagram(struct packet *p, int protocol, int sport,
				 int dport, const void *payload, int len)
{
	struct ttphdr th = {
		.source = htons(sport),
		.dest = htons(dport),
		.vertype = TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM),
	};

	memcpy(p->data + sizeof(p->ip) + sizeof(th), payload, len);
	make_ip(p, protocol, PEER, US, &th, sizeof(th));
	seal(p, sizeof(p->ip) + sizeof(th) + len);
	sum_datagram(p);
}

/* The driver is loaded by whoever opens its node, which is udev's to make. */
static inline int open_node(void)
{
	mkdir("/dev/net", 0755);
	mknod("/dev/net/tun", S_IFCHR | 0600, makedev(10, 200));
	return open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* A device up with address US; its other side is whoever holds the file. It
 * sums nothing itself. -1 with errno if it cannot be had.
 */
static inline int tun_open(void)
{
	struct ifreq ifr = {
		.ifr_name = "tun0",
		.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR,
	};
	struct sockaddr_in sin = at(AF_INET, US, 0);
	int fd = open_node();
	int ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -1;
	/* IPv6 would send by itself, and what another CPU sends delays ours. */
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	ret = ioctl(fd, TUNSETIFF, &ifr);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	ret = ret ?: ioctl(ctl, SIOCSIFADDR, &ifr);
	ifr.ifr_mtu = MAX_IP;
	ret = ret ?: ioctl(ctl, SIOCSIFMTU, &ifr);
	sin = at(AF_INET, "255.255.255.0", 0);
	memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
	ret = ret ?: device_up("tun0");
	ret = ret ?: ioctl(ctl, SIOCSIFNETMASK, &ifr);
	close(ctl);
	return ret ? -1 : fd;
}

/* A packet comes in, as the device says: @vnet may be NULL */
static inline int arrive_as(int tun, const struct packet *p,
			    const struct virtio_net_hdr *vnet)
{
	static const struct virtio_net_hdr plain;
	struct iovec iov[] = {
		{ (void *)(vnet ?: &plain), sizeof(plain) },
		{ (void *)p->data, p->len },
	};

	return writev(tun, iov, 2) == (ssize_t)sizeof(plain) + p->len ? 0 : -1;
}

static inline int arrive(int tun, const struct packet *p)
{
	return arrive_as(tun, p, NULL);
}

/* The next packet that the host has sent; its length, 0 if none */
static inline int leaves(int tun, struct packet *p)
{
	struct virtio_net_hdr vnet;
	struct iovec iov[] = {
		{ &vnet, sizeof(vnet) },
		{ p->data, sizeof(p->data) },
	};
	ssize_t n = readv(tun, iov, 2);

	p->len = n > (ssize_t)sizeof(vnet) ? n - sizeof(vnet) : 0;
	return p->len;
}

/* --- what has moved ------------------------------------------------------- */

struct counters {
	char name[32][32];
	long val[32];
	int n;
};

static struct counters counters;

/* A counter of the core's about ICMP, in the caller's namespace */
static inline long icmp_stat(const char *name)
{
	char line[1024], keys[1024] = "", *k, *v, *ks, *vs;
	FILE *f = fopen("/proc/net/snmp", "r");
	long val = -1;

	while (f && val < 0 && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Icmp: ", 6))
			continue;
		if (!keys[0]) {
			memcpy(keys, line, sizeof(keys));
			continue;
		}
		for (k = strtok_r(keys, " ", &ks), v = strtok_r(line, " ", &vs);
		     k && v && strcmp(k, name);
		     k = strtok_r(NULL, " ", &ks), v = strtok_r(NULL, " ", &vs))
			;
		val = v ? atol(v) : -1;
	}
	if (f)
		fclose(f);
	return val;
}

static inline void read_counters(struct counters *c)
{
	FILE *f = fopen("/proc/net/ttp/snmp", "r");

	c->n = 0;
	while (f && c->n < 31 &&
	       fscanf(f, "%31s %ld", c->name[c->n], &c->val[c->n]) == 2)
		c->n++;
	if (f)
		fclose(f);
	snprintf(c->name[c->n], sizeof(c->name[0]), "IcmpOutMsgs");
	c->val[c->n++] = icmp_stat("OutMsgs");
}

/* What moved since the last call: "TtpInShort TtpOutDatagrams+3" */
static inline const char *moved(void)
{
	static struct counters now;
	static char text[1024];
	int i, len = 0;
	long by;

	text[0] = '\0';
	read_counters(&now);
	for (i = 0; i < now.n && i < counters.n; i++) {
		by = now.val[i] - counters.val[i];
		if (by)
			len += sprintf(text + len, by == 1 ? "%s%s" : "%s%s%+ld",
				       len ? " " : "", now.name[i], by);
	}
	counters = now;
	return text;
}

/* --- why the module dropped ------------------------------------------------ */

#define TRACING	"/sys/kernel/tracing"

/* A trace of one's own, for all tests of a program. No file: no tracefs. */
static struct {
	char dir[64];
	int pipe;
	pid_t owner;
} tracing = { .pipe = -1 };

static inline int trace_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", tracing.dir, file);
	return write_file(path, text);
}

/* IPv4 packets that are dropped in our code; before 6.4 a place has no name. */
static inline int trace_filter(void)
{
	unsigned long start = 0, size = 0;
	char line[256], filter[160];
	FILE *f = fopen("/proc/modules", "r");
	int found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "ttp %lu %*s %*s %*s 0x%lx", &size,
			       &start) == 2;
	if (f)
		fclose(f);
	snprintf(filter, sizeof(filter),
		 "protocol==0x800 && location>=0x%lx && location<0x%lx",
		 start, start + size);
	return found ? trace_write("events/skb/kfree_skb/filter", filter) : -1;
}

static inline void __attribute__((constructor)) tracing_begin(void)
{
	char path[128];

	snprintf(tracing.dir, sizeof(tracing.dir), TRACING "/instances/ttp-%d",
		 getpid());
	if (mkdir(tracing.dir, 0700))
		return;
	tracing.owner = getpid();
	snprintf(path, sizeof(path), "%s/trace_pipe", tracing.dir);
	if (!trace_write("buffer_size_kb", "64") &&
	    !trace_filter() &&
	    !trace_write("events/skb/kfree_skb/enable", "1"))
		tracing.pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static inline void __attribute__((destructor)) tracing_end(void)
{
	if (tracing.owner != getpid())
		return;
	trace_write("events/skb/kfree_skb/enable", "0");
	close(tracing.pipe);
	rmdir(tracing.dir);
}

/* Reasons of the module's drops since the last call: "SKB_CSUM NO_SOCKET". What
 * was queued in a socket that was closed goes without one, and some time later.
 */
static inline const char *drops(void)
{
	static char text[4096], lines[65536];
	char *line, *save, *reason;
	size_t len = 0;
	ssize_t n;

	while ((n = read(tracing.pipe, lines + len,
			 sizeof(lines) - 1 - len)) > 0)
		len += n;
	lines[len] = '\0';
	len = 0;
	text[0] = '\0';
	for (line = strtok_r(lines, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		reason = strstr(line, "reason: ");
		if (reason && !strstr(reason, "NOT_SPECIFIED") &&
		    len < sizeof(text) - 64)
			len += sprintf(text + len, "%s%.60s", len ? " " : "",
				       reason + strlen("reason: "));
	}
	return text;
}

/* A network namespace for a test: lo, the device, counters and trace from now
 * on. Returns what cannot be had: SKIP(return, "%s", lacks).
 */
static inline const char *packet_host(int *tun)
{
	char rest[4096];

	if (tracing.pipe < 0)
		return NO_OPTION("FTRACE_SYSCALLS") ", or tracefs is not at " TRACING;
	if (own_netns())
		return NO_OPTION("NET_NS");
	*tun = tun_open();
	if (*tun < 0)
		return NO_OPTION("TUN");
	moved();
	/* Of the tests before */
	while (read(tracing.pipe, rest, sizeof(rest)) > 0)
		;
	return NULL;
}

#endif /* _TTP_PACKET_H */
