// SPDX-License-Identifier: GPL-2.0
/*
 * Options of SOL_SOCKET that show on the wire, on the way there or in how long
 * it takes: that each does what it says, for UDP and for TTP.
 */
#define NEEDS "NF_TABLES_IPV4 TUN"
#define BOTH_DOORS
#include "told.h"

#include <sys/mount.h>

#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE	47
#endif
#ifndef SO_INCOMING_NAPI_ID
#define SO_INCOMING_NAPI_ID	56
#endif

static struct packet out;

static int sender(int family, int *tun)
{
	int fd = dgram(family);

	*tun = tun_open();
	return *tun < 0 || connect_to(fd, family, PEER, PEER_PORT) ? -1 : fd;
}

/* UDP leaves its checksum out; TTP has none to leave out. */
TEST_F(sock, no_check)
{
	int tun, fd = sender(variant->family, &tun);
	unsigned short sum;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_NO_CHECK, 1));
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_NO_CHECK));
	EXPECT_EQ(4, send(fd, "data", 4, 0));
	EXPECT_EQ(32, leaves(tun, &out));
	if (variant->protocol == IPPROTO_TTP) {
		EXPECT_EQ(0, csum(l4(&out), l4_len(&out)));
		sum = ((struct ttphdr *)l4(&out))->check;
		EXPECT_NE(0, sum);
	} else {
		sum = ((struct udphdr *)l4(&out))->check;
		EXPECT_EQ(0, sum);
	}
}

/* What a packet carries on the way, as a firewall sees it: it drops the packet
 * that it waits for, and the sender hears of that.
 */
static const struct {
	const char *what, *match;
	int level, opt, val;
} marks[] = {
	{ "SO_MARK", "meta mark 7", SOL_SOCKET, SO_MARK, 7 },
	{ "SO_PRIORITY", "meta priority 0:5", SOL_SOCKET, SO_PRIORITY, 5 },
	{ "the priority of IP_TOS", "meta priority 0:6", SOL_IP, IP_TOS, 0x10 },
};

TEST_F(sock, marks)
{
	union {
		char room[CMSG_SPACE(4)];
		struct cmsghdr hdr;
	} c = {};
	struct iovec iov = { "data", 4 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c),
	};
	int tun, fd = sender(variant->family, &tun);
	char cmd[256];
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		snprintf(cmd, sizeof(cmd),
			 "nft 'flush ruleset; table ip t { chain o { "
			 "type filter hook output priority 0; "
			 "oifname tun0 %s drop; }; }'", marks[i].match);
		ASSERT_EQ(0, system(cmd));
		fd = dgram(variant->family);
		ASSERT_EQ(0, connect_to(fd, variant->family, PEER, PEER_PORT));
		EXPECT_EQ(4, send(fd, "data", 4, 0))
			TH_LOG("%s", marks[i].what);
		/* By a control message, where all kernels have one */
		if (marks[i].opt != SO_PRIORITY) {
			c.hdr = (struct cmsghdr){ CMSG_LEN(4), marks[i].level,
						  marks[i].opt };
			memcpy(CMSG_DATA(&c.hdr), &marks[i].val, 4);
			EXPECT_EQ(EPERM, err(sendmsg(fd, &msg, 0)))
				TH_LOG("%s", marks[i].what);
			EXPECT_EQ(4, send(fd, "data", 4, 0));
		}
		ASSERT_EQ(0, set_int(fd, marks[i].level, marks[i].opt,
				     marks[i].val));
		EXPECT_EQ(EPERM, err(send(fd, "data", 4, 0)))
			TH_LOG("%s", marks[i].what);
		close(fd);
	}
}

/* fq spaces what a socket sends: 20 packets of some 1000 bytes, 100,000 a
 * second, are a fifth of a second, but for the first few.
 */
TEST_F(sock, pacing)
{
	int tun, fd = sender(variant->family, &tun), i, n = 0;
	static char data[1000];
	long begin;

	ASSERT_LE(0, fd);
	if (system("tc qdisc add dev tun0 root fq initial_quantum 1500 "
		   "quantum 1500 2>/dev/null"))
		SKIP(return, NO_OPTION("NET_SCH_FQ"));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 100000));
	begin = now_ms();
	for (i = 0; i < 20; i++)
		EXPECT_EQ(1000, send(fd, data, sizeof(data), 0));
	while (n < 20 && now_ms() < begin + WAIT_MS) {
		if (leaves(tun, &out) > 0)
			n++;
		else
			await(tun, POLLIN, 10);
	}
	EXPECT_EQ(20, n);
	EXPECT_LT(begin + 100, now_ms());
}

