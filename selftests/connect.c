// SPDX-License-Identifier: GPL-2.0
/*
 * connect() and its undoing: what a socket is called then, whom it hears, who
 * of many on a port is the one that hears; and that nothing is lost between
 * them while one thread connects, binds or closes and another sends.
 *
 * Datagrams go from 127.0.0.2:4000 to 127.0.0.1:5000 unless said otherwise: a
 * socket that connects chooses 127.0.0.1.
 */
#define NEEDS "DUMMY"
#define BOTH_DOORS
#include "ttp_test.h"

#include <pthread.h>

static char buf[64];

/* "127.0.0.1:5000", or the errno's name */
static const char *name_of(int fd, int (*call)(int fd, struct sockaddr *addr,
					       socklen_t *len))
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	static char text[64];

	if (call(fd, (struct sockaddr *)&sin, &len))
		return strerrorname_np(errno);
	snprintf(text, sizeof(text), "%s:%u", inet_ntoa(sin.sin_addr),
		 ntohs(sin.sin_port));
	return text;
}

static const char *sockname(int fd)
{
	return name_of(fd, getsockname);
}

static const char *peername(int fd)
{
	return name_of(fd, getpeername);
}

/* --- the call ---------------------------------------------------------------- */

TEST_F(sock, connect_names)
{
	int fd = dgram(variant->family);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	EXPECT_STREQ("ENOTCONN", peername(fd));
	ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.2", 4000));
	EXPECT_STREQ("127.0.0.2:4000", peername(fd));
	ASSERT_EQ(0, getsockname(fd, (struct sockaddr *)&sin, &len));
	EXPECT_EQ(variant->family, sin.sin_family);
	EXPECT_EQ(inet_addr("127.0.0.1"), sin.sin_addr.s_addr);
	EXPECT_NE(0, sin.sin_port);

	/* The next peer; the address stays what it was. */
	ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.3", 4001));
	EXPECT_STREQ("127.0.0.3:4001", peername(fd));
	EXPECT_EQ(ntohs(sin.sin_port), port_of(fd));

	/* What it had chosen itself is gone. */
	ASSERT_EQ(0, disconnect(fd));
	EXPECT_STREQ("ENOTCONN", peername(fd));
	EXPECT_STREQ("0.0.0.0:0", sockname(fd));
	ASSERT_EQ(0, disconnect(fd));
}

TEST_F(sock, disconnect_leaves_what_bind_set)
{
	static const struct {
		const char *bind;
		int port;
		const char *connected, *after;
	} rows[] = {
		{ "0.0.0.0", 5000, "127.0.0.1:5000", "0.0.0.0:5000" },
		{ "127.0.0.1", 5000, "127.0.0.1:5000", "127.0.0.1:5000" },
		{ "127.0.0.7", 5000, "127.0.0.7:5000", "127.0.0.7:5000" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = bound(variant->family, rows[i].bind, rows[i].port);

		ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.2",
					4000));
		EXPECT_STREQ(rows[i].connected, sockname(fd));
		ASSERT_EQ(0, disconnect(fd));
		EXPECT_STREQ(rows[i].after, sockname(fd));
		close(fd);
	}
}

/* Port 0 of bind() is not one that bind() set. */
TEST_F(sock, disconnect_after_bind_to_address)
{
	int fd = bound(variant->family, "127.0.0.7", 0);

	ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.2", 4000));
	ASSERT_EQ(0, disconnect(fd));
	EXPECT_STREQ("127.0.0.7:0", sockname(fd));
}

TEST_F(sock, connect_refuses)
{
	int other = variant->family == AF_INET ? AF_TTP : AF_INET;
	static const struct {
		const char *to;
		int err;
	} rows[] = {
		{ "192.0.2.1", ENETUNREACH },
		{ "127.255.255.255", EACCES },
	};
	int fd = bound(variant->family, "0.0.0.0", 5000);
	struct sockaddr_in sin = at(variant->family, "127.0.0.3", 4000);
	unsigned int i;

	ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.2", 4000));
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(rows[i].err, err(connect_to(fd, variant->family,
						      rows[i].to, 4000))) {
			TH_LOG("row %u", i);
		}
	EXPECT_EQ(EAFNOSUPPORT, err(connect_to(fd, other, "127.0.0.3", 4000)));
	EXPECT_EQ(EINVAL, err(connect(fd, (void *)&sin, 1)));
	EXPECT_EQ(EINVAL, err(connect(fd, (void *)&sin, sizeof(sin) - 1)));
	EXPECT_EQ(EFAULT, err(connect(fd, (void *)1, sizeof(sin))));

	/* And is connected as before. */
	EXPECT_STREQ("127.0.0.2:4000", peername(fd));
	EXPECT_STREQ("127.0.0.1:5000", sockname(fd));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(0, connect_to(fd, variant->family, "127.255.255.255", 4000));
}

