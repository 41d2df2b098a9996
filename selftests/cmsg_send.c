// SPDX-License-Identifier: GPL-2.0
/*
 * What a sender may ask for one datagram: control messages and IPv4 options,
 * their verdicts, and what leaves by a TUN device.
 */
#define NEEDS "IP_MULTIPLE_TABLES TUN"
#define BOTH_DOORS
#include "told.h"

#include <linux/errqueue.h>
#include <linux/filter.h>

#define HOP	"192.0.2.7"

static struct packet out;

/* A control message with @len bytes of @data */
struct control {
	union {
		char room[256];
		struct cmsghdr hdr;
	};
	size_t len;
};

static void add(struct control *c, int level, int type, const void *data,
		int len)
{
	struct cmsghdr *cmsg = (void *)(c->room + c->len);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	c->len += CMSG_SPACE(len);
}

static ssize_t send_with(int fd, struct sockaddr_in *to, struct control *c)
{
	struct iovec iov = { "data", 4 };
	struct msghdr msg = {
		.msg_name = to,
		.msg_namelen = to ? sizeof(*to) : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c->len ? c : NULL,
		.msg_controllen = c->len,
	};

	return sendmsg(fd, &msg, 0);
}

/* Every message of these levels by number, so those of a new kernel, too, in
 * many lengths and with a few values: the verdict is UDP's.
 */
static const struct {
	int udp, ttp, types;
} levels[] = {
	{ SOL_SOCKET, SOL_SOCKET, 90 },
	{ SOL_IP, SOL_IP, 60 },
	{ SOL_UDP, SOL_TTP, 9 },
	{ SOL_IPV6, SOL_IPV6, 3 },
	{ -1, -1, 3 },
};

static int verdict(int fd, int to, int level, int type, const int *data,
		   int len)
{
	struct control c = {};
	char in[9];
	int ret;

	add(&c, level, type, data, len);
	ret = err(send_with(fd, NULL, &c));
	if (!ret)
		recv(to, in, sizeof(in), MSG_DONTWAIT);
	return ret;
}

TEST_F(ttp, verdicts_are_udps)
{
	static const int lens[] = { 0, 1, 2, 4, 8, 12, 40 };
	static const int values[][10] = { { 1 }, { 256 }, { -1 } };
	int uto, tto, u = pair(AF_INET, &uto), t = pair(AF_TTP, &tto);
	size_t i, j, l;
	int type;

	for (l = 0; l < ARRAY_SIZE(levels); l++)
		for (type = 0; type < levels[l].types; type++)
			for (i = 0; i < ARRAY_SIZE(lens); i++)
				for (j = 0; j < ARRAY_SIZE(values); j++)
					EXPECT_EQ(verdict(u, uto,
							  levels[l].udp, type,
							  values[j], lens[i]),
						  verdict(t, tto,
							  levels[l].ttp, type,
							  values[j], lens[i]))
						TH_LOG("%d: %d, %d bytes of %d",
						       levels[l].udp, type,
						       lens[i], values[j][0]);
}

