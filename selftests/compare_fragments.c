// SPDX-License-Identifier: GPL-2.0
/*
 * How a datagram is cut: the route's MTU, the device's, IP_MTU_DISCOVER, IPv4
 * options, time stamps and pieces, in all combinations: as UDP. Route and
 * device may have any MTU, and may change between two pieces.
 *
 *	+-------------+ 10.9.0.1/16
 *	|  sender  d0 +------------- dummy: what it is given is seen on a tap
 *	+-------------+              10.9.N.0/24: a route with an MTU
 */
#define NEEDS "DUMMY PACKET"
#include "compare_world.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>

#define CORK		1	/* at the door's own level */
#define STAMPS		(SOF_TIMESTAMPING_TX_SCHED | \
			 SOF_TIMESTAMPING_TX_SOFTWARE | \
			 SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID)
#define FREE_ROUTE	200	/* 10.9.200.0/24 has no MTU of its own */

static const int mtus[] = { 20, 24, 27, 28, 67, 68, 69, 100, 700 };

#define LOWEST		5	/* that IPv4 can use: the others need no lock */
static char data[4000];
static int tap = -1;

static int device_mtu(int mtu)
{
	struct ifreq ifr = { .ifr_name = "d0", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ret;

	ret = ioctl(fd, SIOCSIFMTU, &ifr);
	close(fd);
	return ret;
}

/* A new device, its routes, and the tap */
static void new_device(void)
{
	struct sockaddr_ll all = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	char commands[2048];
	unsigned int i;
	int n;

	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	/* ICMP errors at any rate */
	write_file("/proc/sys/net/ipv4/icmp_ratemask", "0");
	n = sprintf(commands, "{ ip link delete d0; "
		    "ip link add d0 mtu 1500 type dummy; } 2>/dev/null; "
		    "ip -batch - <<-END\n"
		    "link set d0 up\naddress add 10.9.0.1/16 dev d0\n");
	for (i = 0; i < ARRAY_SIZE(mtus); i++)
		n += sprintf(commands + n,
			     "route add 10.9.%u.0/24 dev d0 mtu %d\n"
			     "route add 10.9.%u.0/24 dev d0 mtu lock %d\n",
			     i, mtus[i], 100 + i, mtus[i]);
	sprintf(commands + n, "END\n");
	put(system(commands) ? " no device" : "");
	close(tap);
	tap = socket(AF_PACKET, SOCK_DGRAM, 0);
	all.sll_ifindex = if_nametoindex("d0");
	set_int(tap, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24);
	put(bind(tap, (void *)&all, sizeof(all)) ? " no tap" : "");
}

/* What left by the device: the first packets, the last, and how many, each with
 * the lengths of packet and header and the field that says where it belongs
 */
static void put_packets(void)
{
	unsigned char p[2048];
	const struct iphdr *ip = (void *)p;
	char last[64] = "";
	int n = 0;

	put(" wire:");
	while (recv(tap, p, sizeof(p), MSG_DONTWAIT) > 0) {
		if (ip->protocol != door->protocol)
			continue;
		sprintf(last, " %d/%d@%x", ntohs(ip->tot_len), ip->ihl * 4,
			ntohs(ip->frag_off));
		if (n++ < 3)
			put("%s", last);
	}
	if (n > 3)
		put(" ...%s, %d in all", last, n);
}

/* Time stamps and errors: kind, number, length of the packet that came back */
static void put_stamps(int fd)
{
	char room[2048], control[512];
	struct iovec iov = { room, sizeof(room) };
	struct msghdr msg;
	const struct sock_extended_err *ee;
	struct cmsghdr *cmsg;
	int n;

	put(" errors:");
	do {
		msg = (struct msghdr) {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		n = recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
		for (cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&msg); cmsg;
		     cmsg = CMSG_NXTHDR(&msg, cmsg)) {
			if (cmsg->cmsg_level != SOL_IP)
				continue;
			ee = (const void *)CMSG_DATA(cmsg);
			put(" %u/%u/%u of %d", ee->ee_origin, ee->ee_info,
			    ee->ee_data, n);
		}
	} while (n >= 0);
}

/* A sender that asks for all of that */
static int sender(int mode, bool options, bool stamps)
{
	char no_ops[40];
	int fd = fresh();

	memset(no_ops, IPOPT_NOOP, sizeof(no_ops));
	set_int(fd, SOL_IP, IP_RECVERR, 1);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	set_int(fd, SOL_IP, IP_MTU_DISCOVER, mode);
	if (options)
		setsockopt(fd, SOL_IP, IP_OPTIONS, no_ops, sizeof(no_ops));
	if (stamps)
		set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, STAMPS);
	return fd;
}

static ssize_t send_there(int fd, size_t len, int route, int flags)
{
	struct sockaddr_in sin = to("10.9.0.7", PORT);

	sin.sin_addr.s_addr |= htonl(route << 8);
	return sendto(fd, data, len, flags, (void *)&sin, sizeof(sin));
}

static void finish(int fd, const char *what, int mode, bool options,
		   bool stamps, size_t len)
{
	put_packets();
	put_stamps(fd);
	line("%s, IP_MTU_DISCOVER %d, %soptions, %sstamps, %zu bytes", what,
	     mode, options ? "" : "no ", stamps ? "" : "no ", len);
}