TEST_F(sock, send_goes_to_the_peer)
{
	int peer = bound(variant->family, "127.0.0.2", 4000);
	int other = bound(variant->family, "127.0.0.3", 4000);
	int fd = bound(variant->family, "0.0.0.0", 5000);

	EXPECT_EQ(EDESTADDRREQ, err(send(fd, "a", 1, 0)));
	ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.2", 4000));
	EXPECT_EQ(1, send(fd, "b", 1, 0));
	EXPECT_EQ(1, get(peer, buf, sizeof(buf)));
	EXPECT_EQ('b', buf[0]);
	/* An address outweighs it, once. */
	EXPECT_EQ(1, send_to(fd, "c", 1, variant->family, "127.0.0.3", 4000));
	EXPECT_EQ(1, get(other, buf, sizeof(buf)));
	EXPECT_EQ('c', buf[0]);
	ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.3", 4000));
	EXPECT_EQ(1, send(fd, "d", 1, 0));
	EXPECT_EQ(1, get(other, buf, sizeof(buf)));
	EXPECT_EQ('d', buf[0]);
	ASSERT_EQ(0, disconnect(fd));
	EXPECT_EQ(EDESTADDRREQ, err(send(fd, "e", 1, 0)));
	EXPECT_TRUE(settle());
	EXPECT_EQ(0, await(peer, POLLIN, 0));
	EXPECT_EQ(0, await(other, POLLIN, 0));
}

/* This host, as ip(7) has it */
TEST_F(sock, connect_to_any)
{
	int fd = dgram(variant->family);
	int sink = bound(variant->family, "0.0.0.0", 5000);

	EXPECT_EQ(0, connect_to(fd, variant->family, "0.0.0.0", 5000));
	EXPECT_STREQ("127.0.0.1:5000", peername(fd));
	EXPECT_EQ(1, send(fd, "b", 1, 0));
	EXPECT_EQ(1, get(sink, buf, sizeof(buf)));
}

/* UDP sends that, and somebody refuses it; TTP has no port 0 on the wire. */
TEST_F(sock, connect_to_port_0)
{
	int fd = dgram(variant->family);

	EXPECT_EQ(0, connect_to(fd, variant->family, "127.0.0.1", 0));
	EXPECT_STREQ("ENOTCONN", peername(fd));
	EXPECT_EQ(variant->protocol == IPPROTO_TTP ? EINVAL : 0,
		  err(send(fd, "a", 1, 0)));
}

/* What came before is not asked again who sent it. */
TEST_F(sock, queue_outlives_connect)
{
	int fd = bound(variant->family, "0.0.0.0", 5000);
	int from = bound(variant->family, "127.0.0.2", 4000);

	ASSERT_EQ(1, send_to(from, "a", 1, variant->family, "127.0.0.1", 5000));
	ASSERT_EQ(POLLIN, await(fd, POLLIN, WAIT_MS));
	ASSERT_EQ(0, connect_to(fd, variant->family, "127.0.0.3", 4000));
	EXPECT_EQ(1, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
}

/* --- whom a socket hears ------------------------------------------------------ */

struct place {
	const char *bind;	/* 0.0.0.0 */
	const char *connect;	/* its port is 4000; NULL: not connected */
	const char *device;	/* NULL: not bound to one */
};

static int open_place(int family, const struct place *p)
{
	int fd = dgram(family);

	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    (p->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
				     p->device, strlen(p->device))) ||
	    bind_to(fd, family, p->bind ?: "0.0.0.0", 5000) ||
	    (p->connect && connect_to(fd, family, p->connect, 4000))) {
		close(fd);
		return -1;
	}
	return fd;
}