/* Known verdicts, so that not both are wrong */
static const struct {
	const char *what;
	int level, type, len, val, verdict;
} rows[] = {
	{ "IP_TTL", SOL_IP, IP_TTL, 4, 1, 0 },
	{ "IP_TTL of 0", SOL_IP, IP_TTL, 4, 0, EINVAL },
	{ "IP_TTL of 255", SOL_IP, IP_TTL, 4, 255, 0 },
	{ "IP_TTL of 256", SOL_IP, IP_TTL, 4, 256, EINVAL },
	{ "IP_TTL of one byte", SOL_IP, IP_TTL, 1, 1, EINVAL },
	{ "IP_TOS", SOL_IP, IP_TOS, 4, 0, 0 },
	{ "IP_TOS of one byte", SOL_IP, IP_TOS, 1, 255, 0 },
	{ "IP_TOS of two", SOL_IP, IP_TOS, 2, 1, EINVAL },
	{ "IP_TOS of 256", SOL_IP, IP_TOS, 4, 256, EINVAL },
	{ "IP_TOS of -1", SOL_IP, IP_TOS, 4, -1, EINVAL },
	{ "IP_PKTINFO too short", SOL_IP, IP_PKTINFO, 11, 0, EINVAL },
	{ "IP_PKTINFO too long", SOL_IP, IP_PKTINFO, 13, 0, EINVAL },
	{ "IP_PKTINFO", SOL_IP, IP_PKTINFO, 12, 0, 0 },
	{ "IP_PKTINFO, no such device", SOL_IP, IP_PKTINFO, 12, 99, ENODEV },
	{ "IP_RETOPTS, none", SOL_IP, IP_RETOPTS, 0, 0, 0 },
	{ "IP_RETOPTS, a no-op", SOL_IP, IP_RETOPTS, 1, 1, 0 },
	{ "IP_RETOPTS, a bad one", SOL_IP, IP_RETOPTS, 4, 0x7f07, EINVAL },
	{ "IP_RECVTTL, not for senders", SOL_IP, IP_RECVTTL, 4, 1, EINVAL },
	{ "SO_MARK", SOL_SOCKET, SO_MARK, 4, 1, 0 },
	{ "SO_MARK of 8 bytes", SOL_SOCKET, SO_MARK, 8, 1, EINVAL },
	{ "SO_TIMESTAMPING", SOL_SOCKET, SO_TIMESTAMPING, 4,
	  SOF_TIMESTAMPING_TX_SOFTWARE, 0 },
	{ "SO_TIMESTAMPING to receive", SOL_SOCKET, SO_TIMESTAMPING, 4,
	  SOF_TIMESTAMPING_RX_SOFTWARE, EINVAL },
	{ "SCM_TXTIME without SO_TXTIME", SOL_SOCKET, SCM_TXTIME, 8, 1,
	  EINVAL },
	{ "SCM_RIGHTS, of other sockets", SOL_SOCKET, SCM_RIGHTS, 4, 1, 0 },
	{ "no option of SOL_SOCKET", SOL_SOCKET, 99, 4, 0, EINVAL },
	{ "no option of SOL_IP", SOL_IP, 99, 4, 0, EINVAL },
	{ "a level of nobody's", 12345, 1, 4, 0, 0 },
	{ "TCP's level", IPPROTO_TCP, 1, 4, 0, 0 },
};

TEST_F(sock, verdicts)
{
	int to, fd = pair(variant->family, &to);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct control c = {};
		char data[16] = {}, in[9];

		memcpy(data, &rows[i].val, sizeof(int));
		add(&c, rows[i].level, rows[i].type, data, rows[i].len);
		EXPECT_EQ(rows[i].verdict, err(send_with(fd, NULL, &c)))
			TH_LOG("%s", rows[i].what);
		if (!rows[i].verdict)
			EXPECT_EQ(4, get(to, in, sizeof(in)))
				TH_LOG("%s", rows[i].what);
	}
	EXPECT_TRUE(settle());
	EXPECT_EQ(EAGAIN, hear_in(to, 0, 9, 0).errnum);
}

/* Levels of the other transport: SOL_UDP means nothing to TTP, and SOL_TTP's
 * messages are as strange as UDP's.
 */
TEST_F(ttp, our_level)
{
	int to, fd = pair(AF_TTP, &to), val = 1;
	struct control ours = {}, udps = {};

	add(&ours, SOL_TTP, 1, &val, 4);
	EXPECT_EQ(EINVAL, err(send_with(fd, NULL, &ours)));
	add(&udps, SOL_UDP, 103, &val, 2);
	EXPECT_EQ(4, send_with(fd, NULL, &udps));
}

