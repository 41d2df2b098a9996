// SPDX-License-Identifier: GPL-2.0
/* Control messages: what a receiver is told of a datagram beside its content. */
#define NEEDS "NET_VRF TUN"
#define BOTH_DOORS
#include "told.h"

TEST_F(sock, ttl_and_tos)
{
	int to, fd = pair(variant->family, &to);
	struct told e;

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	e = hear(to, 0);
	EXPECT_EQ(-1, e.ttl);
	EXPECT_EQ(-1, e.tos);

	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTTL, 1));
	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTOS, 1));
	ASSERT_EQ(0, write_file("/proc/sys/net/ipv4/ip_default_ttl", "33"));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	e = hear(to, 0);
	EXPECT_EQ(33, e.ttl);
	EXPECT_EQ(0, e.tos);

	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, 7));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TOS, 0xb8));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	e = hear(to, 0);
	EXPECT_EQ(7, e.ttl);
	EXPECT_EQ(0xb8, e.tos);

	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, -1));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT));
	e = hear(to, 0);
	EXPECT_EQ(33, e.ttl);
	EXPECT_EQ(0xb8, e.tos);
}

static long long wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static const struct {
	const char *what;
	int opt, val;
} stamps[] = {
	{ "SO_TIMESTAMP", SO_TIMESTAMP, 1 },
	{ "SO_TIMESTAMPNS", SO_TIMESTAMPNS, 1 },
	{ "SO_TIMESTAMPING", SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE |
					      SOF_TIMESTAMPING_SOFTWARE },
};

TEST_F(sock, time_stamps)
{
	int to, fd = pair(variant->family, &to);
	long long before, after;
	struct told e;
	long limit;
	size_t i;

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(0, hear(to, 0).stamps);
	for (i = 0; i < ARRAY_SIZE(stamps); i++) {
		ASSERT_EQ(0, set_int(to, SOL_SOCKET, stamps[i].opt,
				     stamps[i].val));
		/* Packets are stamped from a while after the request on. */
		limit = now_ms() + WAIT_MS;
		do {
			before = wall_ns();
			EXPECT_EQ(1, send(fd, "x", 1, 0));
			e = hear(to, 0);
			after = wall_ns();
		} while (!e.stamps && now_ms() < limit);
		EXPECT_EQ(1, e.stamps)
			TH_LOG("%s", stamps[i].what);
		/* A struct timeval has cut it down to microseconds. */
		EXPECT_GE(e.ns, before / 1000 * 1000)
			TH_LOG("%s", stamps[i].what);
		EXPECT_LE(e.ns, after)
			TH_LOG("%s", stamps[i].what);
		ASSERT_EQ(0, set_int(to, SOL_SOCKET, stamps[i].opt, 0));
	}
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(0, hear(to, 0).stamps);
}

/* --- what comes in by a device ----------------------------------------------- */

static struct packet in;

/* A socket of port PORT that has asked for @opt, and the device */
static int listener(int family, int opt, int *tun)
{
	int fd = bound(family, ANY, PORT);

	*tun = tun_open();
	return *tun < 0 || set_int(fd, SOL_IP, opt, 1) ? -1 : fd;
}

/* Where it came to, where it came in, where an answer would come from */
static const struct {
	const char *what, *saddr, *daddr, *spec;
} infos[] = {
	{ "unicast", PEER, US, US },
	{ "another address of ours", PEER, "192.0.2.77", "192.0.2.77" },
	{ "broadcast", PEER, "192.0.2.255", US },
	{ "broadcast to all", PEER, "255.255.255.255", US },
	{ "broadcast of nobody", "0.0.0.0", "255.255.255.255", US },
	{ "broadcast of a far one", "198.51.100.1", "192.0.2.255", "192.0.2.77" },
	{ "broadcast of one out of reach", "203.0.113.1", "192.0.2.255", US },
};

TEST_F(sock, pktinfo)
{
	int tun, fd = listener(variant->family, IP_PKTINFO, &tun), peek;
	struct told t;
	size_t i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, system("ip addr add 192.0.2.77/24 dev tun0 && "
			    "ip route add 198.51.100.0/24 dev tun0 "
			    "src 192.0.2.77"));
	ASSERT_EQ(0, write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "0"));
	for (i = 0; i < ARRAY_SIZE(infos); i++) {
		make_datagram(&in, variant->protocol, PEER_PORT, PORT, "x", 1);
		in.ip.saddr = inet_addr(infos[i].saddr);
		in.ip.daddr = inet_addr(infos[i].daddr);
		seal(&in, in.len);
		ASSERT_EQ(0, arrive(tun, &in));
		for (peek = MSG_PEEK; peek >= 0; peek -= MSG_PEEK) {
			t = hear(fd, peek);
			EXPECT_EQ(1, t.pktinfos)
				TH_LOG("%s", infos[i].what);
			EXPECT_EQ(if_nametoindex("tun0"),
				  t.pktinfo.ipi_ifindex)
				TH_LOG("%s", infos[i].what);
			EXPECT_EQ(inet_addr(infos[i].daddr),
				  t.pktinfo.ipi_addr.s_addr)
				TH_LOG("%s", infos[i].what);
			EXPECT_EQ(inet_addr(infos[i].spec),
				  t.pktinfo.ipi_spec_dst.s_addr)
				TH_LOG("%s", infos[i].what);
		}
	}
}