TEST_F(sock, hears)
{
	static const struct {
		const char *words;
		struct place place;
		const char *from;
		int port;
		const char *to;
		bool heard;
	} rows[] = {
		{ "not connected: anybody", { }, "127.0.0.9", 4001,
		  "127.0.0.1", true },
		{ "the peer", { .connect = "127.0.0.2" }, "127.0.0.2", 4000,
		  "127.0.0.1", true },
		{ "another port of the peer's", { .connect = "127.0.0.2" },
		  "127.0.0.2", 4001, "127.0.0.1", false },
		{ "another host's same port", { .connect = "127.0.0.2" },
		  "127.0.0.3", 4000, "127.0.0.1", false },
		{ "the peer, to another address",
		  { .connect = "127.0.0.2" }, "127.0.0.2", 4000, "127.0.0.8",
		  false },
		{ "the peer, to the address bound",
		  { .bind = "127.0.0.8", .connect = "127.0.0.2" }, "127.0.0.2",
		  4000, "127.0.0.8", true },
		{ "bound: anybody who sends there", { .bind = "127.0.0.8" },
		  "127.0.0.9", 4001, "127.0.0.8", true },
		{ "bound: nobody who sends elsewhere", { .bind = "127.0.0.8" },
		  "127.0.0.9", 4001, "127.0.0.1", false },
		{ "on its device", { .device = "lo" }, "127.0.0.2", 4000,
		  "127.0.0.1", true },
		{ "on another device", { .device = "other" }, "127.0.0.2", 4000,
		  "127.0.0.1", false },
	};
	unsigned int i;
	int fd, from;

	ASSERT_EQ(0, system("ip link add other type dummy"));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fd = open_place(variant->family, &rows[i].place);
		from = bound(variant->family, rows[i].from, rows[i].port);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(1, send_to(from, "a", 1, variant->family, rows[i].to,
				     5000));
		ASSERT_TRUE(settle());
		EXPECT_EQ(rows[i].heard ? POLLIN : 0, await(fd, POLLIN, 0)) {
			TH_LOG("%s", rows[i].words);
		}
		close(fd);
		close(from);
	}
}

/* --- who of two hears ---------------------------------------------------------- */

static const struct place any = { };
static const struct place address = { .bind = "127.0.0.1" };
static const struct place device = { .device = "lo" };
static const struct place both = { .bind = "127.0.0.1", .device = "lo" };
static const struct place peer = { .connect = "127.0.0.2" };
static const struct place peer_device = {
	.connect = "127.0.0.2", .device = "lo",
};

static const struct place stranger = { .connect = "127.0.0.3" };
static const struct place elsewhere = { .bind = "127.0.0.8" };

/* The first wins, in whichever order they came; last: who came last does. Of
 * every kind of socket: compare_lookup.
 */
static const struct {
	const char *words;
	const struct place *winner, *loser;
	bool last;
} specific[] = {
	{ "address, any", &address, &any, false },
	{ "device, any", &device, &any, false },
	{ "peer, any", &peer, &any, false },
	{ "address, device", &address, &device, false },
	{ "address and device, address", &both, &address, false },
	{ "address and device, device", &both, &device, false },
	{ "peer, address", &peer, &address, false },
	{ "peer, device", &peer, &device, false },
	{ "peer, address and device", &peer, &both, false },
	{ "peer and device, address and device", &peer_device, &both, false },
	{ "any, connected to a stranger", &any, &stranger, false },
	{ "any, bound elsewhere", &any, &elsewhere, false },
	{ "device, connected to a stranger", &device, &stranger, false },
	{ "any, any", &any, &any, true },
	{ "address, address", &address, &address, true },
	{ "device, device", &device, &device, true },
	{ "peer, peer", &peer, &peer, true },
};

/* Which of two sockets, opened in this order, gets a datagram: 0, 1; -1: not
 * one of them
 */
static int who_hears(int family, const struct place *a, const struct place *b)
{
	int from = bound(family, "127.0.0.2", 4000);
	int fd[2], who = -1;

	fd[0] = open_place(family, a);
	fd[1] = open_place(family, b);
	if (send_to(from, "a", 1, family, "127.0.0.1", 5000) == 1 && settle() &&
	    !await(fd[0], POLLIN, 0) != !await(fd[1], POLLIN, 0))
		who = !!await(fd[1], POLLIN, 0);
	close(fd[0]);
	close(fd[1]);
	close(from);
	return who;
}

TEST_F(sock, most_specific_hears)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(specific); i++) {
		const struct place *w = specific[i].winner;
		const struct place *l = specific[i].loser;

		EXPECT_EQ(specific[i].last, who_hears(variant->family, w, l)) {
			TH_LOG("%s", specific[i].words);
		}
		EXPECT_EQ(1, who_hears(variant->family, l, w)) {
			TH_LOG("%s, the other way round", specific[i].words);
		}
	}
}