/* The last of two that disagree counts; a bad one spoils a good one. */
TEST_F(sock, more_than_one)
{
	int to, fd = pair(variant->family, &to), ttl = 7, tos = 8, bad = 0;
	struct control two = {}, three = {};
	struct told t;

	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTTL, 1));
	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTOS, 1));
	add(&two, SOL_IP, IP_TTL, &ttl, 4);
	add(&two, SOL_IP, IP_TOS, &tos, 4);
	ttl = 9;
	add(&two, SOL_IP, IP_TTL, &ttl, 4);
	three = two;
	EXPECT_EQ(4, send_with(fd, NULL, &two));
	t = hear(to, 0);
	EXPECT_EQ(9, t.ttl);
	EXPECT_EQ(8, t.tos);
	add(&three, SOL_IP, IP_TTL, &bad, 4);
	EXPECT_EQ(EINVAL, err(send_with(fd, NULL, &three)));
	EXPECT_EQ(4, send(fd, "data", 4, 0));
	t = hear(to, 0);
	EXPECT_EQ(64, t.ttl);
	EXPECT_EQ(0, t.tos);
}

TEST_F(sock, malformed)
{
	static const struct {
		size_t cmsg_len, controllen;
		int verdict;
	} bad[] = {
		{ 0, 24, EINVAL }, { 15, 24, EINVAL }, { 25, 24, EINVAL },
		{ 1 << 30, 24, EINVAL }, { ~0UL, 24, EINVAL },
		{ 20, 8, 0 }, { 16, 16, 0 }, { 20, 20, 0 },
		/* The second's header does not fit, so it is none. */
		{ 20, 39, 0 },
		{ 20, 40, EINVAL },
	};
	struct cmsghdr control[4] = { { .cmsg_level = 12345 } };
	int to, fd = pair(variant->family, &to);
	struct msghdr msg = { .msg_control = control };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		control[0].cmsg_len = bad[i].cmsg_len;
		msg.msg_controllen = bad[i].controllen;
		EXPECT_EQ(bad[i].verdict, err(sendmsg(fd, &msg, 0)))
			TH_LOG("length %zu in %zu", bad[i].cmsg_len,
			       bad[i].controllen);
	}
}

/* --- what leaves ------------------------------------------------------------ */

/* The header that the device sees, but for what no two packets share */
static bool left(int tun, struct iphdr *ip, unsigned char *options)
{
	if (leaves(tun, &out) <= 0)
		return false;
	*ip = out.ip;
	memcpy(options, out.data + 20, out.ip.ihl * 4 - 20);
	return true;
}

/* Plain datagrams before and after are not touched by what one asks for. */
TEST_F(sock, fields_of_one)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = inet_addr(HOP) };
	struct sockaddr_in to = at(variant->family, PEER, PEER_PORT);
	int tun = tun_open(), fd, connected, ttl = 3, tos = 0x28;
	struct control c = {}, none = {};
	unsigned char options[40];
	struct iphdr ip;
	int i;

	ASSERT_LE(0, tun);
	ASSERT_EQ(0, system("ip addr add " HOP "/32 dev tun0"));
	add(&c, SOL_IP, IP_TTL, &ttl, 4);
	add(&c, SOL_IP, IP_TOS, &tos, 4);
	add(&c, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	for (connected = 0; connected < 2; connected++) {
		fd = dgram(variant->family);
		if (connected)
			ASSERT_EQ(0, connect(fd, (void *)&to, sizeof(to)));
		ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, 44));
		for (i = 0; i < 7; i++) {
			bool plain = i != 3;

			ASSERT_EQ(4, send_with(fd, connected ? NULL : &to,
					       plain ? &none : &c));
			ASSERT_TRUE(left(tun, &ip, options));
			EXPECT_EQ(plain ? 44 : 3, ip.ttl);
			EXPECT_EQ(plain ? 0 : 0x28, ip.tos);
			EXPECT_EQ(inet_addr(plain ? US : HOP), ip.saddr);
			EXPECT_EQ(inet_addr(PEER), ip.daddr);
			EXPECT_EQ(htons(IP_DF), ip.frag_off);
			EXPECT_EQ(0, csum(&ip, sizeof(ip)));
		}
		close(fd);
	}
}

