/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network whose devices and routes a comparing test changes, and the packets that
 * leave the host.
 *
 *	  this namespace
 *	+---------------------+
 *	| 10.1.0.1   tun "d0" +--- 10.1.0.2 and what is behind it: the test
 *	| 10.2.0.1   tun "d1" +--- 10.2.0.2 and what is behind it: the test
 *	+---------------------+
 *
 * The networks 10.9.1.0/24 and 10.9.2.0/24 are those whose routes change.
 */
#ifndef _COMPARE_NETWORK_H
#define _COMPARE_NETWORK_H

#include "compare_world.h"
#include "tun.h"

/* ---- the network ---- */

static struct {
	const char *name, *own, *gateway;
	int fd;
	bool changed;
} devices[] = {
	{ "d0", "10.1.0.1", "10.1.0.2", -1, true },
	{ "d1", "10.2.0.1", "10.2.0.2", -1, true },
};

/* One ip(8) for all commands: a process each would take most of the time. */
static FILE *ip_stdin;
static int ip_stderr;

/* ICMP errors have changed what local and on-link routes know. */
static bool addresses_changed;

static void ip_start(void)
{
	int in[2], err[2];

	if (ip_stdin || pipe2(in, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return;
	if (!fork()) {
		dup2(in[0], 0);
		dup2(err[1], 1);
		dup2(err[1], 2);
		execlp("ip", "ip", "-force", "-batch", "-", NULL);
		_exit(1);
	}
	close(in[0]);
	close(err[1]);
	ip_stdin = fdopen(in[1], "w");
	ip_stderr = err[0];
}

static __printf(1, 2) void ip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(ip_stdin, format, args);
	va_end(args);
	fputc('\n', ip_stdin);
}

/* Wait until all commands have been executed: the last one fails, and standard
 * error is not buffered. Errors of the others do not matter.
 */
static void ip_finish(void)
{
	static char text[1 << 16];
	size_t len = 0;
	ssize_t n;

	ip("link show dev no-such-dev");
	fflush(ip_stdin);
	do {
		n = read(ip_stderr, text + len, sizeof(text) - 1 - len);
		len += n > 0 ? n : 0;
		text[len] = '\0';
	} while (n > 0 && !strstr(text, "no-such-dev"));
	if (n <= 0)
		put(" ip(8) has ended");
	if (getenv("TTP_TRANSCRIPT"))
		ksft_print_msg("%s", text);
}

static void device_open(int i)
{
	if (devices[i].fd < 0)
		devices[i].fd = tun_open_as(devices[i].name, 100 + i,
					    devices[i].own);
	if (devices[i].fd < 0)
		put(" no device: %s", strerrorname_np(errno));
}

static void device_close(int i)
{
	if (devices[i].fd >= 0)
		close(devices[i].fd);
	devices[i].fd = -1;
}

static void default_routes(void)
{
	ip("route replace 10.9.1.0/24 via 10.1.0.2");
	ip("route replace 10.9.2.0/24 via 10.2.0.2");
	ip("route replace 224.0.0.0/4 dev d0");
}

/* Each sequence starts with the same devices and routes, and without path MTU
 * exceptions.
 */
static void network_reset(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		if (!devices[i].changed)
			continue;
		device_close(i);
		device_open(i);
		devices[i].changed = false;
	}
	if (addresses_changed) {
		ip("addr del 127.0.0.1/8 dev lo");
		ip("addr add 127.0.0.1/8 dev lo scope host");
		for (i = 0; i < ARRAY_SIZE(devices); i++) {
			ip("addr del %s/24 dev %s", devices[i].own,
			   devices[i].name);
			ip("addr add %s/24 dev %s", devices[i].own,
			   devices[i].name);
		}
		addresses_changed = false;
	}
	ip("rule flush");
	ip("rule add pref 32766 table main");
	ip("xfrm policy flush");
	ip("route flush table 100");
	ip("route flush root 10.9.0.0/16");
	default_routes();
	ip_finish();
	write_file("/proc/sys/net/ipv4/ip_no_pmtu_disc", "0");
}

/* ---- what leaves the host ---- */

static void put_packet(const struct packet *p, const char *device)
{
	unsigned int offset = ntohs(p->ip.frag_off) & 0x1fff;
	unsigned int header = p->ip.ihl * 4;
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];

	/* IGMP reports come when the kernel's timers say so. */
	if (p->ip.protocol != door->protocol && p->ip.protocol != IPPROTO_ICMP)
		return;
	inet_ntop(AF_INET, &p->ip.saddr, src, sizeof(src));
	inet_ntop(AF_INET, &p->ip.daddr, dst, sizeof(dst));
	put(" <%s %s>%s len %d tos %x ttl %d frag %x", device, src, dst,
	    p->len, p->ip.tos, p->ip.ttl, ntohs(p->ip.frag_off));
	if (p->ip.protocol == IPPROTO_ICMP) {
		put(" icmp %d/%d>", p->data[header], p->data[header + 1]);
		return;
	}
	if (!(ntohs(p->ip.frag_off) & 0x3fff))
		put(p->ip.id ? " id" : " no id");
	if (header > sizeof(p->ip))
		put_bytes(p->data + sizeof(p->ip), header - sizeof(p->ip));
	/* The ports are the same; length and checksum are the protocol's. */
	if (!offset)
		put_bytes(p->data + header, 4);
	header += offset ? 0 : 8;
	if (p->len > (int)header)
		put_bytes(p->data + header, p->len - header);
	put(">");
}

static void put_packets(void)
{
	static struct packet p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(devices); i++)
		while (devices[i].fd >= 0 && leaves(devices[i].fd, &p) > 0)
			put_packet(&p, devices[i].name);
}

#endif /* _COMPARE_NETWORK_H */
