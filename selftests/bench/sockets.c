// SPDX-License-Identifier: GPL-2.0
/*
 * Pairs of sockets of any protocol, on loopback or across a veth cable between
 * two network namespaces. Both ends have an address of their own, since a raw
 * socket hears everything that its address gets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/ttp.h>

#include "bench.h"

/* Not 253 for raw sockets: they would be given a copy of all that TTP sends. */
const struct proto protos[PROTOS] = {
	[UDP] = { "udp", AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0 },
	[TTP] = { "ttp", AF_TTP, SOCK_DGRAM, IPPROTO_TTP, 0 },
	[UNIX] = { "unix", AF_UNIX, SOCK_DGRAM, 0, 0 },
	[RAW] = { "raw", AF_INET, SOCK_RAW, 254, 20 },
};

#define LO_TX	0x7f000001
#define LO_RX	0x7f000002
#define VETH_TX	0x0a000001
#define VETH_RX	0x0a000002

unsigned char payload[MAX_SIZE], received[MAX_SIZE];

static int networks[2] = { -1, -1 };

static void shell(const char *fmt, int pid, int fd)
{
	char cmd[1024];

	snprintf(cmd, sizeof(cmd), fmt, pid, fd);
	if (system(cmd))
		die("failed: %s", cmd);
}

static int new_network(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		die("a network namespace: %s", strerror(errno));
	fd = open("/proc/self/ns/net", O_RDONLY);
	if (fd < 0)
		die("/proc/self/ns/net: %s", strerror(errno));
	return fd;
}

void enter_network(bool second)
{
	if (setns(networks[second], CLONE_NEWNET))
		die("setns: %s", strerror(errno));
}

/* Neighbours are permanent: to look for one is not what a datagram costs. */
void make_networks(void)
{
	networks[1] = new_network();
	networks[0] = new_network();
	shell("ip link set lo up && ip link add v type veth peer name v netns "
	      "/proc/%d/fd/%d && ip addr add 10.0.0.1/24 dev v && "
	      "ip link set v address 02:00:00:00:00:01 up && "
	      "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev v",
	      getpid(), networks[1]);
	enter_network(true);
	shell("ip link set lo up && ip addr add 10.0.0.2/24 dev v && "
	      "ip link set v address 02:00:00:00:00:02 up && "
	      "ip neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev v", 0, 0);
	enter_network(false);
}

union addr ip_addr(const struct proto *proto, uint32_t host, int port)
{
	union addr addr = {
		.in = {
			.sin_family = proto->family,
			.sin_addr.s_addr = htonl(host),
			.sin_port = htons(proto->type == SOCK_RAW ? 0 : port),
		},
	};

	return addr;
}

static union addr unix_addr(int number, socklen_t *len)
{
	union addr addr = { .un.sun_family = AF_UNIX };

	*len = offsetof(struct sockaddr_un, sun_path) + 1 +
	       sprintf(addr.un.sun_path + 1, "ttp-bench-%d", number);
	return addr;
}

/* Room for whatever is in flight; and a datagram that got lost ends it all. */
int open_socket(const struct proto *proto)
{
	int fd = socket(proto->family, proto->type, proto->protocol);

	if (fd < 0)
		die("socket %s: %s", proto->name, strerror(errno));
	return fd;
}

static void prepare(int fd)
{
	struct timeval tv = { .tv_sec = 10 };
	int room = 1 << 27;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		die("setsockopt: %s", strerror(errno));
}

void bind_socket(int fd, const union addr *addr, socklen_t len)
{
	if (bind(fd, &addr->sa, len))
		die("bind: %s", strerror(errno));
}

void connect_socket(int fd, const union addr *addr, socklen_t len)
{
	if (connect(fd, &addr->sa, len))
		die("connect: %s", strerror(errno));
}

void open_pair(struct pair *p, const struct proto *proto, bool veth,
	       bool connected)
{
	static int number = 5000;

	p->proto = proto;
	if (proto->family == AF_UNIX) {
		p->tx_addr = unix_addr(number++, &p->tx_len);
		p->rx_addr = unix_addr(number++, &p->rx_len);
	} else {
		p->tx_addr = ip_addr(proto, veth ? VETH_TX : LO_TX, number++);
		p->rx_addr = ip_addr(proto, veth ? VETH_RX : LO_RX, number++);
		p->tx_len = sizeof(p->tx_addr.in);
		p->rx_len = sizeof(p->rx_addr.in);
	}
	p->tx = open_socket(proto);
	enter_network(veth);
	p->rx = open_socket(proto);
	enter_network(false);
	prepare(p->tx);
	prepare(p->rx);
	bind_socket(p->tx, &p->tx_addr, p->tx_len);
	bind_socket(p->rx, &p->rx_addr, p->rx_len);
	if (connected) {
		connect_socket(p->tx, &p->rx_addr, p->rx_len);
		connect_socket(p->rx, &p->tx_addr, p->tx_len);
	}
}

void close_pair(struct pair *p)
{
	close(p->tx);
	close(p->rx);
}

void send_one(int fd, size_t size)
{
	if (send(fd, payload, size, 0) != (ssize_t)size)
		die("send: %s", strerror(errno));
}

void recv_one(const struct pair *p, size_t size)
{
	ssize_t len = recv(p->rx, received, sizeof(received), 0);

	if (len != (ssize_t)(size + p->proto->header))
		die("recv %s: %zd instead of %zu: %s", p->proto->name, len,
		    size, strerror(errno));
}

void run_conn(struct pair *p, size_t size, int n)
{
	while (n--) {
		send_one(p->tx, size);
		recv_one(p, size);
	}
}

void run_sr(struct pair *p, size_t size, int n)
{
	union addr from;
	socklen_t len;

	while (n--) {
		if (sendto(p->tx, payload, size, 0, &p->rx_addr.sa,
			   p->rx_len) != (ssize_t)size)
			die("sendto: %s", strerror(errno));
		len = sizeof(from);
		if (recvfrom(p->rx, received, sizeof(received), 0, &from.sa,
			     &len) != (ssize_t)(size + p->proto->header))
			die("recvfrom %s: %s", p->proto->name,
			    strerror(errno));
	}
}