/* What an option does to the flow is asked of the routing tables anew. */
static const struct {
	const char *what, *rule;
	int level, type, val, verdict;
} flows[] = {
	{ "mark", "fwmark 7 prohibit", SOL_SOCKET, SO_MARK, 7, EACCES },
	{ "type of service", "tos 0x10 prohibit", SOL_IP, IP_TOS, 0x10,
	  EACCES },
	/* Sent by lo, it is not seen where the others are. */
	{ "device", "oif lo prohibit", SOL_IP, IP_PKTINFO, 1, 0 },
};

TEST_F(sock, routes_of_one)
{
	struct sockaddr_in to = at(variant->family, PEER, PEER_PORT);
	int tun = tun_open(), fd, connected, j;
	struct control none = {};
	char cmd[128];
	size_t i;

	ASSERT_LE(0, tun);
	for (i = 0; i < ARRAY_SIZE(flows); i++) {
		struct control c = {};
		char data[12] = {};

		snprintf(cmd, sizeof(cmd), "ip rule add %s", flows[i].rule);
		ASSERT_EQ(0, system(cmd));
		memcpy(data, &flows[i].val, 4);
		add(&c, flows[i].level, flows[i].type, data,
		    flows[i].type == IP_PKTINFO ? 12 : 4);
		for (connected = 0; connected < 2; connected++) {
			struct sockaddr_in *name = connected ? NULL : &to;

			fd = dgram(variant->family);
			if (connected)
				ASSERT_EQ(0, connect(fd, (void *)&to,
						     sizeof(to)));
			for (j = 0; j < 3; j++) {
				EXPECT_EQ(4, send_with(fd, name, &none));
				EXPECT_EQ(32, leaves(tun, &out));
			}
			EXPECT_EQ(flows[i].verdict,
				  err(send_with(fd, name, &c)))
				TH_LOG("%s", flows[i].what);
			EXPECT_EQ(0, leaves(tun, &out));
			EXPECT_EQ(4, send_with(fd, name, &none));
			EXPECT_EQ(32, leaves(tun, &out));
			close(fd);
		}
	}
}

TEST_F(sock, no_such_source)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = inet_addr(HOP) };
	struct sockaddr_in to = at(variant->family, PEER, PEER_PORT);
	int tun = tun_open(), fd = dgram(variant->family);
	struct control c = {};

	ASSERT_LE(0, tun);
	add(&c, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	EXPECT_EQ(ENETUNREACH, err(send_with(fd, &to, &c)));
	/* One may be anybody to send, the other to be bound only. */
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_FREEBIND, 1));
	EXPECT_EQ(ENETUNREACH, err(send_with(fd, &to, &c)));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TRANSPARENT, 1));
	EXPECT_EQ(4, send_with(fd, &to, &c));
	ASSERT_LT(0, leaves(tun, &out));
	EXPECT_EQ(inet_addr(HOP), out.ip.saddr);
}

/* --- IPv4 options ------------------------------------------------------------ */

#define A4(a, b, c, d)	a, b, c, d

/* @via: where it goes first, PEER if nowhere else; @time_at: a time, which is
 * not to be compared, or 0
 */