/* No device here can be polled: the calls work as ever, and time out. */
TEST_F(sock, busy_poll)
{
	struct timeval soon = { .tv_usec = 20000 };
	int to, fd = pair(variant->family, &to);
	char c;

	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_BUSY_POLL, 1000));
	EXPECT_EQ(1000, get_int(to, SOL_SOCKET, SO_BUSY_POLL));
	ASSERT_EQ(0, setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &soon,
				sizeof(soon)));
	EXPECT_EQ(EAGAIN, err(recv(to, &c, 1, 0)));
	EXPECT_EQ(EAGAIN, err(recv(to, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, recv(to, &c, 1, 0));
	EXPECT_EQ(0, get_int(to, SOL_SOCKET, SO_INCOMING_NAPI_ID));
}

static int on_cpu(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

/* The CPU that the next datagram comes in by, after @to was read on @reader */
static int incoming_cpu(int fd, int to, int sender, int reader)
{
	char c;
	int i;

	/* The first one says where it is read, the second goes there. */
	for (i = 0; i < 2; i++) {
		if (on_cpu(sender) || send(fd, "x", 1, 0) != 1 ||
		    on_cpu(reader) || get(to, &c, 1) != 1)
			return -1;
	}
	return get_int(to, SOL_SOCKET, SO_INCOMING_CPU);
}

/* Receive flow steering: a connected socket's datagrams are processed by the CPU
 * on which they are read.
 */
TEST_F(sock, flow_steering)
{
	int to, fd = pair(variant->family, &to);
	int a = sched_getcpu(), b = a ? 0 : 1;

	if (on_cpu(b))
		SKIP(return, "wants two CPUs");
	if (access("/proc/sys/net/core/rps_default_mask", F_OK) &&
	    in_first_netns("test -e /proc/sys/net/core/rps_sock_flow_entries"))
		SKIP(return, NO_OPTION("RPS"));
	ASSERT_EQ(0, connect_to(to, variant->family, OWN, port_of(fd)));
	EXPECT_EQ(a, incoming_cpu(fd, to, a, b));

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("none", "/sys", "sysfs", 0, NULL));
	ASSERT_EQ(0, write_file("/sys/class/net/lo/queues/rx-0/rps_flow_cnt",
				"64"));
	ASSERT_EQ(0, in_first_netns("echo 64 >/proc/sys/net/core/rps_sock_flow_entries"));
	EXPECT_EQ(b, incoming_cpu(fd, to, a, b));
	/* And wherever it goes */
	EXPECT_EQ(a, incoming_cpu(fd, to, b, a));
	EXPECT_EQ(0, in_first_netns("echo 0 >/proc/sys/net/core/rps_sock_flow_entries"));
}

/* What nobody may do without a right, and what anybody may */
TEST_F(sock, rights)
{
	static const struct {
		int level, opt, val, verdict;
	} rows[] = {
		{ SOL_SOCKET, SO_MARK, 1, EPERM },
		{ SOL_SOCKET, SO_PRIORITY, 6, 0 },
		{ SOL_SOCKET, SO_PRIORITY, 7, EPERM },
		{ SOL_SOCKET, SO_RCVBUFFORCE, 9999, EPERM },
		{ SOL_SOCKET, SO_DEBUG, 1, EACCES },
		{ SOL_IP, IP_TRANSPARENT, 1, EPERM },
		{ SOL_IP, IP_FREEBIND, 1, 0 },
		{ SOL_IP, IP_MINTTL, 9, 0 },
		{ SOL_IP, IP_RECVERR, 1, 0 },
	};
	int fd = dgram(variant->family);
	size_t i;

	ASSERT_EQ(0, setresuid(99, 99, 99));
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(rows[i].verdict, err(set_int(fd, rows[i].level,
						       rows[i].opt,
						       rows[i].val)))
			TH_LOG("%d, %d", rows[i].level, rows[i].opt);
}

/* IP_MINTTL is TCP's: datagrams come with any. IP_TRANSPARENT binds anywhere. */
TEST_F(sock, ttl_and_transparent)
{
	int to, fd = pair(variant->family, &to), any;
	char c;

	ASSERT_EQ(0, set_int(to, SOL_IP, IP_MINTTL, 255));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, 2));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, get(to, &c, 1));

	any = dgram(variant->family);
	EXPECT_EQ(EADDRNOTAVAIL, err(bind_to(any, variant->family,
					     "198.51.100.1", PORT)));
	ASSERT_EQ(0, set_int(any, SOL_IP, IP_TRANSPARENT, 1));
	EXPECT_EQ(0, bind_to(any, variant->family, "198.51.100.1", PORT));
}

TEST_HARNESS_MAIN
