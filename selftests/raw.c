// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RAW: who may, what is heard and what narrows it (as raw(7) has it, run
 * beside ours), and that nobody else is disturbed. Sending: raw_send.c.
 */
#include "packet.h"

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
	if (not_ready())
		SKIP(return, NOT_READY);
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