static const struct {
	const char *what, *via;
	int len, verdict, outlen, time_at;
	unsigned char in[40], out[40];
} options[] = {
	{ .what = "no-op", .len = 1, .in = { 1 }, .outlen = 4, .out = { 1 } },
	{ .what = "three no-ops and an end", .len = 4, .in = { 1, 1, 1 },
	  .outlen = 4, .out = { 1, 1, 1 } },
	{ .what = "record route", .len = 7, .in = { 7, 7, 4 },
	  .outlen = 8, .out = { 7, 7, 8, A4(192, 0, 2, 1) } },
	{ .what = "record route, full", .len = 3, .in = { 7, 3, 4 },
	  .outlen = 4, .out = { 7, 3, 4 } },
	{ .what = "record route, bad pointer", .len = 7, .in = { 7, 7, 3 },
	  .verdict = EINVAL },
	{ .what = "record route, too long", .len = 7, .in = { 7, 9, 4 },
	  .verdict = EINVAL },
	{ .what = "time stamp", .len = 8, .in = { 68, 8, 5 },
	  .outlen = 8, .out = { 68, 8, 9 }, .time_at = 4 },
	{ .what = "address and time", .len = 12, .in = { 68, 12, 5, 1 },
	  .outlen = 12, .out = { 68, 12, 13, 1, A4(192, 0, 2, 1) },
	  .time_at = 8 },
	{ .what = "router alert", .len = 4, .in = { 148, 4 },
	  .outlen = 4, .out = { 148, 4 } },
	{ .what = "loose source route", .len = 7, .via = HOP,
	  .in = { 131, 7, 4, A4(192, 0, 2, 7) },
	  .outlen = 8, .out = { 131, 7, 4, A4(192, 0, 2, 2) } },
	{ .what = "strict source route", .len = 11, .via = HOP,
	  .in = { 137, 11, 4, A4(192, 0, 2, 7), A4(192, 0, 2, 8) },
	  .outlen = 12,
	  .out = { 137, 11, 4, A4(192, 0, 2, 8), A4(192, 0, 2, 2) } },
	{ .what = "40 bytes of no-ops", .len = 40, .in = { [0 ... 39] = 1 },
	  .outlen = 40, .out = { [0 ... 39] = 1 } },
};

/* Does a packet leave as that row says? */
static bool right(int tun, size_t i)
{
	unsigned char got[40] = {};
	struct iphdr ip;

	if (!left(tun, &ip, got))
		return false;
	if (options[i].time_at)
		memset(got + options[i].time_at, 0, 4);
	return ip.ihl * 4 - 20 == options[i].outlen &&
	       ip.daddr == inet_addr(options[i].via ?: PEER) &&
	       !csum(out.data, ip.ihl * 4) &&
	       !memcmp(options[i].out, got, options[i].outlen);
}

TEST_F(sock, options_of_one)
{
	int tun = tun_open(), fd = dgram(variant->family);
	struct sockaddr_in to = at(variant->family, PEER, PEER_PORT);
	struct control none = {};
	size_t i;

	ASSERT_LE(0, tun);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		struct control c = {};

		add(&c, SOL_IP, IP_RETOPTS, options[i].in, options[i].len);
		EXPECT_EQ(options[i].verdict, err(send_with(fd, &to, &c)))
			TH_LOG("%s", options[i].what);
		if (!options[i].verdict)
			EXPECT_TRUE(right(tun, i))
				TH_LOG("%s", options[i].what);
	}
	EXPECT_EQ(4, send_with(fd, &to, &none));
	EXPECT_EQ(32, leaves(tun, &out));
}

/* IP_OPTIONS: for all that follow; a message's go before */
TEST_F(sock, options_of_all)
{
	int tun = tun_open(), fd = dgram(variant->family);
	struct sockaddr_in to = at(variant->family, PEER, PEER_PORT);
	unsigned char nop = 1;
	size_t i;
	int j;

	ASSERT_LE(0, tun);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		struct control none = {}, empty = {}, one = {};

		EXPECT_EQ(options[i].verdict,
			  err(setsockopt(fd, SOL_IP, IP_OPTIONS, options[i].in,
					 options[i].len)))
			TH_LOG("%s", options[i].what);
		if (options[i].verdict)
			continue;
		for (j = 0; j < 3; j++) {
			EXPECT_EQ(4, send_with(fd, &to, &none));
			EXPECT_TRUE(right(tun, i))
				TH_LOG("%s", options[i].what);
		}
		add(&empty, SOL_IP, IP_RETOPTS, &nop, 0);
		EXPECT_EQ(4, send_with(fd, &to, &empty));
		EXPECT_EQ(32, leaves(tun, &out));
		add(&one, SOL_IP, IP_RETOPTS, &nop, 1);
		EXPECT_EQ(4, send_with(fd, &to, &one));
		EXPECT_EQ(36, leaves(tun, &out));
	}
	ASSERT_EQ(0, setsockopt(fd, SOL_IP, IP_OPTIONS, NULL, 0));
	EXPECT_EQ(4, sendto(fd, "data", 4, 0, (void *)&to, sizeof(to)));
	EXPECT_EQ(32, leaves(tun, &out));
}

