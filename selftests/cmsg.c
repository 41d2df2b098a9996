// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages: what a receiver is told of a datagram beside its content,
 * and what a sender may say of one.
 */
#include "ttp_test.h"

#include <linux/net_tstamp.h>
#include <netinet/udp.h>

/* What came with a datagram; -1: it did not */
struct extras {
	int ttl, tos, stamps;
	long long ns;		/* of the last time stamp */
};

static struct extras collect(int fd)
{
	struct extras e = { .ttl = -1, .tos = -1 };
	union {
		char room[512];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	struct timespec ts;
	struct timeval tv;

	await(fd, POLLIN, WAIT_MS);
	if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
		return e;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		void *data = CMSG_DATA(cmsg);

		if (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_TTL) {
			e.ttl = *(int *)data;
		} else if (cmsg->cmsg_level == SOL_IP &&
			   cmsg->cmsg_type == IP_TOS) {
			e.tos = *(unsigned char *)data;
		} else if (cmsg->cmsg_level == SOL_SOCKET &&
			   cmsg->cmsg_type == SO_TIMESTAMP) {
			memcpy(&tv, data, sizeof(tv));
			e.ns = tv.tv_sec * 1000000000LL + tv.tv_usec * 1000;
			e.stamps++;
		} else if (cmsg->cmsg_level == SOL_SOCKET &&
			   (cmsg->cmsg_type == SO_TIMESTAMPNS ||
			    cmsg->cmsg_type == SO_TIMESTAMPING)) {
			memcpy(&ts, data, sizeof(ts));
			e.ns = ts.tv_sec * 1000000000LL + ts.tv_nsec;
			e.stamps++;
		}
	}
	return e;
}

TEST_F(sock, ttl_and_tos)
{
	int to, fd = pair(variant->family, &to);
	struct extras e;

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	e = collect(to);
	EXPECT_EQ(-1, e.ttl);
	EXPECT_EQ(-1, e.tos);

	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTTL, 1));
	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTOS, 1));
	ASSERT_EQ(0, write_file("/proc/sys/net/ipv4/ip_default_ttl", "33"));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	e = collect(to);
	EXPECT_EQ(33, e.ttl);
	EXPECT_EQ(0, e.tos);

	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, 7));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TOS, 0xb8));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	e = collect(to);
	EXPECT_EQ(7, e.ttl);
	EXPECT_EQ(0xb8, e.tos);

	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, -1));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT));
	e = collect(to);
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
	struct extras e;
	long limit;
	size_t i;

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(0, collect(to).stamps);
	for (i = 0; i < ARRAY_SIZE(stamps); i++) {
		ASSERT_EQ(0, set_int(to, SOL_SOCKET, stamps[i].opt,
				     stamps[i].val));
		/* Packets are stamped from a while after the request on. */
		limit = now_ms() + WAIT_MS;
		do {
			before = wall_ns();
			EXPECT_EQ(1, send(fd, "x", 1, 0));
			e = collect(to);
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
	EXPECT_EQ(0, collect(to).stamps);
}

/* Control messages on a send; 0 in the last column as soon as it works. */
static const struct {
	const char *what;
	int level, type, len;
	int udp, ttp;
} controls[] = {
	{ "IP_TTL", SOL_IP, IP_TTL, 4, 0, EINVAL },
	{ "IP_TOS", SOL_IP, IP_TOS, 4, 0, EINVAL },
	{ "IP_TTL of two bytes", SOL_IP, IP_TTL, 2, EINVAL, EINVAL },
	{ "SO_MARK", SOL_SOCKET, SO_MARK, 4, 0, EINVAL },
	{ "no option of SOL_SOCKET", SOL_SOCKET, 99, 4, EINVAL, EINVAL },
	{ "no option of SOL_IP", SOL_IP, 99, 4, EINVAL, EINVAL },
	{ "a level of nobody's", 12345, 1, 4, 0, 0 },
	{ "TCP's level", IPPROTO_TCP, 1, 4, 0, 0 },
	{ "UDP's level, UDP_SEGMENT", SOL_UDP, 103, 2, 0, 0 },
	{ "TTP's level", SOL_TTP, 1, 4, 0, EINVAL },
};

TEST_F(sock, control_messages)
{
	union {
		char room[CMSG_SPACE(4)];
		struct cmsghdr hdr;
	} control = {};
	int to, fd = pair(variant->family, &to), want;
	struct msghdr msg = { .msg_control = &control };
	size_t i;
	char c;

	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		want = variant->family == AF_TTP ? controls[i].ttp :
						   controls[i].udp;
		control.hdr.cmsg_level = controls[i].level;
		control.hdr.cmsg_type = controls[i].type;
		control.hdr.cmsg_len = CMSG_LEN(controls[i].len);
		memset(CMSG_DATA(&control.hdr), 0, 4);
		*(char *)CMSG_DATA(&control.hdr) = 1;
		msg.msg_controllen = sizeof(control);
		EXPECT_EQ(want, err(sendmsg(fd, &msg, 0)))
			TH_LOG("%s", controls[i].what);
		EXPECT_EQ(want ? -1 : 0, want ? recv(to, &c, 1, MSG_DONTWAIT) :
						get(to, &c, 1))
			TH_LOG("%s", controls[i].what);
	}
}

TEST_F(sock, malformed_control_messages)
{
	static const struct {
		size_t cmsg_len, controllen;
		int verdict;
	} rows[] = {
		{ 0, 24, EINVAL }, { 15, 24, EINVAL }, { 25, 24, EINVAL },
		{ 1 << 30, 24, EINVAL }, { 20, 8, 0 }, { 16, 16, 0 },
	};
	struct cmsghdr control[2] = { { .cmsg_level = 12345 } };
	int to, fd = pair(variant->family, &to);
	struct msghdr msg = { .msg_control = control };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		control[0].cmsg_len = rows[i].cmsg_len;
		msg.msg_controllen = rows[i].controllen;
		EXPECT_EQ(rows[i].verdict, err(sendmsg(fd, &msg, 0)))
			TH_LOG("length %zu in %zu", rows[i].cmsg_len,
			       rows[i].controllen);
	}
}

TEST_HARNESS_MAIN