/* A datagram to a route, in one piece, and in two */
static void by_route(int route, int mode, bool options, bool stamps)
{
	static const size_t lens[] = { 1, 60, 700, 1600 };
	char what[64];
	unsigned int i;
	int fd;

	fd = sender(mode, options, stamps);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		sprintf(what, "route %d, MTU %d", route, mtus[route % 100]);
		put_ret(send_there(fd, lens[i], route, 0));
		finish(fd, what, mode, options, stamps, lens[i]);
		strcat(what, ", two pieces");
		put_ret(send_there(fd, lens[i], route, MSG_MORE));
		put_ret(send_there(fd, 100, route, 0));
		finish(fd, what, mode, options, stamps, lens[i]);
	}
	close(fd);
}

static void all_combinations(void (*run)(int a, int mode, bool o, bool s),
			     int a)
{
	int mode;

	for (mode = IP_PMTUDISC_DONT; mode <= IP_PMTUDISC_OMIT; mode++) {
		run(a, mode, false, false);
		run(a, mode, false, true);
		run(a, mode, true, false);
		run(a, mode, true, true);
	}
}

static void mtu_of_the_route(void)
{
	unsigned int i;

	new_device();
	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		all_combinations(by_route, i);
		if (i >= LOWEST)
			all_combinations(by_route, 100 + i);
	}
}

FIXTURE_VARIANT_ADD(compare, mtu_of_the_route) {
	.run = mtu_of_the_route,
};

/* The device's MTU as the first piece finds it, as the second, and at the end */
static const int between[][3] = {
	{ 1500, 100, 100 }, { 1500, 68, 68 }, { 100, 1500, 1500 },
	{ 700, 68, 1500 }, { 68, 700, 1500 }, { 576, 1500, 68 },
};

static void by_device(int row, int mode, bool options, bool stamps)
{
	static const size_t lens[] = { 1, 60, 500, 1400 };
	const int *mtu = between[row];
	unsigned int i;
	char what[64];
	int fd;

	fd = sender(mode, options, stamps);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		set_int(fd, door->level, CORK, 1);
		device_mtu(mtu[0]);
		put_ret(send_there(fd, lens[i], FREE_ROUTE, 0));
		device_mtu(mtu[1]);
		put_ret(send_there(fd, lens[i], FREE_ROUTE, 0));
		device_mtu(mtu[2]);
		put_ret(set_int(fd, door->level, CORK, 0));
		sprintf(what, "device's MTU %d, %d, %d", mtu[0], mtu[1],
			mtu[2]);
		finish(fd, what, mode, options, stamps, lens[i]);
	}
	close(fd);
}

static void mtu_of_the_device_changes(void)
{
	unsigned int i;

	new_device();
	for (i = 0; i < ARRAY_SIZE(between); i++)
		all_combinations(by_device, i);
}

FIXTURE_VARIANT_ADD(compare, mtu_of_the_device_changes) {
	.run = mtu_of_the_device_changes,
};

/* IPv4 leaves a device of that MTU; what is pending holds its route. */
static void by_device_gone(int mtu, int mode, bool options, bool stamps)
{
	unsigned int pieces;
	int fd;

	for (pieces = 1; pieces <= 2; pieces++) {
		new_device();
		fd = sender(mode, options, stamps);
		put_ret(send_there(fd, 500, FREE_ROUTE, MSG_MORE));
		if (mtu)
			device_mtu(mtu);
		else
			put_ret(system("ip link delete d0"));
		/* The route is dead when the callbacks of RCU have run. The
		 * removal of a device waits for them.
		 */
		put_ret(system("ip link add d9 type dummy && ip link delete d9"));
		if (pieces == 2)
			put_ret(send_there(fd, 900, FREE_ROUTE, MSG_MORE));
		put_ret(send_there(fd, 10, FREE_ROUTE, 0));
		finish(fd, mtu ? "device's MTU is too low" : "device is gone",
		       mode, options, stamps, pieces);
		close(fd);
	}
}

static void ipv4_leaves_the_device(void)
{
	static const int modes[] = { IP_PMTUDISC_WANT, IP_PMTUDISC_PROBE,
				     IP_PMTUDISC_OMIT };
	static const int lows[] = { 0, 24 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(lows); i++)
		for (j = 0; j < ARRAY_SIZE(modes); j++) {
			by_device_gone(lows[i], modes[j], true, true);
			by_device_gone(lows[i], modes[j], false, false);
		}
}

FIXTURE_VARIANT_ADD(compare, ipv4_leaves_the_device) {
	.run = ipv4_leaves_the_device,
};

/* Another mode for each of the first piece, the second, and the end */
static void by_modes(int modes, bool stamps)
{
	static const size_t lens[] = { 10, 650, 1400 };
	const int route = ARRAY_SIZE(mtus) - 1;	/* 700 */
	int a = modes / 36, b = modes / 6 % 6, c = modes % 6, fd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		fd = sender(a, false, stamps);
		set_int(fd, door->level, CORK, 1);
		put_ret(send_there(fd, lens[i], route, 0));
		set_int(fd, SOL_IP, IP_MTU_DISCOVER, b);
		put_ret(send_there(fd, lens[i], route, 0));
		set_int(fd, SOL_IP, IP_MTU_DISCOVER, c);
		put_ret(set_int(fd, door->level, CORK, 0));
		put_packets();
		put_stamps(fd);
		line("IP_MTU_DISCOVER %d, %d, %d, %sstamps, %zu bytes", a, b,
		     c, stamps ? "" : "no ", lens[i]);
		close(fd);
	}
}

static void mode_changes(void)
{
	int modes;

	new_device();
	for (modes = 0; modes < 6 * 6 * 6; modes++) {
		by_modes(modes, false);
		by_modes(modes, true);
	}
}

FIXTURE_VARIANT_ADD(compare, mode_changes) {
	.run = mode_changes,
};

TEST_HARNESS_MAIN