/* They take of the 65515 bytes, and of the MTU. */
TEST_F(sock, options_take_room)
{
	static const unsigned char nops[40] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	int tun = tun_open(), fd = dgram(variant->family);
	struct sockaddr_in to = at(variant->family, PEER, PEER_PORT);
	static char buf[65507];

	ASSERT_LE(0, tun);
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	ASSERT_EQ(0, connect(fd, (void *)&to, sizeof(to)));
	EXPECT_EQ(65507, send(fd, buf, 65507, 0));
	ASSERT_EQ(0, setsockopt(fd, SOL_IP, IP_OPTIONS, nops, 40));
	EXPECT_EQ(EMSGSIZE, err(send(fd, buf, 65468, 0)));
	EXPECT_EQ(65467, send(fd, buf, 65467, 0));
	EXPECT_EQ(65535, leaves(tun, &out));
	EXPECT_EQ(65535, leaves(tun, &out));
	EXPECT_EQ(60, out.ip.ihl * 4);

	ASSERT_EQ(0, system("ip link set tun0 mtu 1000"));
	EXPECT_EQ(2000, send(fd, buf, 2000, 0));
	EXPECT_EQ(1000 - 4, leaves(tun, &out));
	EXPECT_EQ(60, out.ip.ihl * 4);
	while (leaves(tun, &out) > 0)
		;
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	EXPECT_EQ(EMSGSIZE, err(send(fd, buf, 933, 0)));
	EXPECT_EQ(932, send(fd, buf, 932, 0));
	EXPECT_EQ(1000, leaves(tun, &out));
}

/* Source routes want CAP_NET_RAW. */
TEST_F(sock, options_of_anybody)
{
	static const unsigned char lsrr[8] = { 131, 7, 4, A4(192, 0, 2, 7) };
	int to, fd = pair(variant->family, &to), mark = 1;
	struct control c = {}, nop = {}, m = {};

	add(&c, SOL_IP, IP_RETOPTS, lsrr, 7);
	add(&nop, SOL_IP, IP_RETOPTS, "\1", 1);
	add(&m, SOL_SOCKET, SO_MARK, &mark, 4);
	ASSERT_EQ(0, setresuid(99, 99, 99));
	EXPECT_EQ(EPERM, err(send_with(fd, NULL, &c)));
	EXPECT_EQ(EPERM, err(setsockopt(fd, SOL_IP, IP_OPTIONS, lsrr, 7)));
	EXPECT_EQ(EPERM, err(send_with(fd, NULL, &m)));
	EXPECT_EQ(4, send_with(fd, NULL, &nop));
}

/* Raw sockets ask for the same. */
TEST_F(ttp, raw)
{
	struct ttphdr th = {
		.source = htons(1), .dest = htons(2),
		.vertype = TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM),
	};
	int tun = tun_open(), fd = socket(AF_TTP, SOCK_RAW, 0), ttl = 3;
	struct sockaddr_in to = at(AF_TTP, PEER, 0);
	struct iovec iov = { &th, sizeof(th) };
	struct control c = {};
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &c,
	};

	ASSERT_LE(0, tun);
	add(&c, SOL_IP, IP_TTL, &ttl, 4);
	add(&c, SOL_IP, IP_RETOPTS, "\1\1\1\1", 4);
	msg.msg_controllen = c.len;
	EXPECT_EQ(8, sendmsg(fd, &msg, 0));
	EXPECT_EQ(32, leaves(tun, &out));
	EXPECT_EQ(3, out.ip.ttl);
	EXPECT_EQ(24, out.ip.ihl * 4);
	EXPECT_EQ(0, csum(l4(&out), 8));
	ttl = 300;
	add(&c, SOL_IP, IP_TTL, &ttl, 4);
	msg.msg_controllen = c.len;
	EXPECT_EQ(EINVAL, err(sendmsg(fd, &msg, 0)));
}

TEST_HARNESS_MAIN