/* From here to here, by an address of the device: lo has carried it. */
TEST_F(sock, pktinfo_at_home)
{
	int tun, fd = listener(variant->family, IP_PKTINFO, &tun);
	struct told t;

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, US, PORT));
	t = hear(fd, 0);
	EXPECT_EQ(if_nametoindex("tun0"), t.pktinfo.ipi_ifindex);
	EXPECT_EQ(inet_addr(US), t.pktinfo.ipi_spec_dst.s_addr);
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN2, PORT));
	t = hear(fd, 0);
	EXPECT_EQ(if_nametoindex("lo"), t.pktinfo.ipi_ifindex);
	EXPECT_EQ(inet_addr(OWN2), t.pktinfo.ipi_spec_dst.s_addr);
}

/* The same inside a VRF, whose device has carried it */
TEST_F(sock, pktinfo_at_home_in_a_vrf)
{
	int tun, fd = listener(variant->family, IP_PKTINFO, &tun);
	struct told t;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, system("ip link add red type vrf table 10 && "
			    "ip link set red up && "
			    "ip link set tun0 master red"));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "red", 4));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, US, PORT));
	t = hear(fd, 0);
	EXPECT_EQ(1, t.ret);
	EXPECT_EQ(if_nametoindex("tun0"), t.pktinfo.ipi_ifindex);
	EXPECT_EQ(inet_addr(US), t.pktinfo.ipi_spec_dst.s_addr);
}

/* To all, by the device that the socket names inside its VRF */
TEST_F(sock, broadcast_in_a_vrf)
{
	int tun, fd = listener(variant->family, IP_PKTINFO, &tun);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, system("ip link add red type vrf table 10 && "
			    "ip link set red up && "
			    "ip link set tun0 master red"));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "red", 4));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_UNICAST_IF,
			     htonl(if_nametoindex("tun0"))));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, "255.255.255.255",
			     PORT));
	EXPECT_LT(0, leaves(tun, &in));
	EXPECT_EQ(inet_addr("255.255.255.255"), in.ip.daddr);
}

/* Asked for when the datagram was there: nobody has kept it. */
TEST_F(sock, pktinfo_too_late)
{
	int to, fd = pair(variant->family, &to);
	struct told t;

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	ASSERT_EQ(POLLIN, await(to, POLLIN, WAIT_MS));
	ASSERT_EQ(0, set_int(to, SOL_IP, IP_PKTINFO, 1));
	t = hear(to, 0);
	EXPECT_EQ(1, t.pktinfos);
	EXPECT_EQ(0, t.pktinfo.ipi_ifindex);
	EXPECT_EQ(0, t.pktinfo.ipi_spec_dst.s_addr);
	EXPECT_EQ(inet_addr(OWN), t.pktinfo.ipi_addr.s_addr);
	ASSERT_EQ(0, set_int(to, SOL_IP, IP_PKTINFO, 0));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(0, hear(to, 0).pktinfos);
}

/* A name, so of the door's family */
TEST_F(sock, original_destination)
{
	int to, fd = pair(variant->family, &to), i;
	struct told t;

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(0, hear(to, 0).origs);
	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVORIGDSTADDR, 1));
	for (i = 0; i < 2; i++) {
		/* With others around it, and alone */
		ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTTL, !i));
		ASSERT_EQ(0, set_int(to, SOL_IP, IP_PKTINFO, !i));
		EXPECT_EQ(1, send(fd, "x", 1, 0));
		t = hear(to, 0);
		EXPECT_EQ(0, t.flags);
		EXPECT_EQ(1, t.origs);
		EXPECT_EQ(variant->family, t.orig.sin_family);
		EXPECT_EQ(inet_addr(OWN), t.orig.sin_addr.s_addr);
		EXPECT_EQ(PORT, ntohs(t.orig.sin_port));
		EXPECT_EQ(0, memcmp(t.orig.sin_zero, "\0\0\0\0\0\0\0", 8));
		EXPECT_EQ(i ? -1 : 64, t.ttl);
		EXPECT_EQ(!i, t.pktinfos);
	}
}

