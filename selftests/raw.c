// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RAW: who may, what is heard and what narrows it (as raw(7) has it, run
 * beside ours), and that nobody else is disturbed. Sending: raw_send.c.
 */
#define NEEDS "DUMMY TUN"
#include "told.h"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <pthread.h>

#define HDR	((int)sizeof(struct ttphdr))

static unsigned char buf[MAX_IP + 1];
static struct packet out;

static int raw_socket(int family)
{
	return socket(family, SOCK_RAW, IPPROTO_TTP);
}

/* --- who may ----------------------------------------------------------------- */

TEST_F(ttp, wants_cap_net_raw)
{
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(EPERM, err(socket(AF_TTP, SOCK_RAW, 0)));
	EXPECT_EQ(EPERM, err(socket(AF_TTP, SOCK_RAW, IPPROTO_TTP)));
	EXPECT_EQ(0, err(socket(AF_TTP, SOCK_DGRAM, 0)));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(0, err(socket(AF_TTP, SOCK_RAW, 0)));
}

TEST_F(ttp, protocols)
{
	static const struct {
		int protocol, err;
	} rows[] = {
		{ 0, 0 },
		{ IPPROTO_TTP, 0 },
		{ IPPROTO_UDP, EPROTONOSUPPORT },
		{ IPPROTO_RAW, EPROTONOSUPPORT },
		{ -1, EINVAL },
		{ 1 << 20, EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(rows[i].err,
			  err(socket(AF_TTP, SOCK_RAW, rows[i].protocol))) {
			TH_LOG("protocol %d", rows[i].protocol);
		}
}

/* --- what narrows it --------------------------------------------------------- */

FIXTURE(hears) {
	int fd;
	int from;	/* 127.0.0.2:4000 */
	int to;		/* 127.0.0.3:5000 */
};

FIXTURE_VARIANT(hears) {
	int family;
	int skip;	/* IPv4 header, which raw(7) shows */
};

FIXTURE_VARIANT_ADD(hears, inet) {
	.family = AF_INET,
	.skip = 20,
};

FIXTURE_VARIANT_ADD(hears, ttp) {
	.family = AF_TTP,
	.skip = 0,
};

FIXTURE_SETUP(hears)
{
	ASSERT_EQ(0, own_netns());
	self->fd = raw_socket(variant->family);
	self->from = bound(AF_TTP, "127.0.0.2", 4000);
	self->to = bound(AF_TTP, "127.0.0.3", 5000);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->from);
	ASSERT_LE(0, self->to);
	ASSERT_EQ(0, device_up("lo"));
}

FIXTURE_TEARDOWN(hears)
{
}

/* A datagram goes from @from to @to, who has it; @fd has it, too, or not. */
static bool is_heard(int fd, int from, int to)
{
	bool heard;

	if (send_to(from, "abc", 3, AF_TTP, "127.0.0.3", 5000) != 3 ||
	    get(to, buf, sizeof(buf)) != 3)
		return false;
	settle();
	heard = recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0;
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
	return heard;
}

#define IS_HEARD()	is_heard(self->fd, self->from, self->to)

TEST_F(hears, all_but_for_what_narrows_it)
{
	static const struct {
		const char *bind, *connect, *device;
		bool heard;
	} rows[] = {
		{ NULL, NULL, NULL, true },
		{ "0.0.0.0", NULL, NULL, true },
		{ "127.0.0.3", NULL, NULL, true },
		{ "127.0.0.2", NULL, NULL, false },
		{ "127.0.0.3", "127.0.0.2", NULL, true },
		{ "127.0.0.3", "127.0.0.4", NULL, false },
		{ "127.0.0.2", "127.0.0.2", NULL, false },
		{ NULL, "127.0.0.2", NULL, false },	/* is 127.0.0.1 then */
		{ NULL, NULL, "lo", true },
		{ "127.0.0.3", "127.0.0.2", "lo", true },
		{ NULL, NULL, "other", false },
		{ "127.0.0.3", NULL, "other", false },
	};
	unsigned int i;

	ASSERT_EQ(0, system("ip link add other type dummy"));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = raw_socket(variant->family);

		if (rows[i].bind)
			EXPECT_EQ(0, bind_to(fd, variant->family, rows[i].bind,
					     0));
		if (rows[i].connect)
			EXPECT_EQ(0, connect_to(fd, variant->family,
						rows[i].connect, 0));
		if (rows[i].device)
			EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
						rows[i].device,
						strlen(rows[i].device)));
		EXPECT_EQ(rows[i].heard, is_heard(fd, self->from, self->to)) {
			TH_LOG("bind %s connect %s device %s",
			       rows[i].bind ?: "-", rows[i].connect ?: "-",
			       rows[i].device ?: "-");
		}
		close(fd);
	}
}

