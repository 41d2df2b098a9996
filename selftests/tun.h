/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that a test builds, and TUN devices, whose other side is the test.
 *
 * What is written to a device has been processed when write() returns, and what
 * the host answers is there to be read, so nothing needs to be waited for.
 */
#ifndef _TTP_TUN_H
#define _TTP_TUN_H

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

/* A device that is up, with an address of a /24, and with @index if that is not 0.
 * Its other side is the holder of the file. It computes no checksum.
 * Return: the file, or -1 with errno.
 */
static inline int tun_open_as(const char *name, int index, const char *ip)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	struct sockaddr_in sin = at(AF_INET, ip, 0);
	int fd = open_node();
	int ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -1;
	/* IPv6 would send by itself, and what another CPU sends delays ours. */
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	ret = index ? ioctl(fd, TUNSETIFINDEX, &index) : 0;
	ret = ret ?: ioctl(fd, TUNSETIFF, &ifr);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	ret = ret ?: ioctl(ctl, SIOCSIFADDR, &ifr);
	ifr.ifr_mtu = MAX_IP;
	ret = ret ?: ioctl(ctl, SIOCSIFMTU, &ifr);
	sin = at(AF_INET, "255.255.255.0", 0);
	memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
	ret = ret ?: device_up(name);
	ret = ret ?: ioctl(ctl, SIOCSIFNETMASK, &ifr);
	close(ctl);
	if (ret)
		close(fd);
	return ret ? -1 : fd;
}

static inline int tun_open(void)
{
	return tun_open_as("tun0", 0, US);
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

#endif /* _TTP_TUN_H */