/* Less room than it takes: what fits comes, and MSG_CTRUNC. */
TEST_F(sock, room)
{
	int to, fd = pair(variant->family, &to);
	struct told t;
	size_t room;

	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTTL, 1));
	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVORIGDSTADDR, 1));
	for (room = 0; room <= 64; room++) {
		EXPECT_EQ(1, send(fd, "x", 1, 0));
		ASSERT_EQ(POLLIN, await(to, POLLIN, WAIT_MS));
		t = hear_in(to, 0, 1, room);
		EXPECT_EQ(1, t.ret);
		EXPECT_EQ(room < 56 ? MSG_CTRUNC : 0, t.flags)
			TH_LOG("%zu bytes", room);
		EXPECT_EQ(room < 20 ? -1 : 64, t.ttl)
			TH_LOG("%zu bytes", room);
	}
}

/* The options as they came, and turned round for the way back */
TEST_F(sock, options)
{
	static const unsigned char rr[] = { 7, 11, 4, [11] = 1 };
	static const unsigned char got[] = { 7, 11, 8, 192, 0, 2, 1, [11] = 1 };
	static const unsigned char back[] = { 7, 11, 8, 192, 0, 2, 1, [11] = 0 };
	int tun, fd = listener(variant->family, IP_RECVOPTS, &tun);
	struct told t;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_RETOPTS, 1));
	make_datagram(&in, variant->protocol, PEER_PORT, PORT, "x", 1);
	ASSERT_EQ(0, arrive(tun, &in));
	t = hear(fd, 0);
	EXPECT_EQ(0, t.optslen);
	EXPECT_EQ(0, t.retoptslen);

	memmove(in.data + 32, in.data + 20, in.len - 20);
	memcpy(in.data + 20, rr, 12);
	in.ip.ihl = 8;
	seal(&in, in.len + 12);
	ASSERT_EQ(0, arrive(tun, &in));
	t = hear(fd, 0);
	EXPECT_EQ(1, t.ret);
	EXPECT_EQ(12, t.optslen);
	EXPECT_EQ(0, memcmp(t.opts, got, 12));
	EXPECT_EQ(12, t.retoptslen);
	EXPECT_EQ(0, memcmp(t.retopts, back, 12));
}

/* The longest fragment; nothing of what came whole */
TEST_F(sock, fragsize)
{
	int tun, fd = listener(variant->family, IP_RECVFRAGSIZE, &tun);
	char payload[100] = {};
	struct packet *first;
	struct told t;

	ASSERT_LE(0, fd);
	make_datagram(&in, variant->protocol, PEER_PORT, PORT, payload, 100);
	ASSERT_EQ(0, arrive(tun, &in));
	t = hear(fd, 0);
	EXPECT_EQ(100, t.ret);
	EXPECT_EQ(-1, t.fragsize);

	first = malloc(sizeof(*first));
	*first = in;
	first->ip.id = htons(7);
	in.ip.id = first->ip.id;
	first->ip.frag_off = htons(0x2000);
	seal(first, 20 + 64);
	memmove(in.data + 20, in.data + 20 + 64, 44);
	in.ip.frag_off = htons(64 / 8);
	seal(&in, 20 + 44);
	ASSERT_EQ(0, arrive(tun, first));
	ASSERT_EQ(0, arrive(tun, &in));
	t = hear(fd, 0);
	EXPECT_EQ(100, t.ret);
	EXPECT_EQ(84, t.fragsize);
	free(first);
}

/* The sum of the payload, if somebody has summed */
TEST_F(sock, checksum)
{
	int tun, fd = listener(variant->family, IP_CHECKSUM, &tun);
	unsigned char *h = in.data + 20;
	unsigned int pseudo[3], sum;
	struct told t;

	ASSERT_LE(0, fd);
	make_datagram(&in, variant->protocol, PEER_PORT, PORT, "summed", 6);
	if (variant->protocol == IPPROTO_UDP) {
		/* The pseudo header's words behind the payload */
		pseudo[0] = in.ip.saddr;
		pseudo[1] = in.ip.daddr;
		pseudo[2] = htonl(IPPROTO_UDP << 16 | 14);
		memcpy(h + 14, pseudo, 12);
		*(unsigned short *)(h + 6) = csum(h, 26);
	}
	ASSERT_EQ(0, arrive(tun, &in));
	t = hear(fd, 0);
	EXPECT_EQ(6, t.ret);
	sum = t.csum;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	EXPECT_EQ((unsigned short)~csum("summed", 6), sum);
	/* What stays on the host nobody sums. */
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT));
	EXPECT_EQ(-1, hear(fd, 0).csum);
}

/* Labels come with a security module that knows the packet's. */
TEST_F(sock, label)
{
	int to, fd = pair(variant->family, &to);

	ASSERT_EQ(0, set_int(to, SOL_IP, IP_PASSSEC, 1));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, hear(to, 0).ret);
}

TEST_HARNESS_MAIN