TEST_F(hears, what_its_filter_passes)
{
	/* Source port 4000? All of it, or nothing */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, variant->skip),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, -1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {
		.len = ARRAY_SIZE(code),
		.filter = code,
	};

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_TRUE(IS_HEARD());
	code[1].k = 4001;
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_FALSE(IS_HEARD());
	ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_TRUE(IS_HEARD());
}

TEST_F(hears, another_peer_after_connect)
{
	ASSERT_EQ(0, bind_to(self->fd, variant->family, "127.0.0.3", 0));
	ASSERT_EQ(0, connect_to(self->fd, variant->family, "127.0.0.4", 0));
	EXPECT_FALSE(IS_HEARD());
	ASSERT_EQ(0, connect_to(self->fd, variant->family, "127.0.0.2", 0));
	EXPECT_TRUE(IS_HEARD());
}

/* raw(7) is deaf from then on, by accident: __udp_disconnect() unhashes it. */
TEST_F(hears, everybody_again_after_disconnect)
{
	ASSERT_EQ(0, connect_to(self->fd, variant->family, "127.0.0.4", 0));
	EXPECT_FALSE(IS_HEARD());
	ASSERT_EQ(0, disconnect(self->fd));
	EXPECT_EQ(variant->family == AF_TTP, IS_HEARD());
}

TEST_F(hears, only_addresses_of_the_host_can_be_bound)
{
	EXPECT_EQ(EADDRNOTAVAIL, err(bind_to(self->fd, variant->family,
					     "192.0.2.9", 0)));
	EXPECT_TRUE(IS_HEARD());
}

TEST_F(hears, what_arrives_while_it_is_shut)
{
	EXPECT_EQ(ENOTCONN, err(shutdown(self->fd, SHUT_RD)));
	EXPECT_TRUE(IS_HEARD());
}

