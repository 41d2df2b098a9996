// SPDX-License-Identifier: GPL-2.0
/*
 * Time stamps of what is sent, by the error queue, and times to leave at.
 */
#define NEEDS "TUN"
#define BOTH_DOORS
#include "told.h"

#include <linux/errqueue.h>

#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID	81
#endif
#ifndef SO_TXTIME
#define SO_TXTIME	61
#define SCM_TXTIME	SO_TXTIME
#endif

#define SCHED	SOF_TIMESTAMPING_TX_SCHED
#define SND	SOF_TIMESTAMPING_TX_SOFTWARE
#define SOFT	SOF_TIMESTAMPING_SOFTWARE
#define ID	SOF_TIMESTAMPING_OPT_ID
#define TSONLY	SOF_TIMESTAMPING_OPT_TSONLY
#define CMSG	SOF_TIMESTAMPING_OPT_CMSG

/* By the device, so that there is a packet with headers of a known length */
static struct packet out;

static int sender(int family, int flags, int *tun)
{
	int fd;

	*tun = tun_open();
	fd = bound(family, US, 0);
	if (*tun < 0 || fd < 0 ||
	    set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, flags) ||
	    connect_to(fd, family, PEER, PEER_PORT))
		return -1;
	return fd;
}

/* sendmsg() with one control message of @len bytes, or none */
static int send_cmsg(int fd, int type, const void *data, int len, int flags)
{
	union {
		char room[CMSG_SPACE(8)];
		struct cmsghdr hdr;
	} c = { .hdr = { CMSG_LEN(len), SOL_SOCKET, type } };
	struct iovec iov = { "data", 4 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = len ? &c : NULL,
		.msg_controllen = len ? CMSG_SPACE(len) : 0,
	};

	memcpy(CMSG_DATA(&c.hdr), data, len);
	return sendmsg(fd, &msg, flags);
}

/* The next stamp, which may come from another CPU */
static struct told stamp(int fd)
{
	await(fd, 0, WAIT_MS);
	return hear_in(fd, MSG_ERRQUEUE, 2048, 1024);
}

/* What is asked for, by the socket and by a message; what comes: how many
 * stamps of two datagrams, of which kinds, with ids or without, with how much of
 * a packet of 32 bytes.
 */
static const struct {
	const char *what;
	unsigned int sock, msg;
	int kinds[2];
	bool ids;
	int len;
} rows[] = {
	{ "nothing", SOFT, 0, { -1, -1 }, false, 0 },
	{ "SCHED", SOFT | SCHED, 0, { SCM_TSTAMP_SCHED, -1 }, false, 32 },
	{ "SND", SOFT | SND, 0, { SCM_TSTAMP_SND, -1 }, false, 32 },
	{ "both", SOFT | SCHED | SND, 0,
	  { SCM_TSTAMP_SCHED, SCM_TSTAMP_SND }, false, 32 },
	{ "OPT_ID", SOFT | SCHED | SND | ID, 0,
	  { SCM_TSTAMP_SCHED, SCM_TSTAMP_SND }, true, 32 },
	{ "OPT_TSONLY", SOFT | SND | ID | TSONLY, 0,
	  { SCM_TSTAMP_SND, -1 }, true, 0 },
	{ "a message's", SOFT | ID, SND, { SCM_TSTAMP_SND, -1 }, true, 32 },
	{ "another than the socket's", SOFT | SND, SCHED,
	  { SCM_TSTAMP_SCHED, -1 }, false, 32 },
};

TEST_F(sock, stamps)
{
	unsigned int id;
	struct told t;
	int tun, fd;
	size_t i;
	int k;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fd = sender(variant->family, rows[i].sock, &tun);
		ASSERT_LE(0, fd);
		for (id = 0; id < 2; id++) {
			EXPECT_EQ(4, send_cmsg(fd, SO_TIMESTAMPING,
					       &rows[i].msg,
					       rows[i].msg ? 4 : 0, 0));
			EXPECT_EQ(32, leaves(tun, &out));
			for (k = 0; k < 2 && rows[i].kinds[k] >= 0; k++) {
				t = stamp(fd);
				EXPECT_EQ(rows[i].len, t.ret)
					TH_LOG("%s", rows[i].what);
				EXPECT_EQ(1, t.stamps);
				EXPECT_EQ(1, t.errors);
				EXPECT_EQ(ENOMSG, t.ee.ee_errno);
				EXPECT_EQ(SO_EE_ORIGIN_TIMESTAMPING,
					  t.ee.ee_origin);
				EXPECT_EQ(rows[i].kinds[k], t.ee.ee_info)
					TH_LOG("%s", rows[i].what);
				EXPECT_EQ(rows[i].ids ? id : 0, t.ee.ee_data)
					TH_LOG("%s", rows[i].what);
				EXPECT_EQ(0, t.namelen);
			}
			EXPECT_EQ(EAGAIN, hear(fd, MSG_ERRQUEUE).errnum)
				TH_LOG("%s", rows[i].what);
			/* A stamp is no error. */
			EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
		}
		close(fd);
		close(tun);
	}
}