/* A connected socket takes its peer's away from a server, and gives it back. */
TEST_F(sock, comes_and_goes_on_a_crowded_port)
{
	int server = open_place(variant->family, &any);
	int conn = open_place(variant->family, &peer);
	int from = bound(variant->family, "127.0.0.2", 4000);
	int other = bound(variant->family, "127.0.0.3", 4000);

	ASSERT_EQ(1, send_to(from, "a", 1, variant->family, "127.0.0.1", 5000));
	ASSERT_EQ(1, send_to(other, "b", 1, variant->family, "127.0.0.1",
			     5000));
	EXPECT_EQ(1, get(conn, buf, 1));
	EXPECT_EQ('a', buf[0]);
	EXPECT_EQ(1, get(server, buf, 1));
	EXPECT_EQ('b', buf[0]);

	close(conn);
	ASSERT_EQ(1, send_to(from, "c", 1, variant->family, "127.0.0.1", 5000));
	EXPECT_EQ(1, get(server, buf, 1));
	EXPECT_EQ('c', buf[0]);
}

/* --- races --------------------------------------------------------------------- */

/* A second thread that does one thing over and over, on the other CPU */
static struct {
	pthread_t thread;
	void (*what)(int fd);
	int fd;
	int cpu;	/* of the first thread */
	unsigned long times;
	bool stop;
} loop;

static void *loop_main(void *arg)
{
	leave_cpu(loop.cpu);
	while (!__atomic_load_n(&loop.stop, __ATOMIC_RELAXED)) {
		loop.what(loop.fd);
		__atomic_add_fetch(&loop.times, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static int loop_start(void (*what)(int fd), int fd)
{
	loop.what = what;
	loop.fd = fd;
	loop.cpu = sched_getcpu();
	return pthread_create(&loop.thread, NULL, loop_main, NULL);
}

static unsigned long loop_end(void)
{
	__atomic_store_n(&loop.stop, true, __ATOMIC_RELAXED);
	pthread_join(loop.thread, NULL);
	return loop.times;
}

/* So many, which are sure to come, are received; how many there were */
static long drain(int fd, long want)
{
	struct mmsghdr msgs[64] = {};
	long total = 0;
	int n;

	while (total < want && await(fd, POLLIN, WAIT_MS) == POLLIN) {
		n = recvmmsg(fd, msgs, 64, MSG_DONTWAIT, NULL);
		total += n < 0 ? 0 : n;
	}
	return total;
}

/* 64 empty datagrams; how many were sent */
static long send_batch(int fd, struct sockaddr_in *to)
{
	struct mmsghdr msgs[64] = {};
	int i, n;

	for (i = 0; to && i < 64; i++) {
		msgs[i].msg_hdr.msg_name = to;
		msgs[i].msg_hdr.msg_namelen = sizeof(*to);
	}
	n = sendmmsg(fd, msgs, 64, 0);
	return n < 0 ? 0 : n;
}

static void connect_and_disconnect(int fd)
{
	connect_to(fd, AF_TTP, "127.0.0.2", 4000);
	disconnect(fd);
}

/* The socket wants its peer's datagrams before, after and meanwhile. */
static void none_is_lost(struct __test_metadata *_metadata, int fd)
{
	int from = bound(AF_TTP, "127.0.0.2", 4000);
	unsigned long times;
	long n, sent = 0;

	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20));
	ASSERT_EQ(0, connect_to(from, AF_TTP, "127.0.0.1", 5000));
	ASSERT_EQ(0, loop_start(connect_and_disconnect, fd));
	/* In step, or lo's backlog would lose some. */
	for (; sent < OFTEN(100000); sent += n) {
		n = send_batch(from, NULL);
		/* ECONNREFUSED is what one would get here. */
		ASSERT_LT(0, n) TH_LOG("%s after %ld", strerror(errno), sent);
		ASSERT_EQ(n, drain(fd, n)) TH_LOG("after %ld", sent);
	}
	times = loop_end();
	EXPECT_LT(OFTEN(1000), times);
	EXPECT_EQ(sent, ttp_stat("TtpInDatagrams"));
	EXPECT_EQ(0, ttp_stat("TtpInNoPorts"));
	EXPECT_EQ(0, ttp_stat("TtpOutUnreachables"));
}

TEST_F_TIMEOUT(ttp, no_datagram_is_lost_to_a_connect, LONG)
{
	none_is_lost(_metadata, bound(AF_TTP, "0.0.0.0", 5000));
}

/* Where the port has more than one owner, each moves in its order. */
TEST_F_TIMEOUT(ttp, no_datagram_is_lost_beside_another, LONG)
{
	ASSERT_LE(0, open_place(AF_TTP, &elsewhere));
	none_is_lost(_metadata, open_place(AF_TTP, &any));
}

/* A port that disconnect takes away is not in the way of a send: it takes
 * another, and what leaves has one.
 */
TEST_F_TIMEOUT(ttp, send_while_disconnecting, LONG)
{
	struct sockaddr_in to = at(AF_TTP, "127.0.0.1", 5000);
	int sink = bound(AF_TTP, "127.0.0.1", 5000);
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);
	unsigned long times;
	long n, sent = 0;

	ASSERT_EQ(0, set_int(sink, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20));
	ASSERT_EQ(0, loop_start(connect_and_disconnect, fd));
	for (; sent < OFTEN(60000); sent += n) {
		n = send_batch(fd, &to);
		ASSERT_LT(0, n) TH_LOG("%s after %ld", strerror(errno), sent);
		ASSERT_EQ(n, drain(sink, n)) TH_LOG("after %ld", sent);
	}
	times = loop_end();
	EXPECT_LT(OFTEN(600), times);
	EXPECT_EQ(sent, ttp_stat("TtpOutDatagrams"));
	EXPECT_EQ(0, ttp_stat("TtpInBadPorts"));
}