/* Everybody has his copy: sockets on the port, and each raw one. */
TEST_F(hears, beside_others)
{
	int other = raw_socket(variant->family);
	int n = variant->skip + HDR + 3;

	ASSERT_EQ(3, send_to(self->from, "abc", 3, AF_TTP, "127.0.0.3", 5000));
	EXPECT_EQ(3, get(self->to, buf, sizeof(buf)));
	EXPECT_EQ(n, get(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(n, get(other, buf, sizeof(buf)));
	settle();
	EXPECT_EQ(0, await(self->to, POLLIN, 0));
	EXPECT_EQ(0, await(self->fd, POLLIN, 0));
	EXPECT_EQ(0, await(other, POLLIN, 0));
}

/* --- what is heard ----------------------------------------------------------- */

FIXTURE(raw) {
	int tun;
	int fd;
};

FIXTURE_SETUP(raw)
{
	const char *lacks = packet_host(&self->tun);

	if (lacks)
		SKIP(return, "%s", lacks);
	self->fd = raw_socket(AF_TTP);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(raw)
{
}

TEST_F(raw, header_payload_and_source)
{
	static struct packet in;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	memset(&sin, 0xff, sizeof(sin));
	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	ASSERT_EQ(0, arrive(self->tun, &in));
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_EQ(HDR + 3, recv(self->fd, buf, 4, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(HDR + 3, recvfrom(self->fd, buf, sizeof(buf), MSG_DONTWAIT,
				    (struct sockaddr *)&sin, &len));
	EXPECT_EQ(0, memcmp(buf, l4(&in), HDR + 3));
	EXPECT_EQ(sizeof(sin), len);
	EXPECT_EQ(AF_TTP, sin.sin_family);
	EXPECT_EQ(inet_addr(PEER), sin.sin_addr.s_addr);
	EXPECT_EQ(htons(4000), sin.sin_port);
	EXPECT_EQ(0, memcmp(sin.sin_zero, "\0\0\0\0\0\0\0", 8));
	EXPECT_EQ(4, recv(self->fd, buf, 4, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, err(recv(self->fd, buf, 4, MSG_DONTWAIT)));
}

/* A port that only a raw socket hears of is still nobody's. */
TEST_F(raw, port_unreachable_all_the_same)
{
	static struct packet in;

	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_EQ(HDR + 3, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_STREQ("TtpInNoPorts TtpOutUnreachables IcmpOutMsgs", moved());
	EXPECT_STREQ("NO_SOCKET", drops());
	ASSERT_LT(0, leaves(self->tun, &out));
	EXPECT_EQ(ICMP_DEST_UNREACH, ((struct icmphdr *)l4(&out))->type);
	EXPECT_EQ(ICMP_PORT_UNREACH, ((struct icmphdr *)l4(&out))->code);
}

static unsigned int drops_of(int fd)
{
	unsigned int info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return info[SK_MEMINFO_DROPS];
}

/* Its losses are its own: no counter of the transport's tells of them. */
TEST_F(raw, overflow)
{
	int sock = bound(AF_TTP, US, 5000);
	static struct packet in;
	int i, heard = 0;

	ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_RCVBUF, 4096));
	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, arrive(self->tun, &in));
		EXPECT_EQ(3, recv(sock, buf, sizeof(buf), MSG_DONTWAIT));
	}
	EXPECT_STREQ("TtpInDatagrams+100", moved());
	while (recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT) == HDR + 3)
		heard++;
	EXPECT_LT(0, heard);
	EXPECT_GT(100, heard);
	EXPECT_EQ(100 - heard, drops_of(self->fd));
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_EQ(HDR + 3, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
}

/* --- what it is told --------------------------------------------------------- */

static const struct {
	const char *what;
	int level, opt;
} asked[] = {
	{ "nothing", SOL_IP, 0 },
	{ "IP_RECVTTL", SOL_IP, IP_RECVTTL },
	{ "IP_RECVTOS", SOL_IP, IP_RECVTOS },
	{ "IP_PKTINFO", SOL_IP, IP_PKTINFO },
	{ "IP_RECVOPTS", SOL_IP, IP_RECVOPTS },
	{ "IP_RETOPTS", SOL_IP, IP_RETOPTS },
	{ "IP_RECVORIGDSTADDR", SOL_IP, IP_RECVORIGDSTADDR },
	{ "IP_RECVFRAGSIZE", SOL_IP, IP_RECVFRAGSIZE },
	{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP },
	{ "SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS },
};

/* What may differ from datagram to datagram */
static void make_plain(struct packet *p)
{
	make_datagram(p, IPPROTO_TTP, 4000, 5000, "abcdefghijklmnop", 16);
}

static void make_marked(struct packet *p)
{
	make_plain(p);
	p->ip.tos = 0x28;
	p->ip.ttl = 5;
	seal(p, p->len);
}

static void make_broadcast(struct packet *p)
{
	make_plain(p);
	p->ip.daddr = inet_addr("255.255.255.255");
	seal(p, p->len);
}

static void make_multicast(struct packet *p)
{
	make_plain(p);
	p->ip.daddr = inet_addr("224.0.0.1");
	seal(p, p->len);
}

static void make_options(struct packet *p)
{
	make_plain(p);
	memmove(p->data + 28, p->data + 20, p->len - 20);
	memcpy(p->data + 20, "\7\7\4\0\0\0\0\0", 8);	/* record route */
	p->ip.ihl = 7;
	seal(p, p->len + 8);
}

static void (* const kinds[])(struct packet *p) = {
	make_plain, make_marked, make_broadcast, make_multicast, make_options,
};

/* A packet in two fragments, the first of 8 bytes of data */
static int arrive_in_two(int tun, struct packet *p)
{
	static struct packet part;
	int len = p->len, ret;

	part = *p;
	part.ip.frag_off = htons(IP_MF);
	seal(&part, 28);
	ret = arrive(tun, &part);
	memcpy(part.data + 20, p->data + 28, len - 28);
	part.ip.frag_off = htons(1);
	seal(&part, len - 8);
	return ret ?: arrive(tun, &part);
}

static void expect_same(struct __test_metadata *_metadata, const char *what,
			unsigned int kind, int fd, int inet)
{
	struct told ours = hear(fd, 0), theirs = hear(inet, 0);
	int hlen = (theirs.data[0] & 15) * 4;

	EXPECT_EQ(theirs.ret - hlen, ours.ret);
	EXPECT_EQ(theirs.flags, ours.flags);
	EXPECT_EQ(theirs.ttl, ours.ttl)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(theirs.tos, ours.tos)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(theirs.fragsize, ours.fragsize)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(theirs.pktinfos, ours.pktinfos);
	EXPECT_EQ(theirs.pktinfo.ipi_ifindex, ours.pktinfo.ipi_ifindex)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(theirs.pktinfo.ipi_spec_dst.s_addr,
		  ours.pktinfo.ipi_spec_dst.s_addr)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(theirs.pktinfo.ipi_addr.s_addr,
		  ours.pktinfo.ipi_addr.s_addr);
	EXPECT_EQ(theirs.origs, ours.origs);
	EXPECT_EQ(theirs.orig.sin_addr.s_addr, ours.orig.sin_addr.s_addr);
	EXPECT_EQ(theirs.orig.sin_port, ours.orig.sin_port)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(ours.origs ? AF_TTP : 0, ours.orig.sin_family);
	EXPECT_EQ(theirs.optslen, ours.optslen)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(0, memcmp(theirs.opts, ours.opts, sizeof(ours.opts)));
	EXPECT_EQ(theirs.retoptslen, ours.retoptslen)
		TH_LOG("%s, kind %u", what, kind);
	EXPECT_EQ(0, memcmp(theirs.retopts, ours.retopts,
			    sizeof(ours.retopts)));
	EXPECT_EQ(theirs.stamps, ours.stamps)
		TH_LOG("%s, kind %u", what, kind);
	/* Only if the device has summed does raw(7) know of a checksum. */
	EXPECT_EQ(-1, theirs.csum);
}

/* Control messages are those of raw(7), each alone and all together. */
TEST_F(raw, told_as_raw_7_is)
{
	int inet = raw_socket(AF_INET);
	static struct packet in;
	unsigned int i, k;

	ASSERT_LE(0, inet);
	for (i = 0; i <= ARRAY_SIZE(asked); i++) {
		const char *what = i < ARRAY_SIZE(asked) ? asked[i].what :
							   "all";

		for (k = 0; k < ARRAY_SIZE(asked); k++) {
			bool on = i == k || i == ARRAY_SIZE(asked);

			if (!asked[k].opt)
				continue;
			EXPECT_EQ(0, set_int(inet, asked[k].level,
					     asked[k].opt, on));
			EXPECT_EQ(0, set_int(self->fd, asked[k].level,
					     asked[k].opt, on));
		}
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			kinds[k](&in);
			ASSERT_EQ(0, arrive(self->tun, &in));
			expect_same(_metadata, what, k, self->fd, inet);
		}
		make_plain(&in);
		ASSERT_EQ(0, arrive_in_two(self->tun, &in));
		expect_same(_metadata, what, k, self->fd, inet);
	}
}

/* IP_CHECKSUM: of what is read, from where a peek begins; the checksum of all
 * of a good packet is 0.
 */
TEST_F(raw, checksum_of_what_is_peeked_at)
{
	static const int offsets[] = { 0, 2, 8, 15, 16, 18, 22, 23, 24 };
	static struct packet in;
	unsigned int i, sum;
	struct told t;
	int off, len;

	ASSERT_EQ(0, set_int(self->fd, SOL_IP, IP_CHECKSUM, 1));
	make_plain(&in);
	len = l4_len(&in);
	ASSERT_EQ(24, len);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		off = offsets[i];
		ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_PEEK_OFF, off));
		ASSERT_EQ(0, arrive(self->tun, &in));
		t = hear(self->fd, MSG_PEEK);
		/* Who begins behind the end waits for the next packet. */
		EXPECT_EQ(off < len ? len - off : -1, t.ret)
			TH_LOG("offset %d", off);
		sum = t.csum;
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		/* From an odd byte on the halves of words change places. */
		if (off < len && off % 2 == 0)
			EXPECT_EQ((csum(l4(&in) + off, len - off) ^ 0xffff) %
				  0xffff, sum % 0xffff)
				TH_LOG("offset %d", off);
		EXPECT_EQ(len, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	}
}

/* --- coming and going --------------------------------------------------------- */

static struct {
	int cpu;
	bool stop;
	long sent;
} busy;

static void *busy_sender(void *arg)
{
	int fd = bound(AF_TTP, "127.0.0.1", 0);

	leave_cpu(busy.cpu);
	while (!__atomic_load_n(&busy.stop, __ATOMIC_RELAXED)) {
		busy.sent += send_to(fd, "abc", 3, AF_TTP, "127.0.0.1", 5000) ==
			     3;
		/* Or lo's backlog would lose some. */
		if (busy.sent % 16 == 0)
			settle();
	}
	settle();
	close(fd);
	return arg;
}

/* Raw sockets come and go under traffic: whose it is loses none to them. */
TEST_F(ttp, closed_under_traffic)
{
	int sock = bound(AF_TTP, "127.0.0.1", 5000);
	pthread_t t;
	int i;

	busy.cpu = sched_getcpu();
	ASSERT_EQ(0, pthread_create(&t, NULL, busy_sender, NULL));
	for (i = 0; i < 500; i++) {
		int fd = raw_socket(AF_TTP);

		/* Every other one is closed while it has something queued. */
		if (i & 1)
			ASSERT_EQ(POLLIN, await(fd, POLLIN, WAIT_MS));
		close(fd);
		while (recv(sock, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	__atomic_store_n(&busy.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	EXPECT_LT(250, busy.sent);
	EXPECT_EQ(busy.sent, ttp_stat("TtpInDatagrams") +
		  ttp_stat("TtpInRcvbufErrors"));
}

TEST_HARNESS_MAIN