/* A datagram that is not sent takes no number; pieces have one. */
TEST_F(sock, numbers)
{
	static char big[65507];
	struct told t;
	int tun, fd;

	fd = sender(variant->family, SOFT | SND | ID | TSONLY, &tun);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	EXPECT_EQ(4, send(fd, "zero", 4, 0));
	EXPECT_EQ(0, stamp(fd).ee.ee_data);
	EXPECT_EQ(EMSGSIZE, err(send(fd, big, 65508, 0)));
	EXPECT_EQ(EFAULT, err(send(fd, (void *)8, 4, 0)));
	EXPECT_EQ(3, send(fd, "one", 3, MSG_MORE));
	EXPECT_EQ(3, send(fd, "one", 3, MSG_MORE));
	EXPECT_EQ(3, send(fd, "one", 3, 0));
	t = stamp(fd);
	EXPECT_EQ(1, t.ee.ee_data);
	/* Asked for anew, they begin anew. */
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, 0));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_TIMESTAMPING,
			     SOFT | SND | ID | TSONLY));
	EXPECT_EQ(4, send(fd, "zero", 4, 0));
	EXPECT_EQ(0, stamp(fd).ee.ee_data);
}

/* SCM_TS_OPT_ID, where the kernel has it: a number of the sender's own */
TEST_F(sock, own_number)
{
	unsigned int id = 4711;
	int tun, fd, ret;

	fd = sender(variant->family, SOFT | SND | ID, &tun);
	ASSERT_LE(0, fd);
	ret = send_cmsg(fd, SCM_TS_OPT_ID, &id, 4, 0);
	if (ret < 0) {
		EXPECT_EQ(EINVAL, errno);
		id = 0;
		ret = send(fd, "data", 4, 0);
	}
	EXPECT_EQ(4, ret);
	EXPECT_EQ(id, stamp(fd).ee.ee_data);
}

/* OPT_CMSG: by which device it left, and from which address */
TEST_F(sock, stamps_with_more)
{
	struct told t;
	int tun, fd;

	fd = sender(variant->family, SOFT | SND | CMSG, &tun);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_PKTINFO, 1));
	EXPECT_EQ(4, send(fd, "data", 4, 0));
	t = stamp(fd);
	EXPECT_EQ(1, t.pktinfos);
	EXPECT_EQ(if_nametoindex("tun0"), t.pktinfo.ipi_ifindex);
	EXPECT_EQ(inet_addr(US), t.pktinfo.ipi_spec_dst.s_addr);
	EXPECT_EQ(inet_addr(PEER), t.pktinfo.ipi_addr.s_addr);
}

/* Of fragments the first has stamps, and all of them are right. */
TEST_F(sock, stamps_of_fragments)
{
	static const int lens[] = { 1473, 2900, 2901, 9000, 65507 };
	static char big[65507], in[65508];
	int tun, fd, to;
	size_t i, j;

	ASSERT_EQ(0, system("ip link set lo mtu 1500"));
	for (i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + i / 256;
	fd = sender(variant->family, SOFT | SND | SCHED | ID, &tun);
	ASSERT_LE(0, fd);
	to = bound(variant->family, US, PORT);
	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUF, 1 << 20));
	ASSERT_EQ(0, connect_to(fd, variant->family, US, PORT));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(lens[i], send(fd, big, lens[i], 0));
		EXPECT_EQ(lens[i], get(to, in, sizeof(in)));
		EXPECT_EQ(0, memcmp(in, big, lens[i]));
		for (j = 0; j < 2; j++) {
			EXPECT_EQ(i, stamp(fd).ee.ee_data)
				TH_LOG("%d bytes", lens[i]);
		}
		EXPECT_EQ(EAGAIN, hear(fd, MSG_ERRQUEUE).errnum)
			TH_LOG("%d bytes", lens[i]);
	}
	EXPECT_EQ(0, ioctl(fd, TIOCOUTQ, &to));
	EXPECT_EQ(0, to);
}

static unsigned long long mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* SCM_TXTIME: the qdisc fq lets no datagram go before its time. */
TEST_F(sock, time_to_leave)
{
	struct {
		clockid_t clockid;
		unsigned int flags;
	} txtime = { CLOCK_MONOTONIC, 0 };
	unsigned long long when;
	int tun, fd, n;
	long limit;

	fd = sender(variant->family, 0, &tun);
	ASSERT_LE(0, fd);
	if (system("tc qdisc add dev tun0 root fq 2>/dev/null"))
		SKIP(return, NO_OPTION("NET_SCH_FQ"));
	when = mono_ns();
	EXPECT_EQ(EINVAL, err(send_cmsg(fd, SCM_TXTIME, &when, 8, 0)));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_TXTIME, &txtime,
				sizeof(txtime)));
	when = mono_ns() + 300000000;
	EXPECT_EQ(4, send_cmsg(fd, SCM_TXTIME, &when, 8, 0));
	limit = now_ms() + WAIT_MS;
	do {
		n = leaves(tun, &out);
		if (!n)
			await(tun, POLLIN, 10);
	} while (!n && now_ms() < limit);
	EXPECT_EQ(32, n);
	EXPECT_LE(when, mono_ns());
}

TEST_HARNESS_MAIN