static int rebound = -1;

/* bind() to 6000, or too late */
static void bind_rebound(int fd)
{
	fd = __atomic_exchange_n(&rebound, -1, __ATOMIC_ACQ_REL);
	if (fd < 0)
		return;
	if (bind_to(fd, AF_TTP, "127.0.0.1", 6000) && errno != EINVAL)
		abort();
	__atomic_store_n(&loop.fd, fd, __ATOMIC_RELEASE);
}

/* Whoever is first: the datagram comes from the port that the socket has. */
TEST_F(ttp, send_while_binding)
{
	int sink = bound(AF_TTP, "127.0.0.1", 5000);
	int bound_first = 0, i;

	ASSERT_EQ(0, loop_start(bind_rebound, -1));
	for (i = 0; i < 300; i++) {
		int fd = socket(AF_TTP, SOCK_DGRAM, 0);
		struct sockaddr_in sin;
		socklen_t len = sizeof(sin);
		int spin = i % 100;

		loop.fd = -1;
		__atomic_store_n(&rebound, fd, __ATOMIC_RELEASE);
		/* Now and then a little later */
		while (spin--)
			__atomic_load_n(&loop.fd, __ATOMIC_ACQUIRE);
		ASSERT_EQ(1, send_to(fd, "a", 1, AF_TTP, "127.0.0.1", 5000));
		while (__atomic_load_n(&loop.fd, __ATOMIC_ACQUIRE) != fd)
			sched_yield();
		ASSERT_EQ(POLLIN, await(sink, POLLIN, WAIT_MS));
		ASSERT_EQ(1, recvfrom(sink, buf, 1, 0, (struct sockaddr *)&sin,
				      &len));
		ASSERT_EQ(port_of(fd), ntohs(sin.sin_port));
		bound_first += ntohs(sin.sin_port) == 6000;
		close(fd);
	}
	loop_end();
	TH_LOG("bind() was first %d times of %d", bound_first, i);
	EXPECT_EQ(0, ttp_stat("TtpInBadPorts"));
	EXPECT_EQ(0, ttp_stat("TtpInNoPorts"));
}

static long to_5000;

static void send_to_5000(int fd)
{
	struct sockaddr_in to = at(AF_TTP, "127.0.0.1", 5000);

	to_5000 += send_batch(fd, &to);
	settle();
}

/* Each datagram finds a socket, which may be closed meanwhile, or it does not
 * and is counted as that.
 */
TEST_F(ttp, close_while_receiving)
{
	int from = bound(AF_TTP, "127.0.0.2", 4000);
	long limit;
	int i, fd;

	ASSERT_EQ(0, loop_start(send_to_5000, from));
	for (i = 0; i < 500; i++) {
		fd = bound(AF_TTP, "127.0.0.1", 5000);
		ASSERT_GE(fd, 0);
		/* Every other one has something queued, or more coming. */
		if (i & 1)
			ASSERT_EQ(POLLIN, await(fd, POLLIN, WAIT_MS));
		ASSERT_EQ(0, close(fd));
	}
	for (limit = now_ms() + WAIT_MS; now_ms() < limit;)
		if (ttp_stat("TtpInNoPorts"))
			break;
	EXPECT_LT(10, loop_end());
	EXPECT_LT(0, ttp_stat("TtpInNoPorts"));
	EXPECT_LT(0, ttp_stat("TtpInDatagrams"));
	EXPECT_EQ(to_5000, ttp_stat("TtpInDatagrams") +
		  ttp_stat("TtpInNoPorts") + ttp_stat("TtpInRcvbufErrors") +
		  ttp_stat("TtpInMemErrors"));
}

TEST_HARNESS_MAIN
